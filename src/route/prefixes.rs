//! Prefixes of payment codes that participants have of their own: rules of the default priority,
//! one owner each.

use core::fmt;

use std::collections::BTreeMap;

use super::rule::{MarkKind, Rule, RuleMark, Terms};
use crate::model::ids::ParticipantIndex;
use crate::model::limits::PREFIX_DIGITS_MAX;
use crate::model::mark::By;

/// All prefixes of one table snapshot.
#[derive(Clone, Debug, Default)]
pub struct CodePrefixes {
    owners: BTreeMap<RuleMark, ParticipantIndex>,
}

/// Why a prefix cannot be entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrefixError {
    /// Empty, longer than twelve digits, or not digits.
    Malformed,
    /// It has an owner already.
    Taken(ParticipantIndex),
}

impl fmt::Display for PrefixError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(formatter, "a prefix is 1 to {PREFIX_DIGITS_MAX} digits"),
            Self::Taken(owner) => {
                write!(formatter, "the prefix belongs to participant {}", owner.0)
            }
        }
    }
}

impl core::error::Error for PrefixError {}

impl CodePrefixes {
    /// Gives codes that start with `prefix` to `owner`, unless a longer prefix says otherwise.
    pub fn insert(&mut self, prefix: &str, owner: ParticipantIndex) -> Result<(), PrefixError> {
        let mark = RuleMark::new(MarkKind::Known(By::Prefix), prefix)
            .map_err(|_| PrefixError::Malformed)?;
        if let Some(taken) = self.owners.get(&mark) {
            return Err(PrefixError::Taken(*taken));
        }
        self.owners.insert(mark, owner);
        Ok(())
    }

    /// The rules that they are.
    pub fn into_rules(self) -> impl Iterator<Item = Rule> {
        let rules = self.owners.into_iter();
        rules.map(|(mark, owner)| Rule {
            mark,
            terms: Terms::of_participant(owner),
        })
    }
}
