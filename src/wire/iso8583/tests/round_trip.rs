//! Every kind of message, in both forms, there and back.

use proptest::prelude::*;

use crate::model::limits::SCRATCH_BYTES;
use crate::model::message::{Kind, Message};
use crate::model::refusal::Fault;
use crate::wire::iso8583::tests::pieces::{Pieces, pieces};
use crate::wire::iso8583::tests::today;
use crate::wire::iso8583::{Charset, Dialect, check_identity, decode, decode_joining, encode};

fn bytes_of(dialect: &Dialect, message: &Message<'_>) -> Vec<u8> {
    let mut out = vec![0; 8_192];
    let encoded = encode(dialect, message, &mut out).unwrap();
    assert_eq!(encoded.dropped, 0);
    out.truncate(encoded.bytes);
    out
}

/// Both directions of every kind; then whether what was written is accepted as canonical.
fn there_and_back(dialect: &Dialect, pieces: &Pieces) -> Result<(), TestCaseError> {
    for kind in Kind::ALL {
        let message = pieces.message(kind);
        let bytes = bytes_of(dialect, &message);
        let mut scratch = vec![0; SCRATCH_BYTES];
        let decoded = decode_joining(dialect, &bytes, today(), &mut scratch);
        prop_assert_eq!(decoded, Ok(message), "{:?}", kind);
        prop_assert!(check_identity(dialect, &bytes, today()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn ascii_carries_every_kind(pieces in pieces(true)) {
        there_and_back(&Dialect::ascii(), &pieces)?;
    }

    #[test]
    fn binary_carries_every_kind(pieces in pieces(false)) {
        there_and_back(&Dialect::binary(), &pieces)?;
    }

    #[test]
    fn options_carry_every_kind(pieces in pieces(true)) {
        let dialect = Dialect::ascii().with_binary_bitmap().unwrap();
        there_and_back(&dialect.with_charset(Charset::Utf8).unwrap(), &pieces)?;
    }

    #[test]
    fn gb18030_carries_every_kind(pieces in pieces(true)) {
        there_and_back(&Dialect::ascii().with_charset(Charset::Gb18030).unwrap(), &pieces)?;
    }

    /// A byte changed anywhere is refused or read; what is read survives.
    #[test]
    fn a_changed_byte_does_no_harm(
        pieces in pieces(true), kind in 0..Kind::ALL.len(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let dialect = Dialect::ascii();
        let mut bytes = bytes_of(&dialect, &pieces.message(Kind::ALL[kind]));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check_identity(&dialect, &bytes, today());
    }

    #[test]
    fn a_changed_binary_byte_does_no_harm(
        pieces in pieces(false), kind in 0..Kind::ALL.len(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let dialect = Dialect::binary();
        let mut bytes = bytes_of(&dialect, &pieces.message(Kind::ALL[kind]));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check_identity(&dialect, &bytes, today());
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for dialect in [Dialect::ascii(), Dialect::binary()] {
            check_identity(&dialect, &bytes, today());
        }
    }

    /// Cut anywhere, or followed by anything, a body is refused: by its length.
    #[test]
    fn every_cut_is_refused(pieces in pieces(true), kind in 0..Kind::ALL.len()) {
        for (dialect, text_mac) in [(Dialect::ascii(), true), (Dialect::binary(), false)] {
            let message = pieces.message(Kind::ALL[kind]);
            let mut bytes = bytes_of(&dialect, &message);
            // A code in two fields, and a cut in its second, is still a cut.
            for length in 0..bytes.len() {
                let refused = decode(&dialect, &bytes[..length], today()).unwrap_err();
                prop_assert_eq!(refused.refusal.fault, Fault::Truncated, "{} {}", text_mac, length);
            }
            bytes.push(b'0');
            let refused = decode(&dialect, &bytes, today()).unwrap_err();
            prop_assert_eq!(refused.refusal.fault, Fault::TrailingBytes);
            prop_assert_eq!(refused.match_key, Some(message.header().match_key));
            prop_assert_eq!(refused.kind, Some(Kind::ALL[kind]));
        }
    }
}
