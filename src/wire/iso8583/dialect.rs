//! WHAT ONE PARTICIPANT'S LINKS SPEAK: the field table in one of two forms, with overrides.
//!
//! Built from configuration, once; never changed while messages flow and never reads one.

use core::fmt;

use crate::model::message::Kind;
use crate::wire::iso8583::fields::{Class, FIELD_MAX, FIELDS, FIELDS_LEN, FieldSet, Size};
use crate::wire::iso8583::kinds;
use crate::wire::iso8583::plan::{FieldPlan, Plans};

/// How digits, lengths and bytes are written unless a field says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Characters throughout; bitmaps and `b` fields in hexadecimal.
    Ascii,
    /// BCD digits and lengths, raw bitmaps and bytes. Text is still ASCII.
    Binary,
}

/// How one field writes its digits, its length and its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    /// Characters; `b` in hexadecimal.
    Ascii,
    /// BCD digits and length; `b` as it is.
    Binary,
}

/// The character set of `ans` fields. DE 62 and 63 are UTF-8 in all of them, and DE 48 in the first
/// two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    /// 0x20 to 0x7E.
    Ascii,
    /// UTF-8 without control characters; lengths count bytes.
    Utf8,
    /// GBK, of one and two bytes; lengths count bytes.
    Gbk,
    /// GB 18030, its superset of up to four bytes, which has all of Unicode.
    Gb18030,
    /// EBCDIC: not delivered yet.
    Ebcdic,
}

/// What a dialect says of one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldFormat {
    /// A message with this field is refused.
    Absent,
    /// The field has this format.
    Present {
        /// What it may hold.
        class: Class,
        /// How much.
        size: Size,
        /// How it is written.
        coding: Coding,
    },
}

/// Why a configured dialect is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DialectError {
    /// Only DE 2 to 128 have a format; 65 would announce a third bitmap.
    NoSuchField(u8),
    /// Our messages need the field.
    Mandatory(u8),
    /// We read the field's value: its class cannot change.
    ClassIsFixed(u8),
    /// We read the field's value: its length cannot change, or not in this way.
    SizeIsFixed(u8),
    /// Zero, or more than the length in front of the field can say.
    BadSize(u8),
    /// The character set is not delivered yet.
    CharsetNotDelivered(Charset),
    /// Binary bitmaps are an option of the ASCII form; the binary form has no other.
    BitmapIsBinary,
    /// A kind without one of its mandatory fields.
    KindNeeds(Kind, u8),
}

impl fmt::Display for DialectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchField(field) => {
                write!(
                    formatter,
                    "DE {field} cannot be configured: fields are 2 to 128 but for 65"
                )
            }
            Self::Mandatory(field) => {
                write!(
                    formatter,
                    "DE {field} cannot be absent: our messages need it"
                )
            }
            Self::ClassIsFixed(field) => {
                write!(
                    formatter,
                    "DE {field} cannot change its class: its value is read"
                )
            }
            Self::SizeIsFixed(field) => {
                write!(
                    formatter,
                    "DE {field} cannot have this length: its value is read"
                )
            }
            Self::BadSize(field) => write!(
                formatter,
                "DE {field}: the length must suit the class: 1 to 999, LL to 99, ASCII b half"
            ),
            Self::CharsetNotDelivered(charset) => {
                write!(formatter, "character set {charset:?} is not supported yet")
            }
            Self::BitmapIsBinary => {
                write!(formatter, "the binary form always has binary bitmaps")
            }
            Self::KindNeeds(kind, field) => {
                write!(formatter, "{kind:?} cannot do without DE {field}")
            }
        }
    }
}

impl core::error::Error for DialectError {}

/// Values that fill exact places of the common message: same length in every dialect.
const EXACT: FieldSet = FieldSet::of(&[
    3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 18, 19, 22, 37, 38, 39, 41, 42, 49, 50, 51, 64, 70, 90,
    128,
]);
/// Institution codes: eleven digits at least, eighteen at most so that they fit a number.
const INSTITUTIONS: FieldSet = FieldSet::of(&[32, 33, 100]);
/// Texts and lists: variable, with room for what we put there.
const LISTS: FieldSet = FieldSet::of(&[44, 48, 62, 63]);

/// A participant's field table.
#[derive(Clone, Debug)]
pub struct Dialect {
    form: Form,
    bitmap: Coding,
    charset: Charset,
    name_tag: bool,
    formats: Box<[FieldFormat; FIELDS_LEN]>,
    plans: Box<Plans>,
    present: FieldSet,
    narrowed: Vec<(Kind, FieldSet)>,
}

impl Dialect {
    /// ISO 8583:1987 in ASCII, hexadecimal bitmaps.
    pub fn ascii() -> Self {
        Self::new(Form::Ascii)
    }

    /// ISO 8583:1987 in BCD and binary.
    pub fn binary() -> Self {
        Self::new(Form::Binary)
    }

    fn new(form: Form) -> Self {
        let coding = match form {
            Form::Ascii => Coding::Ascii,
            Form::Binary => Coding::Binary,
        };
        let formats = FIELDS.map(|field| FieldFormat::Present {
            class: field.class,
            size: field.size,
            coding,
        });
        let mut dialect = Self {
            form,
            bitmap: coding,
            charset: Charset::Ascii,
            name_tag: true,
            formats: Box::new(formats),
            plans: Box::new([FieldPlan::ABSENT; FIELDS_LEN]),
            present: FieldSet::ALL,
            narrowed: Vec::new(),
        };
        dialect.work_out();
        dialect
    }

    /// Raw bitmaps of eight or sixteen bytes in the ASCII form.
    pub fn with_binary_bitmap(mut self) -> Result<Self, DialectError> {
        match self.form {
            Form::Ascii => {
                self.bitmap = Coding::Binary;
                Ok(self)
            }
            Form::Binary => Err(DialectError::BitmapIsBinary),
        }
    }

    /// Bitmaps of sixteen or thirty-two hexadecimal digits, where the form allows it: what the
    /// ASCII form has unless its base says otherwise.
    #[must_use]
    pub const fn with_hex_bitmap(mut self) -> Self {
        if matches!(self.form, Form::Ascii) {
            self.bitmap = Coding::Ascii;
        }
        self
    }

    /// Another character set.
    pub fn with_charset(mut self, charset: Charset) -> Result<Self, DialectError> {
        match charset {
            Charset::Ascii | Charset::Utf8 | Charset::Gbk | Charset::Gb18030 => {
                self.charset = charset;
                self.work_out();
                Ok(self)
            }
            Charset::Ebcdic => Err(DialectError::CharsetNotDelivered(charset)),
        }
    }

    /// Whether DE 48 tag 07 carries the merchant's name where DE 43 cannot carry it exactly.
    /// Without it DE 43 carries as much of the name as it can.
    #[must_use]
    pub const fn with_name_tag(mut self, name_tag: bool) -> Self {
        self.name_tag = name_tag;
        self
    }

    /// Another format of one field. What the switch reads keeps its class, and its length where a
    /// value of the common message depends on it.
    pub fn with_override(mut self, field: u8, format: FieldFormat) -> Result<Self, DialectError> {
        check_format(field, format)?;
        let place = self
            .formats
            .get_mut(usize::from(field))
            .ok_or(DialectError::NoSuchField(field))?;
        *place = format;
        self.work_out();
        Ok(self)
    }

    /// Messages of this kind may carry these fields only; others are refused as not in the
    /// dialect. Without it every field that is present in the dialect passes.
    pub fn with_fields_of(mut self, kind: Kind, fields: &[u8]) -> Result<Self, DialectError> {
        let known = |field: &&u8| !(2..=FIELD_MAX).contains(*field) || **field == 65;
        if let Some(field) = fields.iter().find(known) {
            return Err(DialectError::NoSuchField(*field));
        }
        let set = FieldSet::of(fields);
        if let Some(field) = kinds::indispensable(kind).except(set).first() {
            return Err(DialectError::KindNeeds(kind, field));
        }
        self.narrowed.retain(|(narrowed, _)| *narrowed != kind);
        self.narrowed.push((kind, set));
        Ok(self)
    }

    /// How a field is written; `Absent` for a number that is none.
    pub fn format(&self, field: u8) -> FieldFormat {
        self.formats
            .get(usize::from(field))
            .copied()
            .unwrap_or(FieldFormat::Absent)
    }

    /// ASCII or binary.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The character set of its texts.
    pub const fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether tag 07 carries the names that DE 43 cannot.
    pub const fn has_name_tag(&self) -> bool {
        self.name_tag
    }

    /// How bitmaps are written.
    pub const fn bitmap(&self) -> Coding {
        self.bitmap
    }

    pub(super) fn plans(&self) -> &Plans {
        &self.plans
    }

    pub(super) const fn present(&self) -> FieldSet {
        self.present
    }

    /// What a message of this kind can carry in this dialect.
    pub(super) fn carried(&self, kind: Kind) -> FieldSet {
        self.present.intersection(self.fields_of(kind))
    }

    /// What a message of this kind may carry.
    pub(super) fn fields_of(&self, kind: Kind) -> FieldSet {
        self.narrowed
            .iter()
            .find_map(|(narrowed, set)| (*narrowed == kind).then_some(*set))
            .unwrap_or(FieldSet::ALL)
    }

    /// Works out the plans and the set of fields from the formats.
    fn work_out(&mut self) {
        self.present = FieldSet::ALL;
        let places = self.formats.iter().zip(self.plans.iter_mut());
        for (field, (format, plan)) in (0..=FIELD_MAX).zip(places) {
            match *format {
                FieldFormat::Present {
                    class,
                    size,
                    coding,
                } => {
                    *plan = FieldPlan::new(field, class, size, coding, self.charset);
                }
                FieldFormat::Absent => {
                    *plan = FieldPlan::ABSENT;
                    self.present = self.present.without(field);
                }
            }
        }
    }
}

/// Refusals of an override, in order of precedence.
fn check_format(field: u8, format: FieldFormat) -> Result<(), DialectError> {
    let base = FIELDS
        .get(usize::from(field))
        .filter(|_| field >= 2 && field != 65)
        .ok_or(DialectError::NoSuchField(field))?;
    let FieldFormat::Present {
        class,
        size,
        coding,
    } = format
    else {
        return if kinds::mandatory().contains(field) {
            Err(DialectError::Mandatory(field))
        } else {
            Ok(())
        };
    };
    let exact = EXACT.contains(field);
    let institution = INSTITUTIONS.contains(field);
    let list = LISTS.contains(field);
    let letters = |class| matches!(class, Class::An | Class::Ans);
    let same_class = class == base.class || (letters(class) && letters(base.class));
    // The name in DE 43 may have any length; what does not fit travels in tag 07.
    if (exact || institution || list || field == 43) && !same_class {
        return Err(DialectError::ClassIsFixed(field));
    }
    let max = size.max();
    let fits = match size {
        Size::Fixed(_) => max <= 999,
        Size::Ll(_) => {
            max <= if matches!((class, coding), (Class::B, Coding::Ascii)) {
                49
            } else {
                99
            }
        }
        Size::Lll(_) => {
            max <= if matches!((class, coding), (Class::B, Coding::Ascii)) {
                499
            } else {
                999
            }
        }
    };
    // A sign and whole bytes of BCD.
    let suits = class != Class::Xn || (max >= 2 && (coding == Coding::Ascii || max % 2 == 1));
    if max == 0 || !fits || !suits {
        return Err(DialectError::BadSize(field));
    }
    let least = match field {
        32 | 33 | 100 => 11,
        // The longest list that we write without a name: see `tags.rs`.
        48 => 400,
        // `FdddRrrrOooooo`.
        44 => 14,
        _ => 1,
    };
    let variable = !matches!(size, Size::Fixed(_));
    if (exact && size != base.size)
        || (institution && max > 18)
        || (list && !variable)
        || max < least
    {
        return Err(DialectError::SizeIsFixed(field));
    }
    Ok(())
}
