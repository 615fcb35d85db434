//! The round over all links, a few times a second: echoes, links that are stuck, counters.

use crate::model::ids::{LinkId, ParticipantIndex};
use crate::model::limits::FRAME_DEADLINE_MS;
use crate::model::message::{Header, Message, Notice};
use crate::model::refusal::Fault;
use crate::model::time::Monotonic;
use crate::session::{Care, CutReason};
use crate::shard::news::{Cut, Happened};
use crate::shard::stats::{Counter, Counters, Stage};
use crate::shard::{Pass, Shard};

/// A send that takes longer means that the other side does not read.
const SEND_STALLED_MS: u64 = 5_000;

impl Shard {
    /// Echoes to ask for, links to cut.
    pub(super) fn care_for_links(&mut self, pass: &mut Pass<'_>) {
        let mut cares = core::mem::take(&mut self.cares);
        let tables = std::sync::Arc::clone(&self.tables);
        self.sessions
            .care(pass.now, tables.participants(), |care| cares.push(care));
        for care in cares.drain(..) {
            match care {
                Care::Cut(link, reason) => {
                    let (counter, why) = match reason {
                        CutReason::NoSignOn => (Counter::LinksCutSignOn, Cut::NoSignOn),
                        CutReason::EchoesMissed => (Counter::LinksCutEchoes, Cut::EchoesMissed),
                    };
                    self.stats.add(counter, 1);
                    self.note_link(link, Happened::Cut(why), pass.now.wall);
                    self.cut(link, pass);
                }
                Care::AskEcho(link, participant) => self.ask_echo(link, participant, pass),
            }
        }
        self.cares = cares;
        let mut stuck = core::mem::take(&mut self.stuck);
        let now = pass.now.monotonic;
        for (id, link) in self.links.used().filter(|(_, link)| !link.closing) {
            let begun = (!link.partial.is_empty()).then_some(link.partial_since);
            if begun.is_some_and(|since| now >= since.plus_ms(FRAME_DEADLINE_MS)) {
                stuck.push((id, Counter::LinksCutStalled));
            } else if link
                .sending_since
                .is_some_and(|since| now >= since.plus_ms(SEND_STALLED_MS))
            {
                stuck.push((id, Counter::LinksCutSlow));
            }
        }
        for (link, counter) in stuck.drain(..) {
            self.stats.add(counter, 1);
            let why = if counter == Counter::LinksCutSlow {
                Cut::Slow
            } else {
                Cut::Stalled
            };
            self.note_link(link, Happened::Cut(why), pass.now.wall);
            self.cut(link, pass);
        }
        self.stuck = stuck;
    }

    fn ask_echo(&mut self, link: LinkId, participant: ParticipantIndex, pass: &mut Pass<'_>) {
        let Some(match_key) = self.sessions.draw(participant, pass.now.wall) else {
            return;
        };
        let institution = Some(self.tables.participant(participant).institution);
        let header = Header {
            match_key,
            transmit_time: pass.now.wall,
        };
        let echo = Message::Echo(Notice {
            header,
            institution,
            mac: b"",
        });
        self.reply(link, &echo, pass);
    }

    /// A turn took from `begun` to `ended`.
    #[inline]
    pub fn note_turn(&mut self, begun: Monotonic, ended: Monotonic) {
        self.stats
            .note(Stage::Turn, ended.0.saturating_sub(begun.0));
    }

    /// Copies everything that is counted to where others read it.
    pub fn publish(&mut self, counters: &Counters) {
        self.tell_news(&counters.news);
        counters.publish(&self.stats, self.carried());
        counters.publish_live(&self.stats, self.engine.parties(), |participant| {
            let links = self.sessions.links_of(participant);
            (links, self.engine.in_flight(participant))
        });
    }

    /// Counts what others counted, before it is copied.
    pub fn count_all(&mut self) {
        let tally = *self.engine.tally();
        let journal = *self.journal.counters();
        let (depth, oldest) = self.engine.operator_queue();
        let oldest_s = oldest.map_or(0, |since| since.0 / 1_000_000_000);
        let count = |value: usize| u64::try_from(value).expect("fits");
        let (payers, orders) = self.engine.held_here();
        let uncommitted = self.journal.appended().0 - self.journal.committed().0;
        for (counter, value) in [
            (Counter::LinksNow, u64::from(self.links.count())),
            (Counter::Payments, tally.payments),
            (Counter::AnswersApproved, tally.approved),
            (Counter::AnswersDeclined, tally.declined),
            (Counter::AnswersUnknown, tally.unknown),
            (Counter::Reversed, tally.reversed),
            (Counter::Repeats, tally.repeats),
            (Counter::Conflicts, tally.conflicts),
            (Counter::LateAnswers, tally.late_answers),
            (Counter::UnhandledAnswers, tally.unhandled_answers),
            (Counter::MalformedAnswers, tally.malformed_answers),
            (Counter::Inquiries, tally.inquiries),
            (Counter::Reversals, tally.reversals),
            (Counter::RepeatsSent, tally.repeats_sent),
            (Counter::Pending, tally.pending),
            (Counter::PaymentAdvices, tally.advices),
            (Counter::Refunds, tally.refunds),
            (Counter::InquiriesSent, tally.inquiries_sent),
            (Counter::OperatorQueued, tally.operator_queued),
            (Counter::OperatorQueueFull, tally.operator_queue_full),
            (Counter::OperatorRulings, tally.operator_rulings),
            (
                Counter::OperatorRulingsRefused,
                tally.operator_rulings_refused,
            ),
            (Counter::LookUps, tally.look_ups),
            (Counter::LookUpsFailed, tally.look_ups_failed),
            (Counter::PayersNow, count(payers)),
            (Counter::OrdersNow, count(orders)),
            (Counter::HoldsNow, self.engine.holds()),
            (Counter::HoldsFull, tally.holds_full),
            (Counter::CodeInquiries, tally.code_inquiries),
            (Counter::Quotes, tally.quotes),
            (Counter::OperatorQueueNow, count(depth)),
            (Counter::OperatorQueueOldestNow, oldest_s),
            (Counter::Shed, tally.shed + self.stats.refusals(Fault::Shed)),
            (
                Counter::SecurityEvents,
                tally.security_events + self.foreign_messages,
            ),
            (Counter::InFlightNow, u64::from(self.engine.open_payments())),
            (Counter::ExchangesNow, count(self.engine.open_exchanges())),
            (
                Counter::RememberedKeysNow,
                count(self.engine.remembered_keys()),
            ),
            (Counter::JournalRecords, journal.records),
            (Counter::JournalRecordBytes, journal.record_bytes),
            (Counter::JournalWrites, journal.writes),
            (Counter::JournalWrittenBytes, journal.write_bytes),
            (Counter::JournalUncommittedBytesNow, uncommitted),
        ] {
            self.stats.set(counter, value);
        }
        self.stats.set_not_allowed(tally.not_allowed);
        self.count_tended();
    }
}
