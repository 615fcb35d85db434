//! Whether a field's bytes belong to its class: a quick answer for all, a place for the first that
//! does not. Never says what a value means.

use crate::model::refusal::Fault;
use crate::wire::iso8583::plan::Check;

/// Whether `value`, of `count` digits or characters, passes.
#[inline]
pub(super) fn passes(check: Check, value: &[u8], count: usize) -> bool {
    match check {
        Check::Digits => digits(value),
        Check::BcdLeft => {
            packed(value) && (count.is_multiple_of(2) || value.first().is_some_and(|b| *b < 0x10))
        }
        Check::BcdRight => {
            packed(value)
                && (count.is_multiple_of(2) || value.last().is_some_and(|b| b & 0x0f == 0))
        }
        Check::Printable => printable(value),
        Check::Letters => none(value, |byte| {
            !(byte.is_ascii_alphanumeric() || byte == b' ')
        }),
        Check::Utf8 => no_control(value) && core::str::from_utf8(value).is_ok(),
        Check::Code => no_control(value),
        Check::Signed => sign_and(value, digits),
        Check::SignedBcd => sign_and(value, packed),
        Check::Track => none(value, |byte| {
            !(byte.is_ascii_digit() || matches!(byte, b'=' | b'D'))
        }),
        Check::TrackBcd => {
            none(value, |byte| !track_nibbles(byte))
                && (count.is_multiple_of(2) || value.last().is_some_and(|b| b & 0x0f == 0))
        }
        Check::Hex => none(value, |byte| !byte.is_ascii_hexdigit()),
        Check::Bytes => true,
    }
}

/// The first byte that makes [`passes`] say no, and why.
#[cold]
pub(super) fn fault_in(check: Check, value: &[u8], count: usize) -> (usize, Fault) {
    if check == Check::Utf8 && no_control(value) {
        let valid = core::str::from_utf8(value)
            .err()
            .map_or(0, |error| error.valid_up_to());
        return (valid, Fault::BadText);
    }
    let last = value.len().saturating_sub(1);
    // A prefix that ends before the padding nibble holds an even number of digits.
    let bad = (0..value.len()).find(|at| {
        let upto = value.get(..=*at).unwrap_or_default();
        match check {
            Check::BcdRight | Check::TrackBcd if *at < last => !passes(check, upto, 0),
            Check::Utf8 => !no_control(upto),
            _ => !passes(check, upto, count),
        }
    });
    (bad.unwrap_or(last), Fault::BadCharacter)
}

/// No byte for which `bad` holds. Looks at all of them: fields are short, branches are not free.
#[inline]
fn none(value: &[u8], bad: impl Fn(u8) -> bool) -> bool {
    !value.iter().fold(false, |found, byte| found | bad(*byte))
}

/// ASCII digits, eight at a time: the high nibble is 3 before and after adding 6.
#[inline]
fn digits(value: &[u8]) -> bool {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    const SIXES: u64 = 0x0606_0606_0606_0606;
    let (words, rest) = value.as_chunks::<8>();
    let bad = words.iter().fold(0, |bad, word| {
        let word = u64::from_le_bytes(*word);
        bad | ((word & HIGH) ^ THREES) | ((word.wrapping_add(SIXES) & HIGH) ^ THREES)
    });
    bad == 0 && none(rest, |byte| !byte.is_ascii_digit())
}

/// Nibbles of 0 to 9: none carries when 6 is added.
#[inline]
fn packed(value: &[u8]) -> bool {
    none(value, |byte| byte & 0x0f > 9 || byte > 0x9f)
}

#[inline]
fn printable(value: &[u8]) -> bool {
    none(value, |byte| byte.wrapping_sub(0x20) > 0x5e)
}

#[inline]
fn no_control(value: &[u8]) -> bool {
    none(value, |byte| byte < 0x20 || byte == 0x7f)
}

#[inline]
fn sign_and(value: &[u8], rest: impl Fn(&[u8]) -> bool) -> bool {
    value
        .split_first()
        .is_some_and(|(sign, digits)| matches!(sign, b'C' | b'D') && rest(digits))
}

const fn track_nibbles(byte: u8) -> bool {
    let (high, low) = (byte >> 4, byte & 0x0f);
    (high <= 9 || high == 0xd) && (low <= 9 || low == 0xd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line per case")]
    fn each_class_names_the_first_byte_that_is_not_of_it() {
        for (check, value, count, expected) in [
            (Check::Digits, &b"0123456789"[..], 10, None),
            (
                Check::Digits,
                b"01234567a9",
                10,
                Some((8, Fault::BadCharacter)),
            ),
            (
                Check::Digits,
                b"012:4567",
                8,
                Some((3, Fault::BadCharacter)),
            ),
            (
                Check::Digits,
                b"01\xff\xff4567",
                8,
                Some((2, Fault::BadCharacter)),
            ),
            (Check::BcdLeft, b"\x08\x58", 3, None),
            (
                Check::BcdLeft,
                b"\x18\x58",
                3,
                Some((0, Fault::BadCharacter)),
            ),
            (
                Check::BcdLeft,
                b"\x18\x5a",
                4,
                Some((1, Fault::BadCharacter)),
            ),
            (Check::BcdRight, b"\x12\x30", 3, None),
            (
                Check::BcdRight,
                b"\x12\x34",
                3,
                Some((1, Fault::BadCharacter)),
            ),
            (
                Check::BcdRight,
                b"\xa2\x30",
                3,
                Some((0, Fault::BadCharacter)),
            ),
            (Check::Signed, b"C0012", 5, None),
            (Check::Signed, b"X0012", 5, Some((0, Fault::BadCharacter))),
            (Check::Signed, b"D00x2", 5, Some((3, Fault::BadCharacter))),
            (Check::SignedBcd, b"D\x00\x12", 5, None),
            (
                Check::SignedBcd,
                b"D\x00\x1f",
                5,
                Some((2, Fault::BadCharacter)),
            ),
            (Check::Track, b"123=456", 7, None),
            (Check::Track, b"123^456", 7, Some((3, Fault::BadCharacter))),
            (Check::TrackBcd, b"\x12\x3d\x40", 5, None),
            (
                Check::TrackBcd,
                b"\x12\x3e\x40",
                5,
                Some((1, Fault::BadCharacter)),
            ),
            (
                Check::TrackBcd,
                b"\x12\x3d\x4d",
                5,
                Some((2, Fault::BadCharacter)),
            ),
            (Check::Letters, b"AZaz09 ", 7, None),
            (Check::Letters, b"AZ-", 3, Some((2, Fault::BadCharacter))),
            (Check::Printable, b" ~", 2, None),
            (
                Check::Printable,
                b"ab\x7f",
                3,
                Some((2, Fault::BadCharacter)),
            ),
            (
                Check::Printable,
                b"ab\x1f",
                3,
                Some((2, Fault::BadCharacter)),
            ),
            (
                Check::Printable,
                b"a\xe6",
                2,
                Some((1, Fault::BadCharacter)),
            ),
            (Check::Utf8, "ab\u{6c49}".as_bytes(), 5, None),
            (Check::Utf8, b"ab\xe6\xb1", 4, Some((2, Fault::BadText))),
            (Check::Utf8, b"ab\xe6\n", 4, Some((3, Fault::BadCharacter))),
            (Check::Code, b"\xe6\xb1", 2, None),
            (Check::Code, b"00\t", 3, Some((2, Fault::BadCharacter))),
            (Check::Hex, b"09afAF", 6, None),
            (Check::Hex, b"0g", 2, Some((1, Fault::BadCharacter))),
            (Check::Bytes, b"\x00\xff", 2, None),
        ] {
            let found = (!passes(check, value, count)).then(|| fault_in(check, value, count));
            assert_eq!(found, expected, "{check:?}");
        }
    }
}
