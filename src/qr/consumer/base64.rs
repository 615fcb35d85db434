//! Base64 (RFC 4648, section 4) into a buffer that exists, with the place of what is wrong.

use arrayvec::ArrayVec;

/// What is wrong with base64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Breach {
    /// A character that is none of the alphabet's, at this place.
    Character(usize),
    /// The last group of four is not whole.
    Cut,
}

/// Reads all of `text`; up to `N` bytes of it are kept. Bits beyond the last byte must be zero.
pub(super) fn decode<const N: usize>(text: &[u8]) -> Result<ArrayVec<u8, N>, Breach> {
    let mut bytes = ArrayVec::new();
    let padding = text
        .iter()
        .rev()
        .take(2)
        .take_while(|byte| **byte == b'=')
        .count();
    let digits = text.len() - padding;
    if !text.len().is_multiple_of(4) {
        // What is no base64 at all is named before what is missing of it.
        return Err(bad(text, digits).unwrap_or(Breach::Cut));
    }
    for (group, four) in (0..).zip(text.get(..digits).unwrap_or_default().chunks(4)) {
        let mut bits = 0_u32;
        for (place, byte) in four.iter().enumerate() {
            let value = value(*byte).ok_or(Breach::Character(group * 4 + place))?;
            bits |= u32::from(value) << (18 - 6 * place);
        }
        let [_, three @ ..] = bits.to_be_bytes();
        let whole = four.len() * 6 / 8;
        if three.iter().skip(whole).any(|byte| *byte != 0) {
            return Err(Breach::Character(group * 4 + four.len() - 1));
        }
        for byte in three.iter().take(whole) {
            bytes.try_push(*byte).map_err(|_| Breach::Cut)?;
        }
    }
    Ok(bytes)
}

fn bad(text: &[u8], digits: usize) -> Option<Breach> {
    let place = text
        .iter()
        .take(digits)
        .position(|byte| value(*byte).is_none())?;
    Some(Breach::Character(place))
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// The character of base64 that a byte of what it holds begins in.
pub(super) const fn character_of(byte: usize) -> usize {
    byte / 3 * 4 + byte % 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc_and_what_is_wrong_with_others() {
        for (text, expected) in [
            ("", Ok("")),
            ("Zg==", Ok("f")),
            ("Zm8=", Ok("fo")),
            ("Zm9v", Ok("foo")),
            ("Zm9vYg==", Ok("foob")),
            ("Zm9vYmE=", Ok("fooba")),
            ("Zm9vYmFy", Ok("foobar")),
            ("Zm9vYmF", Err(Breach::Cut)),
            ("Zm9vY", Err(Breach::Cut)),
            ("Zm9-", Err(Breach::Character(3))),
            ("Zm 9", Err(Breach::Character(2))),
            ("Zh==", Err(Breach::Character(1))),
            ("Z===", Err(Breach::Character(1))),
            ("Zg==Zg==", Err(Breach::Character(2))),
            ("Zm9vYmFyYmF6", Err(Breach::Cut)),
        ] {
            let decoded = decode::<8>(text.as_bytes());
            let decoded = decoded.as_deref().map_err(|breach| *breach);
            assert_eq!(decoded, expected.map(str::as_bytes), "{text}");
        }
    }
}
