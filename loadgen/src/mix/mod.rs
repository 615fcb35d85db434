//! THE TRAFFIC: who pays whom, how much, and what becomes of it. A function of seed and number.
//!
//! It sends nothing. The destination's simulator finds a payment's fate from the same function.

pub(crate) mod amount;
mod merchants;
pub(crate) mod random;
pub(crate) mod reference;

use std::ops::Range;

use cpg_switch::model::outcome::Presentation;

use self::amount::Amounts;
pub(crate) use self::merchants::Merchants;
use self::merchants::Visits;
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
    /// The destination answers twice.
    Twice,
    /// The destination debits, and its answer cannot be read: 68, and the switch finds out.
    Garbled,
    /// The payer scans a code that was made for one order, where the acquirer makes such. Else, and
    /// where the payer shows a code, it is approved like any other.
    Order,
    /// Another payer scans the code of an order before this one, so that it is paid by one of them.
    OrderAgain,
}

impl Fate {
    /// Every fate, in the order of the report.
    pub(crate) const ALL: [Self; 16] = [
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
        Self::Twice,
        Self::Garbled,
        Self::Order,
        Self::OrderAgain,
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
            Self::Twice => "twice",
            Self::Garbled => "garbled",
            Self::Order => "order",
            Self::OrderAgain => "order-again",
        }
    }

    /// Whether the destination answers the request in time, and so that it can be read.
    pub(crate) const fn answers(self) -> bool {
        !matches!(self, Self::Silent | Self::Deaf | Self::Late | Self::Garbled)
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
    /// At which merchant of the acquirer, from 0.
    pub(crate) merchant: u32,
    /// Which order it pays: the number of the payment for which its code was made, if one was.
    pub(crate) order: Option<u64>,
}

/// What goes on the lanes, and how much of it.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// Of ten thousand; what is left is approved.
    pub(crate) shares: Vec<(Fate, u32)>,
    /// Of each lane; empty: all alike.
    pub(crate) weights: Vec<u32>,
    /// What is paid.
    pub(crate) amounts: Vec<Amounts>,
    /// Which of the amounts, for each lane; empty: the first.
    pub(crate) amounts_of: Vec<usize>,
    /// Merchants of each acquirer.
    pub(crate) merchants: Merchants,
    /// The lanes of each corridor, where payments may name theirs.
    pub(crate) corridors: Vec<Range<usize>>,
    /// The corridor of each payment; empty: it is drawn.
    pub(crate) corridor_of: Vec<u16>,
    /// How long each player thinks as a destination, in nanoseconds, drawn from; empty: not at all.
    pub(crate) answer_times: Vec<Vec<u64>>,
}

impl Traffic {
    /// With these shares and nothing else yet.
    pub(crate) fn of(shares: &[(Fate, u32)]) -> Self {
        Self {
            shares: shares.to_vec(),
            weights: Vec::new(),
            amounts: Vec::new(),
            amounts_of: Vec::new(),
            merchants: Merchants::ONE,
            corridors: Vec::new(),
            corridor_of: Vec::new(),
            answer_times: Vec::new(),
        }
    }
}

/// The traffic of one run.
#[derive(Debug)]
pub(crate) struct Mix {
    seed: u64,
    lanes: Vec<Lane>,
    /// The sum of the weights up to each lane, that one included.
    up_to: Vec<u32>,
    visits: Visits,
    traffic: Traffic,
}

impl Mix {
    /// The traffic with `shares` (of ten thousand; what is left is approved) over `lanes`, all
    /// alike.
    pub(crate) fn new(seed: u64, lanes: Vec<Lane>, shares: &[(Fate, u32)]) -> Self {
        let mut traffic = Traffic::of(shares);
        traffic.amounts.push(Amounts::everyday(seed));
        Self::with(seed, lanes, traffic)
    }

    /// The traffic that `traffic` says, over `lanes`.
    pub(crate) fn with(seed: u64, lanes: Vec<Lane>, traffic: Traffic) -> Self {
        assert!(!lanes.is_empty(), "somebody must pay somebody");
        assert!(lanes.len() <= usize::from(u16::MAX));
        assert!(traffic.shares.iter().map(|(_, share)| share).sum::<u32>() <= WHOLE);
        assert!(!traffic.amounts.is_empty(), "something must be paid");
        let mut sum = 0_u32;
        let up_to = (0..lanes.len()).map(|lane| {
            let weight = traffic.weights.get(lane).copied().unwrap_or(1);
            sum = sum.checked_add(weight).expect("weights add up to 32 bits");
            sum
        });
        let up_to: Vec<u32> = up_to.collect();
        assert!(sum > 0, "somebody must pay somebody");
        Self {
            seed,
            lanes,
            up_to,
            visits: Visits::new(traffic.merchants),
            traffic,
        }
    }

    /// What payment `number` is.
    pub(crate) fn script(&self, number: u64) -> Script {
        let script = self.first_script(number);
        match script.fate {
            Fate::OrderAgain => self.again(number, script),
            _ => script,
        }
    }

    /// The second payment of an order is at the same till, of the same amount, by another payer. If
    /// there was no order of late, it is the first of its own.
    fn again(&self, number: u64, script: Script) -> Script {
        let corridor = |number: u64| {
            let place = usize::try_from(number).expect("addresses have 64 bits");
            self.traffic.corridor_of.get(place)
        };
        let is_order = |earlier: &u64| {
            let mut draw = Draw::new(self.seed, *earlier);
            self.lane(*earlier, &mut draw);
            let fate = self.fate(draw.below(WHOLE));
            fate == Fate::Order && corridor(*earlier) == corridor(number)
        };
        let mut before = (number.saturating_sub(ORDERS_BACK)..number).rev();
        before.find(is_order).map_or(script, |earlier| Script {
            fate: script.fate,
            payer: script.payer,
            ..self.first_script(earlier)
        })
    }

    fn first_script(&self, number: u64) -> Script {
        let mut draw = Draw::new(self.seed, number);
        let lane = self.lane(number, &mut draw);
        let fate = self.fate(draw.below(WHOLE));
        let amounts = self.traffic.amounts_of.get(lane).copied().unwrap_or(0);
        let minor = self.traffic.amounts[amounts].pick(&mut draw);
        let payer = draw.bits() % PAYERS;
        Script {
            lane: u16::try_from(lane).expect("checked when made"),
            fate,
            minor,
            payer,
            merchant: self.visits.pick(&mut draw),
            order: matches!(fate, Fate::Order | Fate::OrderAgain).then_some(number),
        }
    }

    /// Whether some destination thinks before it answers.
    pub(crate) fn has_answer_times(&self) -> bool {
        let mut times = self.traffic.answer_times.iter();
        times.any(|times| !times.is_empty())
    }

    /// How long the destination `player` thinks about payment `number`.
    pub(crate) fn answer_ns(&self, player: u8, number: u64) -> u64 {
        let times = self.traffic.answer_times.get(usize::from(player));
        times.filter(|times| !times.is_empty()).map_or(0, |times| {
            let count = u32::try_from(times.len()).expect("a few thousand");
            let mut draw = Draw::new(self.seed ^ ANSWERS_STREAM, number);
            let place = usize::try_from(draw.below(count)).expect("addresses have 64 bits");
            times[place]
        })
    }

    /// By weight, among all lanes or those of the payment's corridor.
    fn lane(&self, number: u64, draw: &mut Draw) -> usize {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        let named = self.traffic.corridor_of.get(place);
        let lanes = named.map_or(0..self.lanes.len(), |corridor| {
            self.traffic.corridors[usize::from(*corridor)].clone()
        });
        let before = lanes
            .start
            .checked_sub(1)
            .map_or(0, |lane| self.up_to[lane]);
        let bound = self.up_to[lanes.end - 1] - before;
        let drawn = before + draw.below(bound.max(1));
        let lane = self.up_to.partition_point(|up_to| *up_to <= drawn);
        lane.min(lanes.end - 1)
    }

    fn fate(&self, mut drawn: u32) -> Fate {
        for (fate, share) in &self.traffic.shares {
            if drawn < *share {
                return *fate;
            }
            drawn -= share;
        }
        Fate::Approve
    }
}

/// A little of everything that goes wrong; per ten thousand payments.
pub(crate) const EVERYDAY: [(Fate, u32); 13] = [
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
    (Fate::Order, 300),
    (Fate::OrderAgain, 200),
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
/// Payments before the second of an order among which the first is.
const ORDERS_BACK: u64 = 128;
/// So that answer times are drawn apart from scripts.
const ANSWERS_STREAM: u64 = 0x6A09_E667_F3BC_C908;
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
    fn lanes_come_up_by_weight_and_a_named_corridor_keeps_to_its_own() {
        let mut traffic = Traffic::of(&PLAIN);
        traffic.amounts.push(Amounts::everyday(3));
        traffic.weights = vec![10, 0, 30, 60];
        traffic.corridors = vec![0..2, 2..4];
        let mix = Mix::with(3, lanes(4), traffic.clone());
        let mut used = [0_u32; 4];
        for number in 0..100_000 {
            used[usize::from(mix.script(number).lane)] += 1;
        }
        // Five standard deviations of 95, 145 and 155.
        for (lane, expected, off) in [(0, 10_000, 475), (2, 30_000, 725), (3, 60_000, 775)] {
            assert!(used[lane].abs_diff(expected) < off, "{used:?}");
        }
        assert_eq!(used[1], 0);
        traffic.corridor_of = vec![0, 1, 0, 1];
        let mix = Mix::with(3, lanes(4), traffic);
        let corridors = [0, 1, 2, 3].map(|number| mix.script(number).lane / 2);
        assert_eq!(corridors, [0, 1, 0, 1]);
    }

    #[test]
    fn an_order_that_is_scanned_again_is_the_same_order() {
        let mix = Mix::new(42, lanes(24), &EVERYDAY);
        let (mut again, mut alone) = (0, 0);
        for number in 0..20_000 {
            let script = mix.script(number);
            let is_order = matches!(script.fate, Fate::Order | Fate::OrderAgain);
            assert_eq!(script.order.is_some(), is_order);
            let Some(order) = script.order.filter(|_| script.fate == Fate::OrderAgain) else {
                continue;
            };
            if order == number {
                alone += 1;
                continue;
            }
            again += 1;
            let first = mix.script(order);
            assert_eq!((first.fate, first.order), (Fate::Order, Some(order)));
            assert_ne!(first.payer, script.payer);
            let (payer, fate) = (first.payer, first.fate);
            assert_eq!(
                Script {
                    payer,
                    fate,
                    ..script
                },
                first
            );
        }
        assert!(again > 200 && alone < again / 10, "{again} {alone}");
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
