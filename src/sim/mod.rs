//! THE FAKE WORLD: the same turn, executed from a seed.
