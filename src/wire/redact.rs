//! The only door through which wire bytes may be printed.
