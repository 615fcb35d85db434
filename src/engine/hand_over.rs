//! HANDING OVER: what was tried for the bounded number of times goes to the operator queue, on
//! record, with the reason. Where the queue is full it is tried on; nothing is dropped.

use crate::engine::effects::Effects;
use crate::engine::operator_queue::NOT_QUEUED;
use crate::engine::resolve::Case;
use crate::engine::resolver::back_off_ms;
use crate::engine::transactions::NO_EXCHANGE;
use crate::engine::transitions::Event;
use crate::engine::{Context, Engine, Legs};
use crate::model::outcome::QueueReason;
use crate::model::record::{Queued, Record};

impl Engine {
    /// The bounded number of tries is used up: an operator hears of it, on record. Its exchanges
    /// are given up; a late answer still finds it by its key.
    pub(super) fn hand_to_operator<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let settled = transaction.phase.is_settled();
        let reason = self.queue_reason(slot, case.event, context);
        let with = match reason {
            QueueReason::AdviceUnacknowledged => transaction.originator,
            QueueReason::ParticipantDown if settled => transaction.originator,
            QueueReason::ParticipantDown
            | QueueReason::ReversalUnacknowledged
            | QueueReason::OutcomeUnknown
            | QueueReason::TooLateToReverse
            | QueueReason::ContradictoryAnswers => transaction.destination,
        };
        let Some(with) = with else { return };
        if transaction.queued == NOT_QUEUED {
            if !self.queue.has_room() {
                self.tally.operator_queue_full += 1;
                return self.go_on(slot, context);
            }
            let record = Queued {
                number: transaction.number,
                reason,
                with: context.tables.participant(with).institution,
            };
            self.append(Record::Queued(record), context, effects);
            self.tally.operator_queued += 1;
        }
        if reason != QueueReason::ContradictoryAnswers {
            self.close_advice(slot);
            self.close_reversal(slot);
            let forward = self.transactions.get(slot).forward;
            if forward != NO_EXCHANGE && self.exchanges.get(forward).expired {
                self.end_forward(slot);
            }
        }
    }

    fn queue_reason<L: Legs>(
        &self,
        slot: u32,
        event: Event,
        context: &Context<'_, L>,
    ) -> QueueReason {
        if event == Event::ParticipantDown {
            QueueReason::ParticipantDown
        } else if event == Event::AdviceExhausted {
            QueueReason::AdviceUnacknowledged
        } else if event == Event::InquiriesExhausted {
            QueueReason::OutcomeUnknown
        } else if matches!(
            event,
            Event::Approval | Event::Decline | Event::InquiryReversed
        ) {
            QueueReason::ContradictoryAnswers
        } else if self.is_too_late(slot, context) {
            QueueReason::TooLateToReverse
        } else {
            QueueReason::ReversalUnacknowledged
        }
    }

    /// There is no room in the operator queue: it is tried on, at the longest interval; what is not
    /// settled and has nothing on its way, once there is room.
    fn go_on<L: Legs>(&mut self, slot: u32, context: &Context<'_, L>) {
        let transaction = self.transactions.get(slot);
        if !transaction.phase.is_settled() && transaction.reversal == NO_EXCHANGE {
            return self.postponed.push_back(slot);
        }
        for index in [transaction.reversal, transaction.payment_advice] {
            if index != NO_EXCHANGE {
                let with = self.exchanges.get(index).with;
                let repeat_ms = context.tables.participant(with).repeat_ms;
                self.pause(index, back_off_ms(repeat_ms, u8::MAX), context);
            }
        }
    }
}
