//! WHOSE CODE: what a scanned or shown code is, what is in it, and who may own it.
//!
//! [`Code::read`] takes a payload as it came and returns a view of it: places, never copies.
//! Nothing is allocated, no input makes it panic, and no finding holds a character of the payload:
//! codes are as good as money. It says which rows of its tables fit; which participant that is, the
//! table of routes knows.
//!
//! ```text
//! payload --+-- "0002.."          --> merchant/   EMV, merchant-presented: fields, CRC, schemes
//!           +-- "scheme://.."     --> url         Chinese merchants' and receivers' addresses
//!           +-- digits            --> number      payment codes of wallets, by longest prefix
//!           +-- "hQ.." (base64)   --> consumer/   EMV, consumer-presented: BER-TLV
//!           +-- anything else     --> a fault
//! ```
//!
//! What each scheme is known by and does otherwise is data, in `schemes/`.

#![deny(clippy::indexing_slicing, clippy::std_instead_of_core)]

mod consumer;
mod crc;
mod field;
mod finding;
mod format;
mod merchant;
mod number;
mod owner;
mod rule;
mod schemes;
mod text;
mod url;

#[cfg(test)]
mod tests;

use core::fmt;

use arrayvec::ArrayVec;

use crate::model::chars::are_digits;
use crate::model::limits::{CODE_BYTES_MAX, EMV_CHARACTERS_MAX};
use crate::model::mark::{self as model, CodeMarks, first_digits};
use crate::model::money::Currency;

pub use field::{Field, FieldIndex, Id, Path};
pub use finding::{Finding, Problem, Unit};
pub use format::{Decimal, Format};
pub use owner::{By, Owner};
pub use rule::{Inside, Rule, Secrecy};
pub use schemes::{
    APPLICATIONS, Application, EVERY_SCHEME, Institution, Leniency, Mark, Part, Row, Scheme, TABLE,
};
pub use text::CharKind;

use field::Fields;
use finding::Findings;
use owner::{Owners, Span, narrow};

/// What kind of code it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// EMV, merchant-presented.
    Merchant(Initiation),
    /// EMV, consumer-presented.
    Consumer,
    /// An address.
    Url,
    /// A payment code of digits.
    Number,
    /// None that is known.
    Unknown,
}

/// Whether a merchant's code is for any payment or for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiation {
    /// For any, or it does not say: the payer gives the amount where the code has none.
    Static,
    /// For one.
    Dynamic,
}

impl Kind {
    /// A word for programs. They rely on it: add, never rename.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Merchant(_) => "mpm",
            Self::Consumer => "cpm",
            Self::Url => "url",
            Self::Number => "number",
            Self::Unknown => "unknown",
        }
    }
}

/// A part of a URL or of a payment code of digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// What it is called.
    pub name: &'static str,
    /// Who may see it.
    pub secrecy: Secrecy,
    span: Span,
}

impl Piece {
    /// Where it begins in the payload, in bytes.
    pub const fn start(&self) -> u16 {
        self.span.start
    }
}

/// A code that was read: a view of its payload.
#[derive(Clone)]
pub struct Code<'a> {
    payload: &'a [u8],
    kind: Kind,
    /// Whether a character is a byte.
    is_ascii: bool,
    /// Whether all of it is printable ASCII.
    is_printable: bool,
    fields: Fields,
    pieces: ArrayVec<Piece, PIECES_MAX>,
    /// What the base64 of a consumer-presented code holds.
    decoded: ArrayVec<u8, DECODED_BYTES_MAX>,
    owners: Owners,
    faults: Findings,
    warnings: Findings,
}

/// Parts of a URL or of a payment code of digits.
const PIECES_MAX: usize = 6;
/// Four characters of base64 hold three bytes.
const DECODED_BYTES_MAX: usize = EMV_CHARACTERS_MAX / 4 * 3;

impl<'a> Code<'a> {
    /// Reads a payload as it came. Whether it is good, [`Code::is_good`] says.
    ///
    /// Inlined so that the view, seven kilobytes of room for places, is made where it is used.
    #[inline]
    pub fn read(payload: &'a [u8]) -> Self {
        let mut code = Self::unread(payload);
        code.classify();
        code
    }

    /// As [`Code::read`], for who only looks: the view is not moved out of the place where it was
    /// made.
    #[inline]
    pub fn look<R>(payload: &'a [u8], look: impl FnOnce(&Self) -> R) -> R {
        let mut code = Self::unread(payload);
        code.classify();
        look(&code)
    }

    /// What [`Code::marks`] says of a payment code of digits, which most that a till scans are,
    /// and nothing else of it. `false`: it is of another kind, or none, and `known` is as it was.
    pub fn marks_of_digits(payload: &'a [u8], known: &mut CodeMarks<'a>) -> bool {
        let is_number = (1..=CODE_BYTES_MAX).contains(&payload.len())
            && are_digits(payload)
            // What begins with a digit is no address.
            && !merchant::begins(payload);
        if is_number {
            number::put_marks(payload, known);
        }
        is_number
    }

    #[inline(always)]
    fn unread(payload: &'a [u8]) -> Self {
        let is_printable = crate::model::chars::is_printable(payload);
        Self {
            payload,
            kind: Kind::Unknown,
            is_ascii: is_printable || payload.is_ascii(),
            is_printable,
            fields: Fields::default(),
            pieces: ArrayVec::new(),
            decoded: ArrayVec::new(),
            owners: Owners::new(),
            faults: Findings::default(),
            warnings: Findings::default(),
        }
    }

    fn classify(&mut self) {
        if self.payload.is_empty() {
            return self.fault(Path::default(), 0, Problem::Empty);
        }
        if self.payload.len() > CODE_BYTES_MAX {
            return self.too_long(self.payload.len(), CODE_BYTES_MAX, Unit::Bytes);
        }
        if !self.is_ascii
            && let Err(error) = core::str::from_utf8(self.payload)
        {
            return self.fault(Path::default(), error.valid_up_to(), Problem::NotUtf8);
        }
        if merchant::begins(self.payload) {
            self.kind = Kind::Merchant(Initiation::Static);
            merchant::read(self);
        } else if url::begins(self.payload) {
            self.kind = Kind::Url;
            url::read(self);
        } else if self.payload.iter().all(u8::is_ascii_digit) {
            self.kind = Kind::Number;
            number::read(self);
        } else if consumer::begins(self.payload) {
            self.kind = Kind::Consumer;
            consumer::read(self);
        } else {
            let found = CharKind::of(self.payload.first().copied());
            self.fault(Path::default(), 0, Problem::Unrecognised { found });
        }
    }

    /// Whether nothing is wrong with it. Warnings do not count.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// What kind it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// As it came.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// What is wrong with it, in the order of its bytes.
    pub fn faults(&self) -> &[Finding] {
        self.faults.list()
    }

    /// What is unusual about it.
    pub fn warnings(&self) -> &[Finding] {
        self.warnings.list()
    }

    /// Faults and warnings that were too many to be told.
    pub const fn findings_left_out(&self) -> u16 {
        self.faults
            .left_out()
            .saturating_add(self.warnings.left_out())
    }

    /// Who may own it, in the order of the tables.
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// By what an owner is known: an identifier, a field's id, an AID's bytes, a host, digits.
    pub fn mark(&self, owner: &Owner) -> &[u8] {
        owner.mark.of(self.bytes())
    }

    /// What a choice of its destination may go by: a mark for each owner, and how a payment code
    /// begins, also where no table knows such codes.
    pub fn marks(&self) -> CodeMarks<'_> {
        let is_emv = matches!(self.kind, Kind::Merchant(_) | Kind::Consumer);
        let mut known = CodeMarks {
            is_bad: !self.is_good() && (is_emv || !self.owners.is_empty()),
            marks: ArrayVec::new(),
        };
        for owner in &self.owners {
            known.marks.push(model::Mark {
                scheme: owner.scheme.word(),
                by: owner.by,
                value: match owner.by {
                    By::Prefix => first_digits(self.payload),
                    By::Guid | By::Network | By::Aid | By::Host => self.mark(owner),
                },
            });
        }
        if known.marks.is_empty() && !is_emv {
            return CodeMarks::of_digits(self.payload);
        }
        known
    }

    /// The institution that an owner's account is at, where the code names it.
    pub fn institution(&self, owner: &Owner) -> Option<&[u8]> {
        let text = owner.institution.of(self.bytes());
        (!text.is_empty()).then_some(text)
    }

    /// Every field, each after its template.
    pub fn fields(&self) -> &[Field] {
        self.fields.all()
    }

    /// One field.
    pub fn field(&self, index: FieldIndex) -> Option<&Field> {
        self.fields.get(index)
    }

    /// The fields of a template, or of the code itself, in its order.
    pub fn children(
        &self,
        parent: Option<FieldIndex>,
    ) -> impl Iterator<Item = (FieldIndex, &Field)> + use<'_> {
        self.fields.children(parent)
    }

    /// The ids from the outermost to a field.
    pub fn path(&self, index: FieldIndex) -> Path {
        self.fields.path(Some(index))
    }

    /// A field's value.
    pub fn value(&self, field: &Field) -> &[u8] {
        self.bytes()
            .get(usize::from(field.value)..usize::from(field.end))
            .unwrap_or_default()
    }

    /// The value at the end of a path of ids: `[62, 1]` of a merchant-presented code.
    pub fn value_at(&self, ids: &[u16]) -> Option<&[u8]> {
        let mut parent = None;
        let mut found = None;
        for number in ids {
            let id = match self.kind {
                Kind::Consumer => Id::Tag(*number),
                Kind::Merchant(_) | Kind::Url | Kind::Number | Kind::Unknown => Id::Object(*number),
            };
            let (index, field) = self.fields.child(parent, id)?;
            (parent, found) = (Some(index), Some(field));
        }
        found.map(|field| self.value(field))
    }

    /// The parts of a merchant account that is no template, where the table of schemes has them.
    pub fn parts(&self, index: FieldIndex) -> impl Iterator<Item = (&'static Part, &[u8])> {
        let owner = self.owners.iter().find(|owner| owner.field == Some(index));
        let split = owner
            .and_then(|owner| owner.row)
            .map_or(&[][..], |row| row.split);
        let mut rest = self.field(index).map_or(&[][..], |field| self.value(field));
        split.iter().map_while(move |part| {
            let bytes = text::length_of(rest, part.characters)?;
            let (value, after) = rest.split_at(bytes);
            rest = after;
            Some((part, value))
        })
    }

    /// What the tables know of a field.
    pub fn rule(&self, index: FieldIndex) -> Option<&'static Rule> {
        match self.kind {
            Kind::Merchant(_) => merchant::rule_of_field(self, index),
            Kind::Consumer => consumer::rule_of_field(self, index),
            Kind::Url | Kind::Number | Kind::Unknown => None,
        }
    }

    /// Who may see a field's value.
    pub fn secrecy(&self, index: FieldIndex) -> Secrecy {
        match (self.rule(index), self.kind) {
            (Some(rule), _) => rule.secrecy,
            (None, Kind::Merchant(_)) if merchant::is_of_account(self, index) => Secrecy::Account,
            (None, Kind::Consumer) => Secrecy::Withheld,
            (None, Kind::Merchant(_) | Kind::Url | Kind::Number | Kind::Unknown) => Secrecy::Free,
        }
    }

    /// The parts of a URL or of a payment code of digits.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What a part is.
    pub fn piece(&self, piece: &Piece) -> &[u8] {
        piece.span.of(self.payload)
    }

    /// The bytes that the base64 of a consumer-presented code holds.
    pub fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// ISO 3166-1 alpha-2 code of the merchant's country.
    pub fn country(&self) -> Option<&[u8]> {
        self.object(merchant::COUNTRY)
    }

    /// The currency of the payment.
    pub fn currency(&self) -> Option<Currency> {
        let digits: &[u8; 3] = self.object(merchant::CURRENCY)?.try_into().ok()?;
        let number = digits.iter().try_fold(0, |number: u16, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + u16::from(digit - b'0'))
        })?;
        Currency::new(number)
    }

    /// The amount of the payment, where the code has one.
    pub fn amount(&self) -> Option<Decimal> {
        Decimal::read(self.object(merchant::AMOUNT)?).ok()
    }

    /// ISO 18245 merchant category code.
    pub fn category(&self) -> Option<&[u8]> {
        self.object(merchant::CATEGORY)
    }

    /// The merchant's name.
    pub fn merchant_name(&self) -> Option<&[u8]> {
        self.object(merchant::NAME)
    }

    /// The merchant's city.
    pub fn merchant_city(&self) -> Option<&[u8]> {
        self.object(merchant::CITY)
    }

    fn object(&self, id: u16) -> Option<&[u8]> {
        let Kind::Merchant(_) = self.kind else {
            return None;
        };
        let (_, field) = self.fields.child(None, Id::Object(id))?;
        Some(self.value(field))
    }

    /// What offsets of fields are in.
    fn bytes(&self) -> &[u8] {
        match self.kind {
            Kind::Consumer => &self.decoded,
            Kind::Merchant(_) | Kind::Url | Kind::Number | Kind::Unknown => self.payload,
        }
    }

    /// Something is wrong at a byte of the payload.
    #[cold]
    fn fault(&mut self, path: Path, byte: usize, problem: Problem) {
        let finding = self.finding(path, byte, problem);
        self.faults.push(finding);
    }

    /// Something is unusual at a byte of the payload.
    #[cold]
    fn warn(&mut self, path: Path, byte: usize, problem: Problem, by: Option<Scheme>) {
        let mut finding = self.finding(path, byte, problem);
        finding.tolerated_by = by;
        self.warnings.push(finding);
    }

    fn too_long(&mut self, found: usize, most: usize, unit: Unit) {
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        let most_told = narrow(most);
        self.fault(
            Path::default(),
            most,
            Problem::TooLong {
                found,
                most: most_told,
                unit,
            },
        );
    }

    fn finding(&self, path: Path, byte: usize, problem: Problem) -> Finding {
        Finding {
            problem,
            path,
            byte: narrow(byte),
            character: narrow(self.character(byte)),
            decoded_byte: None,
            tolerated_by: None,
        }
    }

    /// How many characters come before a byte.
    fn character(&self, byte: usize) -> usize {
        if self.is_ascii {
            return byte;
        }
        text::count(self.payload.get(..byte).unwrap_or(self.payload))
    }

    fn push_piece(&mut self, name: &'static str, secrecy: Secrecy, start: usize, end: usize) {
        debug_assert!(!self.pieces.is_full(), "a code has few parts");
        if start < end && !self.pieces.is_full() {
            let span = Span::new(start, end);
            self.pieces.push(Piece {
                name,
                secrecy,
                span,
            });
        }
    }
}

impl fmt::Debug for Code<'_> {
    /// Nothing of the payload.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Code")
            .field("kind", &self.kind)
            .field("bytes", &self.payload.len())
            .field("owners", &self.owners)
            .field("faults", &self.faults())
            .field("warnings", &self.warnings())
            .finish_non_exhaustive()
    }
}
