//! WHAT WE MUST NOT FORGET: layout, tail, segments, commit, recovery, readers.
