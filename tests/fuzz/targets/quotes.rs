//! Quotes: any token is refused, or is one that we sealed; what is opened seals to the same token.
#![no_main]

use cpg_switch::fx::quotes::QUOTE_CHARACTERS_MAX;
use cpg_switch::fx::{QuoteKey, QuoteKeys};
use cpg_switch::model::time::Wall;
use libfuzzer_sys::fuzz_target;

/// The key of the first corpus, so that the fuzzer starts behind the MAC.
const KEY: [u8; 32] = [7; 32];

fuzz_target!(|token: &[u8]| {
    let keys = QuoteKeys::new(QuoteKey::new(&KEY), None);
    // At the beginning of time nothing is expired.
    let Ok(terms) = keys.open(token, Wall(0)) else {
        return;
    };
    let mut text = [0; QUOTE_CHARACTERS_MAX];
    assert_eq!(keys.seal(&terms, &mut text), token, "one quote, one token");
});
