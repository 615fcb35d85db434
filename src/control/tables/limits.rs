//! The limits file: what one payment may be in a corridor, how well its payer must be known, and
//! which merchants are not paid.

use super::Taken;
use super::sheet::{Column, Form, Needed, Row, Sheet, Wrong};
use crate::control::configuration::{country_of, did_you_mean, known_countries};
use crate::fx::exponents;
use crate::guard::{Corridor, LimitRow, Rule};
use crate::model::limits::LIMIT_ROWS_MAX;
use crate::model::money::{Currency, MINOR_UNITS_MAX};
use crate::model::outcome::{KycLevel, Presentation};

/// The columns of a limits file.
pub const FORM: Form = Form {
    key: "limits",
    columns: &[
        Column {
            name: "payer_country",
            takes: "two letters or three digits of ISO 3166-1",
            needed: Needed::Else("any country"),
            meaning: "Where the payer's wallet is. Every row that fits a payment must hold.",
        },
        Column {
            name: "merchant_country",
            takes: "two letters or three digits of ISO 3166-1",
            needed: Needed::Else("any country"),
            meaning: "Where the merchant is.",
        },
        Column {
            name: "presentation",
            takes: "`mpm` or `cpm`",
            needed: Needed::Else("both"),
            meaning: "Who shows the code: the merchant, or the payer.",
        },
        Column {
            name: "currency",
            takes: "three letters of ISO 4217",
            needed: Needed::Else("a row without amounts"),
            meaning: "What the row's amounts are in: the same in all rows. Payments in other \
                currencies are converted to compare them.",
        },
        Column {
            name: "least",
            takes: "an amount in major units",
            needed: Needed::Else("no such bound"),
            meaning: "Below it, a payment is refused with 13.",
        },
        Column {
            name: "most",
            takes: "an amount in major units",
            needed: Needed::Else("no such bound"),
            meaning: "Above it, a payment is refused with 61.",
        },
        Column {
            name: "kyc_level",
            takes: "`basic` or `verified`",
            needed: Needed::Else("no demand"),
            meaning: "How well the wallet must know its payer; otherwise 57. A request that does \
                not say it counts as `none`.",
        },
        Column {
            name: "above",
            takes: "an amount in major units",
            needed: Needed::Else("0"),
            meaning: "Up to this amount `kyc_level` is not demanded.",
        },
        Column {
            name: "mcc",
            takes: "four digits of ISO 18245, or two such numbers with `..` between",
            needed: Needed::Else("no category"),
            meaning: "Merchants of these categories are not paid: 57. `0000` is a request that \
                names none.",
        },
        Column {
            name: "year_most",
            takes: "an amount in major units",
            needed: Needed::Else("no such bound"),
            meaning: "All payments of one payer in a calendar year (UTC), wherever they are made: \
                a payment with which they would be more is refused with 65. Needs \
                `tables.list_key_file`, under whose key payers are counted.",
        },
        Column {
            name: "day_count_most",
            takes: "a whole number",
            needed: Needed::Else("no such bound"),
            meaning: "So many payments of one payer in a day (UTC); one more is refused with 65.",
        },
        Column {
            name: "kyc_up_to",
            takes: "`none`, `basic` or `verified`",
            needed: Needed::Else("all payers"),
            meaning: "`year_most` and `day_count_most` hold for payers that are known so well at \
                most.",
        },
    ],
    rows_max: LIMIT_ROWS_MAX / RULES_OF_ROW_MAX,
};

/// Amounts, a KYC level, categories and limits over time may stand in one line.
const RULES_OF_ROW_MAX: usize = 4;

/// What a limits file amounts to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatedLimits {
    /// What all amounts are in; none where there are none.
    pub currency: Option<Currency>,
    /// The rules, in the order of the file.
    pub rows: Vec<LimitRow>,
}

/// The rows of a limits file; `name` is what diagnostics call it.
pub(in crate::control) fn read(name: &str, text: &str) -> Taken<StatedLimits> {
    let mut sheet = Sheet::open(&FORM, name, text);
    let mut limits = StatedLimits::default();
    while let Some(row) = sheet.next_row() {
        stated(&mut sheet, &row, &mut limits);
    }
    let tally = sheet.finish()?;
    Ok((limits, tally))
}

/// Takes one row in; `None` where something was noted.
fn stated(sheet: &mut Sheet<'_>, row: &Row, limits: &mut StatedLimits) -> Option<()> {
    // Every cell is read before any is required, so that one report names all that is wrong.
    let payer = sheet.read_or(row, "payer_country", None, country);
    let merchant = sheet.read_or(row, "merchant_country", None, country);
    let presentation = sheet.read_or(row, "presentation", None, presentation);
    let currency = sheet.read_or(row, "currency", None, currency);
    let level = sheet.read_or(row, "kyc_level", None, kyc_level);
    let mcc = sheet.read_or(row, "mcc", None, categories);
    let day_count = sheet.read_or(row, "day_count_most", None, count);
    let up_to = sheet.read_or(row, "kyc_up_to", None, known_up_to);
    let exponent = currency.flatten().map(|(_, exponent)| exponent);
    let mut amount = |name| sheet.read_or(row, name, None, |text| amount(text, exponent));
    let (least, most, above) = (amount("least"), amount("most"), amount("above"));
    let year = amount("year_most");
    let (year, day_count, up_to) = (year?, day_count?, up_to?);
    let (least, most, above, level, mcc) = (least?, most?, above?, level?, mcc?);
    let currency = currency?.map(|(currency, _)| currency);
    let measured = least.is_some() || most.is_some() || level.is_some() || year.is_some();
    if !fits_others(sheet, row, currency, measured, limits) {
        return None;
    }
    let corridor = Corridor {
        payer: payer?,
        merchant: merchant?,
    };
    let presentation = presentation?;
    if let (Some(least), Some(most)) = (least, most)
        && most < least
    {
        let wrong = Wrong::new("it is below `least`", "correct one of the two");
        sheet.note(row, "most", wrong);
    }
    if above.is_some() && level.is_none() {
        let wrong = Wrong::new(
            "it says above which amount, and `kyc_level` does not say what is demanded",
            "add `kyc_level`, or write `most` for the largest payment",
        );
        sheet.note(row, "above", wrong);
    }
    let amounts = (least.is_some() || most.is_some()).then(|| Rule::Amount {
        least_minor: least.unwrap_or(0),
        most_minor: most.unwrap_or(i64::MAX),
    });
    let level = level.map(|level| Rule::KycLevel {
        above_minor: above.unwrap_or(0),
        level,
    });
    let categories = mcc.map(|(first, last)| Rule::Category { first, last });
    let over_time = year.is_some() || day_count.is_some();
    note_over_time(sheet, row, over_time, (up_to, presentation));
    let total = over_time.then(|| Rule::Total {
        up_to: up_to.unwrap_or(KycLevel::Verified),
        year_most_minor: year.unwrap_or(i64::MAX),
        day_count_most: day_count.unwrap_or(u32::MAX),
    });
    let rules = [amounts, level, categories, total];
    let rules: Vec<_> = rules.into_iter().flatten().collect();
    if rules.is_empty() && above.is_none() && up_to.is_none() {
        let remedy = "say at least one of `least`, `most`, `kyc_level`, `mcc`, `year_most` and \
                      `day_count_most`, or remove it";
        sheet.note_row(row, "the row demands nothing", remedy);
    }
    let line = u32::try_from(row.line).expect("a table file is not that long");
    limits.rows.extend(rules.into_iter().map(|rule| LimitRow {
        line,
        corridor,
        presentation,
        rule,
    }));
    Some(())
}

/// Notes what cannot go together with limits over time, or without them.
fn note_over_time(
    sheet: &mut Sheet<'_>,
    row: &Row,
    over_time: bool,
    (up_to, presentation): (Option<KycLevel>, Option<Presentation>),
) {
    if up_to.is_some() && !over_time {
        let wrong = Wrong::new(
            "it says for which payers, and no limit over time is given",
            "add `year_most` or `day_count_most`, or write `kyc_level` for what is demanded",
        );
        sheet.note(row, "kyc_up_to", wrong);
    }
    if presentation == Some(Presentation::Cpm) && over_time {
        let wrong = Wrong::new(
            "where the payer shows the code, only the wallet knows who pays, and counts",
            "give limits over time in rows of their own, for `mpm` or `-`",
        );
        sheet.note(row, "presentation", wrong);
    }
}

/// Whether a row with amounts says what they are in, and the same as all others.
fn fits_others(
    sheet: &mut Sheet<'_>,
    row: &Row,
    currency: Option<Currency>,
    measured: bool,
    limits: &mut StatedLimits,
) -> bool {
    let problem = match (currency, limits.currency) {
        (None, _) if measured => "it is not said, and the row has amounts".to_owned(),
        (Some(own), Some(first)) if own != first => {
            let first = exponents::letters(first).unwrap_or("another one");
            format!("the amounts of an earlier row are in {first}")
        }
        (Some(own), _) => {
            limits.currency = Some(own);
            return true;
        }
        (None, _) => return true,
    };
    let wrong = Wrong::new(problem, "state all amounts in one currency, such as USD");
    sheet.note(row, "currency", wrong);
    false
}

fn country(text: &str) -> Result<Option<u16>, Wrong> {
    country_of(text).map(Some).ok_or_else(|| {
        Wrong::new(
            format!("\"{text}\" is not a country that is known here"),
            did_you_mean(text, known_countries()).unwrap_or_else(|| {
                "use its three digits of ISO 3166-1, such as 458, or `-` for any".to_owned()
            }),
        )
    })
}

fn presentation(text: &str) -> Result<Option<Presentation>, Wrong> {
    named(text, Presentation::ALL, |it| it.name())
        .map(Some)
        .ok_or_else(|| {
            Wrong::new(
                format!("\"{text}\" is not a presentation"),
                "use `mpm`, `cpm`, or `-` for both",
            )
        })
}

fn kyc_level(text: &str) -> Result<Option<KycLevel>, Wrong> {
    named(text, KycLevel::ALL, |it| it.name())
        .filter(|level| *level != KycLevel::None)
        .map(Some)
        .ok_or_else(|| {
            Wrong::new(
                format!("\"{text}\" is not a KYC level that could be demanded"),
                "use `basic`, `verified`, or `-` for no demand",
            )
        })
}

fn known_up_to(text: &str) -> Result<Option<KycLevel>, Wrong> {
    named(text, KycLevel::ALL, |it| it.name())
        .map(Some)
        .ok_or_else(|| {
            Wrong::new(
                format!("\"{text}\" is not a KYC level"),
                "use `none`, `basic`, `verified`, or `-` for all payers",
            )
        })
}

fn count(text: &str) -> Result<Option<u32>, Wrong> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().filter(|it| *it < u32::MAX);
    count.filter(|_| is_digits).map(Some).ok_or_else(|| {
        Wrong::new(
            format!("\"{text}\" is not a number of payments"),
            "write digits, such as 10, or `-` for no such bound",
        )
    })
}

fn named<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|it| name(*it) == text)
}

/// A currency and its decimals.
fn currency(text: &str) -> Result<Option<(Currency, u8)>, Wrong> {
    let exponents = exponents::iso_4217();
    let known = exponents::by_letters(text).and_then(|it| Some((it, exponents.of(it)?)));
    known.map(Some).ok_or_else(|| {
        Wrong::new(
            format!("\"{text}\" is not a currency with a minor unit"),
            did_you_mean(text, exponents::all_letters())
                .unwrap_or_else(|| "use three letters of ISO 4217, such as USD".to_owned()),
        )
    })
}

/// An amount in minor units, of a currency with so many decimals; where that is not known, it was
/// noted before, and the amount is looked at as far as it can be.
fn amount(text: &str, exponent: Option<u8>) -> Result<Option<i64>, Wrong> {
    let decimals = usize::from(exponent.unwrap_or(crate::model::money::EXPONENT_MAX));
    let (major, minor) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let pointless = !text.contains('.') || !minor.is_empty();
    if major.is_empty() || !is_digits(major) || !is_digits(minor) || !pointless {
        return Err(Wrong::new(
            format!("\"{text}\" is not an amount"),
            "write digits and at most one point, such as 5000.00",
        ));
    }
    if minor.len() > decimals {
        return Err(Wrong::new(
            format!(
                "{} decimals, where the currency has {decimals}",
                minor.len()
            ),
            "round it to the currency's minor unit",
        ));
    }
    let digits = format!("{major}{minor:0<decimals$}");
    let minor = digits.parse().ok().filter(|it| *it <= MINOR_UNITS_MAX);
    minor.map(Some).ok_or_else(|| {
        Wrong::new(
            "more minor units than twelve digits can say",
            "no payment is that large: use `-` for no such bound",
        )
    })
}

/// The first and the last category.
fn categories(text: &str) -> Result<Option<(u16, u16)>, Wrong> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let number = |part: &str| {
        let digits = part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Some((first, last))),
        (Some(_), Some(_)) => Err(Wrong::new(
            format!("{text} ends before it begins"),
            "write the smaller number first",
        )),
        _ => Err(Wrong::new(
            format!("\"{text}\" is no merchant category"),
            "write four digits, or two such numbers as in 7800..7802",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "payer_country\tmerchant_country\tpresentation\tcurrency\tleast\tmost\t\
        kyc_level\tabove\tmcc\n";

    /// All that is wrong with the rows of `text`, a line each.
    fn wrong(rows: &str) -> String {
        let errors = read("limits.tsv", &format!("{HEAD}{rows}")).unwrap_err();
        let said = errors.errors().iter().map(|error| {
            format!(
                "{}:{} {} | {}",
                error.line, error.column, error.problem, error.remedy
            )
        });
        said.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_row_is_as_many_rules_as_it_says() {
        let rows = "-\t-\t-\tUSD\t0.01\t5000\t-\t-\t-\n\
                    MY\tCN\tcpm\tUSD\t-\t500.5\tbasic\t1000\t-\n\
                    -\t156\t-\t-\t-\t-\t-\t-\t7800..7802\n\
                    -\tCN\tmpm\tUSD\t-\t-\tverified\t-\t0000\n";
        let (limits, tally) = read("limits.tsv", &format!("{HEAD}{rows}")).unwrap();
        assert_eq!(tally.rows, 4);
        assert_eq!(limits.currency, Currency::new(840));
        let anywhere = Corridor::default();
        let to_china = Corridor {
            payer: None,
            merchant: Some(156),
        };
        let from_malaysia = Corridor {
            payer: Some(458),
            merchant: Some(156),
        };
        let amount = |least_minor, most_minor| Rule::Amount {
            least_minor,
            most_minor,
        };
        let level = |above_minor, level| Rule::KycLevel { above_minor, level };
        let category = |first, last| Rule::Category { first, last };
        let (cpm, mpm) = (Some(Presentation::Cpm), Some(Presentation::Mpm));
        let expected = [
            (2, anywhere, None, amount(1, 500_000)),
            (3, from_malaysia, cpm, amount(0, 50_050)),
            (3, from_malaysia, cpm, level(100_000, KycLevel::Basic)),
            (4, to_china, None, category(7_800, 7_802)),
            (5, to_china, mpm, level(0, KycLevel::Verified)),
            (5, to_china, mpm, category(0, 0)),
        ];
        let found = limits
            .rows
            .iter()
            .map(|row| (row.line, row.corridor, row.presentation, row.rule));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_bad_cell_is_named_and_nothing_is_taken() {
        for (row, expected) in [
            (
                "MX\t-\t-\tUSD\t-\t1\t-\t-\t-\n",
                "2:1 `payer_country`: \"MX\" is not a country that is known here | use its three \
                 digits of ISO 3166-1, such as 458, or `-` for any",
            ),
            (
                "-\t-\tqr\tUSD\t-\t1\tnone\t-\t-\n",
                "2:5 `presentation`: \"qr\" is not a presentation | use `mpm`, `cpm`, or `-` for \
                 both\n2:16 `kyc_level`: \"none\" is not a KYC level that could be demanded | use \
                 `basic`, `verified`, or `-` for no demand",
            ),
            (
                "-\t-\t-\tUSD\t-\t1.234\t-\t-\t-\n",
                "2:13 `most`: 3 decimals, where the currency has 2 | round it to the currency's \
                 minor unit",
            ),
            (
                "-\t-\t-\tKRW\t-\t1.5\t-\t-\t-\n",
                "2:13 `most`: 1 decimals, where the currency has 0 | round it to the currency's \
                 minor unit",
            ),
            (
                "-\t-\t-\tUSD\t-5\t5.\t-\t-\t-\n",
                "2:11 `least`: \"-5\" is not an amount | write digits and at most one point, such \
                 as 5000.00\n2:14 `most`: \"5.\" is not an amount | write digits and at most one \
                 point, such as 5000.00",
            ),
            (
                "-\t-\t-\tUSD\t-\t10000000000.00\t-\t-\t-\n",
                "2:13 `most`: more minor units than twelve digits can say | no payment is that \
                 large: use `-` for no such bound",
            ),
            (
                "-\t-\t-\tUSD\t2\t1\t-\t-\t-\n",
                "2:13 `most`: it is below `least` | correct one of the two",
            ),
            (
                "-\t-\t-\tUSD\t-\t-\t-\t5\t-\n",
                "2:17 `above`: it says above which amount, and `kyc_level` does not say what is \
                 demanded | add `kyc_level`, or write `most` for the largest payment",
            ),
            (
                "-\tCN\t-\t-\t-\t-\t-\t-\t-\n",
                "2:1 the row demands nothing | say at least one of `least`, `most`, `kyc_level`, \
                 `mcc`, `year_most` and `day_count_most`, or remove it",
            ),
            (
                "-\t-\t-\t-\t-\t1\t-\t-\t-\n",
                "2:1 `currency`: it is not said, and the row has amounts | state all amounts in \
                 one currency, such as USD",
            ),
            (
                "-\t-\t-\tUSD\t-\t1\t-\t-\t-\n-\t-\t-\tCNY\t-\t1\t-\t-\t-\n",
                "3:7 `currency`: the amounts of an earlier row are in USD | state all amounts in \
                 one currency, such as USD",
            ),
            (
                "-\t-\t-\t-\t-\t-\t-\t-\t7802..7800\n",
                "2:17 `mcc`: 7802..7800 ends before it begins | write the smaller number first",
            ),
            (
                "-\t-\t-\t-\t-\t-\t-\t-\t780\n",
                "2:17 `mcc`: \"780\" is no merchant category | write four digits, or two such \
                 numbers as in 7800..7802",
            ),
        ] {
            assert_eq!(wrong(row), expected, "for {row:?}");
        }
    }

    #[test]
    fn limits_over_time_are_columns_that_a_file_may_leave_out() {
        let head = "payer_country\tpresentation\tcurrency\tyear_most\tday_count_most\tkyc_up_to\n";
        let read = |rows: &str| read("limits.tsv", &format!("{head}{rows}"));
        let (limits, _) =
            read("-\t-\tUSD\t2000\t-\tnone\n-\t-\tUSD\t50000\t20\t-\nMY\tmpm\t-\t-\t3\tbasic\n")
                .unwrap();
        let total = |up_to, year_most_minor, day_count_most| Rule::Total {
            up_to,
            year_most_minor,
            day_count_most,
        };
        let expected = [
            total(KycLevel::None, 200_000, u32::MAX),
            total(KycLevel::Verified, 5_000_000, 20),
            total(KycLevel::Basic, i64::MAX, 3),
        ];
        let found: Vec<Rule> = limits.rows.iter().map(|row| row.rule).collect();
        assert_eq!(found, expected);
        for (row, expected) in [
            ("-\t-\t-\t2000\t-\t-\n", "`currency`: it is not said"),
            (
                "-\t-\tUSD\t-\t-\tbasic\n",
                "`kyc_up_to`: it says for which payers",
            ),
            (
                "-\tcpm\tUSD\t2000\t-\t-\n",
                "`presentation`: where the payer shows",
            ),
            (
                "-\t-\tUSD\t-\t-5\t-\n",
                "`day_count_most`: \"-5\" is not a number",
            ),
            (
                "-\t-\tUSD\t-\t+5\t-\n",
                "`day_count_most`: \"+5\" is not a number",
            ),
            (
                "-\t-\tUSD\t1\t-\tfull\n",
                "`kyc_up_to`: \"full\" is not a KYC level",
            ),
        ] {
            let errors = read(row).unwrap_err();
            let problem = &errors.errors()[0].problem;
            assert!(problem.starts_with(expected), "{row}: {problem}");
        }
    }
}
