//! EMV merchant-presented codes: fields, checksum, whose account, and what is wrong.
//!
//! In this order, because each step needs the one before: the grammar of the root and of its
//! templates, the owners, the templates that only an owner's row explains, the rules of each
//! field, what must be there, the checksum. Whether a breach is a fault or a warning, the owners'
//! rows say.

mod accounts;
mod grammar;
mod root;
mod rules;

use super::field::{FieldIndex, Id};
use super::finding::{Problem, Unit};
use super::rule::{Inside, Rule, rule_of};
use super::text::CharKind;
use super::{Code, Initiation, Kind, Path, crc, text};
use crate::model::limits::EMV_CHARACTERS_MAX;

pub(super) use root::{AMOUNT, CATEGORY, CITY, COUNTRY, CURRENCY, NAME};

/// Whether a payload can only be meant as such a code: it begins with field 00 of two characters,
/// or it ends with a checksum and is not a number.
pub(super) fn begins(payload: &[u8]) -> bool {
    if payload.starts_with(b"0002") {
        return true;
    }
    let has_header = payload
        .first_chunk::<4>()
        .is_some_and(|header| header.iter().all(u8::is_ascii_digit));
    has_header && ends_with_checksum(payload) && !payload.iter().all(u8::is_ascii_digit)
}

/// Reads such a code.
pub(super) fn read(code: &mut Code<'_>) {
    let characters = code.character(code.payload.len());
    if characters > EMV_CHARACTERS_MAX {
        let at = text::length_of(code.payload, EMV_CHARACTERS_MAX).unwrap_or_default();
        let found = u32::try_from(characters).unwrap_or(u32::MAX);
        let most = super::narrow(EMV_CHARACTERS_MAX);
        let unit = Unit::Characters;
        return code.fault(Path::default(), at, Problem::TooLong { found, most, unit });
    }
    let is_whole = grammar::level(code, None);
    open_templates(code);
    accounts::find(code);
    accounts::open_nested(code);
    if code.object(root::INITIATION) == Some(b"12") {
        code.kind = Kind::Merchant(Initiation::Dynamic);
    }
    rules::check(code, is_whole);
    checksum(code);
}

/// Opens what is a template for everybody.
fn open_templates(code: &mut Code<'_>) {
    let roots = code.fields.next();
    for index in (0..roots.0).map(FieldIndex) {
        let Some(rule) = rule_of_root(code, index) else {
            continue;
        };
        match rule.inside {
            Inside::Plain => {}
            Inside::Template(_) => {
                grammar::level(code, Some(index));
            }
            Inside::Perhaps(_) => {
                if !grammar::open_perhaps(code, index) && rule.first > root::CHECKSUM {
                    not_a_template(code, index);
                }
            }
        }
    }
    // Of EMVCo's own templates only 62 has templates inside.
    let Some((additional, _)) = code.fields.child(None, Id::Object(62)) else {
        return;
    };
    let (first, count) = code.fields.places_of_children(Some(additional));
    for index in (first..).map(FieldIndex).take(count) {
        let rule = rule_of_field(code, index);
        if rule.is_some_and(|rule| matches!(rule.inside, Inside::Perhaps(_)))
            && !grammar::open_perhaps(code, index)
        {
            not_a_template(code, index);
        }
    }
}

/// What is anybody's to fill and is no template harms nobody.
fn not_a_template(code: &mut Code<'_>, index: FieldIndex) {
    let Some(value) = code.field(index).map(|field| usize::from(field.value)) else {
        return;
    };
    let path = grammar::path(code, index);
    code.warn(path, value, Problem::NoTemplate, None);
}

/// The checksum is the last field, and covers everything before its value. Where the fields before
/// it are broken it is looked for at the end, to tell a damaged code from one that is badly made.
fn checksum(code: &mut Code<'_>) {
    let payload = code.payload;
    let path = Path::default().join(Id::Object(root::CHECKSUM));
    let field = code.fields.child(None, Id::Object(root::CHECKSUM));
    let (value, end) = match field {
        Some((_, field)) => (usize::from(field.value), usize::from(field.end)),
        None if ends_with_checksum(payload) => (payload.len() - 4, payload.len()),
        None => return,
    };
    let left = payload.get(end..).unwrap_or_default();
    if !left.is_empty() {
        let left = super::narrow(text::count(left));
        code.fault(path, end, Problem::NotLast { left });
    }
    let digits = payload.get(value..end).unwrap_or_default();
    let Some(found) = hexadecimal(digits) else {
        return;
    };
    let expected = crc::crc16(payload.get(..value).unwrap_or_default());
    if found != expected {
        code.fault(path, value, Problem::Checksum { found, expected });
    } else if let Some(lower) = digits.iter().position(u8::is_ascii_lowercase) {
        code.warn(path, value + lower, Problem::ChecksumLowerCase, None);
    }
}

/// Whether the last eight bytes are field 63.
fn ends_with_checksum(payload: &[u8]) -> bool {
    payload
        .last_chunk::<8>()
        .is_some_and(|[id @ .., a, b, c, d]| {
            id == b"6304" && [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit())
        })
}

/// Four hexadecimal digits; whatever else is there, the rule of the field names.
fn hexadecimal(digits: &[u8]) -> Option<u16> {
    let digits: &[u8; 4] = digits.try_into().ok()?;
    digits.iter().try_fold(0, |number: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u16::try_from(digit).ok()?)
    })
}

fn rule_of_root(code: &Code<'_>, index: FieldIndex) -> Option<&'static Rule> {
    root::root_rule(code.field(index)?.id.number())
}

/// What the tables know of a field: of the root's, of an owner's account, of a template's.
pub(super) fn rule_of_field(code: &Code<'_>, index: FieldIndex) -> Option<&'static Rule> {
    let field = code.field(index)?;
    match field.parent {
        None => root::root_rule(field.id.number()),
        Some(parent) => rule_of(rules_inside(code, parent), field.id.number()),
    }
}

/// The rules of what is inside of a template.
fn rules_inside(code: &Code<'_>, template: FieldIndex) -> &'static [Rule] {
    let owner = code
        .owners
        .iter()
        .find(|owner| owner.field == Some(template));
    if let Some(row) = owner.and_then(|owner| owner.row) {
        return row.fields;
    }
    match rule_of_field(code, template).map(|rule| rule.inside) {
        Some(Inside::Template(rules) | Inside::Perhaps(rules)) => rules,
        Some(Inside::Plain) | None => &[],
    }
}

/// Whether a field is a part of a merchant account.
pub(super) fn is_of_account(code: &Code<'_>, index: FieldIndex) -> bool {
    let outermost = code.path(index).ids().next().map(Id::number);
    outermost.is_some_and(|id| root::ACCOUNTS.0 <= id && id <= root::ACCOUNTS.1)
}

/// What stands at a byte, in kind.
fn kind_at(code: &Code<'_>, byte: usize) -> CharKind {
    CharKind::of(code.payload.get(byte).copied())
}
