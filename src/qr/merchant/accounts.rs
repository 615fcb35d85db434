//! Whose account: every merchant account of a code against the table of schemes.

use super::root::{ACCOUNTS, COUNTRY};
use super::{grammar, kind_at};
use crate::qr::Code;
use crate::qr::field::{Field, FieldIndex, Id};
use crate::qr::finding::Problem;
use crate::qr::owner::{By, Owner, Span, insert};
use crate::qr::rule::Inside;
use crate::qr::schemes::{Institution, Mark, Row, Scheme, TABLE};
use crate::qr::text;

/// Names the owner of each account.
pub(super) fn find(code: &mut Code<'_>) {
    let roots = code.fields.children(None).count();
    let mut is_known = false;
    for index in (0..).map(FieldIndex).take(roots) {
        let Some(field) = code.field(index).copied() else {
            continue;
        };
        let id = field.id.number();
        if id < ACCOUNTS.0 || id > ACCOUNTS.1 {
            continue;
        }
        let owner = owner_of(code, index, &field);
        is_known |= owner.row.is_some();
        insert(&mut code.owners, owner);
        if let Some(row) = owner.row
            && !row.is_at(id)
        {
            let (first, last) = row.places;
            let problem = Problem::Misplaced { first, last };
            code.warn(
                grammar::path(code, index),
                usize::from(field.start),
                problem,
                None,
            );
        }
    }
    if let (false, Some(owner)) = (is_known, code.owners.first().copied()) {
        let path = code.fields.path(owner.field);
        let place = usize::from(owner.mark.start);
        code.warn(path, place, Problem::UnknownScheme, None);
    }
}

fn owner_of(code: &Code<'_>, index: FieldIndex, field: &Field) -> Owner {
    let id = field.id.number();
    let identifier = code
        .fields
        .child(Some(index), Id::Object(0))
        .map(|(_, found)| *found);
    let (by, mark) = match identifier {
        Some(found) => (By::Guid, span(&found)),
        None => (
            By::Network,
            Span {
                start: field.start,
                end: field.start.saturating_add(2),
            },
        ),
    };
    let known = match by {
        By::Guid => by_identifier(code, id, mark.of(code.payload)),
        By::Network | By::Aid | By::Host | By::Prefix => by_field(code, id),
    };
    Owner {
        scheme: known.map_or(Scheme::Other, |(_, row)| row.scheme),
        by,
        field: Some(index),
        row: known.map(|(_, row)| row),
        mark,
        institution: known.map_or(Span::default(), |(_, row)| {
            institution(code, index, field, row)
        }),
        rank: known.map_or(u8::MAX, |(rank, _)| rank),
    }
}

/// The row whose identifier it is. A scheme may put the same identifier in several fields, and mean
/// another thing in each: the row of this field comes before the first.
fn by_identifier(code: &Code<'_>, id: u16, guid: &[u8]) -> Option<(u8, &'static Row)> {
    let key = key_of(guid);
    let fits = |row: &Row| {
        let is_placed = row.mark != Mark::AccountAtBank || row.is_at(id);
        is_placed && row.mark.is_of(guid) && is_in(code, row)
    };
    let may_fit = |known: u16| known == key || known == LOOK_CLOSELY;
    let first = (0_u8..)
        .zip(&KEYS)
        .filter(|(_, known)| may_fit(**known))
        .filter_map(|(rank, _)| Some((rank, TABLE.get(usize::from(rank))?)))
        .find(|(_, row)| fits(row))?;
    if first.1.is_at(id) {
        return Some(first);
    }
    let is_same = |(_, row): &(u8, &Row)| row.mark == first.1.mark && row.is_at(id);
    let other = (0_u8..).zip(TABLE).find(is_same);
    Some(other.unwrap_or(first))
}

/// The row of a field that EMVCo has given to a network.
fn by_field(code: &Code<'_>, id: u16) -> Option<(u8, &'static Row)> {
    let is_network = |row: &Row| row.mark == Mark::Network && row.is_at(id) && is_in(code, row);
    (0_u8..).zip(TABLE).find(|(_, row)| is_network(row))
}

/// What most identifiers differ in: length and first character, one number for each row.
static KEYS: [u16; TABLE.len()] = keys();
/// The key of a row that has no such number.
const LOOK_CLOSELY: u16 = u16::MAX;
/// The key of a row without an identifier.
const NO_IDENTIFIER: u16 = u16::MAX - 1;

const fn key_of(guid: &[u8]) -> u16 {
    // A length has two digits, and so one byte.
    let [length, ..] = guid.len().to_le_bytes();
    match guid.first() {
        Some(first) => u16::from_be_bytes([length, first.to_ascii_lowercase()]),
        None => 0,
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which would refuse it"
)]
const fn keys() -> [u16; TABLE.len()] {
    let mut keys = [LOOK_CLOSELY; TABLE.len()];
    let mut row = 0;
    while row < TABLE.len() {
        keys[row] = match TABLE[row].mark {
            Mark::Guid(guid) => key_of(guid.as_bytes()),
            Mark::GuidStarts(_) | Mark::GuidEnds(_) | Mark::AccountAtBank => LOOK_CLOSELY,
            Mark::Network => NO_IDENTIFIER,
        };
        row += 1;
    }
    keys
}

fn is_in(code: &Code<'_>, row: &Row) -> bool {
    row.only_in
        .is_none_or(|country| code.object(COUNTRY) == Some(country.as_bytes()))
}

fn span(field: &Field) -> Span {
    Span {
        start: field.value,
        end: field.end,
    }
}

/// Where the institution stands; empty where it does not.
fn institution(code: &Code<'_>, index: FieldIndex, field: &Field, row: &Row) -> Span {
    let inner = |id: u16| {
        code.fields
            .child(Some(index), Id::Object(id))
            .map(|(_, inner)| span(inner))
    };
    let first = |span: Span, characters: usize| {
        let bytes = text::length_of(span.of(code.payload), characters)?;
        let start = usize::from(span.start);
        Some(Span::new(start, start + bytes))
    };
    let found = match row.institution {
        // What is nested is read later.
        Institution::Absent | Institution::Nested(..) => None,
        Institution::Value(characters) => first(span(field), characters),
        Institution::Field(id, characters) => {
            inner(id).and_then(|span| first(span, characters).or(Some(span)))
        }
        Institution::AfterAt(id) => inner(id).and_then(|span| {
            let at = span
                .of(code.payload)
                .iter()
                .rposition(|byte| *byte == b'@')?;
            Some(Span::new(
                usize::from(span.start) + at + 1,
                usize::from(span.end),
            ))
        }),
    };
    found.unwrap_or_default()
}

/// Opens the templates inside of accounts, which only the scheme's row knows.
pub(super) fn open_nested(code: &mut Code<'_>) {
    for place in 0..code.owners.len() {
        let Some(owner) = code.owners.get(place).copied() else {
            return;
        };
        let (Some(account), Some(row)) = (owner.field, owner.row) else {
            continue;
        };
        for rule in row
            .fields
            .iter()
            .filter(|rule| matches!(rule.inside, Inside::Template(_)))
        {
            let inner = code.fields.child(Some(account), Id::Object(rule.first));
            let Some(index) = inner.map(|(index, _)| index) else {
                continue;
            };
            grammar::level(code, Some(index));
            let Institution::Nested(outer, id) = row.institution else {
                continue;
            };
            if outer != rule.first {
                continue;
            }
            if let Some((_, found)) = code.fields.child(Some(index), Id::Object(id)) {
                let institution = span(found);
                if let Some(owner) = code.owners.get_mut(place) {
                    owner.institution = institution;
                }
            }
        }
    }
}

/// Parts of accounts that are no templates.
pub(super) fn check_parts(code: &mut Code<'_>) {
    for place in 0..code.owners.len() {
        let Some(owner) = code.owners.get(place).copied() else {
            return;
        };
        let Some((index, row)) = owner.field.zip(owner.row) else {
            continue;
        };
        let Some(field) = code.field(index).copied() else {
            continue;
        };
        let mut at = usize::from(field.value);
        for part in row.split {
            let value = code
                .payload
                .get(at..usize::from(field.end))
                .unwrap_or_default();
            let Some(bytes) = text::length_of(value, part.characters) else {
                break;
            };
            let value = value.get(..bytes).unwrap_or_default();
            if let Some((offset, _)) = part.format.breach(value) {
                let found = kind_at(code, at + offset);
                let problem = Problem::Form {
                    format: part.format,
                    found,
                };
                code.fault(grammar::path(code, index), at + offset, problem);
            }
            at += bytes;
        }
    }
}
