//! WHERE IT GOES: the immutable tables of one snapshot, and the choice of a destination.
//!
//! Pure: the same tables and the same question give the same route. Nothing here knows whether a
//! participant is signed on, or what a code looks like: who asks says so.

mod choice;
mod prefixes;
mod rule;
mod rules;

use core::fmt;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::model::ids::{Institution, ParticipantIndex, TableVersion};
use crate::model::participant::Participant;

pub use choice::{Ask, Choice, Considered, Draw, Route, Verdict, may_originate, may_receive};
pub use prefixes::{CodePrefixes, PrefixError};
pub use rule::{
    Band, Flow, MarkError, MarkKind, PRIORITY_DEFAULT, Rule, RuleMark, Terms, WEIGHT_DEFAULT,
    WEIGHT_MAX, Window, shown_mark,
};
pub use rules::{Behind, Rank, RuleError, Rules};

/// One immutable generation of all tables.
#[derive(Debug)]
pub struct Tables {
    version: TableVersion,
    hash: u64,
    participants: Vec<Participant>,
    institutions: HashMap<Institution, ParticipantIndex, FixedState>,
    rules: Rules,
}

/// Why a snapshot cannot be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TablesError {
    /// More participants than an index can number.
    TooManyParticipants,
    /// Two participants speak for one institution.
    InstitutionTwice(Institution),
    /// The rules make no table.
    Rule(RuleError),
}

impl From<RuleError> for TablesError {
    fn from(error: RuleError) -> Self {
        Self::Rule(error)
    }
}

impl fmt::Display for TablesError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyParticipants => {
                write!(
                    formatter,
                    "more than {} participants",
                    crate::model::limits::PARTICIPANTS_MAX
                )
            }
            Self::InstitutionTwice(institution) => {
                write!(
                    formatter,
                    "institution {institution} belongs to two participants"
                )
            }
            Self::Rule(error) => write!(formatter, "{error}"),
        }
    }
}

impl core::error::Error for TablesError {}

impl Tables {
    /// Builds a snapshot in which codes are known by participants' prefixes alone.
    pub fn new(
        version: TableVersion,
        hash: u64,
        participants: Vec<Participant>,
        prefixes: CodePrefixes,
    ) -> Result<Self, TablesError> {
        Self::with_rules(version, hash, participants, prefixes.into_rules().collect())
    }

    /// Builds a snapshot.
    pub fn with_rules(
        version: TableVersion,
        hash: u64,
        participants: Vec<Participant>,
        rules: Vec<Rule>,
    ) -> Result<Self, TablesError> {
        if participants.len() > crate::model::limits::PARTICIPANTS_MAX {
            return Err(TablesError::TooManyParticipants);
        }
        let mut institutions = HashMap::with_hasher(FixedState::with_seed(hash));
        for (index, participant) in (0_u16..).zip(&participants) {
            let own = core::iter::once(&participant.institution);
            for institution in own.chain(&participant.fronted) {
                if institutions
                    .insert(*institution, ParticipantIndex(index))
                    .is_some()
                {
                    return Err(TablesError::InstitutionTwice(*institution));
                }
            }
        }
        check_participants(&rules, participants.len())?;
        Ok(Self {
            version,
            hash,
            participants,
            institutions,
            rules: Rules::new(rules, hash)?,
        })
    }

    /// Names this generation.
    pub fn version(&self) -> TableVersion {
        self.version
    }

    /// Hash of its content.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// All participants, by index.
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// One participant.
    pub fn participant(&self, index: ParticipantIndex) -> &Participant {
        &self.participants[usize::from(index.0)]
    }

    /// Who speaks for an institution.
    pub fn speaks_for(&self, institution: Institution) -> Option<ParticipantIndex> {
        self.institutions.get(&institution).copied()
    }

    /// The rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }
}

/// Rules name participants of the snapshot.
fn check_participants(rules: &[Rule], count: usize) -> Result<(), RuleError> {
    let is_there =
        |index: Option<ParticipantIndex>| index.is_none_or(|index| usize::from(index.0) < count);
    let stray = rules
        .iter()
        .map(|rule| rule.terms)
        .find(|terms| !is_there(terms.wallet) || !is_there(terms.destination));
    match stray {
        Some(terms) => Err(RuleError::Participant { row: terms.row }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
