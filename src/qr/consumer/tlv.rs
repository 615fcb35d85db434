//! BER-TLV (ISO/IEC 8825-1) as EMV uses it: tags of one or two bytes, definite lengths.

use core::ops::Range;

use super::tags::APPLICATION;
use super::{fault, found_at};
use crate::qr::Code;
use crate::qr::field::{Field, FieldIndex, Id};
use crate::qr::finding::Problem;
use crate::qr::owner::narrow;

/// A tag and a length that were read.
struct Header {
    tag: u16,
    /// Bytes of tag and length together.
    bytes: usize,
    length: usize,
    /// Whether the length could have been written in fewer bytes.
    is_longer: bool,
}

/// Reads the fields of a template, or of the code itself, stops where that is broken, and says so.
pub(super) fn level(code: &mut Code<'_>, within: Range<usize>, parent: Option<FieldIndex>) -> bool {
    let path = code.fields.path(parent);
    let first = code.fields.next();
    let mut at = within.start;
    while at < within.end {
        let rest = code.decoded.get(at..within.end).unwrap_or_default();
        let header = match header(rest) {
            Ok(header) => header,
            Err((place, problem)) => {
                fault(code, path, narrow(at + place), problem);
                break;
            }
        };
        let id = Id::Tag(header.tag);
        let own = path.join(id);
        let value = at + header.bytes;
        let left = within.end.saturating_sub(value);
        if header.length > left {
            let problem = Problem::ValueCut {
                declared: narrow(header.length),
                left: narrow(left),
                counts_bytes: false,
            };
            fault(code, own, narrow(at), problem);
            break;
        }
        if header.is_longer {
            let finding = found_at(code, own, narrow(at), Problem::LengthNotShortest);
            code.warnings.push(finding);
        }
        // Several applications may be offered; nothing else comes twice.
        let may_repeat = parent.is_none() && header.tag == APPLICATION;
        let earlier = code
            .fields
            .all()
            .iter()
            .find(|field| field.parent == parent && field.id == id);
        if let (Some(earlier), false) = (earlier, may_repeat) {
            let first_character = earlier.character;
            fault(code, own, narrow(at), Problem::Twice { first_character });
        }
        let end = value + header.length;
        let character = narrow(super::base64::character_of(at));
        let places = (narrow(at), narrow(value), narrow(end));
        code.fields.push(Field::new(id, parent, places, character));
        at = end;
    }
    if let Some(parent) = parent {
        code.fields.adopt(parent, first);
    }
    at == within.end
}

fn header(rest: &[u8]) -> Result<Header, (usize, Problem)> {
    let (tag, after_tag) = tag(rest)?;
    let left = narrow(rest.len());
    let cut = (rest.len(), Problem::HeaderCut { left });
    let form = *rest.get(after_tag).ok_or(cut)?;
    let (length, length_bytes, least) = match form {
        0..=0x7f => (usize::from(form), 1, 0),
        0x81 => (usize::from(*rest.get(after_tag + 1).ok_or(cut)?), 2, 0x80),
        0x82 => {
            let bytes = rest
                .get(after_tag + 1..)
                .and_then(<[u8]>::first_chunk::<2>)
                .ok_or(cut)?;
            (usize::from(u16::from_be_bytes(*bytes)), 3, 0x100)
        }
        // Indefinite, or more than 65,535 bytes.
        0x80 | 0x83.. => return Err((after_tag, Problem::LengthForm)),
    };
    let is_longer = length < least;
    Ok(Header {
        tag,
        bytes: after_tag + length_bytes,
        length,
        is_longer,
    })
}

/// A tag and how many bytes it has.
fn tag(rest: &[u8]) -> Result<(u16, usize), (usize, Problem)> {
    let cut = (
        rest.len(),
        Problem::HeaderCut {
            left: narrow(rest.len()),
        },
    );
    let first = *rest.first().ok_or(cut)?;
    match first {
        0x00 | 0xff => Err((0, Problem::Tag)),
        _ if first & 0x1f != 0x1f => Ok((u16::from(first), 1)),
        _ => match *rest.get(1).ok_or(cut)? {
            second @ 0..=0x7f => Ok((u16::from_be_bytes([first, second]), 2)),
            0x80.. => Err((1, Problem::Tag)),
        },
    }
}
