//! One rule of the table of routes: which codes, on what terms, to whom.

use core::fmt;

use crate::model::ids::{Institution, ParticipantIndex};
use crate::model::limits::{MARK_BYTES_MAX, PREFIX_DIGITS_MAX};
use crate::model::mark::By;
use crate::model::money::{Currency, MINOR_UNITS_MAX};
use crate::model::outcome::{Presentation, Scenario};
use crate::model::time::{DAY_NS, Wall};

/// The priority of the prefixes that participants have of their own.
pub const PRIORITY_DEFAULT: u16 = 1_000;
/// The weight of a rule that names none.
pub const WEIGHT_DEFAULT: u16 = 1;
/// The largest weight.
pub const WEIGHT_MAX: u16 = 1_000;

const MINUTE_NS: u64 = 60_000_000_000;
const DAY_MINUTES: u16 = 1_440;

/// What a rule looks at in a code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MarkKind {
    /// Every code, and no code.
    Any,
    /// The scheme of an owner.
    Scheme,
    /// What an owner is known by.
    Known(By),
}

impl MarkKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Any,
        Self::Scheme,
        Self::Known(By::Guid),
        Self::Known(By::Network),
        Self::Known(By::Aid),
        Self::Known(By::Host),
        Self::Known(By::Prefix),
    ];

    /// The word in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Scheme => "scheme",
            Self::Known(by) => by.word(),
        }
    }
}

/// The mark that a rule names, in the one form in which marks are compared: letters in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleMark {
    kind: MarkKind,
    value: Box<[u8]>,
}

/// What is wrong with a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkError {
    /// `any` names no mark.
    NotEmpty,
    /// Empty, or longer than [`MARK_BYTES_MAX`].
    Length,
    /// Characters that none of its kind has.
    Characters,
    /// Not 1 to [`PREFIX_DIGITS_MAX`] digits.
    Prefix,
    /// Not the two digits of a field 02 to 51.
    Network,
    /// Not 5 to 16 bytes in hexadecimal digits (ISO/IEC 7816-5).
    Aid,
}

impl fmt::Display for MarkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty => formatter.write_str("a rule by `any` names no mark: write `-`"),
            Self::Length => write!(formatter, "a mark has 1 to {MARK_BYTES_MAX} characters"),
            Self::Characters => formatter.write_str("a mark is printable ASCII without spaces"),
            Self::Prefix => write!(formatter, "a prefix is 1 to {PREFIX_DIGITS_MAX} digits"),
            Self::Network => formatter.write_str("a network is the two digits of a field 02 to 51"),
            Self::Aid => {
                formatter.write_str("an application identifier is 10 to 32 hexadecimal digits")
            }
        }
    }
}

impl core::error::Error for MarkError {}

impl RuleMark {
    /// Every code.
    pub fn any() -> Self {
        Self {
            kind: MarkKind::Any,
            value: Box::default(),
        }
    }

    /// A mark as people write it. A host without a scheme is one of `https`.
    pub fn new(kind: MarkKind, text: &str) -> Result<Self, MarkError> {
        let value = text.as_bytes();
        if kind == MarkKind::Any {
            return if value.is_empty() {
                Ok(Self::any())
            } else {
                Err(MarkError::NotEmpty)
            };
        }
        if value.is_empty() || value.len() > MARK_BYTES_MAX {
            return Err(MarkError::Length);
        }
        if !value.iter().all(u8::is_ascii_graphic) {
            return Err(MarkError::Characters);
        }
        let are_digits = value.iter().all(u8::is_ascii_digit);
        let lower = || value.to_ascii_lowercase();
        let value = match kind {
            MarkKind::Any | MarkKind::Scheme | MarkKind::Known(By::Guid) => lower(),
            MarkKind::Known(By::Network) => match text.parse::<u8>() {
                Ok(2..=51) if are_digits && value.len() == 2 => lower(),
                Ok(_) | Err(_) => return Err(MarkError::Network),
            },
            MarkKind::Known(By::Prefix) if are_digits && value.len() <= PREFIX_DIGITS_MAX => {
                lower()
            }
            MarkKind::Known(By::Prefix) => return Err(MarkError::Prefix),
            MarkKind::Known(By::Aid) => bytes_of(value).ok_or(MarkError::Aid)?,
            MarkKind::Known(By::Host) if text.contains("://") => lower(),
            MarkKind::Known(By::Host) => [b"https://".as_slice(), &lower()].concat(),
        };
        Ok(Self {
            kind,
            value: value.into(),
        })
    }

    /// What it looks at.
    pub const fn kind(&self) -> MarkKind {
        self.kind
    }

    /// What is compared.
    pub const fn value(&self) -> &[u8] {
        &self.value
    }
}

impl fmt::Display for RuleMark {
    /// As a table has it: `guid sg.paynow`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown_mark(self.kind, &self.value))
    }
}

/// A mark that a rule names, as a table has it. Tables hold no codes: nothing needs to be masked.
pub fn shown_mark(kind: MarkKind, value: &[u8]) -> String {
    let word = kind.word();
    if kind == MarkKind::Known(By::Aid) {
        let digits: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
        return format!("{word} {digits}");
    }
    format!("{word} {}", value.escape_ascii())
        .trim_end()
        .to_owned()
}

/// 5 to 16 bytes of twice as many hexadecimal digits.
fn bytes_of(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let half = |digit: u8| char::from(digit).to_digit(16);
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| u8::try_from(half(*high)? * 16 + half(*low)?).ok())
        .collect();
    bytes.filter(|bytes| rest.is_empty() && (5..=16).contains(&bytes.len()))
}

/// Which payments a rule is for, by direction and by who shows the code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Flow {
    /// All.
    Any,
    /// Those in which this side shows the code.
    Presented(Presentation),
    /// One of the four.
    Scenario(Scenario),
}

impl Flow {
    /// The word in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Presented(presentation) => presentation.name(),
            Self::Scenario(scenario) => scenario.name(),
        }
    }
}

/// Amounts of one currency, both ends included, in its minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Band {
    /// Which currency's minor unit.
    pub currency: Currency,
    /// The smallest.
    pub from: i64,
    /// The largest.
    pub to: i64,
}

impl Band {
    /// Every amount of a currency.
    pub const fn all(currency: Currency) -> Self {
        Self {
            currency,
            from: 0,
            to: MINOR_UNITS_MAX,
        }
    }

    /// Whether an amount is in it. What is not known of one is not held against it: a code for any
    /// amount is asked about before there is one.
    pub fn holds(&self, currency: Option<Currency>, minor: Option<i64>) -> bool {
        currency.is_none_or(|currency| currency == self.currency)
            && minor.is_none_or(|minor| self.from <= minor && minor <= self.to)
    }
}

/// A part of every day, UTC, from a minute to before another; it may pass midnight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Window {
    from: u16,
    to: u16,
}

impl Window {
    /// Minutes of the day, 0 to 1439; `None` beyond that, and where both are the same.
    pub const fn new(from: u16, to: u16) -> Option<Self> {
        if from < DAY_MINUTES && to < DAY_MINUTES && from != to {
            Some(Self { from, to })
        } else {
            None
        }
    }

    /// Whether an instant is in it.
    pub fn holds(self, wall: Wall) -> bool {
        let minute = wall.0 % DAY_NS / MINUTE_NS;
        let (from, to) = (u64::from(self.from), u64::from(self.to));
        if from < to {
            from <= minute && minute < to
        } else {
            minute >= from || minute < to
        }
    }
}

impl fmt::Display for Window {
    /// `HH:MM-HH:MM`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| (minute / 60, minute % 60);
        let ((from, past), (to, until)) = (clock(self.from), clock(self.to));
        write!(formatter, "{from:02}:{past:02}-{to:02}:{until:02}")
    }
}

/// On what terms a rule holds, and to whom it leads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Terms {
    /// The lowest number counts.
    pub priority: u16,
    /// Which payments.
    pub flow: Flow,
    /// The participant that holds the payer: there is an agreement with it. None: any.
    pub wallet: Option<ParticipantIndex>,
    /// Which amounts. None: any, of any currency.
    pub band: Option<Band>,
    /// When. None: always.
    pub window: Option<Window>,
    /// Who answers. None: nobody, such payments are refused.
    pub destination: Option<ParticipantIndex>,
    /// The institution that is named to it, where it fronts several. ISO 8583 DE 100.
    pub institution: Option<Institution>,
    /// How many of the payments among equals, 1 to [`WEIGHT_MAX`].
    pub weight: u16,
    /// Where it stands in its table, for people; zero: a prefix of the participant itself.
    pub row: u32,
}

impl Terms {
    /// Everything to `destination`, as the prefixes of participants do.
    pub const fn of_participant(destination: ParticipantIndex) -> Self {
        Self {
            priority: PRIORITY_DEFAULT,
            flow: Flow::Any,
            wallet: None,
            band: None,
            window: None,
            destination: Some(destination),
            institution: None,
            weight: WEIGHT_DEFAULT,
            row: 0,
        }
    }

    /// The same but for its place and its weight.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let without = |terms: &Self| Self {
            weight: 0,
            row: 0,
            ..*terms
        };
        without(self) == without(other)
    }
}

/// Which codes, on what terms, to whom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rule {
    /// Which codes.
    pub mark: RuleMark,
    /// On what terms, to whom.
    pub terms: Terms,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_one_form_or_are_refused() {
        use MarkKind::{Any, Known, Scheme};
        for (kind, text, expected) in [
            (Any, "", Ok("any")),
            (Any, "x", Err(MarkError::NotEmpty)),
            (Scheme, "PayNow", Ok("scheme paynow")),
            (Scheme, "", Err(MarkError::Length)),
            (Known(By::Guid), "SG.PAYNOW", Ok("guid sg.paynow")),
            (Known(By::Guid), "SG PAYNOW", Err(MarkError::Characters)),
            (Known(By::Guid), &"x".repeat(65), Err(MarkError::Length)),
            (Known(By::Network), "15", Ok("network 15")),
            (Known(By::Network), "02", Ok("network 02")),
            (Known(By::Network), "2", Err(MarkError::Network)),
            (Known(By::Network), "+9", Err(MarkError::Network)),
            (Known(By::Network), "52", Err(MarkError::Network)),
            (Known(By::Aid), "a000000333", Ok("aid A000000333")),
            (Known(By::Aid), "a00000033", Err(MarkError::Aid)),
            (Known(By::Aid), "a00000033301g1", Err(MarkError::Aid)),
            (Known(By::Aid), &"00".repeat(17), Err(MarkError::Aid)),
            (
                Known(By::Host),
                "QR.Alipay.com",
                Ok("host https://qr.alipay.com"),
            ),
            (Known(By::Host), "weixin://WXPAY", Ok("host weixin://wxpay")),
            (Known(By::Prefix), "281045", Ok("prefix 281045")),
            (Known(By::Prefix), "1234567890123", Err(MarkError::Prefix)),
            (Known(By::Prefix), "28a", Err(MarkError::Prefix)),
        ] {
            let told = RuleMark::new(kind, text).map(|mark| mark.to_string());
            assert_eq!(told, expected.map(String::from), "{kind:?} {text}");
        }
    }

    #[test]
    fn a_window_holds_its_first_minute_and_not_its_last() {
        let at = |minute: u64| Wall(40 * DAY_NS + minute * MINUTE_NS + 59_999_999_999);
        for (from, to, inside, outside) in [
            (60, 120, [60, 90, 119], [59, 120, 1_439]),
            (1_320, 60, [1_320, 0, 59], [60, 700, 1_319]),
            (1_320, 0, [1_320, 1_400, 1_439], [0, 1, 1_319]),
        ] {
            let window = Window::new(from, to).unwrap();
            assert!(inside.iter().all(|minute| window.holds(at(*minute))));
            assert!(outside.iter().all(|minute| !window.holds(at(*minute))));
        }
        assert_eq!(Window::new(1_320, 60).unwrap().to_string(), "22:00-01:00");
        for (from, to) in [(0, 0), (0, 1_440), (1_440, 0)] {
            assert_eq!(Window::new(from, to), None);
        }
    }

    #[test]
    fn a_band_holds_both_its_ends_and_what_is_not_known() {
        let (cny, sgd) = (Currency::new(156), Currency::new(702));
        let band = Band {
            currency: cny.unwrap(),
            from: 100,
            to: 200,
        };
        for (currency, minor, expected) in [
            (cny, Some(100), true),
            (cny, Some(200), true),
            (cny, Some(99), false),
            (cny, Some(201), false),
            (sgd, Some(150), false),
            (sgd, None, false),
            (cny, None, true),
            (None, None, true),
        ] {
            assert_eq!(
                band.holds(currency, minor),
                expected,
                "{currency:?} {minor:?}"
            );
        }
    }
}
