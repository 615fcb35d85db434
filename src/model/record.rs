//! What a shard writes down.
