//! What must not be there twice, what must fit together, and the hash of the tables.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use xxhash_rust::xxh64::xxh64;

use super::ParticipantEntry;
use super::diagnostic::Diagnostics;
use super::participants::Agreed;
use crate::model::participant::Role;

/// Values of which there may be one each.
#[derive(Debug)]
pub(super) struct Claims {
    what: &'static str,
    places: BTreeMap<String, Range<usize>>,
}

impl Claims {
    pub(super) const fn new(what: &'static str) -> Self {
        Self {
            what,
            places: BTreeMap::new(),
        }
    }

    /// Notes that `value` was there before.
    pub(super) fn claim(
        &mut self,
        value: &str,
        span: &Range<usize>,
        diagnostics: &mut Diagnostics,
    ) {
        if let Some(first) = self.places.get(value) {
            let line = diagnostics.line(first);
            diagnostics.note(
                span,
                format!("the {} {value} is used twice", self.what),
                format!("change one of them; the first is on line {line}"),
            );
        } else {
            self.places.insert(value.to_owned(), span.clone());
        }
    }
}

/// A destination's agreed time must end before that of those who pay through it: an answer that
/// comes in time for us but too late for the originator would be of no use.
pub(super) fn timeouts(
    entries: &[ParticipantEntry],
    agreed: &[Agreed],
    diagnostics: &mut Diagnostics,
) {
    for promise in agreed {
        let hasty = entries
            .iter()
            .map(|entry| &entry.participant)
            .filter(|originator| pays_through(originator.role, promise.role))
            .filter(|originator| originator.name != promise.name)
            .find(|originator| u64::from(originator.answer_timeout_ms) <= promise.within_ms);
        if let Some(originator) = hasty {
            diagnostics.note(
                &promise.span,
                format!(
                    "`{}` may take {} ms to answer, and `{}` waits {} ms",
                    promise.name, promise.within_ms, originator.name, originator.answer_timeout_ms
                ),
                format!(
                    "lower `answers_within_ms` here, or raise `answer_timeout_ms` of `{}`",
                    originator.name
                ),
            );
        }
    }
}

/// Whether an originator of one role sends payments to a destination of another.
const fn pays_through(originator: Role, destination: Role) -> bool {
    match (originator, destination) {
        (Role::Wallet, Role::Wallet) | (Role::Acquirer, Role::Acquirer) => false,
        (Role::Wallet | Role::Infrastructure, Role::Acquirer | Role::Infrastructure)
        | (Role::Acquirer | Role::Infrastructure, Role::Wallet)
        | (Role::Acquirer, Role::Infrastructure) => true,
    }
}

/// xxh64 of the tables in canonical form: by institution, every value by its meaning. `dialects`
/// says how each entry's dialect departs from the plain one.
pub(super) fn table_hash(entries: &[ParticipantEntry], dialects: &[String]) -> u64 {
    let mut ordered: Vec<_> = entries.iter().zip(dialects).collect();
    ordered.sort_by_key(|(entry, _)| entry.participant.institution);
    let mut text = String::new();
    for (entry, dialect) in ordered {
        let participant = &entry.participant;
        let (mut addresses, mut prefixes) = (entry.addresses.clone(), entry.code_prefixes.clone());
        addresses.sort();
        prefixes.sort();
        let suspended = if entry.suspended { " suspended" } else { "" };
        let counting = if entry.self_counting {
            " self-counting"
        } else {
            ""
        };
        writeln!(
            text,
            "{participant:?} {dialect} {addresses:?} {prefixes:?}{suspended}{counting}"
        )
        .expect("a string takes all that is written");
    }
    xxh64(text.as_bytes(), 0)
}
