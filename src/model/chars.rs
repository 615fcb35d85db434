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
    pub fn new(bytes: [u8; N]) -> Option<Self> {
        // Without stopping early: so it compiles to vector instructions.
        bytes
            .iter()
            .fold(true, |good, byte| good & (0x20..=0x7e).contains(byte))
            .then_some(Self(bytes))
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
    fn text_is_padded_trimmed_and_never_unprintable() {
        assert_eq!(Chars::<6>::padded(b"AB").unwrap().bytes(), b"AB    ");
        assert_eq!(Chars::<6>::padded(b"AB").unwrap().trimmed(), b"AB");
        assert_eq!(Chars::<2>::padded(b"ABC"), None);
        assert_eq!(Chars::<2>::new([b'A', 0]), None);
        assert!(Chars::<3>::BLANK.is_blank());
    }

    #[test]
    fn sensitive_bytes_are_not_printed() {
        assert_eq!(format!("{:?}", Sensitive(b"2812345")), "[7 bytes withheld]");
    }
}
