//! Status inquiries of ours: an outcome that nobody knows is asked for before anything is undone.

use crate::engine::effects::Effects;
use crate::engine::exchanges::Talk;
use crate::engine::lanes::Stage;
use crate::engine::parties::Fate;
use crate::engine::replies::Verdict;
use crate::engine::resolve::Case;
use crate::engine::transactions::{NO_EXCHANGE, Transaction};
use crate::engine::transitions::{Event, Phase};
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::ids::MatchKey;
use crate::model::message::{Amounts, StatusResult};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Resolution, ResponseCode, Source};
use crate::model::record::{Actor, Answer, InDoubt, Inquiry, InquiryEnd, Record, ShortText};

impl Engine {
    /// A destination answers a status inquiry of ours.
    pub fn handle_status_result<L: Legs>(
        &mut self,
        result: &StatusResult<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let key = result.header.match_key;
        let found = self
            .exchanges
            .find(Talk::Inquiry, sender.participant, key)
            .map(|index| self.exchanges.get(index).slot)
            .or_else(|| self.find_asked(result, sender));
        let Some(slot) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let transaction = self.transactions.get(slot);
        let Some((event, answer)) = judge(result, transaction) else {
            // Not an answer to what we asked: we ask again when its time is up.
            return self.tally.malformed_answers += 1;
        };
        let waiting = transaction.reversal != NO_EXCHANGE
            && self.lanes.stage(transaction.reversal) == Stage::Sent;
        if answer.is_none() && event == Event::InquiryOpen && !waiting {
            // A second answer to one inquiry: it is not asked again any sooner.
            return self.tally.unhandled_answers += 1;
        }
        let event = self.or_exhausted(slot, event, context);
        let case = Case {
            answer,
            source: Source::Inquiry,
            response_code: result.response_code,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
    }

    /// An answer without an outcome to the last inquiry: nothing more is to be expected.
    pub(super) fn or_exhausted<L: Legs>(
        &self,
        slot: u32,
        event: Event,
        context: &Context<'_, L>,
    ) -> Event {
        let transaction = self.transactions.get(slot);
        if transaction.reversal == NO_EXCHANGE {
            return event;
        }
        let open = self.exchanges.get(transaction.reversal);
        let most = context.tables.participant(open.with).resolver.inquiries_max;
        let asked_on = event == Event::InquiryOpen
            || event == Event::InquiryNotFound && transaction.resolution == Resolution::InquireOnly;
        if asked_on && open.sends >= most {
            Event::InquiriesExhausted
        } else {
            event
        }
    }

    /// In the operator queue nothing is asked any more; an answer is welcome all the same.
    fn find_asked(&self, result: &StatusResult<'_>, sender: Sender) -> Option<u32> {
        let slot = self.transactions.find(&result.target)?;
        let transaction = self.transactions.get(slot);
        let asked = transaction.phase == Phase::Inquiring
            && transaction.destination == Some(sender.participant)
            && transaction.inquiry_key == result.header.match_key
            && transaction.inquiry_key != MatchKey(0);
        asked.then_some(slot)
    }

    /// Records that nobody knows, and that the destination is asked; whoever waits hears 68.
    pub(super) fn tell_in_doubt<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let profile = transaction.destination.map_or(Resolution::Inquire, |with| {
            let profile = &context.tables.participant(with).resolver;
            profile.resolution(transaction.target.class, transaction.echoed.presentation)
        });
        let resolution = match profile {
            // Pending transactions are asked about whatever the profile says.
            Resolution::Reverse | Resolution::Inquire => Resolution::Inquire,
            Resolution::InquireOnly => Resolution::InquireOnly,
        };
        let (number, told_unknown) = (transaction.number, transaction.told_unknown);
        if !told_unknown {
            self.tally.unknown += 1;
            self.count_ended(slot, (Fate::Unknown, ResponseCode::NO_ANSWER));
        }
        let record = InDoubt {
            number,
            reason: case.reason,
            resolution,
        };
        self.append(Record::InDoubt(record), context, effects);
        self.answer_waiters(slot, Verdict::UNKNOWN, context, effects);
        self.expire_forward(slot);
    }

    /// Opens the exchange of an inquiry, new or, after a restart, the one that was on its way.
    pub(super) fn inquire<L: Legs>(
        &mut self,
        slot: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let Some(destination) = transaction.destination else {
            return;
        };
        let (number, known) = (transaction.number, transaction.inquiry_key);
        if self.exchanges.free() == 0 {
            return self.postponed.push_back(slot);
        }
        let again = known != MatchKey(0);
        let key = if again {
            known
        } else {
            let Some(match_key) = context.legs.draw(destination, context.now.wall) else {
                return self.postponed.push_back(slot);
            };
            let record = Inquiry { number, match_key };
            self.append(Record::Inquiry(record), context, effects);
            match_key
        };
        let index = self.exchanges.open(Talk::Inquiry, slot, destination, key);
        self.exchanges.at(index).sent = again;
        self.transactions.at(slot).reversal = index;
        let first_ms = context
            .tables
            .participant(destination)
            .resolver
            .inquiry_first_ms;
        let wait_ms = if again { 0 } else { u64::from(first_ms) };
        self.launch(index, wait_ms, context, effects);
    }

    /// No outcome yet: it is asked again after a while, or it was asked often enough.
    pub(super) fn inquire_again<L: Legs>(
        &mut self,
        slot: u32,
        event: Event,
        context: &Context<'_, L>,
    ) {
        let index = self.transactions.get(slot).reversal;
        if index == NO_EXCHANGE {
            return;
        }
        let participant = context.tables.participant(self.exchanges.get(index).with);
        let every_ms = participant.resolver.inquiry_every_ms;
        let waited_ms = if event == Event::InquiryDeadline {
            participant.repeat_ms
        } else {
            0
        };
        self.pause(
            index,
            u64::from(every_ms.saturating_sub(waited_ms)),
            context,
        );
    }

    pub(super) fn end_inquiries<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.close_reversal(slot);
        let record = InquiryEnd {
            number: self.transactions.get(slot).number,
            response_code: case.response_code,
        };
        self.append(Record::InquiryEnd(record), context, effects);
    }
}

/// What an answer says about its transaction; none where it is about another, or contradicts it.
fn judge(result: &StatusResult<'_>, transaction: &Transaction) -> Option<(Event, Option<Answer>)> {
    let fits = |money: Option<Money>, known: Option<Money>| {
        money.is_none_or(|money| known.is_none_or(|known| known == money))
    };
    let ours = transaction.amounts.all();
    if result.target != transaction.target || !fits(result.amount, Some(ours.amount)) {
        return None;
    }
    let outcome = match result.response_code {
        ResponseCode::APPROVED => result.outcome,
        ResponseCode::NOT_FOUND => return Some((Event::InquiryNotFound, None)),
        _ => None,
    };
    let Some(outcome) = outcome else {
        return Some((Event::InquiryOpen, None));
    };
    // An inquiry's answer has no room for the code of a decline: 68 with an outcome beside it.
    let (event, response_code) = match outcome {
        Outcome::Approved => (Event::InquiryApproved, ResponseCode::APPROVED),
        Outcome::Declined => (Event::InquiryDeclined, ResponseCode::NO_ANSWER),
        Outcome::Reversed => (Event::InquiryReversed, ResponseCode::NO_ANSWER),
    };
    let amounts = Amounts {
        billing: result.billing.or(ours.billing),
        settlement: result.settlement.or(ours.settlement),
        ..ours
    };
    let answer = Answer {
        number: transaction.number,
        by: Actor::Destination,
        response_code,
        outcome,
        approval_code: super::answers::approval_code(outcome, result.approval_code, transaction),
        amounts,
        text: ShortText::new(result.text),
    };
    Some((event, Some(answer)))
}
