//! Fields of id, length and value: two digits, two digits, so many *characters*.
//!
//! ```text
//! 00 02 01 | 29 30 00 12 D15600000000 05 10 A93FO3230Q | 64 14 00 02 ZH 01 04 最佳运输 | 63 04 A13A
//! id len value       a template's value is fields again                  4 characters, 12 bytes
//! ```

use crate::qr::field::{Field, FieldIndex, Id};
use crate::qr::finding::Problem;
use crate::qr::owner::narrow;
use crate::qr::text::{self, CharKind};
use crate::qr::{Code, Path};

/// Characters of an id and a length.
const HEADER: u16 = 4;

/// Reads the fields of a template, or of the code itself. Where the grammar is broken it stops,
/// because nobody knows where the next field would begin, and says so.
pub(super) fn level(code: &mut Code<'_>, parent: Option<FieldIndex>) -> bool {
    let payload = code.payload;
    let template = parent.and_then(|index| code.field(index)).copied();
    // Five hundred and twelve characters have at most four times as many bytes.
    let (mut at, end, mut character) = match template {
        Some(field) => (field.value, field.end, field.character + HEADER),
        None => (0, narrow(payload.len()), 0),
    };
    let first = code.fields.next();
    while at < end {
        let rest = payload
            .get(usize::from(at)..usize::from(end))
            .unwrap_or_default();
        let Some((id, declared)) = header(rest) else {
            no_header(code, parent, usize::from(at), rest);
            break;
        };
        let value = at + HEADER;
        let values = rest.get(usize::from(HEADER)..).unwrap_or_default();
        let Some(bytes) = length(values, declared, code.is_ascii) else {
            cut(
                code,
                parent,
                Id::Object(id),
                usize::from(at),
                (declared, values),
            );
            break;
        };
        if declared == 0 || code.fields.has(parent, first, Id::Object(id)) {
            empty_or_twice(code, parent, Id::Object(id), usize::from(at), declared);
        }
        let field = Field::new(
            Id::Object(id),
            parent,
            (at, value, value + bytes),
            character,
        );
        code.fields.push(field);
        at = value + bytes;
        character += HEADER + declared;
    }
    if let Some(parent) = parent {
        code.fields.adopt(parent, first);
    }
    at == end
}

/// What stands there is no id with a length.
#[cold]
fn no_header(code: &mut Code<'_>, parent: Option<FieldIndex>, at: usize, rest: &[u8]) {
    let path = code.fields.path(parent);
    let header = rest.first_chunk::<{ HEADER as usize }>();
    let place = header.and_then(|header| header.iter().position(|byte| !byte.is_ascii_digit()));
    let found = CharKind::of(rest.get(place.unwrap_or_default()).copied());
    match place {
        Some(place) => code.fault(path, at + place, Problem::Header { found }),
        None => {
            let left = narrow(text::count(rest));
            code.fault(path, at, Problem::HeaderCut { left });
        }
    }
}

/// A value is longer than what is left.
#[cold]
fn cut(
    code: &mut Code<'_>,
    parent: Option<FieldIndex>,
    id: Id,
    at: usize,
    (declared, values): (u16, &[u8]),
) {
    let problem = Problem::ValueCut {
        declared,
        left: narrow(text::count(values)),
        counts_bytes: !code.is_ascii && fits(code.payload, true),
    };
    code.fault(code.fields.path(parent).join(id), at + 2, problem);
}

/// A value of no characters, or an id that comes again.
#[cold]
fn empty_or_twice(
    code: &mut Code<'_>,
    parent: Option<FieldIndex>,
    id: Id,
    at: usize,
    declared: u16,
) {
    let path = code.fields.path(parent).join(id);
    if declared == 0 {
        code.fault(path, at + 2, Problem::ValueEmpty);
    }
    let is_same = |field: &&Field| field.parent == parent && field.id == id;
    if let Some(earlier) = code.fields.all().iter().find(is_same) {
        let first_character = earlier.character;
        code.fault(path, at, Problem::Twice { first_character });
    }
}

/// Whether all of `bytes` is fields; as it would be where lengths counted bytes, if that is asked.
pub(super) fn fits(bytes: &[u8], counts_bytes: bool) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((_, declared @ 1..)) = header(rest) else {
            return false;
        };
        let values = rest.get(usize::from(HEADER)..).unwrap_or_default();
        let next = length(values, declared, counts_bytes || values.is_ascii())
            .and_then(|bytes| values.get(usize::from(bytes)..));
        let Some(next) = next else {
            return false;
        };
        rest = next;
    }
    !bytes.is_empty()
}

/// An id and a length.
#[inline(always)]
fn header(rest: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *rest.first_chunk::<{ HEADER as usize }>()?;
    let digit = |byte: u8| byte.wrapping_sub(b'0');
    let (a, b, c, d) = (digit(a), digit(b), digit(c), digit(d));
    if a > 9 || b > 9 || c > 9 || d > 9 {
        return None;
    }
    let two = |tens: u8, ones: u8| u16::from(tens * 10 + ones);
    Some((two(a, b), two(c, d)))
}

/// How many bytes a value of so many characters has.
#[inline(always)]
fn length(values: &[u8], characters: u16, is_ascii: bool) -> Option<u16> {
    if is_ascii {
        return (usize::from(characters) <= values.len()).then_some(characters);
    }
    text::length_of(values, usize::from(characters)).map(narrow)
}

/// How long a field's value is, in characters.
pub(super) fn characters(code: &Code<'_>, field: &Field) -> usize {
    if code.is_ascii {
        usize::from(field.end.saturating_sub(field.value))
    } else {
        text::count(code.value(field))
    }
}

/// Opens a value that may be a template; `false` where it is none.
pub(super) fn open_perhaps(code: &mut Code<'_>, index: FieldIndex) -> bool {
    let Some(field) = code.field(index).copied() else {
        return false;
    };
    fits(code.value(&field), false) && level(code, Some(index))
}

/// The path of a field.
pub(super) fn path(code: &Code<'_>, index: FieldIndex) -> Path {
    code.fields.path(Some(index))
}
