//! What a field's value may look like, and where it first does not.
//!
//! EMVCo's letters: N is [`Format::Digits`], ans is [`Format::Printable`], S is [`Format::Text`].

use super::text::CharKind;
use crate::model::chars::is_printable;

/// What a value may look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Digits (EMV `N`).
    Digits,
    /// Printable ASCII (EMV `ans`).
    Printable,
    /// Any text without control characters (EMV `S`).
    Text,
    /// Digits, at most one point after the first of them, and not zero.
    Amount,
    /// A number of percent, 00.01 to 99.99.
    Percentage,
    /// Two upper-case letters (ISO 3166-1 alpha-2).
    Country,
    /// Two letters (ISO 639-1).
    Language,
    /// Hexadecimal digits.
    Hexadecimal,
    /// Letters of what a consumer is asked for: A address, M mobile number, E e-mail.
    DataRequest,
    /// Printable ASCII without spaces, and an `@` between an account's name and its bank.
    Account,
    /// Any bytes.
    Bytes,
}

impl Format {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Printable => "printable ASCII characters",
            Self::Text => "text without control characters",
            Self::Amount => "digits with at most one point, not zero, as in 23.72",
            Self::Percentage => "percent from 00.01 to 99.99",
            Self::Country => "two upper-case letters, as in CN (ISO 3166-1)",
            Self::Language => "two letters, as in zh (ISO 639-1)",
            Self::Hexadecimal => "hexadecimal digits",
            Self::DataRequest => "letters of A (address), M (mobile number), E (e-mail)",
            Self::Account => "an account with its bank, as in name@bank",
            Self::Bytes => "bytes",
        }
    }

    /// Where `value` is not so: the offset within it, and what is there. All of it has been found
    /// to be UTF-8.
    pub(super) fn breach(self, value: &[u8]) -> Option<(usize, CharKind)> {
        let place = match self {
            Self::Digits => first(value, |byte| !byte.is_ascii_digit()),
            Self::Printable if is_printable(value) => None,
            // What no display should be given is named before what only some displays have.
            Self::Printable => first(value, |byte| byte.is_ascii_control())
                .or_else(|| first(value, |byte| !byte.is_ascii())),
            Self::Text => first(value, |byte| byte.is_ascii_control()),
            Self::Amount => Decimal::read(value).err(),
            Self::Percentage => percentage(value).err(),
            Self::Country => first(value, |byte| !byte.is_ascii_uppercase()),
            Self::Language => first(value, |byte| !byte.is_ascii_alphabetic()),
            Self::Hexadecimal => first(value, |byte| !byte.is_ascii_hexdigit()),
            Self::DataRequest => first(value, |byte| !matches!(byte, b'A' | b'M' | b'E')),
            Self::Account => first(value, |byte| !matches!(byte, 0x21..=0x7e))
                .or_else(|| (!value.contains(&b'@')).then_some(value.len())),
            Self::Bytes => None,
        }?;
        Some((place, CharKind::of(value.get(place).copied())))
    }
}

fn first(value: &[u8], is_bad: impl Fn(u8) -> bool) -> Option<usize> {
    value.iter().position(|byte| is_bad(*byte))
}

/// A number with a point, as codes write it: exactly `digits` / 10^`decimals`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal {
    /// All digits, the point left out.
    pub digits: u64,
    /// How many of them are behind the point.
    pub decimals: u8,
}

impl Decimal {
    /// Reads an amount; where it is none, the offset of what is wrong. Zero is wrong at its end.
    pub(super) fn read(value: &[u8]) -> Result<Self, usize> {
        let (mut digits, mut decimals, mut point) = (0_u64, 0_u8, false);
        for (place, byte) in value.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    digits = digits
                        .checked_mul(10)
                        .and_then(|tens| tens.checked_add(u64::from(byte - b'0')))
                        .ok_or(place)?;
                    decimals = decimals.saturating_add(u8::from(point));
                }
                b'.' if !point && place > 0 => point = true,
                _ => return Err(place),
            }
        }
        if digits == 0 {
            return Err(value.len());
        }
        Ok(Self { digits, decimals })
    }

    /// The amount in minor units, where each is 10^-`exponent` of the currency: `None` where it
    /// would have to be rounded, or is too large.
    pub fn minor_units(self, exponent: u8) -> Option<u64> {
        if self.decimals <= exponent {
            let missing = u32::from(exponent - self.decimals);
            return self.digits.checked_mul(10_u64.checked_pow(missing)?);
        }
        let extra = 10_u64.checked_pow(u32::from(self.decimals - exponent))?;
        self.digits
            .is_multiple_of(extra)
            .then_some(self.digits / extra)
    }
}

/// `5`, `05.` and `12.34` are percentages; `0`, `100` and `1.234` are not.
fn percentage(value: &[u8]) -> Result<Decimal, usize> {
    let read = Decimal::read(value)?;
    let point = value.iter().position(|byte| *byte == b'.');
    match (point.unwrap_or(value.len()), read.decimals) {
        (3.., _) => Err(2),
        (_, 3..) => Err(value.len().saturating_sub(1)),
        (_, _) => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_names_the_place_and_the_kind_of_what_it_refuses() {
        use CharKind::{Control, Digit, Foreign, Lower, Nothing, Sign, Space, Upper};
        for (format, value, expected) in [
            (Format::Digits, "0123", None),
            (Format::Digits, "01a3", Some((2, Lower))),
            (Format::Printable, "a ~", None),
            (Format::Printable, "a\n~", Some((1, Control))),
            (Format::Printable, "ab北", Some((2, Foreign))),
            (Format::Printable, "北\u{7f}", Some((3, Control))),
            (Format::Text, "北京", None),
            (Format::Text, "北\u{7}", Some((3, Control))),
            (Format::Amount, "23.72", None),
            (Format::Amount, "98.", None),
            (Format::Amount, "9,873", Some((1, Sign))),
            (Format::Amount, ".5", Some((0, Sign))),
            (Format::Amount, "1.2.3", Some((3, Sign))),
            (Format::Amount, "0.00", Some((4, Nothing))),
            (Format::Amount, "99999999999999999999", Some((19, Digit))),
            (Format::Percentage, "05.00", None),
            (Format::Percentage, "100", Some((2, Digit))),
            (Format::Percentage, "1.234", Some((4, Digit))),
            (Format::Percentage, "00.00", Some((5, Nothing))),
            (Format::Country, "CN", None),
            (Format::Country, "Cn", Some((1, Lower))),
            (Format::Language, "zh", None),
            (Format::Language, "z1", Some((1, Digit))),
            (Format::Hexadecimal, "aF09", None),
            (Format::Hexadecimal, "G", Some((0, Upper))),
            (Format::DataRequest, "AME", None),
            (Format::DataRequest, "AX", Some((1, Upper))),
            (Format::Account, "shop@devb", None),
            (Format::Account, "shop", Some((4, Nothing))),
            (Format::Account, "s p@b", Some((1, Space))),
        ] {
            assert_eq!(
                format.breach(value.as_bytes()),
                expected,
                "{format:?} {value}"
            );
        }
    }

    #[test]
    fn amounts_become_minor_units_exactly_or_not_at_all() {
        for (value, exponent, expected) in [
            ("23.72", 2, Some(2_372)),
            ("100.5", 2, Some(10_050)),
            ("98.", 2, Some(9_800)),
            ("125000", 2, Some(12_500_000)),
            ("1000.00", 0, Some(1_000)),
            ("1000.50", 0, None),
            ("1.234", 3, Some(1_234)),
            ("1.2345", 3, None),
            ("9999999999999", 8, None),
        ] {
            let amount = Decimal::read(value.as_bytes()).unwrap();
            assert_eq!(amount.minor_units(exponent), expected, "{value}");
        }
    }
}
