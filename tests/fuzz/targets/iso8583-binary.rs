//! ISO 8583 in BCD and binary: any body.
#![no_main]

use cpg_switch_fuzz::model::participant::Protocol;
use cpg_switch_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| round_trip(Protocol::Iso8583Binary, body));
