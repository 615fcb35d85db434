//! The routes file: whose codes are whose, on what terms, and who of several.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Taken;
use super::sheet::{Column, Form, Needed, Row, Sheet, Wrong};
use crate::control::configuration::{ParticipantEntry, did_you_mean, prefix_rules};
use crate::fx::exponents;
use crate::model::ids::{Institution, ParticipantIndex};
use crate::model::limits::{RULES_MAX, RULES_PER_MARK_MAX};
use crate::model::money::{Currency, Exponents, MINOR_UNITS_MAX};
use crate::model::outcome::{Presentation, Scenario};
use crate::qr::Scheme;
use crate::route::{
    Band, Flow, MarkKind, PRIORITY_DEFAULT, Rule, RuleMark, Terms, WEIGHT_DEFAULT, WEIGHT_MAX,
    Window, may_receive,
};

/// The columns of a routes file.
pub const FORM: Form = Form {
    key: "routes",
    columns: &[
        Column {
            name: "priority",
            takes: "a whole number from 0 to 65535",
            needed: Needed::Else("1000"),
            meaning: "The lowest number of all rules that fit counts. The `code_prefixes` of \
                participants have 1000.",
        },
        Column {
            name: "scenario",
            takes: "`any`, `mpm`, `cpm`, `inbound-mpm`, `inbound-cpm`, `outbound-mpm` or \
                `outbound-cpm`",
            needed: Needed::Else("`any`"),
            meaning: "Which payments: by who shows the code, or that and the direction.",
        },
        Column {
            name: "by",
            takes: "`any`, `scheme`, `guid`, `network`, `aid`, `host` or `prefix`",
            needed: Needed::Always,
            meaning: "What the rule looks at in a code. Of rules with the same priority, what \
                names more of the code counts: the longest prefix or application identifier, a \
                GUID, network or host before a scheme, that before `any`.",
        },
        Column {
            name: "mark",
            takes: "the scheme's word as `cpg-switch code inspect` tells it; the GUID; the two \
                digits of the network's field; 10 to 32 hexadecimal digits of an application \
                identifier, or how it begins; a host, or scheme and host; 1 to 12 digits",
            needed: Needed::Else("no mark: for `any` alone"),
            meaning: "Which codes. Capital letters mean the same as small ones.",
        },
        Column {
            name: "wallet",
            takes: "the name of a participant, or `any`",
            needed: Needed::Else("`any`"),
            meaning: "Only payers of this wallet: there is an agreement with it.",
        },
        Column {
            name: "currency",
            takes: "three letters of ISO 4217, or `any`",
            needed: Needed::Else("`any`"),
            meaning: "Only payments in this currency of the merchant.",
        },
        Column {
            name: "amount_from",
            takes: "an amount in `currency`, such as 12.30",
            needed: Needed::Else("0"),
            meaning: "Only amounts from this one on.",
        },
        Column {
            name: "amount_to",
            takes: "an amount in `currency`, such as 500",
            needed: Needed::Else("no bound"),
            meaning: "Only amounts up to this one, itself included.",
        },
        Column {
            name: "time",
            takes: "two times of the day in UTC, as in 22:00-06:00",
            needed: Needed::Else("always"),
            meaning: "Only from the first minute on and before the second; it may pass midnight.",
        },
        Column {
            name: "destination",
            takes: "the name of a participant, or `refuse`",
            needed: Needed::Always,
            meaning: "Who is asked; `refuse`: nobody, such payments are declined with 92.",
        },
        Column {
            name: "institution",
            takes: "an institution code that the destination has or fronts",
            needed: Needed::Else("what the payment itself names"),
            meaning: "The institution that is named to the destination (ISO 8583 DE 100).",
        },
        Column {
            name: "weight",
            takes: "a whole number from 1 to 1000",
            needed: Needed::Else("1"),
            meaning: "Of rules that are equal in all that counts, each gets payments by its \
                weight. The same payment always goes the same way.",
        },
    ],
    rows_max: RULES_MAX,
};

/// The rules of a routes file; `name` is what diagnostics call it.
pub(in crate::control) fn read(
    name: &str,
    text: &str,
    participants: &[ParticipantEntry],
) -> Taken<Vec<Rule>> {
    let mut sheet = Sheet::open(&FORM, name, text);
    let mut reading = Reading {
        directory: Directory::of(participants),
        exponents: exponents::iso_4217(),
        per_mark: HashMap::with_hasher(FixedState::default()),
        lines: HashMap::with_hasher(FixedState::default()),
    };
    let prefixes = prefix_rules(participants);
    let mut room = RULES_MAX.saturating_sub(prefixes.len());
    for rule in prefixes {
        *reading.per_mark.entry(rule.mark.clone()).or_insert(0) += 1;
        reading.lines.insert(bare(&rule), 0);
    }
    let mut rules = Vec::new();
    while let Some(row) = sheet.next_row() {
        let Some(left) = room.checked_sub(1) else {
            let problem = format!("more than {RULES_MAX} rules, participants' prefixes included");
            sheet.note_row(&row, problem, "remove some");
            break;
        };
        room = left;
        if let Some(rule) = reading.rule(&mut sheet, &row)
            && reading.is_new(&rule, &mut sheet, &row)
        {
            rules.push(rule);
        }
    }
    Ok((rules, sheet.finish()?))
}

/// Participants by name.
struct Directory<'p> {
    participants: &'p [ParticipantEntry],
    by_name: HashMap<&'p str, ParticipantIndex, FixedState>,
}

impl<'p> Directory<'p> {
    fn of(participants: &'p [ParticipantEntry]) -> Self {
        let named = participants.iter().zip((0..).map(ParticipantIndex));
        let mut by_name = HashMap::with_hasher(FixedState::default());
        by_name.extend(named.map(|(entry, index)| (entry.participant.name.as_str(), index)));
        Self {
            participants,
            by_name,
        }
    }

    fn find(&self, name: &str) -> Result<ParticipantIndex, Wrong> {
        self.by_name.get(name).copied().ok_or_else(|| {
            let names = self.participants.iter();
            let names = names.map(|entry| entry.participant.name.as_str());
            let remedy = did_you_mean(name, names).unwrap_or_else(|| {
                "use the `name` of one of the configuration's [[participants]]".to_owned()
            });
            Wrong::new(format!("\"{name}\" is no participant"), remedy)
        })
    }

    fn entry(&self, index: ParticipantIndex) -> &'p ParticipantEntry {
        &self.participants[usize::from(index.0)]
    }
}

/// What is kept from row to row.
struct Reading<'p> {
    directory: Directory<'p>,
    exponents: Exponents,
    per_mark: HashMap<RuleMark, usize, FixedState>,
    /// The line of each rule, but for its weight; zero: in a participant's `code_prefixes`.
    lines: HashMap<Rule, usize, FixedState>,
}

impl Reading<'_> {
    /// One row; `None` where something was noted.
    fn rule(&self, sheet: &mut Sheet<'_>, row: &Row) -> Option<Rule> {
        // Every cell is read before any is required, so that one report names all that is wrong.
        let priority = sheet.read_or(row, "priority", PRIORITY_DEFAULT, |text| {
            number(text, (0, u16::MAX))
        });
        let flow = sheet.read_or(row, "scenario", Flow::Any, flow);
        let kind = sheet.read(row, "by", kind);
        let text = sheet.read_or(row, "mark", "", Ok);
        let mark = kind.zip(text).and_then(|(kind, text)| {
            let mark = mark(kind, text);
            mark.map_err(|wrong| sheet.note(row, "mark", wrong)).ok()
        });
        let named = |text: &str| match text {
            "any" => Ok(None),
            name => self.directory.find(name).map(Some),
        };
        let wallet = sheet.read_or(row, "wallet", None, named);
        let band = self.band(sheet, row);
        let window = sheet.read_or(row, "time", None, |text| window(text).map(Some));
        let destination = sheet.read(row, "destination", |text| match text {
            "refuse" => Ok(None),
            name => self.directory.find(name).map(Some),
        });
        let institution =
            sheet.read_or(row, "institution", None, |text| institution(text).map(Some));
        let weight = sheet.read_or(row, "weight", WEIGHT_DEFAULT, |text| {
            number(text, (1, WEIGHT_MAX))
        });
        let terms = Terms {
            priority: priority?,
            flow: flow?,
            wallet: wallet?,
            band: band?,
            window: window?,
            destination: destination?,
            institution: institution?,
            weight: weight?,
            row: u32::try_from(row.line).unwrap_or(u32::MAX),
        };
        let rule = Rule { mark: mark?, terms };
        self.makes_sense(&rule.terms, sheet, row).then_some(rule)
    }

    /// Whether its cells agree with each other and with who is named.
    fn makes_sense(&self, terms: &Terms, sheet: &mut Sheet<'_>, row: &Row) -> bool {
        let Some(destination) = terms.destination.map(|index| self.directory.entry(index)) else {
            if terms.institution.is_some() {
                let wrong = Wrong::new("nobody is asked, so nobody is told", "write `-`");
                sheet.note(row, "institution", wrong);
                return false;
            }
            return true;
        };
        let participant = &destination.participant;
        let name = &participant.name;
        if let Some(presentation) = presented(terms.flow)
            && !may_receive(participant.role, presentation)
        {
            let (role, shown) = match presentation {
                Presentation::Mpm => ("a wallet", "the payer scans"),
                Presentation::Cpm => ("an acquirer", "the merchant scans"),
            };
            let wrong = Wrong::new(
                format!("`{name}` is {role}: it is asked for no payment in which {shown}"),
                "name another destination, or change `scenario`",
            );
            sheet.note(row, "destination", wrong);
            return false;
        }
        if let Some(institution) = terms.institution
            && !participant.speaks_for(institution)
        {
            let wrong = Wrong::new(
                format!("`{name}` does not speak for {institution}"),
                format!(
                    "name one that it `fronts`, or its own {}",
                    participant.institution
                ),
            );
            sheet.note(row, "institution", wrong);
            return false;
        }
        true
    }

    /// Whether no row before says the same, and its mark has room.
    fn is_new(&mut self, rule: &Rule, sheet: &mut Sheet<'_>, row: &Row) -> bool {
        let count = self.per_mark.entry(rule.mark.clone()).or_insert(0);
        *count += 1;
        let count = *count;
        if count == RULES_PER_MARK_MAX + 1 {
            let problem = format!("more than {RULES_PER_MARK_MAX} rules for {}", rule.mark);
            sheet.note_row(
                row,
                problem,
                "remove some: each payment with such a code reads all",
            );
        }
        let bare = bare(rule);
        if let Some(line) = self.lines.get(&bare) {
            let problem = match line {
                0 => "the participant's `code_prefixes` say the same".to_owned(),
                line => format!("line {line} says the same"),
            };
            let remedy = "remove one of the two; the `weight` of one may be that of both";
            sheet.note_row(row, problem, remedy);
            return false;
        }
        self.lines.insert(bare, row.line);
        count <= RULES_PER_MARK_MAX
    }
}

impl Reading<'_> {
    /// Currency and amounts; `None` where something was noted, none inside where any will do.
    fn band(&self, sheet: &mut Sheet<'_>, row: &Row) -> Option<Option<Band>> {
        let currency = sheet.read_or(row, "currency", None, |text| match text {
            "any" => Ok(None),
            letters => currency(letters).map(Some),
        });
        let Some(currency) = currency? else {
            let mut is_alone = true;
            for column in ["amount_from", "amount_to"] {
                // Nothing can be made of it: it is read to see whether it is there.
                let found: Option<Option<()>> = sheet.read_or(row, column, None, |_| {
                    let problem = "an amount of no currency";
                    Err(Wrong::new(
                        problem,
                        "name the `currency`, or write `-` here",
                    ))
                });
                is_alone &= found.is_some();
            }
            return is_alone.then_some(None);
        };
        let minor = |text: &str| minor(text, currency, &self.exponents);
        let from = sheet.read_or(row, "amount_from", 0, minor);
        let to = sheet.read_or(row, "amount_to", MINOR_UNITS_MAX, minor);
        let (from, to) = (from?, to?);
        if to < from {
            let wrong = Wrong::new("it is less than `amount_from`", "correct one of the two");
            sheet.note(row, "amount_to", wrong);
            return None;
        }
        Some(Some(Band { currency, from, to }))
    }
}

/// All that tells a rule from another.
fn bare(rule: &Rule) -> Rule {
    Rule {
        mark: rule.mark.clone(),
        terms: Terms {
            weight: 0,
            row: 0,
            ..rule.terms
        },
    }
}

fn number(text: &str, (least, most): (u16, u16)) -> Result<u16, Wrong> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        let remedy = format!("use a whole number from {least} to {most}");
        Wrong::new(format!("\"{text}\" is not such a number"), remedy)
    })
}

fn flow(text: &str) -> Result<Flow, Wrong> {
    if text == "any" {
        return Ok(Flow::Any);
    }
    let presentation = Presentation::ALL.iter().find(|it| it.name() == text);
    let scenario = Scenario::ALL.iter().find(|it| it.name() == text);
    let presented = presentation.map(|it| Flow::Presented(*it));
    presented
        .or_else(|| scenario.map(|it| Flow::Scenario(*it)))
        .ok_or_else(|| {
            let shown = Presentation::ALL.iter().map(|it| it.name());
            let names = shown.chain(Scenario::ALL.iter().map(|it| it.name()));
            let known: Vec<_> = ["any"].into_iter().chain(names).collect();
            unknown(text, "scenario", &known)
        })
}

fn kind(text: &str) -> Result<MarkKind, Wrong> {
    let found = MarkKind::ALL.into_iter().find(|kind| kind.word() == text);
    found.ok_or_else(|| unknown(text, "kind of mark", &MarkKind::ALL.map(MarkKind::word)))
}

fn mark(kind: MarkKind, text: &str) -> Result<RuleMark, Wrong> {
    let wrong = |error| Wrong::new(format!("\"{text}\": {error}"), "correct it, or `by`");
    let mark = RuleMark::new(kind, text).map_err(wrong)?;
    if kind == MarkKind::Scheme {
        let words = Scheme::ALL.map(Scheme::word);
        if !words.iter().any(|word| word.as_bytes() == mark.value()) {
            return Err(unknown(text, "scheme", &words));
        }
    }
    Ok(mark)
}

fn unknown(text: &str, what: &str, known: &[&str]) -> Wrong {
    let remedy = did_you_mean(text, known.iter().copied())
        .unwrap_or_else(|| format!("use one of {}", known.join(", ")));
    Wrong::new(format!("\"{text}\" is no {what}"), remedy)
}

/// Three letters of ISO 4217.
pub fn currency(text: &str) -> Result<Currency, Wrong> {
    exponents::by_letters(text).ok_or_else(|| {
        let remedy = did_you_mean(text, exponents::all_letters())
            .unwrap_or_else(|| "use three letters of ISO 4217, such as CNY".to_owned());
        Wrong::new(format!("\"{text}\" is no currency"), remedy)
    })
}

/// An amount as people write it, in minor units.
pub fn minor(text: &str, currency: Currency, exponents: &Exponents) -> Result<i64, Wrong> {
    let decimals = exponents.of(currency).map_or(0, usize::from);
    let wrong = || {
        let problem = format!("\"{text}\" is no amount of its currency");
        let remedy = format!("write digits, and {decimals} decimals at most behind a point");
        Wrong::new(problem, remedy)
    };
    let (major, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{major}{fraction:0<decimals$}");
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_cut = text.ends_with('.') || major.is_empty();
    if !are_digits || is_cut || fraction.len() > decimals {
        return Err(wrong());
    }
    let minor: Option<i64> = digits.parse().ok();
    minor
        .filter(|minor| *minor <= MINOR_UNITS_MAX)
        .ok_or_else(wrong)
}

/// `HH:MM-HH:MM`.
fn window(text: &str) -> Result<Window, Wrong> {
    let minutes = |clock: &str| {
        let (hours, minutes) = clock.split_once(':')?;
        let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u16>().ok())?;
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let ends = text.split_once('-');
    let found = ends.and_then(|(from, to)| Window::new(minutes(from)?, minutes(to)?));
    found.ok_or_else(|| {
        Wrong::new(
            format!("\"{text}\" is no part of a day"),
            "write two different times in UTC as 22:00-06:00, or `-` for always",
        )
    })
}

fn institution(text: &str) -> Result<Institution, Wrong> {
    text.parse().ok().and_then(Institution::new).ok_or_else(|| {
        let problem = format!("\"{text}\" is no institution code");
        Wrong::new(problem, "use 1 to 11 digits")
    })
}

/// Who shows the code, where a rule says so.
const fn presented(flow: Flow) -> Option<Presentation> {
    match flow {
        Flow::Any => None,
        Flow::Presented(presentation) => Some(presentation),
        Flow::Scenario(Scenario::InboundMpm | Scenario::OutboundMpm) => Some(Presentation::Mpm),
        Flow::Scenario(Scenario::InboundCpm | Scenario::OutboundCpm) => Some(Presentation::Cpm),
    }
}

#[cfg(test)]
mod tests;
