//! ONE CORE AND ALL IT OWNS: the turn wires the stages together.
