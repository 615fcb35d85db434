//! What is encoded is decoded, in its size, and nothing else is.

use proptest::prelude::*;

use super::raw::{self, Raw};
use super::{Malformed, decode, encode, record_bytes, size};
use crate::journal::fixtures;
use crate::journal::layout::{RECORD_HEADER_BYTES, Records, check_records};
use crate::model::limits::RECORD_BYTES_MAX;
use crate::model::record::Record;
use crate::model::time::Wall;

fn encoded(record: &Record, chain: u32) -> Vec<u8> {
    let mut place = [0xaa_u8; RECORD_BYTES_MAX];
    let bytes = record_bytes(record);
    encode(&mut place[..bytes], Wall(77), record);
    check_records(&mut place[..bytes], chain);
    place[..bytes].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_record_comes_back(record in fixtures::record(), chain: u32) {
        let bytes = encoded(&record, chain);
        let mut walk = Records::new(&bytes, chain);
        prop_assert_eq!(walk.step(), Some(bytes.as_slice()));
        prop_assert_eq!(walk.step(), None);
        prop_assert_eq!(decode(&bytes), Ok((Wall(77), record)));
    }

    #[test]
    fn a_changed_bit_or_another_chain_ends_the_walk(
        record in fixtures::record(), chain: u32, at: prop::sample::Index, bit in 0_u32..8,
    ) {
        let mut bytes = encoded(&record, chain);
        prop_assert_eq!(Records::new(&bytes, chain ^ 1).step(), None);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(Records::new(&bytes, chain).step(), None);
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        record in fixtures::record(), at: prop::sample::Index, value: u8,
    ) {
        // Bytes with a good checksum but other contents: refused, or some record's only encoding.
        let mut bytes = encoded(&record, 0);
        let at = RECORD_HEADER_BYTES + at.index(bytes.len() - RECORD_HEADER_BYTES);
        bytes[at] = value;
        if let Ok((_, other)) = decode(&bytes) {
            prop_assert_eq!(&encoded(&other, 0)[4..], &bytes[4..]);
        }
    }
}

#[test]
fn sizes_are_what_the_promises_say() {
    let payment = fixtures::full_payment(1);
    assert_eq!(record_bytes(&payment), 208);
    assert_eq!(size::ANSWER, 112);
    assert_eq!(size::REVERSAL, 104);
    assert_eq!(record_bytes(&fixtures::opened(1, 2)), 40);
}

#[test]
fn what_no_build_of_today_writes_is_refused_by_name() {
    let mut bytes = encoded(&fixtures::full_payment(1), 0);
    for (at, value, expected) in [
        (6, 99, Malformed::Kind(99)),
        (6, 3, Malformed::Length(208)),
        (7, 2, Malformed::Version(2)),
        (24 + 7, 1, Malformed::Field("institution")),
        (24 + 12, b' ', Malformed::Field("key.reference")),
        (207, 1, Malformed::Padding),
    ] {
        let before = std::mem::replace(&mut bytes[at], value);
        assert_eq!(decode(&bytes), Err(expected), "byte {at} = {value}");
        bytes[at] = before;
    }
    assert!(decode(&bytes).unwrap().0 == Wall(77));
    assert_eq!(decode(&bytes[..8]), Err(Malformed::Length(8)));
}

#[test]
fn parts_are_told_apart_without_decoding_and_what_must_be_zero_is() {
    let payment = encoded(&fixtures::full_payment(7), 0);
    let Some(Raw::Payment(parts)) = raw::read(&payment) else {
        panic!("it is a payment")
    };
    assert_eq!(parts.number, 7);
    assert_eq!(parts.wall, 77_u64.to_le_bytes());
    assert_eq!(
        parts.merchant_id,
        payment[payment.len() - 5 - 15..payment.len() - 5]
    );
    let changed = |at: usize, value: u8| {
        let mut bad = payment.clone();
        bad[at] = value;
        raw::read(&bad)
    };
    let decision = RECORD_HEADER_BYTES + 8 + 24 + 5 * 8;
    let amounts = decision + 25 + 1 + 1 + 4 + 4;
    assert!(changed(decision, 3).is_none(), "no such decision");
    assert!(changed(amounts, 0x80).is_none(), "no such flag");
    assert!(changed(payment.len() - 1, 1).is_none(), "padding");
    assert!(raw::read(&payment[..payment.len() - 8]).is_none(), "short");
    assert!(
        matches!(changed(7, 9), Some(Raw::Other)),
        "another version is for the decoder"
    );
    let opened = encoded(&fixtures::opened(1, 2), 0);
    assert!(matches!(raw::read(&opened), Some(Raw::Other)));
}
