//! What is counted by participant, by corridor and by response code, and how long destinations
//! take.
//!
//! Plain integers in arrays whose sizes are known at the start; nothing is decided by them.

use crate::model::ids::ParticipantIndex;
use crate::model::metric::Histogram;
use crate::model::outcome::{Outcome, ResponseCode};

/// What is counted of one participant; its place in [`Party::counts`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum PartyCount {
    /// As originator: payments and refunds of its own that went on to a destination.
    Requests = 0,
    /// Of its own that ended approved.
    Approved = 1,
    /// Of its own that ended declined, by a destination or by us.
    Declined = 2,
    /// Of its own that it was told 68 about.
    Unknown = 3,
    /// Repeats of its own, and the same key with another body.
    Repeats = 4,
    /// Status inquiries of its own.
    Inquiries = 5,
    /// As destination: requests that it was sent, or was about to be.
    Asked = 6,
    /// Of these, approved by it.
    AskedApproved = 7,
    /// Of these, declined.
    AskedDeclined = 8,
    /// Of these, without a usable answer in time.
    AskedUnknown = 9,
}

impl PartyCount {
    /// Every one, in order.
    pub const ALL: [Self; 10] = [
        Self::Requests,
        Self::Approved,
        Self::Declined,
        Self::Unknown,
        Self::Repeats,
        Self::Inquiries,
        Self::Asked,
        Self::AskedApproved,
        Self::AskedDeclined,
        Self::AskedUnknown,
    ];
}

/// One participant.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// By [`PartyCount`].
    pub counts: [u64; PartyCount::ALL.len()],
    /// From the moment a request left to its answer: the counterparty's time.
    pub answer_times: Histogram,
}

/// Corridors that are told apart in one shard; the others are counted together in the last place.
pub const CORRIDORS_MAX: usize = 256;

/// From one originator to one destination. Payments and refunds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Corridor {
    /// Who asks, who answers; none: all corridors for which there was no place.
    pub ends: Option<(ParticipantIndex, ParticipantIndex)>,
    /// What went on to the destination.
    pub requests: u64,
    /// What ended approved, declined, or without an answer in time.
    pub outcomes: [u64; 3],
}

/// Response codes that are told apart: two digits. The last place is for all others.
pub const CODES: usize = 101;

/// All that is counted so.
#[derive(Debug)]
pub struct Parties {
    parties: Vec<Party>,
    corridors: Box<[Corridor; CORRIDORS_MAX + 1]>,
    codes: [u64; CODES],
}

/// What became of a transaction, as a place in [`Corridor::outcomes`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Approved = 0,
    Declined = 1,
    Unknown = 2,
}

impl From<Outcome> for Fate {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Approved => Self::Approved,
            Outcome::Declined | Outcome::Reversed => Self::Declined,
        }
    }
}

impl Parties {
    /// Nothing is counted yet.
    pub fn new(participants: usize) -> Self {
        Self {
            parties: vec![Party::default(); participants],
            corridors: Box::new([Corridor::default(); CORRIDORS_MAX + 1]),
            codes: [0; CODES],
        }
    }

    /// By participant, as in the tables.
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// Used places and empty ones; the last is for the rest.
    pub fn corridors(&self) -> &[Corridor] {
        &*self.corridors
    }

    /// Answers that were declined, by response code; see [`code_name`].
    pub fn codes(&self) -> &[u64; CODES] {
        &self.codes
    }

    pub(super) fn count(&mut self, participant: ParticipantIndex, what: PartyCount) {
        self.parties[usize::from(participant.0)].counts[what as usize] += 1;
    }

    /// A request goes on to its destination.
    pub(super) fn forwarded(&mut self, from: ParticipantIndex, to: ParticipantIndex) {
        self.count(from, PartyCount::Requests);
        self.count(to, PartyCount::Asked);
        self.corridor(from, to).requests += 1;
    }

    /// It ended, or its originator is told that nobody knows.
    pub(super) fn ended(
        &mut self,
        ends: (Option<ParticipantIndex>, Option<ParticipantIndex>),
        (fate, code): (Fate, ResponseCode),
    ) {
        let (mine, theirs) = match fate {
            Fate::Approved => (PartyCount::Approved, PartyCount::AskedApproved),
            Fate::Declined => (PartyCount::Declined, PartyCount::AskedDeclined),
            Fate::Unknown => (PartyCount::Unknown, PartyCount::AskedUnknown),
        };
        if fate == Fate::Declined {
            self.codes[code_place(code)] += 1;
        }
        if let Some(from) = ends.0 {
            self.count(from, mine);
        }
        if let Some(to) = ends.1 {
            self.count(to, theirs);
        }
        if let (Some(from), Some(to)) = ends {
            self.corridor(from, to).outcomes[fate as usize] += 1;
        }
    }

    /// An answer came, so long after its request left.
    pub(super) fn answered(&mut self, by: ParticipantIndex, ns: u64) {
        self.parties[usize::from(by.0)].answer_times.note(ns);
    }

    /// A request that was declined, for tests of those who read.
    #[cfg(test)]
    pub(crate) fn forward_for_tests(
        &mut self,
        from: ParticipantIndex,
        to: ParticipantIndex,
        code: [u8; 2],
    ) {
        self.forwarded(from, to);
        self.ended((Some(from), Some(to)), (Fate::Declined, ResponseCode(code)));
    }

    fn corridor(&mut self, from: ParticipantIndex, to: ParticipantIndex) -> &mut Corridor {
        let ends = Some((from, to));
        let first = usize::from(from.0)
            .wrapping_mul(31)
            .wrapping_add(usize::from(to.0));
        let mut found = CORRIDORS_MAX;
        for step in 0..PROBES_MAX {
            let place = (first + step) % CORRIDORS_MAX;
            let is = self.corridors[place].ends;
            if is == ends || is.is_none() {
                self.corridors[place].ends = ends;
                found = place;
                break;
            }
        }
        &mut self.corridors[found]
    }
}

/// Places that one look-up tries.
const PROBES_MAX: usize = 8;

fn code_place(code: ResponseCode) -> usize {
    match code.0 {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            usize::from(tens - b'0') * 10 + usize::from(ones - b'0')
        }
        _ => CODES - 1,
    }
}

/// The code of a place: two digits, or `other`.
pub fn code_name(place: usize) -> String {
    if place < CODES - 1 {
        format!("{place:02}")
    } else {
        "other".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn index(number: u16) -> ParticipantIndex {
        ParticipantIndex(number)
    }

    #[test]
    fn what_is_counted_has_its_place_in_the_order_of_all() {
        for (place, what) in PartyCount::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, place);
        }
    }

    #[test]
    fn both_ends_and_the_corridor_are_counted_and_the_code_of_a_decline() {
        let mut parties = Parties::new(3);
        let ends = (Some(index(0)), Some(index(2)));
        for fate in [Fate::Approved, Fate::Declined, Fate::Unknown] {
            parties.forwarded(index(0), index(2));
            parties.ended(ends, (fate, ResponseCode(*b"51")));
        }
        parties.ended(
            (Some(index(1)), None),
            (Fate::Declined, ResponseCode(*b"A0")),
        );
        parties.answered(index(2), 5_000);
        assert_eq!(parties.parties()[0].counts, [3, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parties.parties()[1].counts, [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parties.parties()[2].counts, [0, 0, 0, 0, 0, 0, 3, 1, 1, 1]);
        assert_eq!(parties.parties()[2].answer_times.count(), 1);
        let used: Vec<_> = parties
            .corridors()
            .iter()
            .filter(|corridor| corridor.requests > 0)
            .collect();
        assert_eq!(used.len(), 1);
        assert_eq!((used[0].requests, used[0].outcomes), (3, [1, 1, 1]));
        let codes = parties.codes().iter().enumerate();
        let codes: Vec<_> = codes.filter(|(_, count)| **count > 0).collect();
        assert_eq!(codes, [(51, &1), (CODES - 1, &1)]);
        assert_eq!(
            (code_name(5), code_name(100)),
            ("05".into(), "other".into())
        );
    }

    #[test]
    fn corridors_without_a_place_are_counted_together_and_none_is_lost() {
        let mut parties = Parties::new(100);
        for from in 0..100 {
            for to in 0..100 {
                parties.forwarded(index(from), index(to));
            }
        }
        let all: u64 = parties.corridors().iter().map(|one| one.requests).sum();
        assert_eq!(all, 10_000);
        let rest = parties.corridors()[CORRIDORS_MAX];
        assert!(rest.ends.is_none() && rest.requests > 0);
    }
}
