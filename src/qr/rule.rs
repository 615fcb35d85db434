//! What is known of a field: its name, its format, its length, what is inside, and who may see it.
//!
//! Data only. The tables of these rules are in `merchant/root.rs`, `schemes/` and
//! `consumer/tags.rs`; nothing else knows what a field means.

use super::format::Format;

/// One field, or a range of fields that are alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The first id: 0 to 99, or a BER tag.
    pub first: u16,
    /// The last id.
    pub last: u16,
    /// What the field is called.
    pub name: &'static str,
    /// What its value may look like; nothing is asked of a template's.
    pub format: Format,
    /// Fewest characters (bytes in consumer-presented codes).
    pub least: u16,
    /// Most characters (bytes in consumer-presented codes).
    pub most: u16,
    /// Whether it must be there.
    pub is_mandatory: bool,
    /// Whether it is made of fields.
    pub inside: Inside,
    /// Who may see it.
    pub secrecy: Secrecy,
}

/// Whether a value is made of fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inside {
    /// It is not.
    Plain,
    /// It is, and must be.
    Template(&'static [Rule]),
    /// It may be: it is read so where all of it fits the grammar.
    Perhaps(&'static [Rule]),
}

/// Who may see a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrecy {
    /// Anybody.
    Open,
    /// Text of anybody: runs of digits in it may be account numbers.
    Free,
    /// An account, a person's number or address, a token: its end at most.
    Account,
    /// As good as money, or all of a person: nothing of it.
    Withheld,
}

impl Rule {
    /// An optional, open field.
    pub(super) const fn new(
        id: u16,
        name: &'static str,
        format: Format,
        (least, most): (u16, u16),
    ) -> Self {
        assert!(least <= most);
        Self {
            first: id,
            last: id,
            name,
            format,
            least,
            most,
            is_mandatory: false,
            inside: Inside::Plain,
            secrecy: Secrecy::Open,
        }
    }

    /// An optional template.
    pub(super) const fn template(id: u16, name: &'static str, inside: Inside) -> Self {
        let mut rule = Self::new(id, name, Format::Text, (1, 99));
        rule.inside = inside;
        rule
    }

    /// The same for all ids up to `last`.
    pub(super) const fn to(mut self, last: u16) -> Self {
        assert!(last > self.first);
        self.last = last;
        self
    }

    /// It must be there.
    pub(super) const fn mandatory(mut self) -> Self {
        self.is_mandatory = true;
        self
    }

    /// Not everybody may see it.
    pub(super) const fn secret(mut self, secrecy: Secrecy) -> Self {
        self.secrecy = secrecy;
        self
    }

    pub(super) const fn covers(&self, id: u16) -> bool {
        self.first <= id && id <= self.last
    }
}

/// The rule of a field in a list.
pub(super) fn rule_of(rules: &'static [Rule], id: u16) -> Option<&'static Rule> {
    rules.iter().find(|rule| rule.covers(id))
}
