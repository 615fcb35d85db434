//! WHERE IT GOES: the immutable tables of one snapshot, and the choice of a destination.
//!
//! Pure: the same tables and the same request give the same route. Nothing here knows whether a
//! participant is signed on; sessions do.

mod prefixes;

use core::fmt;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::model::ids::{Institution, ParticipantIndex, TableVersion};
use crate::model::message::PaymentRequest;
use crate::model::outcome::{Presentation, ResponseCode, Scenario};
use crate::model::participant::{Participant, Role};

pub use prefixes::{CodePrefixes, PREFIX_DIGITS_MAX, PrefixError};

/// ISO 3166-1 numeric code of China: what inbound and outbound are seen from.
const CHINA: u16 = 156;

/// One immutable generation of all tables.
#[derive(Debug)]
pub struct Tables {
    version: TableVersion,
    hash: u64,
    participants: Vec<Participant>,
    institutions: HashMap<Institution, ParticipantIndex, FixedState>,
    prefixes: CodePrefixes,
}

/// Why a snapshot cannot be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TablesError {
    /// More participants than an index can number.
    TooManyParticipants,
    /// Two participants speak for one institution.
    InstitutionTwice(Institution),
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
        }
    }
}

impl core::error::Error for TablesError {}

/// Where a payment goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The participant that answers it.
    pub destination: ParticipantIndex,
    /// Direction x presentation, where China is on one side.
    pub scenario: Option<Scenario>,
}

impl Tables {
    /// Builds a snapshot.
    pub fn new(
        version: TableVersion,
        hash: u64,
        participants: Vec<Participant>,
        prefixes: CodePrefixes,
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
        Ok(Self {
            version,
            hash,
            participants,
            institutions,
            prefixes,
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

    /// Where a payment of `originator` goes. CPM: to the owner of the code's prefix; a destination
    /// that is named too must be the same participant. MPM: to the destination that it names.
    pub fn route(
        &self,
        originator: ParticipantIndex,
        request: &PaymentRequest<'_>,
    ) -> Result<Route, ResponseCode> {
        let sender = self.participant(originator);
        if !may_originate(sender.role, request.presentation) {
            return Err(ResponseCode::NOT_PERMITTED);
        }
        let named = match request.destination {
            Some(institution) => Some(
                self.speaks_for(institution)
                    .ok_or(ResponseCode::NO_SUCH_INSTITUTION)?,
            ),
            None => None,
        };
        let destination = match request.presentation {
            Presentation::Cpm => {
                let owner = self
                    .prefixes
                    .owner(request.code.expose())
                    .ok_or(ResponseCode::NO_ROUTE)?;
                if named.is_some_and(|named| named != owner) {
                    return Err(ResponseCode::NO_ROUTE);
                }
                owner
            }
            Presentation::Mpm => named.ok_or(ResponseCode::NO_ROUTE)?,
        };
        let receiver = self.participant(destination);
        if destination == originator || !may_receive(receiver.role, request.presentation) {
            return Err(ResponseCode::NO_ROUTE);
        }
        let (wallet, acquirer) = match request.presentation {
            Presentation::Cpm => (receiver, sender),
            Presentation::Mpm => (sender, receiver),
        };
        let scenario = scenario(wallet.country, acquirer.country, request.presentation);
        Ok(Route {
            destination,
            scenario,
        })
    }
}

/// CPM starts at the merchant's side, MPM at the payer's.
const fn may_originate(role: Role, presentation: Presentation) -> bool {
    match (role, presentation) {
        (Role::Infrastructure, _)
        | (Role::Acquirer, Presentation::Cpm)
        | (Role::Wallet, Presentation::Mpm) => true,
        (Role::Acquirer, Presentation::Mpm) | (Role::Wallet, Presentation::Cpm) => false,
    }
}

/// The other side of [`may_originate`].
const fn may_receive(role: Role, presentation: Presentation) -> bool {
    match presentation {
        Presentation::Cpm => may_originate(role, Presentation::Mpm),
        Presentation::Mpm => may_originate(role, Presentation::Cpm),
    }
}

const fn scenario(wallet: u16, acquirer: u16, presentation: Presentation) -> Option<Scenario> {
    match (wallet == CHINA, acquirer == CHINA, presentation) {
        (false, true, Presentation::Mpm) => Some(Scenario::InboundMpm),
        (false, true, Presentation::Cpm) => Some(Scenario::InboundCpm),
        (true, false, Presentation::Mpm) => Some(Scenario::OutboundMpm),
        (true, false, Presentation::Cpm) => Some(Scenario::OutboundCpm),
        (true, true, _) | (false, false, _) => None,
    }
}

#[cfg(test)]
mod tests;
