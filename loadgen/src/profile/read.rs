//! From TOML to a profile: all that is wrong with it, each with its line, column and remedy.

use cpg_switch::control::configuration::Diagnostics;
use cpg_switch::model::participant::{Protocol, Role};
use toml::de::DeTable;

use super::misbehaviour;
use super::phases::{HOURS, Phase, Shape, Spike};
use super::section::{Found, Section, decimal};
use super::{Corridor, Person, Profile, Ticket};
use crate::mix::{Fate, Merchants};
use crate::plan::Spacing;
use crate::plan::curve::RATE_MILLI_MAX;

/// Reads `text`, which `file` holds; with it, the name of its trace.
pub(super) fn profile(file: &str, text: &str) -> Result<(Profile, Option<String>), Diagnostics> {
    let mut diagnostics = Diagnostics::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        diagnostics.grammar(error);
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics.sorted());
    }
    let mut root = Section::root(document.get_ref());
    let found = document_of(&mut root, &mut diagnostics);
    root.finish(&mut diagnostics);
    if diagnostics.is_empty() {
        Ok(found)
    } else {
        Err(diagnostics.sorted())
    }
}

fn document_of(root: &mut Section<'_>, diagnostics: &mut Diagnostics) -> (Profile, Option<String>) {
    root.require("title", diagnostics);
    let title = root.text("title", diagnostics);
    let spacing = root.word("spacing", &["constant", "poisson"], diagnostics);
    let links = root.decimal_or("links", 0, LINKS, 2, diagnostics);
    let merchants = merchants(root, diagnostics);
    let shares = shares(root, diagnostics);
    let people = people(root, diagnostics);
    let corridors = corridors(root, &people, diagnostics);
    let trace = root.text("trace", diagnostics);
    let sections = root.sections("phases", "in [[phases]]", diagnostics);
    if let (Some(trace), false) = (&trace, sections.is_empty()) {
        let remedy = "a trace has its own instants: remove `trace` or the phases";
        diagnostics.note(&trace.span, "a trace and phases", remedy);
    }
    if trace.is_none() && sections.is_empty() {
        let remedy = "add at least one, with `seconds` and `rate`";
        diagnostics.note(&root.span, "there are no [[phases]]", remedy);
    }
    let mut phases = Vec::new();
    for (number, mut section) in sections.into_iter().enumerate() {
        phases.extend(phase(&mut section, number, diagnostics));
        section.finish(diagnostics);
    }
    let faults = misbehaviour::faults(root, &people, &phases, diagnostics);
    let profile = Profile {
        name: String::new(),
        hash: String::new(),
        title: title.map(|title| title.value).unwrap_or_default(),
        people,
        corridors,
        shares,
        merchants,
        links: narrow(links),
        spacing: match spacing {
            Some(spacing) if spacing.value == "poisson" => Spacing::Poisson,
            Some(_) | None => Spacing::Constant,
        },
        phases,
        trace: None,
        faults,
    };
    (profile, trace.map(|trace| trace.value))
}

fn merchants(root: &mut Section<'_>, diagnostics: &mut Diagnostics) -> Merchants {
    let mut merchants = Merchants::ONE;
    if let Some(mut section) = root.section("merchants", "in [merchants]", diagnostics) {
        let count = section.decimal_or("count", 0, (1, MERCHANTS_MAX), 1, diagnostics);
        let skew = section.decimal_or("skew", 3, (0, 5_000), 0, diagnostics);
        merchants = Merchants {
            count: narrow(count),
            skew: thousandths(skew),
        };
        section.finish(diagnostics);
    }
    merchants
}

/// `[mix]`: of ten thousand payments; what is left is approved.
fn shares(root: &mut Section<'_>, diagnostics: &mut Diagnostics) -> Vec<(Fate, u32)> {
    let mut shares = Vec::new();
    if let Some(mut section) = root.section("mix", "in [mix]", diagnostics) {
        let fates = Fate::ALL.iter().filter(|fate| **fate != Fate::Approve);
        for fate in fates {
            let share = section.decimal_or(fate.name(), 0, (0, WHOLE), 0, diagnostics);
            if share > 0 {
                shares.push((*fate, narrow(share)));
            }
        }
        let sum: u64 = shares.iter().map(|(_, share)| u64::from(*share)).sum();
        if sum > WHOLE {
            let problem = format!("the shares of [mix] add up to {sum}");
            let remedy = "they are of 10,000 payments; what is left is approved";
            diagnostics.note(&section.span, problem, remedy);
        }
        section.finish(diagnostics);
    }
    shares
}

fn people(root: &mut Section<'_>, diagnostics: &mut Diagnostics) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    for mut section in root.sections("participants", "in [[participants]]", diagnostics) {
        let person = one_person(&mut section, &people, diagnostics);
        section.finish(diagnostics);
        people.extend(person);
    }
    if people.len() > PEOPLE_MAX {
        let problem = format!("{} participants", people.len());
        diagnostics.note(&root.span, problem, "a profile has at most 64");
    }
    people
}

fn one_person(
    section: &mut Section<'_>,
    others: &[Person],
    diagnostics: &mut Diagnostics,
) -> Option<Person> {
    for key in ["name", "role", "country", "currency"] {
        section.require(key, diagnostics);
    }
    let name = section.text("name", diagnostics);
    let role = section.word("role", &["wallet", "acquirer"], diagnostics);
    let country = section.text("country", diagnostics);
    let currency = section.text("currency", diagnostics);
    let protocols = Protocol::ALL.map(Protocol::name);
    let protocol = section.word("protocol", &protocols, diagnostics);
    let links = section.decimal("links", 0, LINKS, diagnostics);
    let answers = misbehaviour::answers(section, diagnostics);
    if let Some(name) = &name {
        check_name(name, others, diagnostics);
    }
    if let Some(country) = &country
        && country.value.parse::<iso_currency::Country>().is_err()
    {
        let problem = format!("there is no country \"{}\"", country.value);
        let remedy = "use ISO 3166-1 letters, such as \"CN\"";
        diagnostics.note(&country.span, problem, remedy);
    }
    if let Some(currency) = &currency
        && iso_currency::Currency::from_code(&currency.value).is_none()
    {
        let problem = format!("there is no currency \"{}\"", currency.value);
        let remedy = "use ISO 4217 letters, such as \"CNY\"";
        diagnostics.note(&currency.span, problem, remedy);
    }
    Some(Person {
        name: name?.value,
        role: if role?.value == "wallet" {
            Role::Wallet
        } else {
            Role::Acquirer
        },
        country: country?.value,
        currency: currency?.value,
        protocol: protocol
            .and_then(|protocol| Protocol::from_name(protocol.value))
            .unwrap_or(Protocol::Sbe),
        links: links.map(|links| narrow(links.value)),
        answers,
    })
}

fn check_name(name: &Found<String>, others: &[Person], diagnostics: &mut Diagnostics) {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.value.is_empty() || !name.value.bytes().all(is_name) {
        let problem = format!("\"{}\" is no name", name.value);
        let remedy = "use small letters, digits and hyphens";
        diagnostics.note(&name.span, problem, remedy);
    }
    if others.iter().any(|person| person.name == name.value) {
        let problem = format!("\"{}\" is there twice", name.value);
        diagnostics.note(&name.span, problem, "give each participant its own name");
    }
}

fn corridors(
    root: &mut Section<'_>,
    people: &[Person],
    diagnostics: &mut Diagnostics,
) -> Vec<Corridor> {
    let mut corridors = Vec::new();
    let sections = root.sections("corridors", "in [[corridors]]", diagnostics);
    let count = sections.len();
    let mut weights = 0;
    let span = sections
        .first()
        .map_or(0..0, |section| section.span.clone());
    for mut section in sections {
        let payer = person(&mut section, "payer", Role::Wallet, people, diagnostics);
        let merchant = person(
            &mut section,
            "merchant",
            Role::Acquirer,
            people,
            diagnostics,
        );
        let weight = section.decimal_required("weight", 0, (0, WEIGHT_MAX), diagnostics);
        let cpm = section.decimal_or("cpm_percent", 0, (0, 100), 50, diagnostics);
        let currency = merchant.map(|place| people[place].currency.as_str());
        let median = amount(&mut section, "ticket_median", currency, diagnostics);
        section.require("ticket_median", diagnostics);
        let spread = section.decimal_or("ticket_spread", 3, (0, 3_000), 1_200, diagnostics);
        let most = amount(&mut section, "ticket_most", currency, diagnostics);
        section.finish(diagnostics);
        weights += weight.unwrap_or(0);
        let (Some(payer), Some(merchant), Some(weight), Some(median_minor)) =
            (payer, merchant, weight, median)
        else {
            continue;
        };
        corridors.push(Corridor {
            payer,
            merchant,
            weight: narrow(weight),
            cpm_percent: narrow(cpm),
            ticket: Ticket {
                median_minor,
                spread: thousandths(spread),
                most_minor: most.unwrap_or_else(|| median_minor.saturating_mul(MOST)),
            },
        });
    }
    if count == 0 {
        let remedy = "add at least one, with `payer`, `merchant`, `weight` and `ticket_median`";
        diagnostics.note(&root.span, "there are no [[corridors]]", remedy);
    } else if weights == 0 {
        let remedy = "give at least one corridor a weight: its share of the sum of all";
        diagnostics.note(&span, "the weights of all corridors add up to zero", remedy);
    } else if count > CORRIDORS_MAX {
        let problem = format!("{count} corridors");
        diagnostics.note(&span, problem, "a profile has at most 1,000");
    }
    corridors
}

fn person(
    section: &mut Section<'_>,
    key: &'static str,
    role: Role,
    people: &[Person],
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    section.require(key, diagnostics);
    let given = section.text(key, diagnostics)?;
    let place = people.iter().position(|person| person.name == given.value);
    let of_role = place.filter(|place| people[*place].role == role);
    if of_role.is_none() {
        let problem = match place {
            Some(_) => format!("`{key}` cannot be {}: it has the other role", given.value),
            None => format!("no participant is named \"{}\"", given.value),
        };
        let names = people.iter().filter(|person| person.role == role);
        let names: Vec<&str> = names.map(|person| person.name.as_str()).collect();
        let slip =
            cpg_switch::control::configuration::did_you_mean(&given.value, names.iter().copied());
        let remedy = slip.unwrap_or_else(|| format!("use one of {}", names.join(", ")));
        diagnostics.note(&given.span, problem, remedy);
    }
    of_role
}

/// `"60.00 CNY"` in minor units; the currency is the merchant's.
fn amount(
    section: &mut Section<'_>,
    key: &'static str,
    currency: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Option<i64> {
    let given = section.text(key, diagnostics)?;
    let currency = currency?;
    let exponent = iso_currency::Currency::from_code(currency)
        .and_then(iso_currency::Currency::exponent)
        .unwrap_or(0);
    let minor = given
        .value
        .split_once(' ')
        .filter(|(_, code)| *code == currency)
        .and_then(|(number, _)| decimal(number, u32::from(exponent)))
        .filter(|minor| (1..=MINOR_MAX).contains(minor));
    if minor.is_none() {
        let problem = format!("`{key}` cannot be \"{}\"", given.value);
        let remedy = format!(
            "write an amount in the merchant's currency with at most {exponent} decimals, such as \
             \"50 {currency}\""
        );
        diagnostics.note(&given.span, problem, remedy);
    }
    minor.and_then(|minor| i64::try_from(minor).ok())
}

fn phase(section: &mut Section<'_>, number: usize, diagnostics: &mut Diagnostics) -> Option<Phase> {
    let name = section.text("name", diagnostics);
    let shape = section.word("shape", &SHAPES, diagnostics);
    let duration_ms = section.decimal_required("seconds", 3, SECONDS, diagnostics);
    let stands_for = section.decimal("stands_for_seconds", 3, STANDS_FOR, diagnostics);
    let rate = section.decimal_required("rate", 3, RATE, diagnostics);
    let shape = shape.map_or("constant", |shape| shape.value);
    let (duration_ms, rate) = (duration_ms?, rate?);
    let shape = match shape {
        "ramp" | "step" => {
            let to_milli = section.decimal_required("rate_end", 3, RATE, diagnostics)?;
            if shape == "ramp" {
                Shape::Line {
                    from_milli: rate,
                    to_milli,
                }
            } else {
                Shape::Steps {
                    from_milli: rate,
                    to_milli,
                    steps: section.decimal_required("steps", 0, (2, 1_000), diagnostics)?,
                }
            }
        }
        "spike" => Shape::Spike(spike(section, duration_ms, rate, diagnostics)?),
        "day" => {
            let weights = section.numbers("hours", HOURS, WEIGHT_MAX, diagnostics)?;
            let day = Shape::day(rate, &weights);
            if day.is_none() {
                let remedy = "give at least one hour a weight";
                diagnostics.note(&section.span, "the weights of `hours` are all zero", remedy);
            }
            day?
        }
        _ => Shape::Line {
            from_milli: rate,
            to_milli: rate,
        },
    };
    Some(Phase {
        name: name.map_or_else(|| format!("phase {}", number + 1), |name| name.value),
        duration_ms,
        stands_for_ms: stands_for.map_or(duration_ms, |found| found.value),
        shape,
    })
}

fn spike(
    section: &mut Section<'_>,
    duration_ms: u64,
    base_milli: u64,
    diagnostics: &mut Diagnostics,
) -> Option<Spike> {
    let peak_milli = section.decimal_required("rate_peak", 3, RATE, diagnostics)?;
    let before_ms = section.decimal_or("before_seconds", 3, (0, SECONDS.1), 0, diagnostics);
    let rise_ms = section.decimal_or("rise_seconds", 3, (0, SECONDS.1), 0, diagnostics);
    let hold_ms = section.decimal_or("hold_seconds", 3, (0, SECONDS.1), 0, diagnostics);
    let fall_ms = section.decimal_or("fall_seconds", 3, (0, SECONDS.1), 0, diagnostics);
    if before_ms + rise_ms + hold_ms + fall_ms > duration_ms {
        let remedy = "make `seconds` at least the sum of before, rise, hold and fall";
        diagnostics.note(&section.span, "the spike does not fit its phase", remedy);
        return None;
    }
    Some(Spike {
        base_milli,
        peak_milli,
        before_ms,
        rise_ms,
        hold_ms,
        fall_ms,
    })
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).expect("the key's bounds fit in 32 bits")
}

fn thousandths(number: u64) -> f64 {
    f64::from(narrow(number)) / 1_000.0
}

/// `soak` is a constant rate, for long.
const SHAPES: [&str; 6] = ["constant", "ramp", "step", "spike", "soak", "day"];
const SECONDS: (u64, u64) = (1, 86_400_000);
const STANDS_FOR: (u64, u64) = (1, 366 * 86_400_000);
const RATE: (u64, u64) = (0, RATE_MILLI_MAX);
const LINKS: (u64, u64) = (1, 4_096);
const MERCHANTS_MAX: u64 = 65_536;
const WHOLE: u64 = 10_000;
const WEIGHT_MAX: u64 = 1_000_000;
const PEOPLE_MAX: usize = 64;
const CORRIDORS_MAX: usize = 1_000;
/// Ten thousand million major units with two decimals.
const MINOR_MAX: u64 = 1_000_000_000_000;
/// Where nobody says how much is the most: this many times the median.
const MOST: i64 = 200;
