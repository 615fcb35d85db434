//! What is allowed, from a configuration: who is suspended, and the limits and lists that it names.

use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::ParticipantEntry;
use super::diagnostic::Diagnostics;
use super::section::Section;
use super::table_files::{TableFiles, remedy};
use crate::control::tables::standing::Standing;
use crate::control::tables::{Reader, limits, lists};
use crate::guard::{Guard, ListKey, Rules};
use crate::model::ids::Institution;

/// Limits and lists of the files that `section` names.
pub(super) fn rules(
    files: &mut TableFiles<'_>,
    section: &Section<'_>,
    reader: Reader<'_>,
    diagnostics: &mut Diagnostics,
) -> Rules {
    let limits = files.take("limits", diagnostics, limits::read);
    let limits = limits.unwrap_or_default();
    let list_key = list_key(section, reader, diagnostics);
    let lists = match &list_key {
        Some(key) => files.take_each("lists", diagnostics, |name, text| {
            lists::read(name, text, key)
        }),
        None => Vec::new(),
    };
    Rules {
        currency: limits.currency,
        limits: limits.rows,
        list_key,
        lists,
        ..Rules::default()
    }
}

/// The key of all lists; lists without one are noted.
fn list_key(
    section: &Section<'_>,
    reader: Reader<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ListKey> {
    let Some(file) = section.text("list_key_file") else {
        if let Some(first) = section.texts("lists").first() {
            let problem = "`tables.lists` needs the key under which the lists are hashed";
            diagnostics.note(
                &first.span,
                problem,
                "name its file: `tables.list_key_file`",
            );
        }
        return None;
    };
    let text = match reader(&file.value) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            let problem = format!("cannot read the list key \"{}\": {error}", file.value);
            diagnostics.note(&file.span, problem, remedy(error.kind()));
            return None;
        }
    };
    match lists::key_of(&text) {
        Ok(key) => Some(key),
        Err(what) => {
            let problem = format!("\"{}\" is no list key: {what}", file.value);
            let remedy = "write 64 hexadecimal digits, such as `openssl rand -hex 32` prints";
            diagnostics.note(&file.span, problem, remedy);
            None
        }
    }
}

/// The guard of these participants, with the limits and lists of `rules`; `None` where something
/// was noted, at `span`.
pub(super) fn guard(
    entries: &[ParticipantEntry],
    (rules, standing): (Rules, &Standing),
    span: &Range<usize>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Guard>> {
    let suspended = entries.iter().filter(|entry| entry.is_suspended(standing));
    let stopped = standing.stopped.iter();
    let stopped = stopped.map(|(corridor, line)| ((corridor.payer, corridor.merchant), *line));
    let counting = entries.iter().filter(|entry| entry.self_counting);
    let rules = Rules {
        self_counting: counting.flat_map(spoken_for).collect(),
        institutions: entries.iter().flat_map(spoken_for).collect(),
        suspended: suspended.flat_map(spoken_for).collect(),
        stopped: stopped.collect(),
        ..rules
    };
    match Guard::new(rules) {
        Ok(guard) => Some(Arc::new(guard)),
        Err(error) => {
            let problem = format!("the limits and lists cannot be used: {error}");
            diagnostics.note(span, problem, "correct the files that `tables` names");
            None
        }
    }
}

/// Every institution that a participant speaks for.
fn spoken_for(entry: &ParticipantEntry) -> impl Iterator<Item = Institution> {
    let fronted = entry.participant.fronted.iter().copied();
    fronted.chain([entry.participant.institution])
}

#[cfg(test)]
mod tests {
    use crate::control::configuration::{Configuration, SANDBOX};
    use crate::guard::{Ask, Verdict};
    use crate::model::ids::Institution;
    use crate::model::money::{Currency, Money};
    use crate::model::outcome::{Check, Presentation};

    /// What becomes of a payment of 100 CNY by a payer of `wallet`.
    fn refused(configuration: &Configuration, wallet: u64) -> Option<Check> {
        let ask = Ask {
            presentation: Presentation::Mpm,
            wallet: Institution::new(wallet).unwrap(),
            payer_country: 410,
            acquirer: Institution::new(15_600_021).unwrap(),
            merchant_country: 156,
            amount: Money::new(10_000, Currency::new(156).unwrap()).unwrap(),
            in_limits_currency: Money::new(1_400, Currency::new(840).unwrap()),
            kyc_level: None,
            mcc: Some(5_411),
            payer_token: None,
            merchant_id: None,
            counted: crate::guard::Counted::default(),
        };
        match configuration.guard.check(&ask) {
            Verdict::Allowed { .. } => None,
            Verdict::Refused(refusal) => Some(refusal.check),
        }
    }

    #[test]
    fn who_is_suspended_has_nothing_new_nor_has_whom_it_fronts() {
        let name = "name = \"kakao-pay\"";
        let suspended = format!("{name}\nfronts = [41000002]\nstatus = \"suspended\"");
        let text = SANDBOX.replacen(name, &suspended, 1);
        let open = text.replacen("\"suspended\"", "\"open\"", 1);
        let read = |text: &str| Configuration::from_text("sandbox.toml", text).unwrap();
        let (suspended, open) = (read(&text), read(&open));
        for wallet in [41_000_001, 41_000_002] {
            let expected = Some(Check::OriginatorSuspended);
            assert_eq!(refused(&suspended, wallet), expected, "{wallet}");
            assert_eq!(refused(&open, wallet), None, "{wallet}");
        }
        assert_eq!(refused(&suspended, 45_800_001), None);
        assert_ne!(suspended.table_hash, open.table_hash);
    }
}
