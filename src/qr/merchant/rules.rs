//! Every field against its rule; what must be there, what must not; and who tolerates a breach.

use super::accounts;
use super::grammar;
use super::root::{
    ACCOUNTS, COUNTRY, CURRENCY, FORMAT_INDICATOR, INITIATION, MANDATORY, TIP, TIP_FIXED,
    TIP_PERCENTAGE, root_rule,
};
use super::rules_inside;
use crate::qr::field::{Field, FieldIndex, Id};
use crate::qr::finding::{Problem, Unit};
use crate::qr::format::Format;
use crate::qr::owner::{Owner, narrow};
use crate::qr::rule::{Inside, Rule, rule_of};
use crate::qr::schemes::{EVERY_SCHEME, Leniency, Scheme};
use crate::qr::text::CharKind;
use crate::qr::{Code, Path};

/// Checks all of it; `is_whole`: all of the root's fields were read, so that one that was not found
/// is not there.
pub(super) fn check(code: &mut Code<'_>, is_whole: bool) {
    first(code);
    let (first, count) = code.fields.places_of_children(None);
    for index in (first..).map(FieldIndex).take(count) {
        let Some(field) = code.field(index).copied() else {
            continue;
        };
        if let Some(rule) = root_rule(field.id.number()) {
            against(code, index, &field, rule);
        }
        if field.is_template() {
            template(code, index, &field, rules_inside(code, index));
        }
    }
    values(code);
    if is_whole {
        mandatory(code);
        tips(code);
    }
    accounts::check_parts(code);
    scheme_values(code);
}

/// 00 comes first.
fn first(code: &mut Code<'_>) {
    let Some(first) = code.fields().first().copied() else {
        return;
    };
    let expected = Id::Object(FORMAT_INDICATOR);
    if first.id != expected {
        let path = Path::default().join(first.id);
        code.fault(
            path,
            usize::from(first.start),
            Problem::NotFirst { expected },
        );
    }
}

/// Length and characters of one field. What most fields are, of the right length and of digits or
/// of any characters, is seen at a glance.
#[inline(always)]
fn against(code: &mut Code<'_>, index: FieldIndex, field: &Field, rule: &'static Rule) {
    let length = field.end.saturating_sub(field.value);
    let is_long_enough = rule.least <= length && length <= rule.most;
    let is_formed = || match (rule.inside, rule.format) {
        (Inside::Template(_) | Inside::Perhaps(_), _) => true,
        (Inside::Plain, Format::Digits) => code.value(field).iter().all(u8::is_ascii_digit),
        (Inside::Plain, format) => {
            code.is_printable && matches!(format, Format::Printable | Format::Text)
        }
    };
    if !(code.is_ascii && is_long_enough && is_formed()) {
        closely(code, index, field, rule);
    }
}

/// The same for a field that may be wrong.
fn closely(code: &mut Code<'_>, index: FieldIndex, field: &Field, rule: &'static Rule) {
    let found = narrow(grammar::characters(code, field));
    // A length of zero is named already.
    if found > 0 && (found < rule.least || found > rule.most) {
        let (least, most, unit) = (rule.least, rule.most, Unit::Characters);
        let problem = Problem::Length {
            found,
            least,
            most,
            unit,
        };
        judge(
            code,
            grammar::path(code, index),
            usize::from(field.start) + 2,
            problem,
        );
    }
    let is_any = matches!(rule.format, Format::Printable | Format::Text);
    if rule.inside != Inside::Plain || (is_any && code.is_printable) || found == 0 {
        return;
    }
    if let Some((place, found)) = rule.format.breach(code.value(field)) {
        let problem = Problem::Form {
            format: rule.format,
            found,
        };
        judge(
            code,
            grammar::path(code, index),
            usize::from(field.value) + place,
            problem,
        );
    }
}

/// Each field of a template, what must be there, and the templates in it.
fn template(code: &mut Code<'_>, index: FieldIndex, field: &Field, rules: &'static [Rule]) {
    let (first, count) = code.fields.places_of_children(Some(index));
    for child in (first..).map(FieldIndex).take(count) {
        let Some(inner) = code.field(child).copied() else {
            continue;
        };
        let rule = rule_of(rules, inner.id.number());
        if let Some(rule) = rule {
            against(code, child, &inner, rule);
        }
        // No deeper than a template in a template in a template.
        if inner.is_template() {
            template(code, child, &inner, rules_inside(code, child));
        }
    }
    let place = usize::from(field.value);
    for rule in rules.iter().filter(|rule| rule.is_mandatory) {
        if code
            .fields
            .child(Some(index), Id::Object(rule.first))
            .is_none()
        {
            missing(code, Some(index), rule.first, place);
        }
    }
    let is_account = field.parent.is_none() && (26..=ACCOUNTS.1).contains(&field.id.number());
    let has_identifier = code.fields.child(Some(index), Id::Object(0)).is_some();
    if is_account && !has_identifier && rule_of(rules, 0).is_none() {
        missing(code, Some(index), 0, place);
    }
}

#[cold]
fn missing(code: &mut Code<'_>, parent: Option<FieldIndex>, id: u16, place: usize) {
    let id = Id::Object(id);
    let path = code.fields.path(parent).join(id);
    judge(code, path, place, Problem::Missing { id });
}

/// A root field must be there.
fn require(code: &mut Code<'_>, id: u16) {
    if code.fields.child(None, Id::Object(id)).is_none() {
        missing(code, None, id, code.payload.len());
    }
}

/// Root fields with few values.
fn values(code: &mut Code<'_>) {
    let expect = |code: &mut Code<'_>, id: u16, good: &[&[u8]], expected: &'static str| {
        let Some((_, field)) = code.fields.child(None, Id::Object(id)) else {
            return;
        };
        let (place, value) = (usize::from(field.value), code.value(field));
        if good.contains(&value) {
            return;
        }
        let path = Path::default().join(Id::Object(id));
        if id == INITIATION {
            // Other values are reserved, and what is reserved is ignored.
            code.warn(path, place, Problem::Value { expected }, None);
        } else {
            judge(code, path, place, Problem::Value { expected });
        }
    };
    expect(code, FORMAT_INDICATOR, &[b"01"], "01");
    expect(
        code,
        INITIATION,
        &[b"11", b"12"],
        "11 (static) or 12 (dynamic)",
    );
    expect(
        code,
        TIP,
        &[b"01", b"02", b"03"],
        "01 (asked for), 02 (fixed) or 03 (percentage)",
    );
}

/// Root fields that must be there, and an account.
fn mandatory(code: &mut Code<'_>) {
    for id in MANDATORY {
        require(code, id);
    }
    if code.owners.is_empty() {
        code.fault(Path::default(), code.payload.len(), Problem::NoAccount);
    }
}

/// A fixed fee stands beside 55 = 02, a percentage beside 55 = 03, and never without.
fn tips(code: &mut Code<'_>) {
    let tip = code.object(TIP);
    let (is_fixed, is_percentage) = (tip == Some(b"02"), tip == Some(b"03"));
    let of = |id: u16, is_wanted: bool, because: &'static str, code: &mut Code<'_>| {
        let found = code.fields.child(None, Id::Object(id));
        match found.map(|(_, field)| usize::from(field.start)) {
            Some(place) if !is_wanted => {
                let path = Path::default().join(Id::Object(id));
                judge(code, path, place, Problem::Unwanted { because });
            }
            None if is_wanted => require(code, id),
            Some(_) | None => {}
        }
    };
    of(
        TIP_FIXED,
        is_fixed,
        "a fixed fee only where field 55 is 02",
        code,
    );
    of(
        TIP_PERCENTAGE,
        is_percentage,
        "a percentage only where field 55 is 03",
        code,
    );
}

/// Country and currency are the scheme's: where they are not, the code may still be good.
fn scheme_values(code: &mut Code<'_>) {
    let Some(row) = code.owners.first().and_then(|owner| owner.row) else {
        return;
    };
    if let (Some(expected), Some(found)) =
        (row.country, code.fields.child(None, Id::Object(COUNTRY)))
        && !code
            .value(found.1)
            .eq_ignore_ascii_case(expected.as_bytes())
    {
        let place = usize::from(found.1.value);
        let path = Path::default().join(Id::Object(COUNTRY));
        code.warn(path, place, Problem::Country { expected }, None);
    }
    if let (Some(currency), Some(expected)) = (code.currency(), row.currencies.first().copied())
        && !row.currencies.contains(&currency.numeric())
    {
        let found = code.fields.child(None, Id::Object(CURRENCY));
        let place = found.map_or(0, |(_, field)| usize::from(field.value));
        let path = Path::default().join(Id::Object(CURRENCY));
        code.warn(path, place, Problem::Currency { expected }, None);
    }
}

/// A fault, or a warning where the row of an owner or the list for every scheme says so.
#[cold]
fn judge(code: &mut Code<'_>, path: Path, place: usize, problem: Problem) {
    match tolerated(code, path, problem) {
        Some(by) => code.warn(path, place, problem, by),
        None => code.fault(path, place, problem),
    }
}

/// Whose row tolerates it: `Some(None)` where every scheme's codes may.
fn tolerated(code: &Code<'_>, path: Path, problem: Problem) -> Option<Option<Scheme>> {
    let allows = |leniency: &Leniency| is_allowed(code, *leniency, path, problem);
    if EVERY_SCHEME.iter().any(allows) {
        return Some(None);
    }
    let tolerates = |owner: &&Owner| {
        let is_own = code.fields.path(owner.field).ids().next() == path.ids().next();
        let is_long = |leniency: &Leniency| is_own && is_long_identifier(*leniency, path, problem);
        let lenient = owner.row.map_or(&[][..], |row| row.lenient);
        lenient
            .iter()
            .any(|leniency| allows(leniency) || is_long(leniency))
    };
    let owner = code.owners.iter().find(tolerates)?;
    Some(Some(owner.scheme))
}

fn is_long_identifier(leniency: Leniency, path: Path, problem: Problem) -> bool {
    let is_identifier = path.ids().skip(1).map(Id::number).eq([0]);
    match (leniency, problem) {
        (Leniency::LongIdentifier(most), Problem::Length { found, .. }) => {
            is_identifier && found <= most
        }
        _ => false,
    }
}

fn is_allowed(code: &Code<'_>, leniency: Leniency, path: Path, problem: Problem) -> bool {
    let is_at = |ids: &[u16]| path.ids().map(Id::number).eq(ids.iter().copied());
    match (leniency, problem) {
        (Leniency::Omits(id), Problem::Missing { .. }) => is_at(&[id]),
        (Leniency::FormatIndicator(value), Problem::Value { .. }) => {
            is_at(&[FORMAT_INDICATOR]) && code.object(FORMAT_INDICATOR) == Some(value.as_bytes())
        }
        (
            Leniency::Longer {
                template,
                field,
                most,
            },
            Problem::Length { found, .. },
        ) => is_at(&[template, field]) && found <= most,
        (Leniency::Foreign(id), Problem::Form { found, .. }) => {
            is_at(&[id]) && found == CharKind::Foreign
        }
        (Leniency::AnyForm { template, field }, Problem::Form { .. }) => is_at(&[template, field]),
        (
            Leniency::Omits(_)
            | Leniency::FormatIndicator(_)
            | Leniency::Longer { .. }
            | Leniency::LongIdentifier(_)
            | Leniency::Foreign(_)
            | Leniency::AnyForm { .. },
            _,
        ) => false,
    }
}
