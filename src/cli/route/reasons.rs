//! What the tables of routes say of a code: every rule that was considered, why it was chosen or
//! passed over, and where the payment goes. For `route explain` and `code explain`.

use serde::Serialize;

use crate::control::configuration::Configuration;
use crate::model::ids::{ParticipantIndex, TableVersion};
use crate::model::mark::{By, CodeMarks};
use crate::model::outcome::{Presentation, ResponseCode};
use crate::model::participant::Participant;
use crate::route::{
    Ask, Behind, Choice, Considered, MarkKind, Rank, Tables, Terms, Verdict, may_originate,
    shown_mark,
};

/// Where it goes, and why.
#[derive(Serialize)]
pub(in crate::cli) struct Reasons {
    /// The file, or the sandbox.
    pub(in crate::cli) configuration: String,
    pub(in crate::cli) table_version: u32,
    /// Who was taken to send the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) from: Option<String>,
    pub(in crate::cli) presentation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) scenario: Option<&'static str>,
    /// Who is asked; none where the payment is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) destination: Option<String>,
    /// The institution that is named to it, where the rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) institution: Option<String>,
    /// What a payment is refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) response_code: Option<String>,
    /// Rules that name something of the code, what counts most first.
    pub(in crate::cli) participants: Vec<RuleReport>,
    pub(in crate::cli) note: &'static str,
}

/// One rule.
#[derive(Serialize)]
pub(in crate::cli) struct RuleReport {
    /// The destination; `refuse` where there is none.
    pub(in crate::cli) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) institution: Option<String>,
    /// What it names of the code, as a table of routes has it.
    pub(in crate::cli) rule: String,
    /// The digits, where these are what it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) prefix: Option<String>,
    /// Its line in the routes file; none: it is in the participant's `code_prefixes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) line: Option<u32>,
    pub(in crate::cli) priority: u16,
    pub(in crate::cli) weight: u16,
    pub(in crate::cli) chosen: bool,
    pub(in crate::cli) why: String,
}

/// What is asked; what is not said is found out.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Question<'q> {
    pub(in crate::cli) from: Option<ParticipantIndex>,
    pub(in crate::cli) down: &'q [ParticipantIndex],
    /// Its originator is not asked.
    pub(in crate::cli) ask: Ask<'q>,
}

impl Reasons {
    /// Asks the tables of `configuration`, which people call `name`.
    pub(in crate::cli) fn of(
        name: String,
        configuration: &Configuration,
        it: &Question<'_>,
    ) -> Self {
        let tables = tables(configuration);
        let is_up = |index: ParticipantIndex| !it.down.contains(&index);
        let originators = originators(&tables, it);
        let asked = |from: &ParticipantIndex| Ask {
            originator: *from,
            ..it.ask
        };
        let goes = |from: &&ParticipantIndex| tables.choose(&asked(from), is_up).is_ok();
        let from = originators.iter().find(goes).or(originators.first());
        let Some(from) = from else {
            return Self::nobody_asks(name, configuration, it.ask.presentation);
        };
        let ask = asked(from);
        let choice = tables.choose(&ask, is_up);
        let route = choice.as_ref().ok().map(|choice| choice.route);
        let refused = choice.as_ref().err().copied();
        let mut considered = Vec::new();
        tables.consider(&ask, |rule| considered.push(rule));
        considered.sort_by_key(|rule| (rule.rank, rule.terms.row));
        let best = choice.ok().and_then(|choice| rank_of(&considered, &choice));
        let participants = considered
            .iter()
            .map(|rule| report(&tables, rule, best, &is_up))
            .collect();
        let destination = route.map(|route| tables.participant(route.destination));
        Self {
            configuration: name,
            table_version: configuration.table_version,
            from: Some(tables.participant(*from).name.clone()),
            presentation: ask.presentation.name(),
            scenario: route.and_then(|route| route.scenario).map(|it| it.name()),
            destination: destination.map(|it| it.name.clone()),
            institution: route.and_then(|it| it.institution).map(|it| it.to_string()),
            response_code: refused.map(|code| code.to_string()),
            participants,
            note: refused.map_or("", |code| reason(code, ask.code)),
        }
    }

    fn nobody_asks(name: String, configuration: &Configuration, shown: Presentation) -> Self {
        Self {
            configuration: name,
            table_version: configuration.table_version,
            from: None,
            presentation: shown.name(),
            scenario: None,
            destination: None,
            institution: None,
            response_code: Some(ResponseCode::NOT_PERMITTED.to_string()),
            participants: Vec::new(),
            note: "no participant may send payments in which the code is shown so",
        }
    }
}

/// The tables of a configuration, as a shard has them but for the windows.
fn tables(configuration: &Configuration) -> Tables {
    let participants = configuration.participants.iter();
    Tables::with_rules(
        TableVersion(configuration.table_version),
        configuration.table_hash,
        participants
            .map(|entry| entry.participant.clone())
            .collect(),
        configuration.rules(),
    )
    .expect("a configuration has no two rules that say the same, and not too many")
}

/// Who may be meant where nobody is named: whoever may send such payments.
fn originators(tables: &Tables, it: &Question<'_>) -> Vec<ParticipantIndex> {
    if let Some(from) = it.from {
        return vec![from];
    }
    let all = (0..).map(ParticipantIndex).zip(tables.participants());
    all.filter(|(_, known)| may_originate(known.role, it.ask.presentation))
        .map(|(index, _)| index)
        .collect()
}

/// Which rule was chosen, and its rank: several may be equal to it.
fn rank_of<'t>(rules: &[Considered<'t>], choice: &Choice<'t>) -> Option<(Rank, &'t Terms)> {
    let terms = choice.terms?;
    let found = rules.iter().find(|rule| core::ptr::eq(rule.terms, terms));
    found.map(|rule| (rule.rank, terms))
}

fn report(
    tables: &Tables,
    rule: &Considered<'_>,
    best: Option<(Rank, &Terms)>,
    is_up: &impl Fn(ParticipantIndex) -> bool,
) -> RuleReport {
    let terms = rule.terms;
    let destination = terms.destination.map(|index| tables.participant(index));
    let chosen = best.is_some_and(|(_, it)| core::ptr::eq(it, terms));
    let is_down = terms.destination.is_some_and(|index| !is_up(index));
    let rule_text = shown_mark(rule.kind, rule.value);
    let digits = (rule.kind == MarkKind::Known(By::Prefix))
        .then(|| String::from_utf8_lossy(rule.value).into_owned());
    RuleReport {
        name: destination.map_or_else(|| "refuse".to_owned(), |it| it.name.clone()),
        institution: destination.map(|it| it.institution.to_string()),
        rule: rule_text,
        prefix: digits,
        line: (terms.row > 0).then_some(terms.row),
        priority: terms.priority,
        weight: terms.weight,
        chosen,
        why: why(
            rule,
            destination,
            is_down,
            chosen,
            best.map(|(rank, _)| rank),
        ),
    }
}

fn why(
    rule: &Considered<'_>,
    destination: Option<&Participant>,
    is_down: bool,
    chosen: bool,
    best: Option<Rank>,
) -> String {
    let name = destination.map_or("nobody", |it| it.name.as_str());
    let terms = rule.terms;
    match rule.verdict {
        Verdict::Named => "the payment names another destination".to_owned(),
        Verdict::Originator => format!("{name} is who sends the payment"),
        Verdict::Role => format!("{name} is asked for no payments in which the code is shown so"),
        Verdict::Flow => format!("it is for other payments: {}", terms.flow.word()),
        Verdict::Wallet => "it is for payers of another wallet".to_owned(),
        Verdict::Amount => "it is for another currency, or for other amounts".to_owned(),
        Verdict::Window => {
            let window = terms.window.map(|window| window.to_string());
            format!("it holds at {} UTC", window.unwrap_or_default())
        }
        Verdict::Fits if is_down => format!("{name} is down"),
        Verdict::Fits if chosen => "it counts".to_owned(),
        Verdict::Fits => match best.map(|best| rule.rank.behind(best)) {
            None => "it fits, and leads nowhere".to_owned(),
            Some(Behind::Equal) => {
                format!(
                    "an equal was drawn by the payment's key; its weight is {}",
                    terms.weight
                )
            }
            Some(Behind::Priority) => "a rule with a lower priority number counts".to_owned(),
            Some(Behind::Specificity) => "a rule that names more of the code counts".to_owned(),
            Some(Behind::Order) => {
                "a rule for an owner that comes earlier in the code counts".to_owned()
            }
        },
    }
}

/// Why a payment is refused, in words.
fn reason(code: ResponseCode, marks: &CodeMarks<'_>) -> &'static str {
    match code {
        ResponseCode::NO_SUCH_CODE => "the code is bad: no rule is asked",
        ResponseCode::NOT_PERMITTED => "this participant may not send such payments",
        ResponseCode::DESTINATION_DOWN => "everybody who could be asked is down",
        _ if marks.marks.is_empty() => {
            "nothing of the code is known: where the payer scans, the payment itself may name the \
             institution that it goes to"
        }
        _ => {
            "no rule leads to anybody who could be asked; where the payer scans, the payment \
             itself may name the institution that it goes to"
        }
    }
}
