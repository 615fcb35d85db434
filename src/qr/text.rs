//! Characters of UTF-8 text: EMV lengths count them, checksums and slices do not.
//!
//! What is passed here has been found to be UTF-8. Where it is ASCII, a character is a byte.

/// How many characters `bytes` are: every byte that does not continue one.
pub(super) fn count(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .map(|byte| usize::from(!continues(*byte)))
        .sum()
}

/// The first `characters` characters of `bytes`, in bytes; `None` where there are fewer.
pub(super) fn length_of(bytes: &[u8], characters: usize) -> Option<usize> {
    // Most values of a code that is not ASCII are.
    if bytes.get(..characters)?.is_ascii() {
        let is_whole = bytes.get(characters).is_none_or(|next| !continues(*next));
        return is_whole.then_some(characters);
    }
    let mut starts = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| !continues(**byte));
    match starts.nth(characters) {
        Some((next, _)) => Some(next),
        None => (count(bytes) == characters).then_some(bytes.len()),
    }
}

/// Whether a byte continues a character (`0b10xx_xxxx`).
const fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// What a character is, for messages that must not show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CharKind {
    /// There is none.
    Nothing,
    /// 0 to 9.
    Digit,
    /// A to Z.
    Upper,
    /// a to z.
    Lower,
    /// A space.
    Space,
    /// Any other printable ASCII character.
    Sign,
    /// A control character.
    Control,
    /// Beyond ASCII.
    Foreign,
}

impl CharKind {
    /// Of the character that begins with `byte`.
    pub const fn of(byte: Option<u8>) -> Self {
        match byte {
            None => Self::Nothing,
            Some(b'0'..=b'9') => Self::Digit,
            Some(b'A'..=b'Z') => Self::Upper,
            Some(b'a'..=b'z') => Self::Lower,
            Some(b' ') => Self::Space,
            Some(0x21..=0x7e) => Self::Sign,
            Some(0..=0x1f | 0x7f) => Self::Control,
            Some(0x80..) => Self::Foreign,
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing more",
            Self::Digit => "a digit",
            Self::Upper => "an upper-case letter",
            Self::Lower => "a lower-case letter",
            Self::Space => "a space",
            Self::Sign => "a punctuation character",
            Self::Control => "a control character",
            Self::Foreign => "a character outside ASCII",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_and_cut_as_rust_does() {
        for text in ["", "a", "abc", "北京", "a北b", "ร้านกาแฟ", "\u{1f600}x"] {
            let bytes = text.as_bytes();
            assert_eq!(count(bytes), text.chars().count(), "{text}");
            for wanted in 0..6 {
                let expected: Option<usize> = (wanted <= text.chars().count())
                    .then(|| text.chars().take(wanted).map(char::len_utf8).sum());
                assert_eq!(length_of(bytes, wanted), expected, "{text} {wanted}");
            }
        }
    }
}
