//! Fields of id, length and value: two digits, two digits, so many *characters*.
//!
//! ```text
//! 00 02 01 | 29 30 00 12 D15600000000 05 10 A93FO3230Q | 64 14 00 02 ZH 01 04 最佳运输 | 63 04 A13A
//! id len value       a template's value is fields again                  4 characters, 12 bytes
//! ```

use core::ops::Range;

use crate::qr::field::{Field, FieldIndex, Id};
use crate::qr::finding::Problem;
use crate::qr::owner::narrow;
use crate::qr::text::{self, CharKind};
use crate::qr::{Code, Path};

/// Characters of an id and a length.
const HEADER: usize = 4;

/// Reads the fields of a template, or of the code itself. Where the grammar is broken it stops,
/// because nobody knows where the next field would begin, and says so.
pub(super) fn level(code: &mut Code<'_>, within: Range<usize>, parent: Option<FieldIndex>) -> bool {
    let payload = code.payload;
    let path = code.fields.path(parent);
    let first = code.fields.next();
    let mut character = code.character(within.start);
    let mut at = within.start;
    let mut seen = 0_u128;
    while at < within.end {
        let rest = payload.get(at..within.end).unwrap_or_default();
        let (id, declared) = match header(rest) {
            Ok(read) => read,
            Err((place, problem)) => {
                code.fault(path, at + place, problem);
                break;
            }
        };
        let own = path.join(Id::Object(id));
        let values = rest.get(HEADER..).unwrap_or_default();
        let Some(bytes) = length(values, declared, code.is_ascii) else {
            let problem = Problem::ValueCut {
                declared: narrow(declared),
                left: narrow(text::count(values)),
                counts_bytes: !code.is_ascii && fits(payload, true),
            };
            code.fault(own, at + 2, problem);
            break;
        };
        if declared == 0 {
            code.fault(own, at + 2, Problem::ValueEmpty);
        }
        if seen & 1 << id != 0 {
            let earlier = code
                .fields
                .all()
                .iter()
                .find(|field| field.parent == parent && field.id == Id::Object(id));
            let first_character = earlier.map_or(0, |field| field.character);
            code.fault(own, at, Problem::Twice { first_character });
        }
        seen |= 1 << id;
        let places = (narrow(at), narrow(at + HEADER), narrow(at + HEADER + bytes));
        let field = Field::new(Id::Object(id), parent, places, narrow(character));
        code.fields.push(field);
        at += HEADER + bytes;
        character += HEADER + declared;
    }
    if let Some(parent) = parent {
        code.fields.adopt(parent, first);
    }
    at == within.end
}

/// Whether all of `bytes` is fields; as it would be where lengths counted bytes, if that is asked.
pub(super) fn fits(bytes: &[u8], counts_bytes: bool) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok((_, declared @ 1..)) = header(rest) else {
            return false;
        };
        let values = rest.get(HEADER..).unwrap_or_default();
        let next = length(values, declared, counts_bytes || values.is_ascii())
            .and_then(|bytes| values.get(bytes..));
        let Some(next) = next else { return false };
        rest = next;
    }
    !bytes.is_empty()
}

/// An id and a length; or what is wrong, and where.
fn header(rest: &[u8]) -> Result<(u16, usize), (usize, Problem)> {
    let Some([a, b, c, d]) = rest.first_chunk::<HEADER>() else {
        let left = narrow(text::count(rest));
        return Err((0, Problem::HeaderCut { left }));
    };
    match (digits(*a, *b), digits(*c, *d)) {
        (Some(id), Some(length)) => Ok((id, usize::from(length))),
        _ => {
            let place = [a, b, c, d].iter().position(|byte| !byte.is_ascii_digit());
            let place = place.unwrap_or_default();
            let found = CharKind::of(rest.get(place).copied());
            Err((place, Problem::Header { found }))
        }
    }
}

fn digits(tens: u8, ones: u8) -> Option<u16> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u16::from(tens) * 10 + u16::from(ones))
}

/// How many bytes a value of so many characters has.
fn length(values: &[u8], characters: usize, is_ascii: bool) -> Option<usize> {
    if is_ascii {
        return (characters <= values.len()).then_some(characters);
    }
    text::length_of(values, characters)
}

/// How long a field's value is, in characters.
pub(super) fn characters(code: &Code<'_>, field: &Field) -> usize {
    if code.is_ascii {
        usize::from(field.end.saturating_sub(field.value))
    } else {
        text::count(code.value(field))
    }
}

/// Opens a template: its fields are read. `false` where they are not fields to its end.
pub(super) fn open(code: &mut Code<'_>, index: FieldIndex) -> bool {
    let Some(field) = code.field(index).copied() else {
        return false;
    };
    let value = usize::from(field.value)..usize::from(field.end);
    level(code, value, Some(index))
}

/// Opens a value that may be a template; `false` where it is none.
pub(super) fn open_perhaps(code: &mut Code<'_>, index: FieldIndex) -> bool {
    let Some(field) = code.field(index).copied() else {
        return false;
    };
    fits(code.value(&field), false) && open(code, index)
}

/// The path of a field.
pub(super) fn path(code: &Code<'_>, index: FieldIndex) -> Path {
    code.fields.path(Some(index))
}
