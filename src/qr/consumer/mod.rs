//! EMV consumer-presented codes: base64 of BER-TLV.
//!
//! ```text
//! hQVDUFYwMWEa..  =  85 05 "CPV01" | 61 1A 4F 07 <AID> 57 0F <track 2> .. | 61 .. | 62 ..
//!                    indicator       one application, or several            what all of them share
//! ```
//!
//! Track 2, account numbers and cryptograms are in there: nothing here prints a byte.

mod base64;
mod tags;
mod tlv;

use super::field::{Field, FieldIndex, Id};
use super::finding::{Finding, Problem, Unit};
use super::owner::{By, Owner, Span, insert, narrow};
use super::rule::{Inside, Rule, rule_of};
use super::schemes::{APPLICATIONS, Scheme};
use super::text::CharKind;
use super::{Code, Path};
use crate::model::limits::EMV_CHARACTERS_MAX;

/// What every such code holds first.
const INDICATOR: &[u8] = b"CPV01";

/// Whether a payload is meant as such a code: base64 whose first byte is tag 85.
pub(super) fn begins(payload: &[u8]) -> bool {
    payload.starts_with(b"hQ")
}

/// Reads such a code.
pub(super) fn read(code: &mut Code<'_>) {
    if code.payload.len() > EMV_CHARACTERS_MAX {
        return code.too_long(code.payload.len(), EMV_CHARACTERS_MAX, Unit::Characters);
    }
    match base64::decode(code.payload) {
        Ok(decoded) => code.decoded = decoded,
        Err(base64::Breach::Character(place)) => {
            let found = CharKind::of(code.payload.get(place).copied());
            return code.fault(Path::default(), place, Problem::Base64 { found });
        }
        Err(base64::Breach::Cut) => {
            return code.fault(Path::default(), code.payload.len(), Problem::Base64Cut);
        }
    }
    let is_whole = tlv::level(code, 0..code.decoded.len(), None);
    open_templates(code);
    check(code, is_whole);
    find_owners(code);
}

/// Opens every template, and those in them.
fn open_templates(code: &mut Code<'_>) {
    let mut next = FieldIndex(0);
    while let Some(field) = code.field(next).copied() {
        let rule = rule_of_field(code, next);
        if rule.is_some_and(|rule| rule.inside != Inside::Plain) {
            let value = usize::from(field.value)..usize::from(field.end);
            tlv::level(code, value, Some(next));
        }
        next = FieldIndex(next.0 + 1);
    }
}

/// Every field against its rule, and what must be there; `is_whole`: all of the root was read.
fn check(code: &mut Code<'_>, is_whole: bool) {
    let indicator = Id::Tag(tags::FORMAT_INDICATOR);
    if let Some(first) = code.fields().first().copied() {
        let path = Path::default().join(first.id);
        if first.id != indicator {
            let problem = Problem::NotFirst {
                expected: indicator,
            };
            fault(code, path, first.start, problem);
        } else if code.value(&first) != INDICATOR {
            let problem = Problem::Value { expected: "CPV01" };
            fault(code, path, first.value, problem);
        }
    }
    let count = code.fields().len();
    for index in (0..).map(FieldIndex).take(count) {
        let Some(field) = code.field(index).copied() else {
            continue;
        };
        if let Some(rule) = rule_of_field(code, index) {
            against(code, index, &field, rule);
        }
        if field.parent.is_none() && field.id == Id::Tag(tags::TRANSPARENT) {
            let finding = found_at(code, code.path(index), field.start, Problem::TemplateAtRoot);
            code.warnings.push(finding);
        }
        let rules = rules_inside(code, index);
        for rule in rules.iter().filter(|rule| rule.is_mandatory) {
            require(code, Some(index), rule.first, field.value);
        }
    }
    let end = narrow(code.decoded.len());
    for rule in tags::ROOT
        .iter()
        .filter(|rule| is_whole && rule.is_mandatory)
    {
        require(code, None, rule.first, end);
    }
}

fn against(code: &mut Code<'_>, index: FieldIndex, field: &Field, rule: &'static Rule) {
    let found = field.end - field.value;
    if found < rule.least || found > rule.most {
        let (least, most, unit) = (rule.least, rule.most, Unit::Bytes);
        let problem = Problem::Length {
            found,
            least,
            most,
            unit,
        };
        fault(code, code.path(index), field.value, problem);
    } else if rule.inside == Inside::Plain
        && let Some((place, found)) = rule.format.breach(code.value(field))
    {
        let problem = Problem::Form {
            format: rule.format,
            found,
        };
        fault(code, code.path(index), field.value + narrow(place), problem);
    } else if matches!(field.id.number(), tags::TRACK_2 | tags::PAN)
        && let Some(problem) = unpacked(field.id.number(), code.value(field))
    {
        fault(code, code.path(index), field.value, problem);
    }
}

/// Packed digits: what is wrong with an account number or track 2.
fn unpacked(tag: u16, packed: &[u8]) -> Option<Problem> {
    let mut halves = packed
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .skip_while(|half| *half < 10);
    let expected = match (tag, halves.next()) {
        (tags::TRACK_2, Some(0x0d)) => None,
        (tags::TRACK_2, _) => Some("an account number, D, and its data"),
        (_, None) => None,
        (_, Some(0x0f)) if halves.all(|half| half == 0x0f) => None,
        (_, Some(_)) => Some("packed digits, padded with F"),
    };
    expected.map(|expected| Problem::Value { expected })
}

fn require(code: &mut Code<'_>, parent: Option<FieldIndex>, tag: u16, place: u16) {
    let id = Id::Tag(tag);
    if code.fields.child(parent, id).is_none() {
        let path = code.fields.path(parent).join(id);
        fault(code, path, place, Problem::Missing { id });
    }
}

/// Names the owner of each application.
fn find_owners(code: &mut Code<'_>) {
    let roots = code.fields.children(None).count();
    for index in (0..).map(FieldIndex).take(roots) {
        let Some((_, aid)) = code.fields.child(Some(index), Id::Tag(tags::AID)) else {
            continue;
        };
        let mark = Span {
            start: aid.value,
            end: aid.end,
        };
        let is_application =
            code.field(index).map(|field| field.id) == Some(Id::Tag(tags::APPLICATION));
        if !is_application || mark.start == mark.end {
            continue;
        }
        let bytes = mark.of(&code.decoded);
        let known = APPLICATIONS
            .iter()
            .zip(0_u8..)
            .filter(|(row, _)| bytes.starts_with(row.aid))
            .max_by_key(|(row, _)| row.aid.len());
        let owner = Owner {
            scheme: known.map_or(Scheme::Other, |(row, _)| row.scheme),
            by: By::Aid,
            field: Some(index),
            row: None,
            mark,
            institution: issuer(code, index),
            // The payer's own order of applications counts, not that of a table.
            rank: 0,
        };
        insert(&mut code.owners, owner);
    }
    let is_known = |owner: &Owner| owner.scheme != Scheme::Other;
    if let Some(first) = code.owners.first().copied()
        && !code.owners.iter().any(is_known)
    {
        let path = code.fields.path(first.field).join(Id::Tag(tags::AID));
        let finding = found_at(code, path, first.mark.start, Problem::UnknownScheme);
        code.warnings.push(finding);
    }
}

/// The first eight digits of the account number or of track 2, packed in four bytes: who issued it.
fn issuer(code: &Code<'_>, application: FieldIndex) -> Span {
    let of = |tag: u16| code.fields.child(Some(application), Id::Tag(tag));
    let Some((_, field)) = of(tags::PAN).or_else(|| of(tags::TRACK_2)) else {
        return Span::default();
    };
    let value = usize::from(field.value);
    let digits = code
        .decoded
        .get(value..value + ISSUER_BYTES)
        .unwrap_or_default();
    let are_digits = digits.iter().all(|byte| byte >> 4 < 10 && byte & 0x0f < 10);
    // An account number has at least as many digits again.
    let is_long = field.end - field.value >= 2 * narrow(ISSUER_BYTES) - 1;
    if are_digits && is_long {
        Span::new(value, value + ISSUER_BYTES)
    } else {
        Span::default()
    }
}

/// Eight digits, ISO/IEC 7812-1.
const ISSUER_BYTES: usize = 4;

/// What the table knows of a field.
pub(super) fn rule_of_field(code: &Code<'_>, index: FieldIndex) -> Option<&'static Rule> {
    let field = code.field(index)?;
    let rules = match field.parent {
        None => tags::ROOT,
        Some(parent) => rules_inside(code, parent),
    };
    rule_of(rules, field.id.number())
}

fn rules_inside(code: &Code<'_>, template: FieldIndex) -> &'static [Rule] {
    match rule_of_field(code, template).map(|rule| rule.inside) {
        Some(Inside::Template(rules)) => rules,
        Some(Inside::Plain | Inside::Perhaps(_)) | None => &[],
    }
}

/// Something is wrong at a byte of what the base64 holds.
fn fault(code: &mut Code<'_>, path: Path, byte: u16, problem: Problem) {
    let finding = found_at(code, path, byte, problem);
    code.faults.push(finding);
}

fn found_at(code: &Code<'_>, path: Path, byte: u16, problem: Problem) -> Finding {
    let place = base64::character_of(usize::from(byte));
    let mut finding = code.finding(path, place, problem);
    finding.decoded_byte = Some(byte);
    finding
}
