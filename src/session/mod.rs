//! WHO IS SIGNED ON: sign-on, echo, windows, rates; draws the link-level match keys.
