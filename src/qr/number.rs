//! Payment codes of digits: whose they are, by their first digits and how many there are.
//!
//! A prefix may belong to several, and then the code has several owners, in a fixed order: the
//! longest prefix first, then the order of the table. Which of them is meant, routes say.
//!
//! ```text
//! 28 1 010 89 7274821897274821      Alipay+: agreement, routing number, business type, user
//! ```

use super::finding::Problem;
use super::owner::{By, Owner, Span, insert, narrow};
use super::rule::Secrecy;
use super::schemes::Scheme;
use super::{Code, Path};
use crate::model::limits::{NUMBER_DIGITS_MAX, PREFIX_DIGITS_MAX};
use crate::model::mark::{CodeMarks, Mark};

/// One kind of payment code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NumberRow {
    scheme: Scheme,
    /// First and last of its prefixes, of equally many digits.
    prefixes: (&'static str, &'static str),
    /// The same as numbers, which digits of equal number compare as.
    prefix_values: (u16, u16),
    /// Fewest and most digits.
    digits: (usize, usize),
    /// A digit that is always the same: its place from the end, and which.
    fixed: Option<(usize, u8)>,
    /// What its digits are, after the prefix, where that is known.
    parts: &'static [NumberPart],
}

/// What some of the digits are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct NumberPart {
    name: &'static str,
    digits: usize,
    /// Whether it says who issued the code.
    is_institution: bool,
}

/// THE TABLE OF PAYMENT CODES, longest prefix first.
///
/// WeChat: micropay, 18 digits, 10 to 15. Alipay: 16 to 24 digits, 25 to 30. UnionPay: 62, a
/// product of two digits, 15 more. Alipay+ (its code format specification): 24 digits, of which six
/// say who issued it; 19 digits that begin with 289 and have a 6 in the sixth place from the end;
/// AlipayHK 17 to 19.
const NUMBERS: &[NumberRow] = &[
    NumberRow {
        fixed: Some((6, b'6')),
        ..row(Scheme::AlipayPlus, ("289", "289"), (19, 19))
    },
    row(Scheme::WeChatPay, ("10", "15"), (18, 18)),
    NumberRow {
        parts: &[
            part("agreement", 1),
            NumberPart {
                name: "routing number",
                digits: 3,
                is_institution: true,
            },
            part("business type", 2),
        ],
        ..row(Scheme::AlipayPlus, ("25", "30"), (24, NUMBER_DIGITS_MAX))
    },
    row(Scheme::Alipay, ("25", "30"), (16, 24)),
    row(Scheme::AlipayHk, ("25", "30"), (17, 19)),
    NumberRow {
        parts: &[part("product", 2)],
        ..row(Scheme::UnionPay, ("62", "62"), (19, 19))
    },
];

/// Alipay+ reserves what has more digits than its codes have today.
const DIGITS_TODAY: usize = 24;

const fn row(
    scheme: Scheme,
    prefixes: (&'static str, &'static str),
    digits: (usize, usize),
) -> NumberRow {
    NumberRow {
        scheme,
        prefixes,
        prefix_values: (number_of(prefixes.0), number_of(prefixes.1)),
        digits,
        fixed: None,
        parts: &[],
    }
}

/// A prefix of two or three digits as a number.
const fn number_of(prefix: &str) -> u16 {
    let mut digits = prefix.as_bytes();
    let mut value = 0;
    while let [digit, rest @ ..] = digits {
        value = value * 10 + (*digit - b'0') as u16;
        digits = rest;
    }
    value
}

const fn part(name: &'static str, digits: usize) -> NumberPart {
    NumberPart {
        name,
        digits,
        is_institution: false,
    }
}

impl NumberRow {
    const fn prefix_digits(&self) -> usize {
        self.prefixes.0.len()
    }

    /// Whether a number begins as its codes do.
    fn begins(&self, number: &[u8]) -> bool {
        self.begins_so(&Starts::of(number))
    }

    fn begins_so(&self, starts: &Starts) -> bool {
        let value = if self.prefix_digits() == 2 {
            starts.two
        } else {
            starts.three
        };
        value.is_some_and(|value| (self.prefix_values.0..=self.prefix_values.1).contains(&value))
    }

    /// Of digits only.
    fn fits(&self, number: &[u8], starts: &Starts) -> bool {
        self.begins_so(starts) && self.has_digits(number) && self.has_fixed(number)
    }

    fn has_digits(&self, number: &[u8]) -> bool {
        self.digits.0 <= number.len() && number.len() <= self.digits.1
    }

    fn has_fixed(&self, number: &[u8]) -> bool {
        self.fixed.is_none_or(|(from_end, digit)| {
            let place = number.len().checked_sub(from_end);
            place.and_then(|place| number.get(place)) == Some(&digit)
        })
    }
}

/// The first two digits of a number and the first three, as numbers, if it has as many: read once
/// for all rows.
struct Starts {
    two: Option<u16>,
    three: Option<u16>,
}

impl Starts {
    fn of(number: &[u8]) -> Self {
        let digit = |byte: u8| u16::from(byte.wrapping_sub(b'0'));
        let two = |&[one, two]: &[u8; 2]| digit(one) * 10 + digit(two);
        let three =
            |&[one, two, three]: &[u8; 3]| (digit(one) * 10 + digit(two)) * 10 + digit(three);
        Self {
            two: number.first_chunk().map(two),
            three: number.first_chunk().map(three),
        }
    }
}

/// What a code of digits only is known by, and nothing else of it.
pub(super) fn put_marks<'p>(number: &'p [u8], known: &mut CodeMarks<'p>) {
    let value = number.get(..PREFIX_DIGITS_MAX).unwrap_or(number);
    let mark = |scheme| Mark {
        scheme,
        by: By::Prefix,
        value,
    };
    let starts = Starts::of(number);
    for row in NUMBERS {
        if row.fits(number, &starts) {
            known.marks.push(mark(row.scheme.word()));
        }
    }
    if known.marks.is_empty() {
        known.marks.push(mark("other"));
    }
}

/// Reads a code of digits only.
pub(super) fn read(code: &mut Code<'_>) {
    let number = code.payload;
    let starts = Starts::of(number);
    for (rank, row) in (0..).zip(NUMBERS) {
        if !row.fits(number, &starts) {
            continue;
        }
        let owner = Owner {
            scheme: row.scheme,
            by: By::Prefix,
            field: None,
            row: None,
            mark: Span::new(0, row.prefix_digits()),
            institution: institution(row),
            rank,
        };
        insert(&mut code.owners, owner);
    }
    pieces(code);
    if code.owners.is_empty() {
        refuse(code);
    } else if number.len() > DIGITS_TODAY {
        let found = narrow(number.len());
        code.warn(
            Path::default(),
            DIGITS_TODAY,
            Problem::DigitsReserved { found },
            None,
        );
    }
}

fn institution(row: &NumberRow) -> Span {
    let mut at = row.prefix_digits();
    for part in row.parts {
        if part.is_institution {
            return Span::new(at, at + part.digits);
        }
        at += part.digits;
    }
    Span::default()
}

/// What the digits are, by the first row that fits and says so.
fn pieces(code: &mut Code<'_>) {
    let number = code.payload;
    let fits = |row: &&NumberRow| row.begins(number) && row.has_digits(number);
    let Some(row) = NUMBERS
        .iter()
        .find(|row| fits(row) && row.has_fixed(number))
        .or_else(|| NUMBERS.iter().find(|row| row.begins(number)))
    else {
        return code.push_piece("digits", Secrecy::Withheld, 0, number.len());
    };
    let mut at = row.prefix_digits().min(number.len());
    code.push_piece("prefix", Secrecy::Open, 0, at);
    if fits(&row) {
        for part in row.parts {
            code.push_piece(part.name, Secrecy::Open, at, at + part.digits);
            at += part.digits;
        }
    }
    code.push_piece("the payer's digits", Secrecy::Withheld, at, number.len());
}

/// Nobody's: because of how it begins, or because of how long it is.
fn refuse(code: &mut Code<'_>) {
    let number = code.payload;
    let found = narrow(number.len());
    let rows = || NUMBERS.iter().filter(|row| row.begins(number));
    let least = rows().map(|row| row.digits.0).min();
    let most = rows().map(|row| row.digits.1).max();
    match least.zip(most) {
        None => code.fault(Path::default(), 0, Problem::Prefix),
        Some((least, most)) => {
            let place = number.len().min(most);
            let (least, most) = (narrow(least), narrow(most));
            code.fault(
                Path::default(),
                place,
                Problem::Digits { found, least, most },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Owners as words, or the fault with its place.
    fn told(number: &str) -> String {
        let code = Code::read(number.as_bytes());
        if let [fault] = code.faults() {
            assert!(code.owners().is_empty());
            return format!(
                "{} at {}: {}",
                fault.problem.name(),
                fault.byte,
                fault.problem.expected()
            );
        }
        let owners = code.owners().iter().map(|owner| {
            let institution = code
                .institution(owner)
                .map(|it| String::from_utf8_lossy(it));
            format!(
                "{} {}",
                owner.scheme.word(),
                institution.unwrap_or_default()
            )
        });
        owners
            .map(|owner| owner.trim_end().to_owned())
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn prefix_and_digits_name_the_owners_in_a_fixed_order() {
        let digits = |prefix: &str, count: usize| format!("{prefix:0<count$}");
        for (number, expected) in [
            (digits("10", 18), "wechat-pay"),
            (digits("15", 18), "wechat-pay"),
            (
                digits("16", 18),
                "prefix at 0: 10 to 15 (WeChat), 25 to 30 (Alipay, Alipay+), 62 (UnionPay)",
            ),
            (digits("13", 17), "digits at 17: 18 digits"),
            (digits("13", 19), "digits at 18: 18 digits"),
            (digits("25", 16), "alipay"),
            (digits("30", 17), "alipay, alipayhk"),
            (digits("28", 20), "alipay"),
            (digits("281010", 24), "alipay-plus 010, alipay"),
            (digits("281010", 32), "alipay-plus 010"),
            (digits("28", 33), "digits at 32: 16 to 32 digits"),
            (digits("28", 15), "digits at 15: 16 to 32 digits"),
            (digits("62", 19), "unionpay"),
            (digits("62", 16), "digits at 16: 19 digits"),
            (
                "2890000000000600000".to_owned(),
                "alipay-plus, alipay, alipayhk",
            ),
            ("2890000000000500000".to_owned(), "alipay, alipayhk"),
            (
                "1".to_owned(),
                "prefix at 0: 10 to 15 (WeChat), 25 to 30 (Alipay, Alipay+), 62 (UnionPay)",
            ),
        ] {
            assert_eq!(told(&number), expected, "{number}");
        }
    }

    #[test]
    fn the_table_is_ordered_by_the_length_of_its_prefixes() {
        for pair in NUMBERS.windows(2) {
            assert!(
                pair[0].prefix_digits() >= pair[1].prefix_digits(),
                "{pair:?}"
            );
        }
        for row in NUMBERS {
            assert_eq!(row.prefixes.0.len(), row.prefixes.1.len(), "{row:?}");
            assert!(matches!(row.prefix_digits(), 2 | 3), "{row:?}");
            assert!(
                row.digits.0 <= row.digits.1 && row.digits.1 <= NUMBER_DIGITS_MAX,
                "{row:?}"
            );
            let known: usize = row.parts.iter().map(|part| part.digits).sum();
            assert!(row.prefix_digits() + known < row.digits.0, "{row:?}");
        }
    }

    #[test]
    fn who_is_refused_hears_of_every_prefix_of_the_table() {
        let told = Problem::Prefix.expected().to_string();
        for row in NUMBERS {
            let (start, _) = row.prefixes.0.split_at(2);
            let name = row.scheme.name();
            // The longest prefix begins with one that is told.
            let is_told = told.contains(start)
                || NUMBERS.iter().any(|shorter| {
                    shorter.prefix_digits() < row.prefix_digits()
                        && shorter.begins(start.as_bytes())
                });
            assert!(is_told, "{row:?}");
            assert!(
                told.contains(name) || name == "WeChat Pay" || name == "AlipayHK",
                "{name}"
            );
        }
    }

    proptest::proptest! {
        /// Of digits of any number, and of what only begins with digits.
        #[test]
        fn the_marks_of_digits_are_those_of_the_whole_code(
            start in "(10|15|16|25|28|281010|289|30|31|62|0002|00020101|)",
            rest in "[0-9]{0,34}",
            end in "(|||x|:|6000000)",
        ) {
            let payload = format!("{start}{rest}{end}");
            let code = Code::read(payload.as_bytes());
            let mut known = CodeMarks::default();
            if Code::marks_of_digits(payload.as_bytes(), &mut known) {
                let marks = code.marks();
                proptest::prop_assert_eq!(code.kind(), crate::qr::Kind::Number);
                proptest::prop_assert_eq!(known.is_bad, marks.is_bad);
                proptest::prop_assert_eq!(known.marks, marks.marks);
            } else {
                proptest::prop_assert_ne!(code.kind(), crate::qr::Kind::Number);
                proptest::prop_assert!(known.marks.is_empty());
            }
        }
    }
}
