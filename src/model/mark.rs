//! What a code is known by: what rooms that read codes tell rooms that choose by them.
//!
//! Never a whole code, and of a payment code of digits only how it begins.

use core::fmt;

use arrayvec::ArrayVec;

use crate::model::limits::{MARKS_MAX, PREFIX_DIGITS_MAX};

/// By what the owner of a code is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum By {
    /// A globally unique identifier in a merchant account template.
    Guid,
    /// A root field that EMVCo has given to a network.
    Network,
    /// An application identifier.
    Aid,
    /// The scheme, or scheme and host, of a URL.
    Host,
    /// The first digits of a payment code.
    Prefix,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Guid,
        Self::Network,
        Self::Aid,
        Self::Host,
        Self::Prefix,
    ];

    /// A word for programs and route tables. They rely on it: add, never rename.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Guid => "guid",
            Self::Network => "network",
            Self::Aid => "aid",
            Self::Host => "host",
            Self::Prefix => "prefix",
        }
    }
}

/// One owner that a code may have, and by what it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The word of the scheme; `other` where no table knows it.
    pub scheme: &'static str,
    /// By what.
    pub by: By,
    /// The identifier as it stands in the code, the two digits of a network's field, the bytes of
    /// an application identifier, scheme and host of an address, or the first digits
    /// ([`PREFIX_DIGITS_MAX`] at most) of a payment code.
    pub value: &'a [u8],
}

impl fmt::Debug for Mark<'_> {
    /// Without the value: an identifier may be a merchant's account (KHQR).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, bytes) = (self.by.word(), self.value.len());
        write!(formatter, "{} by {by} [{bytes} bytes]", self.scheme)
    }
}

/// What a code is known by, in the order of its owners.
#[derive(Clone, Debug)]
pub struct CodeMarks<'a> {
    /// Whether the code cannot be right: an EMV code with a fault, or one whose owner is known and
    /// would not know it.
    pub is_bad: bool,
    /// One for each owner.
    pub marks: ArrayVec<Mark<'a>, MARKS_MAX>,
}

impl Default for CodeMarks<'_> {
    /// As [`CodeMarks::NONE`], to be filled where it lies: it is larger than all of a payment.
    #[inline(always)]
    fn default() -> Self {
        Self {
            is_bad: false,
            marks: ArrayVec::new(),
        }
    }
}

impl<'a> CodeMarks<'a> {
    /// No code, or one that nothing is known of.
    pub const NONE: Self = Self {
        is_bad: false,
        marks: ArrayVec::new_const(),
    };

    /// A code of which no more is known than that it begins with these digits; what comes after
    /// them, and after the twelfth, does not count.
    pub fn of_digits(payload: &'a [u8]) -> Self {
        let mut known = Self::NONE;
        let value = first_digits(payload);
        if !value.is_empty() {
            known.marks.push(Mark {
                scheme: "other",
                by: By::Prefix,
                value,
            });
        }
        known
    }
}

/// The digits with which a payload begins, as far as a prefix may reach.
pub fn first_digits(payload: &[u8]) -> &[u8] {
    let digits = payload.iter().take(PREFIX_DIGITS_MAX);
    let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
    payload.get(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_a_payment_code_is_told_than_a_prefix() {
        for (payload, expected) in [
            ("281045123456789012345678", "281045123456"),
            ("2810x", "2810"),
            ("281", "281"),
        ] {
            let known = CodeMarks::of_digits(payload.as_bytes());
            assert_eq!(known.marks[0].value, expected.as_bytes());
        }
        assert!(CodeMarks::of_digits(b"x1").marks.is_empty());
        let told = format!("{:?}", CodeMarks::of_digits(b"281045123456789012345678"));
        assert!(
            told.contains("prefix [12 bytes]") && !told.contains("281"),
            "{told}"
        );
    }
}
