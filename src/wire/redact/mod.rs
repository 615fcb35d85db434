//! The only door through which messages may be printed.
//!
//! Payment codes, quotes, wrapped keys and MACs are withheld, with their length; of a payer's token
//! and of digits in free text the last four remain; what is left is escaped and cut. Never prints a
//! byte as it came, and never allocates.

use core::fmt::{self, Write as _};

use crate::model::message::Message;
use crate::model::money::{Money, Rate};
use crate::model::outcome::ResponseCode;
use crate::model::time::{Date, LocalTime, Wall};

mod fields;
mod named;

pub use fields::each_field;
pub use named::{is_masked, mask_named};

/// What becomes of fields that are as good as money, or name a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrets {
    /// Withheld or masked: logs, metrics, and everything else by default.
    Masked,
    /// Shown: only where a person has asked for it, at their own terminal.
    Shown,
}

/// A message for logs: its kind and its fields by their names in the SBE schema, nulls left out,
/// secrets masked, on one line.
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a Message<'a>);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0.kind())?;
        let mut result = Ok(());
        each_field(self.0, Secrets::Masked, &mut |name, value| {
            if result.is_ok() {
                result = write!(formatter, " {name}={value}");
            }
        });
        result
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A field's value, ready to be printed. Whoever writes JSON matches on it; others print it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// An enumerator, by its word.
    Word(&'static str),
    /// YYYYMMDD.
    Date(Date),
    /// HHMMSS.
    Time(LocalTime),
    /// An instant.
    Wall(Wall),
    /// A response code.
    Code(ResponseCode),
    /// Printed as minor units, a slash and the currency's number.
    Money(Money),
    /// Printed as mantissa, `e` and exponent.
    Rate(Rate),
    /// Printed in quotes, escaped.
    Text(Text<'a>),
    /// Printed in hexadecimal.
    Bytes(&'a [u8]),
    /// The last four characters, of twelve or more.
    Masked(Masked<'a>),
    /// Only the length is told, in bytes.
    Withheld(usize),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Flag(flag) => write!(formatter, "{flag}"),
            Self::Word(word) => formatter.write_str(word),
            Self::Date(date) => write!(formatter, "{date}"),
            Self::Time(time) => write!(formatter, "{:06}", time.hhmmss()),
            Self::Wall(wall) => write!(formatter, "{wall}"),
            Self::Code(code) => write!(formatter, "{code}"),
            Self::Money(money) => write!(formatter, "{}/{}", money.minor, money.currency),
            Self::Rate(rate) => write!(formatter, "{}e{}", rate.mantissa, rate.exponent),
            Self::Text(text) => write!(formatter, "\"{text}\""),
            Self::Bytes(bytes) => bytes
                .iter()
                .try_for_each(|byte| write!(formatter, "{byte:02x}")),
            Self::Masked(masked) => write!(formatter, "{masked}"),
            Self::Withheld(bytes) => write!(formatter, "[{bytes} bytes withheld]"),
        }
    }
}

/// Text from outside: invalid UTF-8, quotes and control characters are escaped when it is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<'a> {
    bytes: &'a [u8],
    secrets: Secrets,
}

impl<'a> Text<'a> {
    /// Text to be printed. Where secrets are masked it is cut after [`TEXT_CHARACTERS_MAX`], and of
    /// a run of digits that is long enough for an account number the last four remain.
    pub const fn new(bytes: &'a [u8], secrets: Secrets) -> Self {
        Self { bytes, secrets }
    }

    /// As it came: for writers of JSON, who escape by their own rules. Empty where it is not UTF-8
    /// or secrets are masked: print it then.
    pub fn exact(&self) -> Option<&'a str> {
        match self.secrets {
            Secrets::Shown => core::str::from_utf8(self.bytes).ok(),
            Secrets::Masked => None,
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = match self.secrets {
            Secrets::Shown => usize::MAX,
            Secrets::Masked => TEXT_CHARACTERS_MAX,
        };
        for chunk in self.bytes.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some(character) = rest.chars().next() {
                if left == 0 {
                    return formatter.write_str("...");
                }
                left -= 1;
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                if self.secrets == Secrets::Masked && digits >= ACCOUNT_DIGITS_MIN {
                    let (run, after) = rest.split_at(digits);
                    write!(formatter, "{}", Masked(run.as_bytes()))?;
                    rest = after;
                    continue;
                }
                write!(formatter, "{}", character.escape_debug())?;
                rest = rest.split_at(character.len_utf8()).1;
            }
            for byte in chunk.invalid() {
                write!(formatter, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// An account number or token of which the last four characters may be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Masked<'a>(&'a [u8]);

/// Masks an account number or token: four stars and the last four characters; of less than twelve,
/// and of what is not printable, nothing is shown.
pub const fn mask(bytes: &[u8]) -> Masked<'_> {
    Masked(bytes)
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("****")?;
        let text = self.0.trim_ascii_end();
        let shown = text.last_chunk::<4>().filter(|_| text.len() >= MASKED_MIN);
        for byte in shown.into_iter().flatten() {
            let character = char::from(*byte);
            formatter.write_char(if byte.is_ascii_graphic() {
                character
            } else {
                '*'
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Characters of a text that a log line shows.
pub const TEXT_CHARACTERS_MAX: usize = 64;
/// Digits in a row that may be an account number (ISO/IEC 7812 has eight at least).
const ACCOUNT_DIGITS_MIN: usize = 8;
/// Characters of a token of which four may be shown: a third.
const MASKED_MIN: usize = 12;

#[cfg(test)]
mod tests;
