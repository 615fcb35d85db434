//! The readers of a base and of an index's header: any bytes; the first says whether the base's
//! check is made right.
#![no_main]

use cpg_switch_fuzz::archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| archive::check(input));
