//! WHERE IT GOES: immutable tables, prefixes too.
