//! Short texts of a fixed width, and bytes that must never be printed.

use core::fmt;

/// A fixed-width ASCII text, left-aligned and padded with spaces, as ISO 8583 `an`/`ans` fixed
/// fields and SBE `char[N]` carry it. Always printable ASCII (0x20 to 0x7E).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chars<const N: usize>([u8; N]);

impl<const N: usize> Chars<N> {
    /// All spaces: "not given" on an ISO 8583 wire.
    pub const BLANK: Self = Self([b' '; N]);

    /// Takes exactly `N` bytes; `None` where one of them is not printable ASCII.
    #[inline]
    pub fn new(bytes: [u8; N]) -> Option<Self> {
        is_printable(&bytes).then_some(Self(bytes))
    }

    /// The same of bytes that are still where they were read: looked at there, and copied then. A
    /// text that is looked at right after it was copied waits for its copy.
    #[inline]
    pub fn read(bytes: &[u8; N]) -> Option<Self> {
        if is_printable(bytes) {
            Some(Self(*bytes))
        } else {
            None
        }
    }

    /// Takes `N` bytes; what is not printable ASCII becomes a space.
    #[inline]
    pub fn printable(bytes: &[u8; N]) -> Self {
        if is_printable(bytes) {
            Self(*bytes)
        } else {
            Self(bytes.map(|byte| match byte {
                0x20..=0x7e => byte,
                _ => b' ',
            }))
        }
    }

    /// Pads `text` with spaces on the right; `None` where it is longer than `N` or not printable.
    pub fn padded(text: &[u8]) -> Option<Self> {
        let mut bytes = [b' '; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Self::new(bytes)
    }

    /// All `N` bytes, padding included.
    pub const fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// The text without its padding.
    pub fn trimmed(&self) -> &[u8] {
        self.0.trim_ascii_end()
    }

    /// Whether nothing but padding is there.
    pub fn is_blank(&self) -> bool {
        self.0 == [b' '; N]
    }
}

/// Whether all bytes are printable ASCII (0x20 to 0x7E). Eight at a time, without stopping early,
/// and the last eight once more rather than one by one.
#[inline(always)]
pub fn is_printable(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let bad = words.iter().fold(0, |bad, word| bad | unprintable(*word));
    let rest = match bytes.last_chunk::<8>() {
        _ if rest.is_empty() => 0,
        Some(last) => unprintable(*last),
        None => unprintable(filled(rest)),
    };
    bad | rest == 0
}

/// Whether all bytes are digits (0x30 to 0x39), as in [`is_printable`].
#[inline]
pub fn are_digits(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().all(u8::is_ascii_digit);
    };
    let (words, _) = bytes.as_chunks::<8>();
    let bad = words.iter().fold(0, |bad, word| bad | not_digits(*word));
    bad | not_digits(*last) == 0
}

/// Fewer than eight bytes, and spaces. Of fours, twos and ones, as such texts are copied: a word
/// that is read over two writes waits for both.
#[inline(always)]
fn filled(bytes: &[u8]) -> [u8; 8] {
    let (fours, rest) = bytes.as_chunks();
    let (twos, ones) = rest.as_chunks();
    let [a, b, c, d] = *fours.first().unwrap_or(&[b' '; 4]);
    let [e, f] = *twos.first().unwrap_or(&[b' '; 2]);
    let g = *ones.first().unwrap_or(&b' ');
    [a, b, c, d, e, f, g, b' ']
}

/// Not zero where one of eight bytes is below 0x20 or above 0x7E: then, and only then, the
/// subtraction, the addition or the byte itself sets a byte's highest bit. (What is borrowed or
/// carried into the next byte comes from a bad one.)
#[inline]
const fn unprintable(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let low = word.wrapping_sub(u64::from_le_bytes([0x20; 8]));
    let high = word.wrapping_add(u64::from_le_bytes([0x01; 8]));
    (word | low | high) & u64::from_le_bytes([0x80; 8])
}

/// Not zero where one of eight bytes is no digit, as in [`unprintable`].
#[inline]
const fn not_digits(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let low = word.wrapping_sub(u64::from_le_bytes([b'0'; 8]));
    let high = word.wrapping_add(u64::from_le_bytes([0x7f - b'9'; 8]));
    (word | low | high) & u64::from_le_bytes([0x80; 8])
}

impl<const N: usize> Default for Chars<N> {
    fn default() -> Self {
        Self::BLANK
    }
}

impl<const N: usize> fmt::Display for Chars<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.trimmed() {
            write!(formatter, "{}", char::from(*byte))?;
        }
        Ok(())
    }
}

impl<const N: usize> fmt::Debug for Chars<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

/// Bytes that are as good as money: payment codes, account numbers, keys. They pass through the
/// switch and are never printed, logged or kept in a journal.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Sensitive<'a>(pub &'a [u8]);

impl<'a> Sensitive<'a> {
    /// The bytes themselves. Whoever calls this answers for where they go.
    pub const fn expose(self) -> &'a [u8] {
        self.0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Sensitive<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} bytes withheld]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_the_bytes_that_are_digits() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    for rest in [b'0', b'9'] {
                        let mut bytes = vec![rest; length];
                        bytes[place] = byte;
                        assert_eq!(
                            are_digits(&bytes),
                            byte.is_ascii_digit(),
                            "{byte:#x} at {place} of {length}"
                        );
                    }
                }
            }
        }
        assert!(are_digits(b""));
    }

    #[test]
    fn text_is_padded_trimmed_and_never_unprintable() {
        assert_eq!(Chars::<6>::padded(b"AB").unwrap().bytes(), b"AB    ");
        assert_eq!(Chars::<6>::padded(b"AB").unwrap().trimmed(), b"AB");
        assert_eq!(Chars::<2>::padded(b"ABC"), None);
        assert_eq!(Chars::<2>::new([b'A', 0]), None);
        assert_eq!(Chars::printable(b"A\0\xffB").bytes(), b"A  B");
        assert!(Chars::<3>::BLANK.is_blank());
    }

    #[test]
    fn every_byte_at_every_place_is_told() {
        for byte in 0..=u8::MAX {
            let good = (0x20..=0x7e).contains(&byte);
            for at in 0..32 {
                let place = |n: usize| if n == at { byte } else { b'~' };
                assert_eq!(
                    is_printable(&core::array::from_fn::<u8, 32, _>(place)),
                    good
                );
                assert_eq!(
                    is_printable(&core::array::from_fn::<u8, 15, _>(place)),
                    good || at >= 15
                );
                assert_eq!(
                    is_printable(&core::array::from_fn::<u8, 8, _>(place)),
                    good || at >= 8
                );
                assert_eq!(
                    is_printable(&core::array::from_fn::<u8, 6, _>(place)),
                    good || at >= 6
                );
            }
        }
    }

    #[test]
    fn sensitive_bytes_are_not_printed() {
        assert_eq!(format!("{:?}", Sensitive(b"2812345")), "[7 bytes withheld]");
    }
}
