//! What a shard counts, and how others read it.
//!
//! The shard counts in plain integers of its own and now and then copies them into [`Counters`],
//! which anybody may read at any time: no message ever touches a shared cache line.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use crate::model::ids::TransactionNumber;
use crate::model::refusal::Fault;
use crate::shard::carried::CarriedNumbers;

/// One thing that is counted; its place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
#[expect(missing_docs, reason = "TABLE has each one's help text")]
pub enum Counter {
    LinksNow,
    LinksAccepted,
    LinksRefused,
    LinksCutSignOn,
    LinksCutEchoes,
    LinksCutFraming,
    LinksCutSlow,
    LinksCutStalled,
    SignOns,
    FramesIn,
    FramesOut,
    BytesIn,
    BytesOut,
    FramesMoved,
    Unanswerable,
    FieldsDropped,
    NoLink,
    Crossings,
    CrossingsRefused,
    GateFull,
    HeldBack,
    SecurityEvents,
    Payments,
    AnswersApproved,
    AnswersDeclined,
    AnswersUnknown,
    Reversed,
    Repeats,
    Conflicts,
    Shed,
    LateAnswers,
    UnhandledAnswers,
    MalformedAnswers,
    Inquiries,
    Reversals,
    RepeatsSent,
    Pending,
    PaymentAdvices,
    Refunds,
    InquiriesSent,
    OperatorQueued,
    OperatorQueueFull,
    OperatorQueueNow,
    OperatorQueueOldestNow,
    InFlightNow,
    ExchangesNow,
    RememberedKeysNow,
    JournalRecords,
    JournalRecordBytes,
    JournalWrites,
    JournalWrittenBytes,
    JournalUncommittedBytesNow,
    SegmentsArchived,
    SegmentsGivenUp,
    SegmentsUnarchivedNow,
    SegmentsNeededNow,
    CarriedNow,
    NumbersForgotten,
    LookUps,
    LookUpsFailed,
    Turns,
}

/// How many counters there are.
const COUNTERS: usize = Counter::Turns as usize + 1;
/// How many faults there are.
const FAULTS: usize = Fault::ALL.len();

/// Name, help text and label of one counter.
type Row = (
    Counter,
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
);

/// The names that operators see. Stable: dashboards and alerts depend on them. A name that ends in
/// `_now` is a gauge.
pub const TABLE: [Row; COUNTERS] = {
    use Counter as C;
    const CUT: &str = "links cut by us, by reason";
    const ANSWERS: &str = "payments answered, by outcome";
    [
        (C::LinksNow, "links_now", "links that are open", None),
        (
            C::LinksAccepted,
            "links_accepted",
            "connections accepted",
            None,
        ),
        (
            C::LinksRefused,
            "links_refused",
            "connections closed at once: too many",
            None,
        ),
        (
            C::LinksCutSignOn,
            "links_cut",
            CUT,
            Some(("reason", "no-sign-on")),
        ),
        (
            C::LinksCutEchoes,
            "links_cut",
            CUT,
            Some(("reason", "echoes-missed")),
        ),
        (
            C::LinksCutFraming,
            "links_cut",
            CUT,
            Some(("reason", "framing-lost")),
        ),
        (
            C::LinksCutSlow,
            "links_cut",
            CUT,
            Some(("reason", "slow-consumer")),
        ),
        (
            C::LinksCutStalled,
            "links_cut",
            CUT,
            Some(("reason", "frame-stalled")),
        ),
        (C::SignOns, "sign_ons", "sign-ons accepted", None),
        (C::FramesIn, "frames_in", "whole frames received", None),
        (C::FramesOut, "frames_out", "frames handed to a link", None),
        (C::BytesIn, "bytes_in", "bytes received", None),
        (C::BytesOut, "bytes_out", "bytes handed to a link", None),
        (
            C::FramesMoved,
            "frames_moved",
            "unsent frames of a lost link sent over another",
            None,
        ),
        (
            C::Unanswerable,
            "unanswerable",
            "messages too broken to be answered",
            None,
        ),
        (
            C::FieldsDropped,
            "fields_dropped",
            "fields of answers that the other side cannot carry",
            None,
        ),
        (
            C::NoLink,
            "no_link",
            "messages that found no link of their participant",
            None,
        ),
        (
            C::Crossings,
            "crossings",
            "frames and bodies passed to another shard",
            None,
        ),
        (
            C::CrossingsRefused,
            "crossings_refused",
            "not passed: the ring was full, or the other shard has ended",
            None,
        ),
        (
            C::GateFull,
            "gate_full",
            "messages that found no room to wait for their commit",
            None,
        ),
        (
            C::HeldBack,
            "held_back",
            "requests that were over or too late once committed",
            None,
        ),
        (
            C::SecurityEvents,
            "security_events",
            "messages in the name of somebody else",
            None,
        ),
        (C::Payments, "payments", "new payments recorded", None),
        (
            C::AnswersApproved,
            "answers",
            ANSWERS,
            Some(("outcome", "approved")),
        ),
        (
            C::AnswersDeclined,
            "answers",
            ANSWERS,
            Some(("outcome", "declined")),
        ),
        (
            C::AnswersUnknown,
            "answers",
            ANSWERS,
            Some(("outcome", "unknown")),
        ),
        (C::Reversed, "reversed", "transactions undone", None),
        (C::Repeats, "repeats", "repeats of a payment received", None),
        (
            C::Conflicts,
            "conflicts",
            "same key with another body",
            None,
        ),
        (
            C::Shed,
            "shed",
            "requests refused with A1, nothing recorded",
            None,
        ),
        (
            C::LateAnswers,
            "late_answers",
            "answers after the outcome was decided",
            None,
        ),
        (
            C::UnhandledAnswers,
            "unhandled_answers",
            "answers that nobody waits for",
            None,
        ),
        (
            C::MalformedAnswers,
            "malformed_answers",
            "answers that could not be used",
            None,
        ),
        (
            C::Inquiries,
            "status_inquiries",
            "status inquiries received",
            None,
        ),
        (
            C::Reversals,
            "reversals",
            "reversals and reversal advices received",
            None,
        ),
        (
            C::RepeatsSent,
            "repeats_sent",
            "repeats of our own reversals and advices",
            None,
        ),
        (C::Pending, "pending", "transactions answered with 09", None),
        (
            C::PaymentAdvices,
            "payment_advices",
            "payment advices received from destinations",
            None,
        ),
        (C::Refunds, "refunds", "new refunds recorded", None),
        (
            C::InquiriesSent,
            "status_inquiries_sent",
            "status inquiries of ours, repeats included",
            None,
        ),
        (
            C::OperatorQueued,
            "operator_queued",
            "transactions handed to an operator",
            None,
        ),
        (
            C::OperatorQueueFull,
            "operator_queue_full",
            "transactions tried on because the operator queue was full",
            None,
        ),
        (
            C::OperatorQueueNow,
            "operator_queue_now",
            "transactions that wait for an operator",
            None,
        ),
        (
            C::OperatorQueueOldestNow,
            "operator_queue_oldest_now",
            "since when the oldest waits for an operator, seconds since 1970; 0: none",
            None,
        ),
        (
            C::InFlightNow,
            "in_flight_now",
            "payments without an answer",
            None,
        ),
        (
            C::ExchangesNow,
            "exchanges_now",
            "payments, reversals and advices in flight",
            None,
        ),
        (
            C::RememberedKeysNow,
            "remembered_keys_now",
            "business keys remembered",
            None,
        ),
        (
            C::JournalRecords,
            "journal_records",
            "records appended",
            None,
        ),
        (
            C::JournalRecordBytes,
            "journal_record_bytes",
            "bytes of records",
            None,
        ),
        (
            C::JournalWrites,
            "journal_writes",
            "writes to segments",
            None,
        ),
        (
            C::JournalWrittenBytes,
            "journal_written_bytes",
            "bytes written to segments",
            None,
        ),
        (
            C::JournalUncommittedBytesNow,
            "journal_uncommitted_bytes_now",
            "appended and not committed",
            None,
        ),
        (
            C::SegmentsArchived,
            "segments_archived",
            "segments in the archive, since the journal was made",
            None,
        ),
        (
            C::SegmentsGivenUp,
            "segments_given_up",
            "segments that are in the archive alone",
            None,
        ),
        (
            C::SegmentsUnarchivedNow,
            "segments_unarchived_now",
            "sealed segments that are not in the archive yet",
            None,
        ),
        (
            C::SegmentsNeededNow,
            "segments_needed_now",
            "segments for which there is no room, and that something still needs: where it stays, \
             new payments will be shed",
            None,
        ),
        (
            C::CarriedNow,
            "carried_now",
            "transactions of segments given up that are not over: 1024 at most",
            None,
        ),
        (
            C::NumbersForgotten,
            "numbers_forgotten",
            "transactions that are known to the archive alone",
            None,
        ),
        (
            C::LookUps,
            "look_ups",
            "old keys looked up in the archive",
            None,
        ),
        (
            C::LookUpsFailed,
            "look_ups_failed",
            "of these, in vain: the archive could not be read in time",
            None,
        ),
        (C::Turns, "turns", "turns of the shard's loop", None),
    ]
};

/// The shard's own count.
#[derive(Clone, Debug)]
pub struct Stats {
    values: [u64; COUNTERS],
    refusals: [u64; FAULTS],
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            values: [0; COUNTERS],
            refusals: [0; FAULTS],
        }
    }
}

impl Stats {
    pub(super) fn add(&mut self, counter: Counter, count: u64) {
        self.values[counter as usize] += count;
    }

    pub(super) fn set(&mut self, counter: Counter, value: u64) {
        self.values[counter as usize] = value;
    }

    pub(super) fn refuse(&mut self, fault: Fault) {
        self.refusals[usize::from(fault as u16 - 1)] += 1;
    }

    /// One value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// Refusals for one reason.
    pub fn refusals(&self, fault: Fault) -> u64 {
        self.refusals[usize::from(fault as u16 - 1)]
    }
}

/// Whether the shard can take payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Health {
    /// It reads its journal.
    Starting = 0,
    /// It does.
    Serving = 1,
    /// It answers what is in flight and takes nothing new.
    Draining = 2,
    /// The journal has no room for new payments; those in flight are answered.
    Full = 3,
    /// It has ended.
    Ended = 4,
    /// A write of its journal failed, and it has ended.
    Fenced = 5,
}

impl Health {
    /// Why no payment is taken; none where they are.
    pub const fn unready(self) -> Option<&'static str> {
        match self {
            Self::Starting => Some("the journal is being read"),
            Self::Serving => None,
            Self::Draining => Some("draining"),
            Self::Full => Some("the journal is full: new payments are shed"),
            Self::Ended => Some("the shard has ended"),
            Self::Fenced => Some("the journal is fenced: a write failed, and the shard has ended"),
        }
    }
}

/// The copy that others read.
#[derive(Debug)]
pub struct Counters {
    values: CachePadded<[AtomicU64; COUNTERS]>,
    refusals: CachePadded<[AtomicU64; FAULTS]>,
    health: CachePadded<AtomicU8>,
    /// What is carried, which whoever reads it wants one by one.
    pub carried: CarriedNumbers,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            values: CachePadded::new([const { AtomicU64::new(0) }; COUNTERS]),
            refusals: CachePadded::new([const { AtomicU64::new(0) }; FAULTS]),
            health: CachePadded::new(AtomicU8::new(Health::Starting as u8)),
            carried: CarriedNumbers::default(),
        }
    }
}

impl Counters {
    /// Says whether payments are taken.
    pub fn set_health(&self, health: Health) {
        self.health.store(health as u8, Ordering::Relaxed);
    }

    /// Whether payments are taken.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            0 => Health::Starting,
            1 => Health::Serving,
            2 => Health::Draining,
            3 => Health::Full,
            5 => Health::Fenced,
            _ => Health::Ended,
        }
    }

    /// Takes over what the shard has counted; what it carries first, which belongs to it.
    pub fn publish(&self, stats: &Stats, carried: &[TransactionNumber]) {
        self.carried.publish(carried);
        for (place, value) in self.values.iter().zip(stats.values) {
            place.store(value, Ordering::Relaxed);
        }
        for (place, value) in self.refusals.iter().zip(stats.refusals) {
            place.store(value, Ordering::Relaxed);
        }
    }

    /// One value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize].load(Ordering::Relaxed)
    }

    /// Refusals for one reason.
    fn refusals(&self, fault: Fault) -> u64 {
        self.refusals[usize::from(fault as u16 - 1)].load(Ordering::Relaxed)
    }
}

/// Receives one value: name, help text, label, number.
type Visit<'v> =
    &'v mut dyn FnMut(&'static str, &'static str, Option<(&'static str, &'static str)>, u64);

/// Every value, summed over all shards. Values of one name follow one another.
pub fn each(shards: &[Arc<Counters>], visit: Visit<'_>) {
    let sum = |read: &dyn Fn(&Counters) -> u64| shards.iter().map(|shard| read(shard)).sum();
    for (counter, name, help, label) in TABLE {
        visit(name, help, label, sum(&|shard| shard.get(counter)));
    }
    for fault in Fault::ALL {
        let label = Some(("reason", fault.name()));
        let refused = sum(&|shard| shard.refusals(fault));
        visit("refusals", "messages refused, by reason", label, refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_unique_and_documented() {
        let mut seen = std::collections::BTreeSet::new();
        for (place, (counter, name, help, label)) in TABLE.iter().enumerate() {
            assert_eq!(*counter as usize, place, "{name}");
            assert!(seen.insert((name, label)), "{name} {label:?} twice");
            assert!(help.len() > 4 && !name.contains(' '));
        }
        for (place, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(usize::from(*fault as u16), place + 1);
        }
    }

    #[test]
    fn what_is_counted_can_be_read() {
        let mut stats = Stats::default();
        stats.add(Counter::Payments, 3);
        stats.refuse(Fault::Truncated);
        let shards = [Arc::new(Counters::default()), Arc::new(Counters::default())];
        shards[0].publish(&stats, &[]);
        stats.add(Counter::Payments, 1);
        shards[1].publish(&stats, &[]);
        let mut text = String::new();
        each(&shards, &mut |name, _, label, value| {
            if value > 0 {
                text += &format!("{name} {label:?} {value};");
            }
        });
        assert_eq!(
            text,
            "payments None 7;refusals Some((\"reason\", \"truncated\")) 2;"
        );
    }
}
