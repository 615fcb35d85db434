//! How one participant's ISO 8583 departs from the plain dialect.

use std::ops::Range;

use super::diagnostic::Diagnostics;
use super::section::{Found, Section};
use crate::model::participant::Protocol;
use crate::wire::Dialect;
use crate::wire::iso8583::{
    self, BASES, Base, Charset, Class, Coding, DialectError, FieldFormat, Form, Size,
};

/// A dialect, and the text that its departures have in the tables' hash.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) dialect: Dialect,
    pub(super) canonical: String,
}

/// The dialect of a participant's links.
pub(super) fn read(
    section: &Section<'_>,
    protocol: Protocol,
    diagnostics: &mut Diagnostics,
) -> Option<Read> {
    let form = match protocol {
        Protocol::Iso8583Ascii => Form::Ascii,
        Protocol::Iso8583Binary => Form::Binary,
        Protocol::Sbe => {
            if section.is_given() {
                let problem = "sbe has one dialect";
                diagnostics.note(&section.span, problem, "remove the table");
            }
            return Some(Read {
                dialect: Dialect::Sbe,
                canonical: String::new(),
            });
        }
    };
    let base = Base::named(&section.text("base")?.value)?;
    let mut reading = Reading {
        dialect: base.dialect(form),
        canonical: if base == &BASES[0] {
            String::new()
        } else {
            format!("base={} ", base.name)
        },
        diagnostics,
    };
    reading.bitmap(section)?;
    reading.character_set(section)?;
    reading.name_tag(section);
    for (number, field) in section.fields("fields") {
        reading.field(&number, &field)?;
    }
    Some(Read {
        dialect: Dialect::Iso8583(Box::new(reading.dialect)),
        canonical: reading.canonical,
    })
}

struct Reading<'d> {
    dialect: iso8583::Dialect,
    canonical: String,
    diagnostics: &'d mut Diagnostics,
}

impl Reading<'_> {
    /// Takes over a changed dialect, or notes why there is none.
    fn take(
        &mut self,
        changed: Result<iso8583::Dialect, DialectError>,
        span: &Range<usize>,
        canonical: &str,
    ) -> Option<()> {
        match changed {
            Ok(dialect) => {
                self.dialect = dialect;
                self.canonical.push_str(canonical);
                Some(())
            }
            Err(error) => {
                self.diagnostics
                    .note(span, error.to_string(), remedy(error));
                None
            }
        }
    }

    fn bitmap(&mut self, section: &Section<'_>) -> Option<()> {
        let Some(bitmap) = section.text("bitmap") else {
            return Some(());
        };
        let form = self.dialect.form();
        match (form, bitmap.value.as_str()) {
            (_, "binary") if self.dialect.bitmap() == Coding::Binary => Some(()),
            (Form::Ascii, "binary") => {
                let changed = self.dialect.clone().with_binary_bitmap();
                self.take(changed, &bitmap.span, "bitmap=binary ")
            }
            (Form::Ascii, "hex") => {
                let changed = Ok(self.dialect.clone().with_hex_bitmap());
                let departs = self.dialect.bitmap() != Coding::Ascii;
                let canonical = if departs { "bitmap=hex " } else { "" };
                self.take(changed, &bitmap.span, canonical)
            }
            (Form::Binary, "hex") => {
                let error = Err(DialectError::BitmapIsBinary);
                self.take(error, &bitmap.span, "")
            }
            _ => Some(()),
        }
    }

    fn character_set(&mut self, section: &Section<'_>) -> Option<()> {
        let Some(word) = section.text("character_set") else {
            return Some(());
        };
        let charset = match word.value.as_str() {
            "ascii" => Charset::Ascii,
            "utf-8" => Charset::Utf8,
            "gbk" => Charset::Gbk,
            "gb18030" => Charset::Gb18030,
            "ebcdic" => Charset::Ebcdic,
            _ => return None,
        };
        if charset == self.dialect.charset() {
            return Some(());
        }
        let changed = self.dialect.clone().with_charset(charset);
        let canonical = format!("character_set={} ", word.value);
        self.take(changed, &word.span, &canonical)
    }

    fn name_tag(&mut self, section: &Section<'_>) {
        if let Some(found) = section.flag("name_tag")
            && found.value != self.dialect.has_name_tag()
        {
            self.dialect = self.dialect.clone().with_name_tag(found.value);
            self.canonical
                .push_str(&format!("name_tag={} ", found.value));
        }
    }

    fn field(&mut self, number: &Found<u8>, section: &Section<'_>) -> Option<()> {
        let absent = section.flag("absent")?;
        let names = ["format", "length", "coding"];
        let format = if absent.value {
            if let Some(name) = names.iter().find(|name| section.has(name)) {
                let problem = format!("an absent field has no `{name}`");
                self.diagnostics
                    .note(&absent.span, problem, "remove one of the two");
                return None;
            }
            FieldFormat::Absent
        } else {
            self.format(number.value, section)?
        };
        let canonical = format!("{}={format:?} ", number.value);
        let changed = self.dialect.clone().with_override(number.value, format);
        self.take(changed, &number.span, &canonical)
    }

    /// The format of the plain dialect with what the section says instead.
    fn format(&mut self, number: u8, section: &Section<'_>) -> Option<FieldFormat> {
        let FieldFormat::Present {
            mut class,
            mut size,
            mut coding,
        } = self.dialect.format(number)
        else {
            return None;
        };
        if let Some(word) = section.text("format") {
            class = match word.value.as_str() {
                "n" => Class::N,
                "x+n" => Class::Xn,
                "an" => Class::An,
                "ans" => Class::Ans,
                "z" => Class::Z,
                "b" => Class::B,
                _ => return None,
            };
        }
        if let Some(text) = section.text("length") {
            let parsed = length(&text.value);
            if parsed.is_none() {
                self.diagnostics.note(
                    &text.span,
                    format!("\"{}\" is not the length of a field", text.value),
                    "write \"6\" for a fixed length, \"..19\" for two digits of length, \"...999\" \
                     for three",
                );
            }
            size = parsed?;
        }
        if let Some(word) = section.text("coding") {
            coding = match word.value.as_str() {
                "ascii" => Coding::Ascii,
                "binary" => Coding::Binary,
                _ => return None,
            };
        }
        Some(FieldFormat::Present {
            class,
            size,
            coding,
        })
    }
}

/// `6`, `..19`, `...999`.
fn length(text: &str) -> Option<Size> {
    let (make, digits): (fn(u16) -> Size, _) = if let Some(digits) = text.strip_prefix("...") {
        (Size::Lll, digits)
    } else if let Some(digits) = text.strip_prefix("..") {
        (Size::Ll, digits)
    } else {
        (Size::Fixed, text)
    };
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| digits.parse().ok())?.map(make)
}

const fn remedy(error: DialectError) -> &'static str {
    match error {
        DialectError::NoSuchField(_) => "use 2 to 64 or 66 to 128",
        DialectError::Mandatory(_) => "remove `absent`",
        DialectError::ClassIsFixed(_) => "remove `format`",
        DialectError::SizeIsFixed(_) => "remove `length`, or use one that is long enough",
        DialectError::BadSize(_) => "correct `length`",
        DialectError::CharsetNotDelivered(_) => "use \"ascii\", \"utf-8\", \"gbk\" or \"gb18030\"",
        DialectError::BitmapIsBinary => "remove `bitmap`",
        DialectError::KindNeeds(..) => "let the kind have the field",
    }
}
