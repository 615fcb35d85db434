//! The rates file: what a currency is worth in another, from when, until when, and by whom.

use rust_decimal::Decimal;
use toml::value::{Datetime, Offset};

use super::Taken;
use super::sheet::{Column, Form, Needed, Row, Sheet, Wrong};
use crate::control::configuration::did_you_mean;
use crate::fx::rates::{
    BadRow, MARGIN_BP_MAX, PERIODS_MAX, RATE_DECIMALS_MAX, RowFault, STATED_DIGITS_MAX,
};
use crate::fx::{Rates, Rounding, Settings, StatedRate, exponents};
use crate::model::money::Currency;
use crate::model::time::{Date, Wall};

/// The columns of a rates file.
pub const FORM: Form = Form {
    key: "rates",
    columns: &[
        Column {
            name: "base",
            takes: "three letters of ISO 4217",
            needed: Needed::Always,
            meaning: "One major unit of this currency is worth `rate` of `quote`: amounts in it \
                are converted.",
        },
        Column {
            name: "quote",
            takes: "three letters of ISO 4217",
            needed: Needed::Always,
            meaning: "The currency that they are converted to. The way back needs a row of its \
                own: no rate is ever inverted.",
        },
        Column {
            name: "rate",
            takes: "a decimal number above 0, of 12 significant digits and 18 decimals at most",
            needed: Needed::Always,
            meaning: "Before the margin.",
        },
        Column {
            name: "margin_bp",
            takes: "a whole number from -9999 to 10000",
            needed: Needed::Else("0"),
            meaning: "Hundredths of a percent that are added to the rate before anything is \
                converted.",
        },
        Column {
            name: "rounding",
            takes: "`half-up`, `half-even`, `up` or `down`",
            needed: Needed::Else("`half-up`"),
            meaning: "What becomes of a part of `quote`'s minor unit.",
        },
        Column {
            name: "valid_from",
            takes: "an instant in UTC, such as 2026-11-22T00:00:00Z",
            needed: Needed::Always,
            meaning: "From when on the row is used.",
        },
        Column {
            name: "valid_until",
            takes: "an instant in UTC, such as 2026-11-23T00:00:00Z",
            needed: Needed::Always,
            meaning: "From when on it is stale, and payments that need it are refused unless \
                another row for the same pair begins. Rows for one pair must not overlap.",
        },
        Column {
            name: "source",
            takes: "a text of 64 characters at most",
            needed: Needed::Always,
            meaning: "Where the rate comes from, for whoever asks.",
        },
    ],
    rows_max: 100_000,
};

/// Characters of a source.
const SOURCE_MAX: usize = 64;

/// The rates of a file; `name` is what diagnostics call it.
pub(in crate::control) fn read(name: &str, text: &str, settings: &Settings) -> Taken<Rates> {
    let mut sheet = Sheet::open(&FORM, name, text);
    let (mut rows, mut rates) = (Vec::new(), Vec::new());
    while let Some(row) = sheet.next_row() {
        if let Some(rate) = stated(&mut sheet, &row) {
            rates.push(rate);
            rows.push(row);
        }
    }
    // Also where a cell was wrong: what is wrong between the other rows is told in the same report.
    match Rates::build(&rates, settings) {
        Ok(rates) => Ok((rates, sheet.finish()?)),
        Err(bad) => {
            let line = |row: usize| rows.get(row).map_or(0, |row: &Row| row.line);
            for BadRow { row, fault } in bad {
                let (column, wrong) = said(fault, line);
                if let Some(row) = rows.get(row) {
                    sheet.note(row, column, wrong);
                }
            }
            Err(sheet.finish().expect_err("a bad row was noted"))
        }
    }
}

/// A fault of a row and where it shows; most are found cell by cell before.
fn said(fault: RowFault, line: impl Fn(usize) -> usize) -> (&'static str, Wrong) {
    match fault {
        RowFault::UnknownCurrency(currency) => (
            "base",
            Wrong::new(
                format!("currency {currency} has no minor unit"),
                "use another currency",
            ),
        ),
        RowFault::SameCurrency => (
            "quote",
            Wrong::new(
                "a currency needs no rate to itself",
                "remove the line, or correct one of the two currencies",
            ),
        ),
        RowFault::BadRate => (
            "rate",
            Wrong::new(
                "not a rate",
                "use a rate above 0, of 12 digits and 18 decimals at most",
            ),
        ),
        RowFault::BadMargin => (
            "margin_bp",
            Wrong::new("100 % or more", "use a smaller margin"),
        ),
        RowFault::EndsFirst => (
            "valid_until",
            Wrong::new("it is not after `valid_from`", "correct one of the two"),
        ),
        RowFault::Overlaps(first) => (
            "valid_from",
            Wrong::new(
                format!(
                    "line {} is valid at the same time for the same pair",
                    line(first)
                ),
                "end one of the two where the other begins",
            ),
        ),
        RowFault::Unstatable(None) => (
            "rate",
            Wrong::new(
                format!("with its margin it has more than {RATE_DECIMALS_MAX} decimals"),
                "use fewer digits, or no margin",
            ),
        ),
        RowFault::Unstatable(Some(other)) => (
            "rate",
            Wrong::new(
                format!(
                    "crossed with line {} it has more than {RATE_DECIMALS_MAX} decimals or 18 \
                     digits",
                    line(other)
                ),
                "state the pair that follows from both in a line of its own",
            ),
        ),
        RowFault::TooMany => (
            "base",
            Wrong::new(
                format!("with all crosses there are more than {PERIODS_MAX} periods"),
                "state fewer pairs, or longer periods",
            ),
        ),
    }
}

/// One row; `None` where something was noted.
fn stated(sheet: &mut Sheet<'_>, row: &Row) -> Option<StatedRate> {
    // Every cell is read before any is required, so that one report names all that is wrong.
    let base = sheet.read(row, "base", currency);
    let quote = sheet.read(row, "quote", currency);
    let rate = sheet.read(row, "rate", rate);
    let margin_bp = sheet.read_or(row, "margin_bp", 0, margin);
    let rounding = sheet.read_or(row, "rounding", Rounding::default(), rounding);
    let valid_from = sheet.read(row, "valid_from", instant);
    let valid_until = sheet.read(row, "valid_until", instant);
    let source = sheet.read(row, "source", source);
    Some(StatedRate {
        base: base?,
        quote: quote?,
        rate: rate?,
        margin_bp: margin_bp?,
        rounding: rounding?,
        valid_from: valid_from?,
        valid_until: valid_until?,
        source: source?,
    })
}

fn currency(text: &str) -> Result<Currency, Wrong> {
    let known =
        exponents::by_letters(text).filter(|_| exponents::all_letters().any(|it| it == text));
    known.ok_or_else(|| {
        let remedy = did_you_mean(text, exponents::all_letters());
        Wrong::new(
            format!("\"{text}\" is not a currency with a minor unit"),
            remedy.unwrap_or_else(|| "use three letters of ISO 4217, such as CNY".to_owned()),
        )
    })
}

fn rate(text: &str) -> Result<Decimal, Wrong> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let Some(rate) = plain.then(|| Decimal::from_str_exact(text).ok()).flatten() else {
        return Err(Wrong::new(
            format!("\"{text}\" is not a decimal number"),
            "write digits and at most one point, such as 0.0053120",
        ));
    };
    let rate = rate.normalize();
    if rate.is_zero() {
        return Err(Wrong::new("a rate of 0", "use a rate above 0"));
    }
    let digits = rate.mantissa().unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
    if digits > STATED_DIGITS_MAX || rate.scale() > RATE_DECIMALS_MAX {
        return Err(Wrong::new(
            format!("{digits} significant digits and {} decimals", rate.scale()),
            format!(
                "round it to {STATED_DIGITS_MAX} digits and {RATE_DECIMALS_MAX} decimals at most"
            ),
        ));
    }
    Ok(rate)
}

fn margin(text: &str) -> Result<i32, Wrong> {
    let remedy = "use a whole number of hundredths of a percent, from -9999 to 10000";
    let margin: i32 = text
        .parse()
        .map_err(|_| Wrong::new(format!("\"{text}\" is not a whole number"), remedy))?;
    if margin > MARGIN_BP_MAX || margin <= -MARGIN_BP_MAX {
        return Err(Wrong::new(format!("{margin} is 100 % or more"), remedy));
    }
    Ok(margin)
}

fn rounding(text: &str) -> Result<Rounding, Wrong> {
    Rounding::from_name(text).ok_or_else(|| {
        Wrong::new(
            format!("\"{text}\" is not a rounding"),
            did_you_mean(text, Rounding::NAMES.into_iter())
                .unwrap_or_else(|| "use `half-up`, `half-even`, `up` or `down`".to_owned()),
        )
    })
}

/// RFC 3339, in UTC.
fn instant(text: &str) -> Result<Wall, Wrong> {
    utc(text).ok_or_else(|| {
        Wrong::new(
            format!("\"{text}\" is not an instant in UTC"),
            "write it as 2026-11-22T00:00:00Z",
        )
    })
}

fn utc(text: &str) -> Option<Wall> {
    let instant: Datetime = text.parse().ok()?;
    let (date, time) = (instant.date?, instant.time?);
    if !matches!(instant.offset?, Offset::Z | Offset::Custom { minutes: 0 }) {
        return None;
    }
    let date = u32::from(date.year) * 10_000 + u32::from(date.month) * 100 + u32::from(date.day);
    let days = u64::try_from(Date::from_yyyymmdd(date)?.days()).ok()?;
    let (hour, minute) = (u64::from(time.hour), u64::from(time.minute));
    let second = u64::from(time.second.unwrap_or(0));
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let nanosecond = u64::from(time.nanosecond.unwrap_or(0));
    Some(Wall(seconds * 1_000_000_000 + nanosecond))
}

fn source(text: &str) -> Result<String, Wrong> {
    if text.chars().count() > SOURCE_MAX {
        return Err(Wrong::new(
            format!("it has more than {SOURCE_MAX} characters"),
            "name the source in fewer words",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "base\tquote\trate\tmargin_bp\trounding\tvalid_from\tvalid_until\tsource\n";
    const ROW: &str =
        "MYR\tCNY\t1.7152\t50\tup\t2026-11-01T00:00:00Z\t2026-11-02T00:00:00Z\tCFETS\n";

    fn settings() -> Settings {
        Settings {
            pivot: exponents::by_letters("CNY").unwrap(),
            significant_digits: 7,
        }
    }

    /// `ROW` with one change, and what is said of it.
    const REFUSALS: &[(&str, &str, &str)] = &[
        (
            "MYR",
            "MYX",
            "3:1 `base`: \"MYX\" is not a currency with a minor unit | did you mean `MYR`?",
        ),
        (
            "CNY",
            "XAU",
            "3:5 `quote`: \"XAU\" is not a currency with a minor unit | did you mean `XAD`?",
        ),
        (
            "CNY",
            "MYR",
            "3:5 `quote`: a currency needs no rate to itself | remove the line, or correct one of \
             the two currencies",
        ),
        (
            "1.7152",
            "0.00",
            "3:9 `rate`: a rate of 0 | use a rate above 0",
        ),
        (
            "1.7152",
            "-1.7",
            "3:9 `rate`: \"-1.7\" is not a decimal number | write digits and at most one point, \
             such as 0.0053120",
        ),
        (
            "1.7152",
            "1,7152",
            "3:9 `rate`: \"1,7152\" is not a decimal number | write digits and at most one point, \
             such as 0.0053120",
        ),
        (
            "1.7152",
            "1.7152345678901",
            "3:9 `rate`: 14 significant digits and 13 decimals | round it to 12 digits and 18 \
             decimals at most",
        ),
        (
            "\t50\t",
            "\t10001\t",
            "3:16 `margin_bp`: 10001 is 100 % or more | use a whole number of hundredths of a \
             percent, from -9999 to 10000",
        ),
        (
            "\t50\t",
            "\t0.5\t",
            "3:16 `margin_bp`: \"0.5\" is not a whole number | use a whole number of hundredths \
             of a percent, from -9999 to 10000",
        ),
        (
            "\tup\t",
            "\tupp\t",
            "3:19 `rounding`: \"upp\" is not a rounding | did you mean `up`?",
        ),
        (
            "2026-11-01T00:00:00Z",
            "2026-11-01 00:00",
            "3:22 `valid_from`: \"2026-11-01 00:00\" is not an instant in UTC | write it as \
             2026-11-22T00:00:00Z",
        ),
        (
            "2026-11-01T00:00:00Z",
            "2026-11-01T08:00:00+08:00",
            "3:22 `valid_from`: \"2026-11-01T08:00:00+08:00\" is not an instant in UTC | write it \
             as 2026-11-22T00:00:00Z",
        ),
        (
            "2026-11-02",
            "2026-11-01",
            "3:43 `valid_until`: it is not after `valid_from` | correct one of the two",
        ),
        (
            "CFETS",
            "",
            "3:64 `source` is not said | say it: a text of 64 characters at most",
        ),
    ];

    fn said(errors: &crate::control::configuration::Diagnostics) -> String {
        let said = errors.errors().iter().map(|error| {
            let (line, column) = (error.line, error.column);
            format!("{line}:{column} {} | {}", error.problem, error.remedy)
        });
        said.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_bad_cell_is_told_with_its_line_its_column_and_a_remedy() {
        let (_, tally) = read("rates.tsv", &format!("{HEAD}{ROW}"), &settings()).unwrap();
        assert_eq!(tally.rows, 1);
        let other = ROW.replace("MYR", "USD");
        for (from, to, expected) in REFUSALS {
            assert!(ROW.contains(from), "{from}");
            let text = format!("{HEAD}{other}{}", ROW.replacen(from, to, 1));
            let errors = read("rates.tsv", &text, &settings()).unwrap_err();
            assert_eq!(said(&errors), *expected, "for {to}");
        }
    }

    #[test]
    fn rows_that_overlap_are_told_together_with_bad_cells() {
        let later = ROW
            .replace("2026-11-02", "2026-12-01")
            .replace("11-01T00", "11-01T23");
        let text = format!("# Rates\n{HEAD}{ROW}{later}{}", ROW.replace("MYR", "?"));
        let errors = read("rates.tsv", &text, &settings()).unwrap_err();
        assert_eq!(
            said(&errors),
            "5:1 `base`: \"?\" is not a currency with a minor unit | use three letters of ISO \
             4217, such as CNY\n4:22 `valid_from`: line 3 is valid at the same time for the same \
             pair | end one of the two where the other begins"
        );
    }

    #[test]
    fn the_sandbox_states_every_corridor_both_ways() {
        let sandbox = crate::control::configuration::Configuration::sandbox();
        let rates = sandbox.fx.rates.as_ref().unwrap();
        let currency = |letters| exponents::by_letters(letters).unwrap();
        let at = instant("2026-11-22T12:00:00Z").unwrap();
        let all = [
            "CNY", "HKD", "MOP", "MYR", "THB", "KRW", "SGD", "IDR", "PHP", "VND", "MNT", "UZS",
            "LAK", "KHR", "USD",
        ];
        for from in all {
            for to in all {
                let there = rates.find(currency(from), currency(to), at).unwrap();
                let back = rates.find(currency(to), currency(from), at).unwrap();
                // There and back costs both margins: 1 % by one pair, 2 % by two.
                let value = |rate: crate::model::money::Rate| {
                    Decimal::new(rate.mantissa, u32::from(rate.exponent.unsigned_abs()))
                };
                let round_trip = value(there.rate) * value(back.rate);
                let most = Decimal::new(103, 2);
                assert!(
                    round_trip >= Decimal::ONE && round_trip < most,
                    "{from} {to}"
                );
            }
        }
        for entry in &sandbox.participants {
            let own = entry.participant.currency;
            assert!(
                rates.find(own, currency("CNY"), at).is_ok(),
                "{}",
                entry.participant.name
            );
        }
        let unknown = rates.find(currency("EUR"), currency("CNY"), at);
        assert_eq!(unknown, Err(crate::fx::NoRate::UnknownPair));
    }

    #[test]
    fn an_instant_is_read_as_it_is_written() {
        let wall = instant("2026-11-21T22:05:05.000000123Z").unwrap();
        assert_eq!(wall.to_string(), "2026-11-21T22:05:05.000000123Z");
        assert_eq!(instant("1970-01-01T00:00:00Z").unwrap(), Wall(0));
        for wrong in [
            "2026-11-21",
            "22:05:05Z",
            "1969-12-31T23:59:59Z",
            "2026-02-30T00:00:00Z",
        ] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }
}
