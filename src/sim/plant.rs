//! PLANTED BUGS: what the checker must find. Each sits at an edge of the shard (the disk's word,
//! the clock, the replay, a message on its way), so that no code of the switch has a switch for it.

use std::collections::BTreeSet;

use crate::journal::codec;
use crate::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, Inspected, Opening, Sealing, check_records, inspect, open_block,
    seal_block,
};
use crate::journal::{CommitMode, Entry};
use crate::model::ids::{Epoch, Lsn, TransactionNumber};
use crate::model::keys::Key;
use crate::model::message::Message;
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::record::{LateAnswer, Record};
use crate::model::time::{Monotonic, Now, Wall};
use crate::sim::checker::rules::Rule;
use crate::sim::faults::{Chance, Fault};
use crate::sim::node::Node;
use crate::sim::plan::Plan;

/// A bug that is planted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "TABLE has each one's text")]
pub enum Plant {
    AcknowledgesEarly,
    ReusesKeys,
    ForgetsPayment,
    ForgetsReversal,
    ChangesAmount,
    ChangesOutcome,
    ChangesAnswer,
    ApprovesLate,
    AcceptsConflict,
    DropsReversal,
    Misdirects,
    AcceptsTornTail,
    LosesRecord,
    SlowClock,
    SkipsRecord,
    ChangesDate,
    DiscardsLate,
    AdvisesApprovedLast,
    ForgetsRefund,
    ChangesRate,
    ForgetsWaiting,
    DropsCrossing,
    NeverAnswers,
    TakesTooMuch,
    WritesCode,
    ClosesEarly,
    HidesRot,
    ClaimsAtRoot,
    ForgetsClaims,
    ForgetsTotals,
    ForgetsOrders,
    Garbles,
    Mishears,
}

/// How many there are.
pub(super) const PLANTS: usize = Plant::Mishears as usize + 1;

/// Each bug with its name, the rule that it breaks, and what it does.
pub const TABLE: [(Plant, &str, Rule, &str); PLANTS] = {
    use Plant as P;
    [
        (
            P::AcknowledgesEarly,
            "acknowledges-early",
            Rule::CommittedFirst,
            "the disk says that a write is done before it is",
        ),
        (
            P::ReusesKeys,
            "reuses-keys",
            Rule::KeysUnique,
            "a restart does not count its epoch up, and draws the same match keys",
        ),
        (
            P::ForgetsPayment,
            "forgets-payment",
            Rule::NoDoubleDebit,
            "a restart forgets payments, and forwards their repeats again",
        ),
        (
            P::ForgetsReversal,
            "forgets-reversal",
            Rule::ReversedFirst,
            "a restart forgets reversals that came before their payment",
        ),
        (
            P::ChangesAmount,
            "changes-amount",
            Rule::Amounts,
            "a request leaves with another amount",
        ),
        (
            P::ChangesOutcome,
            "changes-outcome",
            Rule::OneOutcome,
            "a repeat gets another outcome",
        ),
        (
            P::ChangesAnswer,
            "changes-answer",
            Rule::StableAnswers,
            "a repeat gets another approval code",
        ),
        (
            P::ApprovesLate,
            "approves-late",
            Rule::NoLateApproval,
            "after 68, a repeat is approved",
        ),
        (
            P::AcceptsConflict,
            "accepts-conflict",
            Rule::Conflicts,
            "a conflicting repeat is approved",
        ),
        (
            P::DropsReversal,
            "drops-reversal",
            Rule::ReversalsEnd,
            "reversal advices never leave",
        ),
        (
            P::Misdirects,
            "misdirects",
            Rule::OwnAnswers,
            "an answer carries the match key of another request",
        ),
        (
            P::AcceptsTornTail,
            "accepts-torn-tail",
            Rule::NothingLost,
            "what a torn write left is taken for a record",
        ),
        (
            P::LosesRecord,
            "loses-record",
            Rule::NothingLost,
            "a write that was acknowledged is not on the disk after a crash",
        ),
        (
            P::SlowClock,
            "slow-clock",
            Rule::Deadlines,
            "the shard's clock runs at half speed",
        ),
        (
            P::SkipsRecord,
            "skips-record",
            Rule::ReplayEqualsLive,
            "replay leaves out what ends an advice",
        ),
        (
            P::ChangesDate,
            "changes-date",
            Rule::BusinessDate,
            "an answer states the settlement date of its own day plus one",
        ),
        (
            P::DiscardsLate,
            "discards-late",
            Rule::NoLateApproval,
            "an approval that comes after 68 is thrown away",
        ),
        (
            P::AdvisesApprovedLast,
            "advises-approved-last",
            Rule::Order,
            "after each advice that says reversed, one that says approved leaves",
        ),
        (
            P::ForgetsRefund,
            "forgets-refund",
            Rule::Refunds,
            "a restart forgets refunds, and lets the same money be given back again",
        ),
        (
            P::ChangesRate,
            "changes-rate",
            Rule::Amounts,
            "a refund leaves at another rate than its payment's",
        ),
        (
            P::ForgetsWaiting,
            "forgets-waiting",
            Rule::OperatorQueue,
            "a restart forgets what waits for a person",
        ),
        (
            P::DropsCrossing,
            "drops-crossing",
            Rule::AnsweredInTime,
            "what one shard says to another is sometimes lost",
        ),
        (
            P::NeverAnswers,
            "never-answers",
            Rule::Answered,
            "some payments are never answered, however often they are repeated",
        ),
        (
            P::TakesTooMuch,
            "takes-too-much",
            Rule::Bounded,
            "a shard has room for four times as many payments as it may have open",
        ),
        (
            P::WritesCode,
            "writes-code",
            Rule::Confidential,
            "a payment code stands behind a digest",
        ),
        (
            P::ClosesEarly,
            "closes-early",
            Rule::Drained,
            "the last block of a drained shard is not on the disk",
        ),
        (
            P::HidesRot,
            "hides-rot",
            Rule::HonestRecovery,
            "a start does not see a bit that has changed",
        ),
        (
            P::ClaimsAtRoot,
            "claims-at-root",
            Rule::RefundKeys,
            "a refund goes to its payment's shard without a claim of its key",
        ),
        (
            P::ForgetsClaims,
            "forgets-claims",
            Rule::RefundKeys,
            "a restart tells no shard which refund keys are taken",
        ),
        (
            P::ForgetsTotals,
            "forgets-totals",
            Rule::Totals,
            "at a start nobody is told what payers have paid",
        ),
        (
            P::ForgetsOrders,
            "forgets-orders",
            Rule::Orders,
            "a restart forgets what payments count for",
        ),
        (
            P::Garbles,
            "garbles",
            Rule::Readable,
            "some messages lose their second half",
        ),
        (
            P::Mishears,
            "mishears",
            Rule::Rulings,
            "what an operator decides reaches the shard as something else",
        ),
    ]
};

impl Plant {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The rule that it breaks.
    pub fn rule(self) -> Rule {
        TABLE[self as usize].2
    }

    /// The bug with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|(_, other, ..)| *other == name)
            .map(|(plant, ..)| *plant)
    }

    /// Makes the world one in which the bug can show.
    pub(super) fn prepare(self, plan: &mut Plan, chance: &mut Chance) {
        self.shape(plan);
        for (fault, rate) in self.certain() {
            chance.set_rate(*fault, *rate);
        }
    }

    fn shape(self, plan: &mut Plan) {
        match self {
            Self::AcknowledgesEarly
            | Self::AcceptsTornTail
            | Self::LosesRecord
            | Self::ClosesEarly => plan.mode = CommitMode::Disk,
            Self::DiscardsLate => plan.shards = 1,
            Self::DropsCrossing | Self::ClaimsAtRoot | Self::ForgetsClaims => plan.shards = 3,
            Self::ForgetsTotals | Self::ForgetsOrders => {
                (plan.counts, plan.converts) = (true, true);
                (plan.payments, plan.duration_ms) = (70, 12_000);
            }
            Self::WritesCode => plan.segment_bytes = 16 * BLOCK,
            Self::TakesTooMuch => {
                (plan.in_flight_max, plan.payments, plan.duration_ms) = (4, 70, 1_000);
                for participant in &mut plan.participants {
                    (participant.window_in, participant.window_out) = (40, 40);
                }
            }
            Self::ForgetsWaiting | Self::Mishears => {
                for participant in &mut plan.participants {
                    participant.resolver.sends_max = 1;
                }
            }
            _ => {}
        }
    }

    /// Faults that it needs, and how often, of a thousand.
    fn certain(self) -> &'static [(Fault, u32)] {
        match self {
            Self::AcknowledgesEarly => &[(Fault::SlowWrite, 50)],
            Self::ReusesKeys | Self::ForgetsPayment | Self::SkipsRecord => &[
                (Fault::Kill, 200),
                (Fault::RepeatsAfterRestart, 300),
                (Fault::Silent, 200),
            ],
            Self::ForgetsReversal => &[(Fault::Kill, 300), (Fault::ReversesFirst, 300)],
            Self::ChangesOutcome | Self::ChangesAnswer => &[(Fault::RepeatsLater, 400)],
            Self::ApprovesLate => &[(Fault::RepeatsLater, 400), (Fault::Silent, 300)],
            Self::AcceptsConflict => &[(Fault::Conflict, 400)],
            Self::DiscardsLate => &[(Fault::LateAnswer, 300), (Fault::SilentOnReversal, 300)],
            Self::DropsReversal | Self::SlowClock | Self::AdvisesApprovedLast => {
                &[(Fault::Silent, 300)]
            }
            Self::AcceptsTornTail | Self::LosesRecord => {
                &[(Fault::PowerLoss, 200), (Fault::TornWrite, 700)]
            }
            Self::ForgetsRefund => &[
                (Fault::Kill, 300),
                (Fault::Refunds, 900),
                (Fault::RefundsTooMuch, 900),
            ],
            Self::ChangesRate => &[(Fault::Refunds, 900)],
            Self::ClaimsAtRoot => &[(Fault::Refunds, 900), (Fault::ReusesRefundKey, 900)],
            Self::ForgetsClaims => &[
                (Fault::Kill, 300),
                (Fault::Refunds, 900),
                (Fault::ReusesRefundKey, 900),
            ],
            Self::ForgetsTotals | Self::ForgetsOrders => &[(Fault::Kill, 300)],
            Self::TakesTooMuch => &[(Fault::Silent, 700)],
            Self::WritesCode => &[(Fault::NoDigest, 0)],
            Self::HidesRot => &[(Fault::Kill, 300), (Fault::BitRot, 900)],
            Self::ForgetsWaiting => &[
                (Fault::Kill, 300),
                (Fault::Silent, 300),
                (Fault::IgnoresAdvice, 700),
                (Fault::SilentOnReversal, 700),
            ],
            Self::Mishears => &[
                (Fault::Silent, 300),
                (Fault::IgnoresAdvice, 700),
                (Fault::SilentOnReversal, 700),
                (Fault::OperatorDecides, 900),
            ],
            Self::ChangesAmount
            | Self::Misdirects
            | Self::ChangesDate
            | Self::NeverAnswers
            | Self::Garbles
            | Self::ClosesEarly
            | Self::DropsCrossing => &[],
        }
    }

    /// The clocks that the shard is shown.
    pub(super) fn clock(self, now: Now) -> Now {
        match self {
            Self::SlowClock => Now {
                monotonic: Monotonic(now.monotonic.0 / 2),
                wall: now.wall,
            },
            _ => now,
        }
    }

    /// Whether it sits between the shards.
    pub(super) fn is_between(self) -> bool {
        matches!(self, Self::DropsCrossing | Self::ClaimsAtRoot)
    }

    /// Whether replay leaves this entry out; `refunds`: the numbers of those that it has seen.
    pub(super) fn skips(self, entry: &Entry, refunds: &mut BTreeSet<TransactionNumber>) -> bool {
        let number = entry.record.number();
        if matches!(&entry.record, Record::Refund(_)) {
            refunds.insert(number);
        }
        let chosen = number.0.is_multiple_of(3);
        match self {
            Self::ForgetsPayment => chosen && number != TransactionNumber(0),
            Self::ForgetsReversal => {
                matches!(&entry.record, Record::Reversal(reversal) if reversal.claims)
            }
            Self::SkipsRecord => matches!(&entry.record, Record::AdviceAnswer(_)),
            Self::ForgetsRefund => refunds.contains(&number),
            Self::ForgetsWaiting => matches!(&entry.record, Record::Queued(_)),
            Self::ForgetsOrders => matches!(&entry.record, Record::Held(_)),
            _ => false,
        }
    }

    /// What becomes of a message on its way to a participant, and whether it was changed. `told`
    /// says whether a key has its final answer.
    pub(super) fn alter<'m>(
        self,
        message: Message<'m>,
        told: impl Fn(&Key) -> bool,
        wall: Wall,
    ) -> (Option<Message<'m>>, u64) {
        let again = |key: &Key| told(key);
        let one_in_four = wall.0.is_multiple_of(4);
        match (self, message) {
            (Self::ChangesAmount, Message::PaymentRequest(mut request)) if one_in_four => {
                request.amounts.amount.minor += 1;
                (Some(Message::PaymentRequest(request)), 1)
            }
            (Self::ChangesRate, Message::RefundRequest(mut request)) => {
                if let Some(billing) = &mut request.amounts.billing {
                    billing.minor += 1;
                }
                (Some(Message::RefundRequest(request)), 1)
            }
            (Self::NeverAnswers, Message::PaymentResult(result))
                if result.key.reference.bytes()[11].is_multiple_of(4) =>
            {
                (None, 1)
            }
            (Self::DropsReversal, Message::ReversalAdvice(_)) => (None, 1),
            (Self::ChangesOutcome, Message::PaymentResult(mut result)) if again(&result.key) => {
                result.response_code = ResponseCode(*b"05");
                result.outcome = Some(Outcome::Declined);
                (Some(Message::PaymentResult(result)), 1)
            }
            (Self::ChangesAnswer, Message::PaymentResult(mut result)) if again(&result.key) => {
                result.approval_code = crate::model::chars::Chars::padded(b"ZZZZZZ");
                (Some(Message::PaymentResult(result)), 1)
            }
            (Self::ApprovesLate, Message::PaymentResult(mut result))
                if result.response_code == ResponseCode::NO_ANSWER && one_in_four =>
            {
                result.response_code = ResponseCode::APPROVED;
                result.outcome = Some(Outcome::Approved);
                (Some(Message::PaymentResult(result)), 1)
            }
            (Self::AcceptsConflict, Message::PaymentResult(mut result))
                if result.response_code == ResponseCode::CONFLICT =>
            {
                result.response_code = ResponseCode::APPROVED;
                result.outcome = Some(Outcome::Approved);
                (Some(Message::PaymentResult(result)), 1)
            }
            (Self::Misdirects, Message::PaymentResult(mut result)) if one_in_four => {
                result.header.match_key.0 ^= 1;
                (Some(Message::PaymentResult(result)), 1)
            }
            (Self::ChangesDate, Message::PaymentResult(mut result)) => {
                let next = |date: crate::model::time::Date| {
                    crate::model::time::Date::from_days(date.days() + 1)
                };
                result.settlement_date = result.settlement_date.map(next);
                (Some(Message::PaymentResult(result)), 1)
            }
            (_, message) => (Some(message), 0),
        }
    }

    /// Makes a whole block out of what lies behind the last one: as if a torn one were taken.
    pub(super) fn forge(node: &mut Node) -> bool {
        let landed = node.disk.landed();
        let Some(last) = landed.0.checked_sub(4_096) else {
            return false;
        };
        let (journal, shard) = (node.identity.journal(), node.identity.shard);
        let Some(block) = node.disk.block_mut(Lsn(last)) else {
            return false;
        };
        let Inspected::Sealed { opening, chain, .. } = inspect(block) else {
            return false;
        };
        let epoch = Epoch(opening.epoch.0);
        let segment = node.disk.segment_of(landed);
        let Some(block) = node.disk.block_mut(landed) else {
            return false;
        };
        let opening = Opening {
            journal,
            shard,
            epoch,
            chain,
            segment,
            lsn: landed,
        };
        open_block(block, &opening);
        let record = Record::LateAnswer(LateAnswer {
            number: TransactionNumber(1),
            response_code: ResponseCode::APPROVED,
        });
        let bytes = codec::record_bytes(&record);
        let place = &mut block[BLOCK_HEADER_BYTES..BLOCK_HEADER_BYTES + bytes];
        codec::encode(place, Wall(1), &record);
        let chain = check_records(place, chain);
        let sealing = Sealing {
            used: u16::try_from(bytes).expect("small"),
            closing: false,
            memory: false,
            watermark: Lsn(0),
        };
        seal_block(block, &sealing, chain);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_stands_in_its_place_under_a_name_of_its_own() {
        for (place, (plant, name, ..)) in TABLE.iter().enumerate() {
            assert_eq!(*plant as usize, place, "{name}");
            assert_eq!(Plant::from_name(name), Some(*plant));
        }
    }
}
