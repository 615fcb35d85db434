//! What is wrong with a code, or unusual: the place, what was found in kind, what was expected.
//!
//! A finding never holds a character of the code: payment codes and account numbers are as good as
//! money, and findings go into answers and logs.

use core::fmt;

use arrayvec::ArrayVec;

use super::field::{Id, Path};
use super::format::Format;
use super::schemes::Scheme;
use super::text::CharKind;

/// One thing that is wrong, or unusual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is.
    pub problem: Problem,
    /// The field that it is about; empty: the code as a whole.
    pub path: Path,
    /// Where it is, in bytes of the payload.
    pub byte: u16,
    /// Where it is, in characters of the payload.
    pub character: u16,
    /// In a consumer-presented code: where it is in the bytes that its base64 holds.
    pub decoded_byte: Option<u16>,
    /// Whose row of the table of schemes says that this is seen and may be; warnings only.
    pub tolerated_by: Option<Scheme>,
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// There is nothing.
    Empty,
    /// More than any such code has.
    TooLong { found: u32, most: u16, unit: Unit },
    /// Not UTF-8.
    NotUtf8,
    /// It begins like no code that is known.
    Unrecognised { found: CharKind },

    /// An id and a length are not four digits.
    Header { found: CharKind },
    /// Fewer than four characters are left for an id and a length, or no tag or length.
    HeaderCut { left: u16 },
    /// A value ends behind its template or payload.
    ValueCut {
        declared: u16,
        left: u16,
        counts_bytes: bool,
    },
    /// A length of zero.
    ValueEmpty,
    /// An id is there a second time.
    Twice { first_character: u16 },
    /// Another field comes first.
    NotFirst { expected: Id },
    /// Something comes after the checksum.
    NotLast { left: u16 },
    /// A field that must be there is not.
    Missing { id: Id },
    /// Nobody's account is named.
    NoAccount,
    /// A value is too short or too long.
    Length {
        found: u16,
        least: u16,
        most: u16,
        unit: Unit,
    },
    /// A character that does not belong there.
    Form { format: Format, found: CharKind },
    /// Another value is expected.
    Value { expected: &'static str },
    /// A field that must not be there, or not beside another one.
    Unwanted { because: &'static str },
    /// The checksum is another one.
    Checksum { found: u16, expected: u16 },
    /// The checksum is right, and written in lower case.
    ChecksumLowerCase,
    /// A template that does not follow the grammar of templates.
    NoTemplate,

    /// No row of the table of schemes knows it.
    UnknownScheme,
    /// A scheme's template is where the scheme does not put it.
    Misplaced { first: u16, last: u16 },
    /// Another currency than the scheme's.
    Currency { expected: u16 },
    /// Another country than the scheme's.
    Country { expected: &'static str },

    /// No base64.
    Base64 { found: CharKind },
    /// Base64 that ends in the middle.
    Base64Cut,
    /// A tag that is none: 00, FF, or of more than two bytes.
    Tag,
    /// A length of a form that is none, or that no such code can have.
    LengthForm,
    /// A length in more bytes than needed.
    LengthNotShortest,
    /// A template that may be elsewhere, but not here.
    TemplateAtRoot,

    /// No payment code begins so.
    Prefix,
    /// A payment code of this prefix has another number of digits.
    Digits { found: u16, least: u16, most: u16 },
    /// A number of digits that is reserved.
    DigitsReserved { found: u16 },
    /// No code is a URL of this scheme or host.
    Host,
    /// A part of a URL that is not as it must be.
    UrlPart {
        part: &'static str,
        expected: &'static str,
        found: CharKind,
    },
}

/// What lengths count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Characters.
    Characters,
    /// Bytes.
    Bytes,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Bytes => "bytes",
        }
    }
}

impl Problem {
    /// A name for programs. They rely on it: add, never rename.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too-long",
            Self::NotUtf8 => "not-utf8",
            Self::Unrecognised { .. } => "unrecognised",
            Self::Header { .. } => "header",
            Self::HeaderCut { .. } => "header-cut",
            Self::ValueCut { .. } => "value-cut",
            Self::ValueEmpty => "value-empty",
            Self::Twice { .. } => "twice",
            Self::NotFirst { .. } => "not-first",
            Self::NotLast { .. } => "not-last",
            Self::Missing { .. } => "missing",
            Self::NoAccount => "no-account",
            Self::Length { .. } => "length",
            Self::Form { .. } => "form",
            Self::Value { .. } => "value",
            Self::Unwanted { .. } => "unwanted",
            Self::Checksum { .. } => "checksum",
            Self::ChecksumLowerCase => "checksum-lower-case",
            Self::NoTemplate => "no-template",
            Self::UnknownScheme => "unknown-scheme",
            Self::Misplaced { .. } => "misplaced",
            Self::Currency { .. } => "currency",
            Self::Country { .. } => "country",
            Self::Base64 { .. } => "base64",
            Self::Base64Cut => "base64-cut",
            Self::Tag => "tag",
            Self::LengthForm => "length-form",
            Self::LengthNotShortest => "length-not-shortest",
            Self::TemplateAtRoot => "template-at-root",
            Self::Prefix => "prefix",
            Self::Digits { .. } => "digits",
            Self::DigitsReserved { .. } => "digits-reserved",
            Self::Host => "host",
            Self::UrlPart { .. } => "url-part",
        }
    }

    /// What was found, in kind.
    pub const fn found(self) -> Found {
        Found(self)
    }

    /// What was expected instead.
    pub const fn expected(self) -> Expected {
        Expected(self)
    }
}

/// Prints what was found, in kind: never a character of the code.
#[derive(Clone, Copy, Debug)]
pub struct Found(Problem);

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.0 {
            Problem::TooLong { found, unit, .. } => {
                return write!(formatter, "{found} {}", unit.name());
            }
            Problem::Header { found }
            | Problem::Base64 { found }
            | Problem::Unrecognised { found }
            | Problem::UrlPart { found, .. } => found.name(),
            Problem::Form { format, found } => match (format, found) {
                (Format::Amount | Format::Percentage, CharKind::Nothing) => "only zeros",
                _ => found.name(),
            },
            Problem::HeaderCut { left } | Problem::NotLast { left } => {
                return write!(formatter, "{left} left");
            }
            Problem::ValueCut {
                declared,
                left,
                counts_bytes,
            } => {
                write!(formatter, "a length of {declared} where {left} are left")?;
                let why = if counts_bytes {
                    " (it counts bytes)"
                } else {
                    ""
                };
                return formatter.write_str(why);
            }
            Problem::Twice { first_character } => {
                return write!(formatter, "the same id as at character {first_character}");
            }
            Problem::Length { found, unit, .. } => {
                return write!(formatter, "{found} {}", unit.name());
            }
            Problem::Checksum { found, .. } => return write!(formatter, "{found:04X}"),
            Problem::Digits { found, .. } | Problem::DigitsReserved { found } => {
                return write!(formatter, "{found} digits");
            }
            Problem::Empty | Problem::Missing { .. } | Problem::NoAccount => "nothing",
            Problem::NotUtf8 => "bytes that are no character",
            Problem::ValueEmpty => "a length of 00",
            Problem::NotFirst { .. } => "another field",
            Problem::Value { .. } => "another value",
            Problem::Unwanted { .. } => "a field",
            Problem::ChecksumLowerCase => "lower-case letters",
            Problem::NoTemplate => "text that is no template",
            Problem::UnknownScheme => "an identifier that no row of the table has",
            Problem::Misplaced { .. } => "the scheme's template",
            Problem::Currency { .. } => "another currency",
            Problem::Country { .. } => "another country",
            Problem::Base64Cut => "an incomplete group of four characters",
            Problem::Tag => "no tag of one or two bytes",
            Problem::LengthForm => "no length of one to three bytes",
            Problem::LengthNotShortest => "a longer form",
            Problem::TemplateAtRoot => "a template at the root",
            Problem::Prefix => "another prefix",
            Problem::Host => "another address",
        };
        formatter.write_str(word)
    }
}

/// Prints what was expected.
#[derive(Clone, Copy, Debug)]
pub struct Expected(Problem);

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.0 {
            Problem::TooLong { most, unit, .. } => {
                return write!(formatter, "at most {most} {}", unit.name());
            }
            Problem::NotFirst { expected } => return write!(formatter, "{expected} first"),
            Problem::Missing { id } => return write!(formatter, "field {id}"),
            Problem::Length {
                least, most, unit, ..
            } => {
                return range(formatter, (least, most), unit.name());
            }
            Problem::Digits { least, most, .. } => {
                return range(formatter, (least, most), "digits");
            }
            Problem::Checksum { expected, .. } => return write!(formatter, "{expected:04X}"),
            Problem::Misplaced { first, last } if first == last => {
                return write!(formatter, "it in field {first:02}");
            }
            Problem::Misplaced { first, last } => {
                return write!(formatter, "it in a field from {first:02} to {last:02}");
            }
            Problem::Currency { expected } => return write!(formatter, "{expected:03}"),
            Problem::Form { format, .. } => format.name(),
            Problem::Value { expected }
            | Problem::UrlPart { expected, .. }
            | Problem::Country { expected } => expected,
            Problem::Unwanted { because } => because,
            Problem::Empty => "a code",
            Problem::NotUtf8 => "UTF-8",
            Problem::Unrecognised { .. } => {
                "000201.. (EMV, merchant-presented), hQVDUFYwMW.. (EMV, consumer-presented), \
                 a URL, or a payment code of digits"
            }
            Problem::Header { .. } => "an id and a length, two digits each",
            Problem::HeaderCut { .. } => "an id and a length",
            Problem::ValueCut { .. } => "a value that ends where its template or the code does",
            Problem::ValueEmpty => "a length from 01 to 99",
            Problem::Twice { .. } => "each id once",
            Problem::NotLast { .. } => "nothing after the checksum",
            Problem::NoAccount => "a merchant account in one of the fields 02 to 51",
            Problem::ChecksumLowerCase => "upper-case letters",
            Problem::NoTemplate => "fields of id, length and value",
            Problem::UnknownScheme => "one of the table of schemes",
            Problem::Base64 { .. } => "base64 (A-Z, a-z, 0-9, +, /)",
            Problem::Base64Cut => "groups of four characters",
            Problem::Tag => "a tag, neither 00 nor FF",
            Problem::LengthForm => "a length up to 127, or 81 or 82 and its bytes",
            Problem::LengthNotShortest => "the shortest form of the length",
            Problem::TemplateAtRoot => "it inside of 61 or 62",
            Problem::Prefix => "10 to 15 (WeChat), 25 to 30 (Alipay, Alipay+), 62 (UnionPay)",
            Problem::DigitsReserved { .. } => "17 to 19 or 24 digits: others are reserved",
            Problem::Host => {
                "https://qr.alipay.com, https://qr.95516.com, weixin://wxpay/bizpayurl, wxp://f2f \
                 or wxp://wbf2f"
            }
        };
        formatter.write_str(word)
    }
}

fn range(formatter: &mut fmt::Formatter<'_>, (least, most): (u16, u16), unit: &str) -> fmt::Result {
    if least == most {
        write!(formatter, "{least} {unit}")
    } else {
        write!(formatter, "{least} to {most} {unit}")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path != Path::default() {
            write!(formatter, "field {} ", self.path)?;
        }
        write!(formatter, "at byte {}", self.byte)?;
        if self.character != self.byte {
            write!(formatter, " (character {})", self.character)?;
        }
        let (found, expected) = (self.problem.found(), self.problem.expected());
        write!(formatter, ": found {found}, expected {expected}")?;
        match self.tolerated_by {
            Some(scheme) => write!(formatter, "; seen with {}", scheme.name()),
            None => Ok(()),
        }
    }
}

/// Findings of one kind, up to a bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    list: ArrayVec<Finding, FINDINGS_MAX>,
    /// How many more there were.
    left_out: u16,
}

/// Findings of one kind that are told of one code. Whoever made a code with more has heard enough.
pub(super) const FINDINGS_MAX: usize = 16;

impl Findings {
    /// Puts a finding where its byte says; what is found later comes after what is there.
    pub(super) fn push(&mut self, finding: Finding) {
        if self.list.is_full() {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let place = self
            .list
            .iter()
            .filter(|known| known.byte <= finding.byte)
            .count();
        self.list.insert(place, finding);
    }

    pub(super) fn list(&self) -> &[Finding] {
        &self.list
    }

    pub(super) const fn left_out(&self) -> u16 {
        self.left_out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
