//! A code as a report: everything that was read, masked where it must be, ready for JSON and words.

use serde::Serialize;

use crate::qr::{
    Code, Field, FieldIndex, Finding, Format, Id, Initiation, Kind, Mark, Owner, Part, Piece,
    Scheme, Secrecy,
};
use crate::wire::redact::{Secrets, Text, mask};

/// All of it.
#[derive(Serialize)]
pub(in crate::cli) struct Report {
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) initiation: Option<&'static str>,
    pub(super) good: bool,
    pub(super) masked: bool,
    pub(super) schemes: Vec<&'static str>,
    pub(super) owners: Vec<OwnerReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merchant_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merchant_city: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<FieldReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<PartReport>,
    pub(super) warnings: Vec<FindingReport>,
    pub(super) faults: Vec<FindingReport>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) findings_left_out: u16,
}

/// Who may own it, and what a table of routes can match on.
#[derive(Serialize)]
pub(super) struct OwnerReport {
    pub(super) scheme: &'static str,
    pub(super) name: &'static str,
    pub(super) by: &'static str,
    pub(super) mark: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) institution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
}

/// A field, and those inside of it.
#[derive(Serialize)]
pub(super) struct FieldReport {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'static str>,
    /// In a consumer-presented code: of the bytes that its base64 holds.
    pub(super) byte: u16,
    pub(super) character: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// What its characters are, where that is known of a value that is no template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<PartReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<Self>,
}

/// A part of a URL or of a number.
#[derive(Serialize)]
pub(super) struct PartReport {
    pub(super) name: &'static str,
    pub(super) byte: u16,
    pub(super) value: String,
}

/// What is wrong, or unusual.
#[derive(Serialize)]
pub(super) struct FindingReport {
    pub(super) problem: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) field: String,
    pub(super) byte: u16,
    pub(super) character: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decoded_byte: Option<u16>,
    pub(super) found: String,
    pub(super) expected: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tolerated_by: Option<&'static str>,
    pub(super) message: String,
}

impl Report {
    pub(in crate::cli) fn of(code: &Code<'_>, secrets: Secrets) -> Self {
        let shown = Shown { code, secrets };
        let open = |value: Option<&[u8]>| value.map(|value| shown.text(value, Secrecy::Open));
        let free = |value: Option<&[u8]>| value.map(|value| shown.text(value, Secrecy::Free));
        let amount = code.amount().and(code.value_at(&[AMOUNT]));
        Self {
            kind: code.kind().word(),
            initiation: initiation(code.kind()),
            good: code.is_good(),
            masked: secrets == Secrets::Masked,
            schemes: schemes(code.owners()),
            owners: code
                .owners()
                .iter()
                .map(|owner| shown.owner(owner))
                .collect(),
            country: open(code.country()),
            currency: code.currency().map(|currency| currency.to_string()),
            amount: open(amount),
            category: open(code.category()),
            merchant_name: free(code.merchant_name()),
            merchant_city: free(code.merchant_city()),
            fields: shown.fields(None),
            parts: code
                .pieces()
                .iter()
                .map(|piece| shown.part(piece))
                .collect(),
            warnings: code.warnings().iter().map(finding).collect(),
            faults: code.faults().iter().map(finding).collect(),
            findings_left_out: code.findings_left_out(),
        }
    }
}

/// The root field of the amount.
const AMOUNT: u16 = 54;

fn is_zero(number: &u16) -> bool {
    *number == 0
}

const fn initiation(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Merchant(Initiation::Static) => Some("static"),
        Kind::Merchant(Initiation::Dynamic) => Some("dynamic"),
        Kind::Consumer | Kind::Url | Kind::Number | Kind::Unknown => None,
    }
}

/// Each scheme once, in the order of owners.
fn schemes(owners: &[Owner]) -> Vec<&'static str> {
    let mut words: Vec<_> = owners
        .iter()
        .filter(|owner| owner.scheme != Scheme::Other)
        .map(|owner| owner.scheme.word())
        .collect();
    words.dedup();
    words
}

fn finding(finding: &Finding) -> FindingReport {
    let problem = finding.problem;
    FindingReport {
        problem: problem.name(),
        field: finding.path.to_string(),
        byte: finding.byte,
        character: finding.character,
        decoded_byte: finding.decoded_byte,
        found: problem.found().to_string(),
        expected: problem.expected().to_string(),
        tolerated_by: finding.tolerated_by.map(Scheme::word),
        message: finding.to_string(),
    }
}

/// A code, and who looks at it.
struct Shown<'c, 'a> {
    code: &'c Code<'a>,
    secrets: Secrets,
}

impl Shown<'_, '_> {
    /// A value as far as it may be seen.
    fn text(&self, value: &[u8], secrecy: Secrecy) -> String {
        let open = || {
            let text = Text::new(value, Secrets::Shown);
            text.exact()
                .map_or_else(|| text.to_string(), ToOwned::to_owned)
        };
        match (self.secrets, secrecy) {
            (Secrets::Shown, _) | (_, Secrecy::Open) => open(),
            (Secrets::Masked, Secrecy::Free) => Text::new(value, Secrets::Masked).to_string(),
            (Secrets::Masked, Secrecy::Account) => mask(value).to_string(),
            (Secrets::Masked, Secrecy::Withheld) => format!("[{} bytes withheld]", value.len()),
        }
    }

    fn owner(&self, owner: &Owner) -> OwnerReport {
        let mark = self.code.mark(owner);
        let is_account = owner.row.is_some_and(|row| row.mark == Mark::AccountAtBank);
        let is_packed = self.code.kind() == Kind::Consumer;
        let institution = self.code.institution(owner);
        let readable = |value: &[u8], secrecy| {
            if is_packed {
                hexadecimal(value)
            } else {
                self.text(value, secrecy)
            }
        };
        let secrecy = if is_account {
            Secrecy::Account
        } else {
            Secrecy::Open
        };
        OwnerReport {
            scheme: owner.scheme.word(),
            name: owner.scheme.name(),
            by: owner.by.word(),
            mark: readable(mark, secrecy),
            institution: institution.map(|value| readable(value, Secrecy::Open)),
            field: owner.field.map(|index| self.code.path(index).to_string()),
        }
    }

    fn fields(&self, parent: Option<FieldIndex>) -> Vec<FieldReport> {
        let children = self.code.children(parent);
        children
            .map(|(index, field)| self.field(index, field))
            .collect()
    }

    fn field(&self, index: FieldIndex, field: &Field) -> FieldReport {
        let fields = self.fields(Some(index));
        FieldReport {
            id: field.id.to_string(),
            name: self.code.rule(index).map(|rule| rule.name),
            byte: field.start,
            character: field.character,
            value: fields.is_empty().then(|| self.value(index, field)),
            parts: self.field_parts(index, field),
            fields,
        }
    }

    fn field_parts(&self, index: FieldIndex, field: &Field) -> Vec<PartReport> {
        let secrecy = self.code.secrecy(index);
        let mut byte = field.value;
        let report = |(part, value): (&'static Part, &[u8])| {
            let at = byte;
            byte = byte.saturating_add(u16::try_from(value.len()).unwrap_or(u16::MAX));
            PartReport {
                name: part.name,
                byte: at,
                value: self.text(value, secrecy),
            }
        };
        self.code.parts(index).map(report).collect()
    }

    fn value(&self, index: FieldIndex, field: &Field) -> String {
        let value = self.code.value(field);
        let secrecy = self.code.secrecy(index);
        let is_text = self
            .code
            .rule(index)
            .is_some_and(|rule| rule.format != Format::Bytes);
        let is_hidden = self.secrets == Secrets::Masked && secrecy != Secrecy::Open;
        match field.id {
            Id::Tag(_) if !is_text && !is_hidden => hexadecimal(value),
            Id::Tag(_) if !is_text => self.text(value, Secrecy::Withheld),
            Id::Tag(_) | Id::Object(_) => self.text(value, secrecy),
        }
    }

    fn part(&self, piece: &Piece) -> PartReport {
        PartReport {
            name: piece.name,
            byte: piece.start(),
            value: self.text(self.code.piece(piece), piece.secrecy),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The path of ids, for those who tell of a field without its report.
pub(super) fn joined(outer: &str, id: &str) -> String {
    if outer.is_empty() {
        id.to_owned()
    } else {
        format!("{outer}.{id}")
    }
}
