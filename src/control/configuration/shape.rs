//! The shape of a file against the table of keys: unknown keys, missing keys, wrong kinds, numbers
//! out of bounds, and what is not supported yet. Knows no key by name.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostics;
use super::keys::{self, Key, Kind, Presence};
use super::section::{element, field_number, number};

/// Notes every departure from the table of keys.
pub(super) fn check(document: &Spanned<DeTable<'_>>, diagnostics: &mut Diagnostics) {
    table(document.get_ref(), "", &(0..0), diagnostics);
}

fn table(table: &DeTable<'_>, path: &str, span: &Range<usize>, diagnostics: &mut Diagnostics) {
    for (name, given) in table {
        let known = keys::within(path).find(|key| key.name() == name.get_ref());
        match known {
            None => unknown(name.get_ref(), &name.span(), path, diagnostics),
            Some(key) if key.presence == Presence::NotYet => diagnostics.note(
                &name.span(),
                format!(
                    "`{}` is not supported yet: {}",
                    key.path,
                    lower(key.meaning)
                ),
                "remove the key; this version of the switch works without it",
            ),
            Some(key) => value(given, key, diagnostics),
        }
    }
    for key in keys::within(path) {
        if key.presence == Presence::Required && !table.contains_key(key.name()) {
            diagnostics.note(
                span,
                format!("`{}` is missing", key.path),
                format!("add it: {}", key.meaning),
            );
        }
    }
}

fn value(given: &Spanned<DeValue<'_>>, key: &Key, diagnostics: &mut Diagnostics) {
    let span = given.span();
    match (key.kind, given.get_ref()) {
        (Kind::Table, DeValue::Table(inner)) => table(inner, key.path, &span, diagnostics),
        (Kind::Tables, DeValue::Array(items)) => {
            if items.is_empty() {
                diagnostics.note(&span, format!("`{}` is empty", key.name()), key.meaning);
            }
            for item in items {
                match item.get_ref() {
                    DeValue::Table(inner) => table(inner, key.path, &item.span(), diagnostics),
                    other => wrong(other, &item.span(), key, diagnostics),
                }
            }
        }
        (Kind::FieldTable, DeValue::Table(fields)) => field_table(fields, key, diagnostics),
        (Kind::Texts | Kind::Wholes(..) | Kind::ManyDigits(..), DeValue::Array(items)) => {
            for item in items {
                scalar(
                    item.get_ref(),
                    &item.span(),
                    element(key.kind),
                    key,
                    diagnostics,
                );
            }
        }
        (kind, other) => scalar(other, &span, kind, key, diagnostics),
    }
}

fn field_table(fields: &DeTable<'_>, key: &Key, diagnostics: &mut Diagnostics) {
    let path = format!("{}[]", key.path);
    for (number, given) in fields {
        if field_number(number.get_ref()).is_none() {
            diagnostics.note(
                &number.span(),
                format!("`{}` is not the number of a data element", number.get_ref()),
                "use 2 to 64 or 66 to 128: the others are bitmaps",
            );
        }
        match given.get_ref() {
            DeValue::Table(inner) => table(inner, &path, &given.span(), diagnostics),
            other => wrong(other, &given.span(), key, diagnostics),
        }
    }
}

fn scalar(
    value: &DeValue<'_>,
    span: &Range<usize>,
    kind: Kind,
    key: &Key,
    diagnostics: &mut Diagnostics,
) {
    match (kind, value) {
        (Kind::Text, DeValue::String(_)) | (Kind::Flag, DeValue::Boolean(_)) | (Kind::Any, _) => {}
        (Kind::Word(words), DeValue::String(word)) => {
            if !words.contains(&word.as_ref()) {
                diagnostics.note(
                    span,
                    format!("`{}` cannot be \"{word}\"", key.path),
                    did_you_mean(word, words.iter().copied())
                        .unwrap_or_else(|| format!("use {}", takes(kind))),
                );
            }
        }
        (Kind::Whole(..) | Kind::Bytes(..) | Kind::Digits(..), _) => {
            if number(value, kind).is_none() {
                wrong(value, span, key, diagnostics);
            }
        }
        _ => wrong(value, span, key, diagnostics),
    }
}

fn wrong(value: &DeValue<'_>, span: &Range<usize>, key: &Key, diagnostics: &mut Diagnostics) {
    let problem = match (value, element(key.kind)) {
        (
            DeValue::Integer(integer),
            Kind::Whole(least, most) | Kind::Bytes(least, most) | Kind::Digits(least, most),
        ) => format!(
            "`{}` cannot be {integer}: it goes from {least} to {most}",
            key.path
        ),
        (DeValue::String(text), Kind::Bytes(..) | Kind::Digits(..)) => {
            format!("`{}` cannot be \"{text}\"", key.path)
        }
        (other, _) => format!("`{}` cannot be {}", key.path, article(other.type_str())),
    };
    diagnostics.note(span, problem, format!("use {}", takes(key.kind)));
}

fn unknown(name: &str, span: &Range<usize>, path: &str, diagnostics: &mut Diagnostics) {
    let here = || keys::within(path).map(Key::name);
    let elsewhere = keys::KEYS.iter().find(|key| key.name() == name);
    let remedy = did_you_mean(name, here())
        .or_else(|| {
            let (table, _) = elsewhere?.split();
            Some(format!("`{name}` belongs in {}", heading(table)))
        })
        .unwrap_or_else(|| format!("the keys of this table are {}", listed(here())));
    let place = if path.is_empty() {
        "at the top level".to_owned()
    } else {
        format!("in {}", heading(path))
    };
    diagnostics.note(span, format!("unknown key `{name}` {place}"), remedy);
}

/// `participants[].dialect` as it is written at the head of a table.
fn heading(path: &str) -> String {
    match path.strip_suffix("[]") {
        _ if path.is_empty() => "the top level, before the first table".to_owned(),
        Some(array) if !array.contains("[]") => format!("[[{array}]]"),
        Some(_) | None => format!(
            "[{}]",
            path.replace("fields[]", "fields.N").replace("[]", "")
        ),
    }
}

/// What a key takes, in words.
pub(super) fn takes(kind: Kind) -> String {
    match kind {
        Kind::Text => "a text in quotes".to_owned(),
        Kind::Word(words) => format!(
            "one of {}",
            listed(words.iter().copied()).replace('`', "\"")
        ),
        Kind::Whole(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Bytes(least, most) => {
            let (least, most) = (size(least), size(most));
            format!("a number of bytes or a text such as \"64 MiB\", from {least} to {most}")
        }
        Kind::Digits(least, most) => format!("a number from {least} to {most}"),
        Kind::Flag => "true or false".to_owned(),
        Kind::Texts => "a list of texts in quotes".to_owned(),
        Kind::Wholes(least, most) => format!("a list of whole numbers from {least} to {most}"),
        Kind::ManyDigits(least, most) => format!("a list of numbers from {least} to {most}"),
        Kind::Table => "a table".to_owned(),
        Kind::Tables => "an array of tables".to_owned(),
        Kind::FieldTable => "a table of tables, by field number".to_owned(),
        Kind::Any => "nothing".to_owned(),
    }
}

pub(super) fn listed(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// `did you mean ...?` where one of `names` is close enough to be a slip.
pub fn did_you_mean<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let allowed = (given.chars().count() / 3).min(3);
    names
        .map(|name| (distance(given, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

/// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let changed = rows[i][j] + usize::from(a != b);
            let mut least = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

/// A number of bytes with the largest unit that divides it.
pub(super) fn size(bytes: u64) -> String {
    ["TiB", "GiB", "MiB", "KiB"]
        .iter()
        .zip([40, 30, 20, 10])
        .find(|(_, shift)| bytes > 0 && bytes.is_multiple_of(1 << shift))
        .map_or_else(
            || bytes.to_string(),
            |(unit, shift)| format!("{} {unit}", bytes >> shift),
        )
}

fn article(kind: &str) -> String {
    match kind {
        "boolean" => "true or false".to_owned(),
        "integer" | "array" => format!("an {kind}"),
        other => format!("a {other}"),
    }
}

fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}
