//! The reader of digests: any bytes; the first says whether their checks are made right.
#![no_main]

use cpg_switch_fuzz::digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| digest::check(input));
