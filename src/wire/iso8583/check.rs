//! Whether a field's bytes belong to its class: a quick answer for all, a place for the first that
//! does not. Never says what a value means.

use crate::model::refusal::Fault;
use crate::wire::iso8583::plan::Check;

/// Whether `value`, of `count` digits or characters, passes. Most fields are of three classes:
/// those are found by comparing, for the processor guesses a jump through a table badly.
#[inline(always)]
pub(super) fn passes(check: Check, value: &[u8], count: usize) -> bool {
    if check == Check::Digits {
        digits(value)
    } else if check == Check::BcdLeft {
        packed_left(value, count)
    } else if check == Check::Printable {
        printable(value)
    } else {
        passes_other(check, value, count)
    }
}

fn passes_other(check: Check, value: &[u8], count: usize) -> bool {
    match check {
        Check::Digits => digits(value),
        Check::BcdLeft => packed_left(value, count),
        Check::BcdRight => {
            packed(value)
                && (count.is_multiple_of(2) || value.last().is_some_and(|b| b & 0x0f == 0))
        }
        Check::Printable => printable(value),
        Check::Letters => letters(value),
        Check::Utf8 => no_control(value) && core::str::from_utf8(value).is_ok(),
        Check::Chinese(set) => no_control(value) && set.passes(value),
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
    if let Check::Chinese(set) = check
        && no_control(value)
    {
        return (set.fault_in(value), Fault::BadText);
    }
    let last = value.len().saturating_sub(1);
    // A prefix that ends before the padding nibble holds an even number of digits.
    let bad = (0..value.len()).find(|at| {
        let upto = value.get(..=*at).unwrap_or_default();
        match check {
            Check::BcdRight | Check::TrackBcd if *at < last => !passes(check, upto, 0),
            Check::Utf8 | Check::Chinese(_) => !no_control(upto),
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

/// The same byte eight times.
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// No word of eight bytes for which `bad` has a bit set. What is left over is looked at in a word
/// that overlaps the one before, or that is filled up with copies of bytes that are there.
#[inline]
fn none_of_eight(value: &[u8], bad: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = value.as_chunks::<8>();
    let found = words
        .iter()
        .fold(0, |found, word| found | bad(u64::from_le_bytes(*word)));
    if rest.is_empty() {
        return found == 0;
    }
    let last = match (value.last_chunk::<8>(), value.first_chunk::<4>(), value) {
        (Some(word), ..) => u64::from_le_bytes(*word),
        (None, Some(first), _) => {
            let last = value.last_chunk::<4>().unwrap_or(first);
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        (None, None, &[one, ref others @ ..]) => {
            let [two, three] = match *others {
                [two, three] => [two, three],
                [two] => [two, two],
                _ => [one, one],
            };
            u64::from_le_bytes([one, two, three, one, one, one, one, one])
        }
        (None, None, []) => return true,
    };
    found | bad(last) == 0
}

/// High bits of the bytes that lie in `low..=high`, which are ASCII. No byte carries into the next.
#[inline]
const fn within(word: u64, low: u8, high: u8) -> u64 {
    let ascii = word & eight(0x7f);
    let at_least = ascii + eight(0x80 - low);
    let above = ascii + eight(0x7f - high);
    at_least & !above & !word & eight(0x80)
}

#[inline]
const fn other_than(good: u64) -> u64 {
    good ^ eight(0x80)
}

#[inline]
fn digits(value: &[u8]) -> bool {
    none_of_eight(value, |word| other_than(within(word, b'0', b'9')))
}

/// Letters, digits and spaces. A letter's case is one bit.
#[inline]
fn letters(value: &[u8]) -> bool {
    none_of_eight(value, |word| {
        let small = within(word | eight(0x20), b'a', b'z');
        other_than(small | within(word, b'0', b'9') | within(word, b' ', b' '))
    })
}

/// Nibbles of 0 to 9: adding 6 to any of them does not reach the next. In halves of the byte, so
/// that it has room.
#[inline]
fn packed(value: &[u8]) -> bool {
    const LOW: u64 = eight(0x0f);
    const SIX: u64 = eight(6);
    none_of_eight(value, |word| {
        let over = ((word & LOW) + SIX) | (((word >> 4) & LOW) + SIX);
        over & eight(0x10)
    })
}

/// An odd number of digits has a zero nibble in front.
#[inline]
fn packed_left(value: &[u8], count: usize) -> bool {
    packed(value) && (count.is_multiple_of(2) || value.first().is_some_and(|b| *b < 0x10))
}

#[inline]
fn printable(value: &[u8]) -> bool {
    none_of_eight(value, |word| other_than(within(word, 0x20, 0x7e)))
}

/// Bytes of letters beyond ASCII have their high bit set, and are not looked at here.
#[inline]
fn no_control(value: &[u8]) -> bool {
    none_of_eight(value, |word| {
        (within(word, 0, 0x1f) | within(word, 0x7f, 0x7f)) & eight(0x80)
    })
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

    /// The quick answers against the plain ones: every byte, at every place of every short length.
    #[test]
    fn words_of_eight_see_every_byte() {
        type Pair = (fn(&[u8]) -> bool, fn(&u8) -> bool, u8);
        let pairs: [Pair; 5] = [
            (digits, u8::is_ascii_digit, b'0'),
            (letters, |b| b.is_ascii_alphanumeric() || *b == b' ', b'Q'),
            (printable, |b| (0x20..=0x7e).contains(b), b'~'),
            (no_control, |b| !b.is_ascii_control(), 0xff),
            (packed, |b| b >> 4 <= 9 && b & 0x0f <= 9, 0x99),
        ];
        for (quick, plain, good) in pairs {
            for length in 0..=20 {
                for at in 0..length {
                    for byte in 0..=u8::MAX {
                        let mut value = vec![good; length];
                        value[at] = byte;
                        assert_eq!(quick(&value), value.iter().all(plain), "{byte} at {at}");
                    }
                }
            }
        }
    }

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
