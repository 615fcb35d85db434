//! Quotes: what was sealed is opened, and nothing else is.

use proptest::prelude::*;

use crate::fx::exponents::by_letters;
use crate::fx::quotes::{QUOTE_CHARACTERS_MAX, SettlementTerms};
use crate::fx::{QuoteFault, QuoteKey, QuoteKeys, QuoteTerms, Rounding};
use crate::model::hold::OrderHash;
use crate::model::ids::{Institution, TableVersion};
use crate::model::money::{Currency, MINOR_UNITS_MAX, Rate};
use crate::model::time::Wall;

const CODE: &[u8] = b"281045112233445566";
const SECOND: u64 = 1_000_000_000;
const NOW: Wall = Wall(1_795_000_000 * SECOND);

fn keys(current: u8, previous: Option<u8>) -> QuoteKeys {
    let key = |byte| QuoteKey::new(&[byte; 32]);
    QuoteKeys::new(key(current), previous.map(key))
}

fn longest(keys: &QuoteKeys) -> QuoteTerms {
    let rate = Rate {
        mantissa: i64::MAX,
        exponent: -18,
    };
    let institution = Institution::new(99_999_999_999).unwrap();
    QuoteTerms {
        table: TableVersion(u32::MAX),
        wallet: institution,
        destination: institution,
        code: keys.digest(CODE),
        amount_currency: by_letters("CNY").unwrap(),
        amount_minor: Some(MINOR_UNITS_MAX),
        billing_currency: by_letters("MYR").unwrap(),
        billing_minor: Some(MINOR_UNITS_MAX),
        rate,
        rounding: Rounding::Down,
        expiry: Wall(NOW.0 + 60 * SECOND),
        settlement: Some(SettlementTerms {
            currency: by_letters("USD").unwrap(),
            rate,
            rounding: Rounding::HalfEven,
        }),
        order: Some(OrderHash([0xff; 16])),
    }
}

fn sealed(keys: &QuoteKeys, terms: &QuoteTerms) -> Vec<u8> {
    keys.seal(terms, &mut [0; QUOTE_CHARACTERS_MAX]).to_vec()
}

#[test]
fn the_longest_quote_is_as_long_as_is_said() {
    let keys = keys(1, None);
    let terms = longest(&keys);
    let token = sealed(&keys, &terms);
    assert_eq!(token.len(), QUOTE_CHARACTERS_MAX);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    assert!(token.iter().all(plain));
    assert_eq!(keys.open(&token, NOW), Ok(terms));
    assert_eq!(terms.amount().unwrap().minor, MINOR_UNITS_MAX);
    assert_eq!(terms.billing().unwrap().currency.numeric(), 458);
}

#[test]
fn the_bytes_of_a_quote_are_pinned() {
    // Quotes outlive a build: two releases run side by side while one follows the other. The text
    // is what Python's hmac, struct and base64 make of the same terms.
    let keys = keys(7, None);
    let terms = QuoteTerms {
        amount_minor: None,
        billing_minor: None,
        settlement: None,
        order: None,
        rate: Rate {
            mantissa: 5_830_224,
            exponent: -7,
        },
        ..longest(&keys)
    };
    let token = sealed(&keys, &terms);
    assert_eq!(
        std::str::from_utf8(&token).unwrap(),
        concat!(
            "Af0HbZoY_______ndkgX_-d2SBdN_emp-1HLPNzUCgd5TO-lnADKAVD2WAAAAAAA-fyG_WoA",
            "2Hj_YSmLisPbzsQ2Pu5PuA"
        ),
    );
}

/// So that the fuzzer begins behind the MAC.
#[test]
fn the_first_corpus_of_the_fuzzer_is_of_quotes_that_open() {
    let corpus: [(&[u8], bool, bool); 3] = [
        (
            include_bytes!("../../../tests/fuzz/corpora/quotes/static"),
            false,
            false,
        ),
        (
            include_bytes!("../../../tests/fuzz/corpora/quotes/dynamic"),
            true,
            false,
        ),
        (
            include_bytes!("../../../tests/fuzz/corpora/quotes/settled"),
            true,
            true,
        ),
    ];
    for (token, fixed, settles) in corpus {
        let terms = keys(7, None).open(token, Wall(0)).unwrap();
        assert_eq!(terms.amount().is_some(), fixed);
        assert_eq!(terms.billing().is_some(), fixed);
        assert_eq!(terms.settlement.is_some(), settles);
    }
}

#[test]
fn a_quote_ends_at_its_expiry() {
    let keys = keys(1, None);
    let terms = longest(&keys);
    let token = sealed(&keys, &terms);
    assert_eq!(keys.open(&token, Wall(terms.expiry.0 - 1)), Ok(terms));
    assert_eq!(keys.open(&token, terms.expiry), Err(QuoteFault::Expired));
}

#[test]
fn the_key_before_still_opens_and_no_other_does() {
    let old = keys(1, None);
    let terms = longest(&old);
    let token = sealed(&old, &terms);
    let overlapping = keys(2, Some(1));
    let opened = overlapping.open(&token, NOW).unwrap();
    assert_eq!(opened, terms);
    assert!(overlapping.is_code(&opened.code, CODE));
    assert!(!overlapping.is_code(&opened.code, b"281045112233445567"));
    assert_eq!(keys(2, None).open(&token, NOW), Err(QuoteFault::UnknownKey));
    assert!(!keys(2, None).is_code(&opened.code, CODE));
    // A key that is current and previous at once is one key.
    assert_eq!(keys(1, Some(1)).open(&token, NOW), Ok(terms));
}

#[test]
fn whatever_is_changed_is_found() {
    let keys = keys(1, None);
    let token = sealed(&keys, &longest(&keys));
    for at in 0..token.len() {
        for byte in 0..=u8::MAX {
            let mut forged = token.clone();
            if forged[at] == byte {
                continue;
            }
            forged[at] = byte;
            let fault = keys.open(&forged, NOW).unwrap_err();
            assert_ne!(fault, QuoteFault::Expired, "byte {byte} at {at}");
        }
    }
    for length in 0..token.len() {
        let fault = keys.open(&token[..length], NOW).unwrap_err();
        assert!(matches!(fault, QuoteFault::Malformed | QuoteFault::Forged));
    }
    for more in [&b"A"[..], b"AAAA", b"="] {
        let longer = [&token, more].concat();
        assert_eq!(keys.open(&longer, NOW), Err(QuoteFault::Malformed));
    }
    assert_eq!(keys.open(b"", NOW), Err(QuoteFault::Malformed));
}

#[test]
fn faults_are_looked_for_in_their_order() {
    let keys = keys(1, None);
    let terms = QuoteTerms {
        expiry: Wall(0),
        ..longest(&keys)
    };
    let token = sealed(&keys, &terms);
    let change = |token: &[u8], at: usize| {
        let mut changed = token.to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        changed
    };
    // The last characters are the MAC's, the third is the key's, and none is an exclamation mark.
    let forged = change(&token, token.len() - 5);
    let unknown = change(&forged, 3);
    let mut malformed = unknown.clone();
    malformed[0] = b'!';
    let found = [malformed, unknown, forged, token].map(|it| keys.open(&it, NOW).unwrap_err());
    assert_eq!(found, QuoteFault::ALL);
}

#[test]
fn a_key_and_a_code_are_never_printed() {
    // The canary: bytes that would show in any rendering, as text, as hex or as numbers.
    let secret = *b"SESAME-SESAME-SESAME-SESAME-SESA";
    let key = QuoteKey::new(&secret);
    let keys = QuoteKeys::new(key.clone(), Some(key.clone()));
    let terms = longest(&keys);
    let shown = format!("{key:?} {keys:?} {:?} {terms:?}", keys.digest(CODE));
    for canary in ["SESAME", "53", "83, 69", "281045"] {
        assert!(!shown.contains(canary), "{shown}");
    }
}

fn currency() -> impl Strategy<Value = Currency> {
    (1_u16..=999).prop_map(|numeric| Currency::new(numeric).unwrap())
}

fn rate() -> impl Strategy<Value = Rate> {
    (1..=i64::MAX, -18_i8..=0).prop_map(|(mantissa, exponent)| Rate { mantissa, exponent })
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(Rounding::ALL.to_vec())
}

fn institution() -> impl Strategy<Value = Institution> {
    (1..=99_999_999_999_u64).prop_map(|code| Institution::new(code).unwrap())
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened_again(
        table in any::<u32>(), wallet in institution(), destination in institution(),
        currencies in (currency(), currency(), currency()),
        fixed in prop::option::of((0..=MINOR_UNITS_MAX, 0..=MINOR_UNITS_MAX)),
        rates in (rate(), rate()), roundings in (rounding(), rounding()),
        (settles, ordered) in any::<(bool, bool)>(), seconds in 1_795_000_001..(1_u64 << 33),
        code in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let keys = keys(1, Some(2));
        let terms = QuoteTerms {
            table: TableVersion(table),
            wallet,
            destination,
            code: keys.digest(&code),
            amount_currency: currencies.0,
            amount_minor: fixed.map(|fixed| fixed.0),
            billing_currency: currencies.1,
            billing_minor: fixed.map(|fixed| fixed.1),
            rate: rates.0,
            rounding: roundings.0,
            expiry: Wall(seconds * SECOND),
            settlement: settles.then_some(SettlementTerms {
                currency: currencies.2,
                rate: rates.1,
                rounding: roundings.1,
            }),
            order: ordered.then_some(OrderHash([9; 16])),
        };
        let token = sealed(&keys, &terms);
        let opened = keys.open(&token, NOW);
        prop_assert_eq!(opened, Ok(terms));
        prop_assert_eq!(keys.is_of_order(&token), ordered);
        prop_assert!(keys.is_code(&terms.code, &code));
    }

    #[test]
    fn no_bytes_are_a_quote(token in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(keys(1, None).open(&token, NOW).is_err());
    }
}
