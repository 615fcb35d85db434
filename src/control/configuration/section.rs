//! One table of a parsed file, read through the table of keys: a value where the file has one, the
//! documented default where it has none, nothing where the shape check has already refused it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key, Kind, Presence};

/// A value and where it stands: in the file, or the table that lacks it.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A table of the file, or an absent one.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    table: Option<&'a DeTable<'a>>,
    path: &'static str,
    /// Where errors about what is missing point.
    pub(super) span: Range<usize>,
}

impl<'a> Section<'a> {
    pub(super) fn root(document: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            table: Some(document.get_ref()),
            path: "",
            span: 0..0,
        }
    }

    fn key(&self, name: &str) -> &'static Key {
        keys::within(self.path)
            .find(|key| key.name() == name)
            .expect("every key that is read is in the table of keys")
    }

    fn given(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table?.get(name)
    }

    /// Whether the file has this table.
    pub(super) const fn is_given(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the file has the key.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Reads the value, or else the default, with `read`.
    fn read<T>(
        &self,
        name: &str,
        read: impl Fn(&DeValue<'_>, Kind) -> Option<T>,
    ) -> Option<Found<T>> {
        let key = self.key(name);
        if let Some(value) = self.given(name) {
            return Some(Found {
                value: read(value.get_ref(), key.kind)?,
                span: value.span(),
            });
        }
        let Presence::Default(default) = key.presence else {
            return None;
        };
        let default = DeValue::parse(default).expect("a test parses every default");
        Some(Found {
            value: read(default.get_ref(), key.kind).expect("a test reads every default"),
            span: self.span.clone(),
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<Found<String>> {
        self.read(name, |value, _| value.as_str().map(str::to_owned))
    }

    pub(super) fn flag(&self, name: &str) -> Option<Found<bool>> {
        self.read(name, |value, _| value.as_bool())
    }

    /// A number of any kind, within the bounds of its key.
    pub(super) fn number(&self, name: &str) -> Option<Found<u64>> {
        self.read(name, number)
    }

    /// A number whose key's bounds fit in 32 bits.
    pub(super) fn number_u32(&self, name: &str) -> Option<u32> {
        let found = self.number(name)?;
        Some(u32::try_from(found.value).expect("the key's bounds fit in 32 bits"))
    }

    /// The texts of a list, each with its place.
    pub(super) fn texts(&self, name: &str) -> Vec<Found<String>> {
        self.list(name, |value, _| value.as_str().map(str::to_owned))
    }

    /// The numbers of a list, each with its place.
    pub(super) fn numbers(&self, name: &str) -> Vec<Found<u64>> {
        self.list(name, |value, kind| number(value, element(kind)))
    }

    fn list<T>(&self, name: &str, read: impl Fn(&DeValue<'_>, Kind) -> Option<T>) -> Vec<Found<T>> {
        let given = self.has(name);
        let items = self.read(name, |value, kind| {
            let items = value.as_array()?.iter();
            let found = items.filter_map(|item| {
                Some(Found {
                    value: read(item.get_ref(), kind)?,
                    span: if given {
                        item.span()
                    } else {
                        self.span.clone()
                    },
                })
            });
            Some(found.collect())
        });
        items.map_or_else(Vec::new, |items| items.value)
    }

    /// The table under `name`; an empty one where the file has none.
    pub(super) fn section(&self, name: &str) -> Self {
        let given = self.given(name);
        Section {
            table: given.and_then(|value| value.get_ref().as_table()),
            path: self.key(name).path,
            span: given.map_or_else(|| self.span.clone(), Spanned::span),
        }
    }

    /// The tables of the array under `name`.
    pub(super) fn sections(&self, name: &str) -> Vec<Self> {
        let path = self.key(name).path;
        let items = self
            .given(name)
            .and_then(|value| value.get_ref().as_array());
        items
            .into_iter()
            .flat_map(|items| items.iter())
            .filter_map(|item| {
                Some(Section {
                    table: Some(item.get_ref().as_table()?),
                    path,
                    span: item.span(),
                })
            })
            .collect()
    }

    /// The tables of a [`Kind::FieldTable`], each with its field number.
    pub(super) fn fields(&self, name: &str) -> Vec<(Found<u8>, Self)> {
        let key = self.key(name);
        let path = keys::KEYS
            .iter()
            .find(|inner| inner.path.starts_with(key.path) && inner.path.contains("fields[]."))
            .expect("a field table has keys")
            .split()
            .0;
        let given = self
            .given(name)
            .and_then(|value| value.get_ref().as_table());
        given
            .into_iter()
            .flat_map(|table| table.iter())
            .filter_map(|(number, value)| {
                let section = Section {
                    table: Some(value.get_ref().as_table()?),
                    path,
                    span: number.span(),
                };
                let number = Found {
                    value: field_number(number.get_ref())?,
                    span: number.span(),
                };
                Some((number, section))
            })
            .collect()
    }
}

/// A data element that may be overridden: no bitmap.
pub(super) fn field_number(text: &str) -> Option<u8> {
    let number: u8 = text.parse().ok()?;
    let field = (2..=128).contains(&number) && number != 65;
    (field && text == number.to_string()).then_some(number)
}

/// The kind of a list's elements.
pub(super) const fn element(kind: Kind) -> Kind {
    match kind {
        Kind::Texts => Kind::Text,
        Kind::Wholes(least, most) => Kind::Whole(least, most),
        Kind::ManyDigits(least, most) => Kind::Digits(least, most),
        other => other,
    }
}

/// The number that `value` writes, where its kind and bounds allow it.
pub(super) fn number(value: &DeValue<'_>, kind: Kind) -> Option<u64> {
    let (Kind::Whole(least, most) | Kind::Bytes(least, most) | Kind::Digits(least, most)) = kind
    else {
        return None;
    };
    let number = match (value, kind) {
        (DeValue::Integer(integer), _) => {
            u64::from_str_radix(integer.as_str(), integer.radix()).ok()
        }
        (DeValue::String(text), Kind::Bytes(..)) => bytes(text),
        (DeValue::String(text), Kind::Digits(..)) => text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten(),
        _ => None,
    };
    number.filter(|number| (least..=most).contains(number))
}

/// `"64 MiB"`, `"512KiB"`, `"4096"`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits)?;
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(1 << shift)
}
