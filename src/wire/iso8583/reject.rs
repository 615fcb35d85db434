//! `FdddRrrrOooooo`: where and why a message was refused, in DE 44 of its answer.
//!
//! Field (three digits), reason (three, the number of a fault), offset (five). Never other text.

use crate::wire::iso8583::scan::ascii_number;
use crate::wire::iso8583::write::decimal;

/// Length of the text.
pub(super) const TEXT_BYTES: usize = 14;

/// What the text says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) field_id: u16,
    pub(super) reason: u16,
    pub(super) offset: u32,
}

/// `None` for any other text.
pub(super) fn parse(text: &[u8]) -> Option<Place> {
    let (field, rest) = text.strip_prefix(b"F")?.split_first_chunk::<3>()?;
    let (reason, rest) = rest.strip_prefix(b"R")?.split_first_chunk::<3>()?;
    let offset = <&[u8; 5]>::try_from(rest.strip_prefix(b"O")?).ok()?;
    let digits = field.iter().chain(reason).chain(offset);
    if !digits.into_iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(Place {
        field_id: u16::try_from(ascii_number(field)).ok()?,
        reason: u16::try_from(ascii_number(reason)).ok()?,
        offset: u32::try_from(ascii_number(offset)).ok()?,
    })
}

/// `None` where a number has too many digits.
pub(super) fn text(place: Place) -> Option<[u8; TEXT_BYTES]> {
    if place.field_id > 999 || place.reason > 999 || place.offset > 99_999 {
        return None;
    }
    let [f1, f2, f3] = decimal::<3>(u64::from(place.field_id));
    let [r1, r2, r3] = decimal::<3>(u64::from(place.reason));
    let [o1, o2, o3, o4, o5] = decimal::<5>(u64::from(place.offset));
    Some([b'F', f1, f2, f3, b'R', r1, r2, r3, b'O', o1, o2, o3, o4, o5])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_was_written() {
        let place = Place {
            field_id: 37,
            reason: 10,
            offset: 612,
        };
        assert_eq!(text(place), Some(*b"F037R010O00612"));
        assert_eq!(parse(b"F037R010O00612"), Some(place));
        for other in [
            &b"F037R010O0061"[..],
            b"F037R010O006123",
            b"F03xR010O00612",
            b"declined",
            b"",
        ] {
            assert_eq!(parse(other), None);
        }
        assert_eq!(
            text(Place {
                offset: 100_000,
                ..place
            }),
            None
        );
    }
}
