//! The journal's reader: any segments, any tail. It decides, and decides the same again.
#![no_main]

use cpg_switch_fuzz::folder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| folder::check(input));
