//! THE TRAFFIC: who pays whom, how much, and what becomes of it. A function of seed and number.
//!
//! It sends nothing. The destination's simulator finds a payment's fate from the same function.

pub(crate) mod amount;
pub(crate) mod random;
pub(crate) mod reference;

use cpg_switch::model::outcome::Presentation;

use self::amount::Amounts;
use self::random::Draw;

/// What is to become of a payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Fate {
    /// The destination approves.
    Approve,
    /// The destination declines: funds.
    Decline,
    /// The originator sends the same again before the answer.
    RepeatAtOnce,
    /// The originator sends the same again after the answer.
    RepeatLater,
    /// The originator sends the same key with another amount after the answer: 94.
    Conflict,
    /// The originator asks for the state after the answer.
    Inquire,
    /// The originator takes an approved payment back by request.
    ReverseByRequest,
    /// The originator takes an approved payment back by advice.
    ReverseByAdvice,
    /// The destination debits and its answer is never sent: 68, reversed.
    Silent,
    /// The destination neither debits nor answers: 68, reversed.
    Deaf,
    /// The destination debits and answers only when the reversal comes: 68, reversed.
    Late,
    /// The payer scans a merchant's code: the wallet asks about it and pays under the quote. Where
    /// the payer shows a code, it is approved like any other.
    Quote,
}

impl Fate {
    /// Every fate, in the order of the report.
    pub(crate) const ALL: [Self; 12] = [
        Self::Approve,
        Self::Decline,
        Self::RepeatAtOnce,
        Self::RepeatLater,
        Self::Conflict,
        Self::Inquire,
        Self::ReverseByRequest,
        Self::ReverseByAdvice,
        Self::Silent,
        Self::Deaf,
        Self::Late,
        Self::Quote,
    ];

    /// The word for people and for JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::RepeatAtOnce => "repeat-at-once",
            Self::RepeatLater => "repeat-later",
            Self::Conflict => "conflict",
            Self::Inquire => "inquire",
            Self::ReverseByRequest => "reverse-by-request",
            Self::ReverseByAdvice => "reverse-by-advice",
            Self::Silent => "silent",
            Self::Deaf => "deaf",
            Self::Late => "late",
            Self::Quote => "quote",
        }
    }

    /// Whether the destination answers the request in time.
    pub(crate) const fn answers(self) -> bool {
        !matches!(self, Self::Silent | Self::Deaf | Self::Late)
    }
}

/// One way for payments to go: players by their place in the cast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lane {
    /// Who sends the request.
    pub(crate) originator: u8,
    /// Who answers it.
    pub(crate) destination: u8,
    /// CPM: acquirer to wallet. MPM: wallet to acquirer.
    pub(crate) presentation: Presentation,
}

/// What payment `number` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Script {
    /// Place in [`Mix::lanes`].
    pub(crate) lane: u16,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// How much, in the merchant's minor units.
    pub(crate) minor: i64,
    /// Who pays: the digits of the code after the wallet's prefix.
    pub(crate) payer: u64,
}

/// The traffic of one run.
#[derive(Debug)]
pub(crate) struct Mix {
    seed: u64,
    lanes: Vec<Lane>,
    shares: Vec<(Fate, u32)>,
    amounts: Amounts,
}

impl Mix {
    /// The traffic with `shares` (of ten thousand; what is left is approved) over `lanes`.
    pub(crate) fn new(seed: u64, lanes: Vec<Lane>, shares: &[(Fate, u32)]) -> Self {
        assert!(!lanes.is_empty(), "somebody must pay somebody");
        assert!(lanes.len() <= usize::from(u16::MAX));
        assert!(shares.iter().map(|(_, share)| share).sum::<u32>() <= WHOLE);
        Self {
            seed,
            lanes,
            shares: shares.to_vec(),
            amounts: Amounts::everyday(seed),
        }
    }

    /// What payment `number` is.
    pub(crate) fn script(&self, number: u64) -> Script {
        let mut draw = Draw::new(self.seed, number);
        let lanes = u32::try_from(self.lanes.len()).expect("checked when made");
        Script {
            lane: u16::try_from(draw.below(lanes)).expect("checked when made"),
            fate: self.fate(draw.below(WHOLE)),
            minor: self.amounts.pick(&mut draw),
            payer: draw.bits() % PAYERS,
        }
    }

    fn fate(&self, mut drawn: u32) -> Fate {
        for (fate, share) in &self.shares {
            if drawn < *share {
                return *fate;
            }
            drawn -= share;
        }
        Fate::Approve
    }
}

/// A little of everything that goes wrong; per ten thousand payments.
pub(crate) const EVERYDAY: [(Fate, u32); 11] = [
    (Fate::Decline, 200),
    (Fate::RepeatAtOnce, 50),
    (Fate::RepeatLater, 100),
    (Fate::Conflict, 50),
    (Fate::Inquire, 100),
    (Fate::ReverseByRequest, 50),
    (Fate::ReverseByAdvice, 50),
    (Fate::Silent, 4),
    (Fate::Deaf, 3),
    (Fate::Late, 3),
    (Fate::Quote, 2_000),
];

/// The same without destinations that leave the deadline to answer.
pub(crate) const ANSWERED: [(Fate, u32); 7] = {
    let [
        decline,
        at_once,
        later,
        conflict,
        inquire,
        request,
        advice,
        ..,
    ] = EVERYDAY;
    [decline, at_once, later, conflict, inquire, request, advice]
};

/// Payments that are approved, and nothing else: for saturation and comparison.
pub(crate) const PLAIN: [(Fate, u32); 0] = [];

const WHOLE: u32 = 10_000;
/// Payers of one wallet: ten digits.
pub(crate) const PAYERS: u64 = 10_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(count: u8) -> Vec<Lane> {
        (0..count)
            .map(|place| Lane {
                originator: place,
                destination: place + 1,
                presentation: Presentation::Cpm,
            })
            .collect()
    }

    #[test]
    fn every_fate_and_every_lane_comes_up_in_its_share() {
        let mix = Mix::new(42, lanes(24), &EVERYDAY);
        let (mut fates, mut used) = ([0_u32; Fate::ALL.len()], [0_u32; 24]);
        for number in 0..100_000 {
            let script = mix.script(number);
            assert_eq!(script, mix.script(number));
            fates[script.fate as usize] += 1;
            used[usize::from(script.lane)] += 1;
        }
        for (fate, share) in EVERYDAY {
            let (seen, expected) = (fates[fate as usize], share * 10);
            assert!(
                seen > expected / 2 && seen < expected * 2,
                "{}: {seen} of {expected}",
                fate.name()
            );
        }
        assert!(
            used.iter().all(|count| (3_700..4_700).contains(count)),
            "{used:?}"
        );
    }

    #[test]
    fn plain_traffic_is_approved() {
        let mix = Mix::new(1, lanes(1), &PLAIN);
        assert!((0..1_000).all(|number| mix.script(number).fate == Fate::Approve));
    }

    #[test]
    fn fates_are_listed_in_the_order_of_their_numbers() {
        assert!(
            Fate::ALL
                .iter()
                .enumerate()
                .all(|(place, fate)| *fate as usize == place)
        );
    }
}
