//! After a re-sharding: answers to what another shard asked find the owner of today.

use super::town::{DESTINATION, ORIGINATOR, OWNER, Town, owned_request, target};
use super::translation::key;
use super::*;
use crate::model::ids::TransactionNumber;
use crate::model::message::{Echoed, PaymentRequest, ReversalResult, StatusResult};
use crate::model::outcome::{Outcome, Reason, State};
use crate::model::record::{self, Actor, Unknown};
use crate::shard::stats::Counter;

/// The record of a payment that was forwarded under a match key of the first shard.
fn forwarded_before(request: &PaymentRequest<'_>) -> record::Payment {
    record::Payment {
        number: TransactionNumber(1),
        key: request.key,
        fingerprint: request.fingerprint(5),
        originator: Institution::new(ACQUIRER).unwrap(),
        match_key: request.header.match_key,
        named_destination: request.destination,
        forwarder: None,
        presentation: request.presentation,
        scenario: None,
        amounts: request.amounts,
        echoed: Echoed::default(),
        settlement_date: request.key.local_date,
        table: TableVersion(3),
        decision: record::Decision::Forward {
            destination: Institution::new(WALLET).unwrap(),
            match_key: MatchKey(1 << 40 | 1),
            deadline: Wall(START),
        },
    }
}

/// After a re-sharding a reversal goes on under a match key that another shard once drew.
#[test]
fn an_answer_under_a_key_of_before_a_resharding_finds_the_owner() {
    let request = owned_request(11);
    let number = TransactionNumber(1);
    let payment = forwarded_before(&request);
    let unknown = Unknown {
        number,
        reason: Reason::Timeout,
    };
    // The first shard's, of an earlier epoch.
    let drawn = MatchKey(1 << 40 | 2);
    let reversal = record::Reversal {
        number,
        target: target(&request),
        root: request.key,
        claims: false,
        by: Actor::Switch,
        participant: None,
        advice: true,
        reason: Some(Reason::Timeout),
        amount: request.amounts.amount,
        match_key: Some(drawn),
    };
    let records = [
        Record::Payment(payment),
        Record::Unknown(unknown),
        Record::Reversal(reversal),
    ];
    let mut town = Town::after(&records, CommitMode::Memory);
    for _ in 0..15 {
        town.pass_ms(100);
    }
    let asked = town.heard(DESTINATION, town.wallet, |message| match message {
        Message::ReversalAdvice(reversal) => reversal.header,
        other => panic!("{:?}", other.kind()),
    });
    let header = asked.expect("the reversal is repeated");
    assert_eq!(header.match_key, drawn);
    let ack = ReversalResult {
        header,
        target: target(&request),
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Reversed),
        amount: Some(request.amounts.amount),
        mac: b"",
    };
    town.say(DESTINATION, town.wallet, &Message::ReversalAdviceAck(ack));
    assert_eq!(town.count(OWNER, Counter::Reversed), 1);
}

/// The records of a refund that is being asked about under the match key `drawn`.
pub(super) fn refund_in_doubt(
    request: &PaymentRequest<'_>,
    refund_key: crate::model::keys::Key,
    drawn: MatchKey,
) -> [Record; 5] {
    let payment = forwarded_before(request);
    let approved = record::Answer {
        number: payment.number,
        by: Actor::Destination,
        response_code: ResponseCode::APPROVED,
        outcome: Outcome::Approved,
        approval_code: None,
        amounts: request.amounts,
        text: record::ShortText::EMPTY,
    };
    let number = TransactionNumber(2);
    let refund = record::Refund {
        number,
        key: refund_key,
        root: request.key,
        fingerprint: payment.fingerprint,
        originator: payment.originator,
        match_key: MatchKey(77),
        presentation: Some(request.presentation),
        reason: None,
        amounts: request.amounts,
        echoed: Echoed::default(),
        settlement_date: payment.settlement_date,
        table: payment.table,
        decision: payment.decision,
    };
    let doubt = record::InDoubt {
        number,
        reason: Reason::Timeout,
        resolution: crate::model::outcome::Resolution::InquireOnly,
    };
    let inquiry = record::Inquiry {
        number,
        match_key: drawn,
    };
    [
        Record::Payment(payment),
        Record::Answer(approved),
        Record::Refund(refund),
        Record::InDoubt(doubt),
        Record::Inquiry(inquiry),
    ]
}

/// The same for a refund, whose answers name no payment and so no owner.
#[test]
fn an_answer_about_a_refund_finds_its_owner_after_a_resharding() {
    let request = owned_request(11);
    let (refund_key, drawn) = (key(ACQUIRER, b"REFUND000001"), MatchKey(1 << 40 | 3));
    let records = refund_in_doubt(&request, refund_key, drawn);
    let mut town = Town::after(&records, CommitMode::Memory);
    for _ in 0..15 {
        town.pass_ms(100);
    }
    let asked = town.heard(DESTINATION, town.wallet, |message| match message {
        Message::StatusInquiry(inquiry) => (inquiry.header, inquiry.target),
        other => panic!("{:?}", other.kind()),
    });
    let (header, target) = asked.expect("it is asked about again");
    assert_eq!((header.match_key, target.key), (drawn, refund_key));
    let told = StatusResult {
        header,
        target,
        response_code: ResponseCode::APPROVED,
        state: Some(State::Answered),
        outcome: Some(Outcome::Approved),
        approval_code: None,
        amount: Some(request.amounts.amount),
        billing: None,
        settlement: None,
        refunded_so_far: None,
        text: b"",
        mac: b"",
    };
    town.say(DESTINATION, town.wallet, &Message::StatusResult(told));
    let advised = town.heard(ORIGINATOR, town.acquirer, |message| match message {
        Message::PaymentAdvice(advice) => (advice.target.key, advice.outcome),
        other => panic!("{:?}", other.kind()),
    });
    assert_eq!(advised, Some((refund_key, Some(Outcome::Approved))));
}
