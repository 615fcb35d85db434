//! One table of a profile's file: values by key, each with its place; what nobody asked for is an
//! unknown key.

use std::ops::Range;

use cpg_switch::control::configuration::{Diagnostics, did_you_mean};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    /// What.
    pub(super) value: T,
    /// Where, in bytes of the file.
    pub(super) span: Range<usize>,
}

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Section<'t> {
    table: &'t DeTable<'t>,
    /// As people write it, such as `[[phases]]`.
    heading: &'static str,
    /// Of the table.
    pub(super) span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// The whole document.
    pub(super) const fn root(table: &'t DeTable<'t>) -> Self {
        Self {
            table,
            heading: "at the top level",
            span: 0..0,
            asked: Vec::new(),
        }
    }

    /// A text; `None` where there is none, or something else, which is noted.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Found<String>> {
        let given = self.given(key)?;
        match given.get_ref() {
            DeValue::String(text) => Some(found(given, text.clone().into_owned())),
            _ => {
                wrong(given, key, "a text in quotes", diagnostics);
                None
            }
        }
    }

    /// One of `words`.
    pub(super) fn word(
        &mut self,
        key: &'static str,
        words: &[&'static str],
        diagnostics: &mut Diagnostics,
    ) -> Option<Found<&'static str>> {
        let text = self.text(key, diagnostics)?;
        let word = words.iter().find(|word| **word == text.value);
        if word.is_none() {
            let remedy = did_you_mean(&text.value, words.iter().copied())
                .unwrap_or_else(|| format!("use one of \"{}\"", words.join("\", \"")));
            let problem = format!("`{key}` cannot be \"{}\"", text.value);
            diagnostics.note(&text.span, problem, remedy);
        }
        word.map(|word| Found {
            value: *word,
            span: text.span,
        })
    }

    /// A number with at most `places` decimals, in units of the last of them.
    pub(super) fn decimal(
        &mut self,
        key: &'static str,
        places: u32,
        (least, most): (u64, u64),
        diagnostics: &mut Diagnostics,
    ) -> Option<Found<u64>> {
        let given = self.given(key)?;
        let text = match given.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => "",
        };
        let value = decimal(text, places).filter(|value| (least..=most).contains(value));
        if value.is_none() {
            let takes = format!(
                "a number from {} to {}{}",
                shown(least, places),
                shown(most, places),
                if places == 0 {
                    ""
                } else {
                    ", decimals allowed"
                }
            );
            wrong(given, key, &takes, diagnostics);
        }
        value.map(|value| found(given, value))
    }

    /// As [`Section::decimal`], or `fallback` where the key is not there.
    pub(super) fn decimal_or(
        &mut self,
        key: &'static str,
        places: u32,
        range: (u64, u64),
        fallback: u64,
        diagnostics: &mut Diagnostics,
    ) -> u64 {
        self.decimal(key, places, range, diagnostics)
            .map_or(fallback, |found| found.value)
    }

    /// As [`Section::decimal`]; where the key is not there, that is noted.
    pub(super) fn decimal_required(
        &mut self,
        key: &'static str,
        places: u32,
        range: (u64, u64),
        diagnostics: &mut Diagnostics,
    ) -> Option<u64> {
        self.require(key, diagnostics);
        let found = self.decimal(key, places, range, diagnostics)?;
        Some(found.value)
    }

    /// The numbers of a list.
    pub(super) fn numbers(
        &mut self,
        key: &'static str,
        count: usize,
        most: u64,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<u64>> {
        self.require(key, diagnostics);
        let given = self.given(key)?;
        let number = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::Integer(integer) => decimal(integer.as_str(), 0).filter(|it| *it <= most),
            _ => None,
        };
        let numbers = given.get_ref().as_array().and_then(|items| {
            let numbers: Option<Vec<u64>> = items.iter().map(number).collect();
            numbers.filter(|numbers| numbers.len() == count)
        });
        if numbers.is_none() {
            let takes = format!("a list of {count} whole numbers from 0 to {most}");
            wrong(given, key, &takes, diagnostics);
        }
        numbers
    }

    /// Notes that `key` is missing, where it is.
    pub(super) fn require(&self, key: &'static str, diagnostics: &mut Diagnostics) {
        if !self.table.contains_key(key) {
            let problem = format!("`{key}` is missing {}", self.heading);
            diagnostics.note(&self.span, problem, "add it; README.md says what it means");
        }
    }

    /// The table under `key`.
    pub(super) fn section(
        &mut self,
        key: &'static str,
        heading: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let given = self.given(key)?;
        let DeValue::Table(table) = given.get_ref() else {
            wrong(given, key, "a table", diagnostics);
            return None;
        };
        Some(Section {
            table,
            heading,
            span: given.span(),
            asked: Vec::new(),
        })
    }

    /// The tables of the array under `key`.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        heading: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Self> {
        let Some(given) = self.given(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = given.get_ref() else {
            wrong(given, key, "an array of tables", diagnostics);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section {
                    table,
                    heading,
                    span: item.span(),
                    asked: Vec::new(),
                }),
                _ => wrong(item, key, "an array of tables", diagnostics),
            }
        }
        sections
    }

    /// Everything has been asked for: what is left is unknown.
    pub(super) fn finish(self, diagnostics: &mut Diagnostics) {
        for (name, _) in self.table {
            let key: &str = name.get_ref();
            if self.asked.contains(&key) {
                continue;
            }
            let keys = self.asked.iter().copied();
            let remedy = did_you_mean(key, keys)
                .unwrap_or_else(|| format!("the keys here are {}", self.asked.join(", ")));
            let problem = format!("unknown key `{key}` {}", self.heading);
            diagnostics.note(&name.span(), problem, remedy);
        }
    }

    fn given(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.get(key)
    }
}

fn found<T>(given: &Spanned<DeValue<'_>>, value: T) -> Found<T> {
    Found {
        value,
        span: given.span(),
    }
}

fn wrong(given: &Spanned<DeValue<'_>>, key: &str, takes: &str, diagnostics: &mut Diagnostics) {
    let problem = match given.get_ref() {
        DeValue::Integer(integer) => format!("`{key}` cannot be {integer}"),
        DeValue::Float(float) => format!("`{key}` cannot be {}", float.as_str()),
        DeValue::String(text) => format!("`{key}` cannot be \"{text}\""),
        other => format!("`{key}` cannot be this {}", other.type_str()),
    };
    diagnostics.note(&given.span(), problem, format!("use {takes}"));
}

/// `12.5` in units of the last of `places` decimals; no sign, no exponent.
pub(crate) fn decimal(text: &str, places: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let width = usize::try_from(places).ok()?;
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > width {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction = format!("{fraction:0<width$}");
    let fraction: u64 = if width == 0 {
        0
    } else {
        fraction.parse().ok()?
    };
    whole
        .checked_mul(10_u64.checked_pow(places)?)?
        .checked_add(fraction)
}

/// A number of units of the last of `places` decimals, as people write it.
pub(crate) fn shown(value: u64, places: u32) -> String {
    let unit = 10_u64.pow(places);
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = usize::try_from(places).unwrap_or(0);
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_shown_exactly() {
        for (text, places, expected) in [
            ("12.5", 3, Some(12_500)),
            ("0", 0, Some(0)),
            ("7", 2, Some(700)),
            ("0.001", 3, Some(1)),
            ("0.0001", 3, None),
            ("1.5", 0, None),
            ("-1", 0, None),
            ("1e3", 3, None),
            ("", 3, None),
            (".5", 3, None),
        ] {
            assert_eq!(decimal(text, places), expected, "{text}");
        }
        assert_eq!(shown(12_500, 3), "12.5");
        assert_eq!(shown(12_000, 3), "12");
        assert_eq!(shown(1, 3), "0.001");
    }
}
