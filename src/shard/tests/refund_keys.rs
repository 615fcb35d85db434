//! One refund key and two payments: the link, the key's shard and the payment's are three.

use super::town::{DESTINATION, ORIGINATOR, OWNER, Town, target};
use super::translation::{key, request};
use super::*;
use crate::journal::codec;
use crate::journal::layout::{BLOCK, BLOCK_HEADER_BYTES, Records, payload};
use crate::journal::tail::Ring;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Amounts, Echoed, Kind, PaymentRequest, RefundRequest, RefundResult, Reversal, StatusInquiry,
};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Presentation};
use crate::shard::stats::Counter;

/// The shard of a link, that of a refund's key, that of its payment.
const HOME: usize = ORIGINATOR;
const KEYS: usize = OWNER;
const ROOTS: usize = DESTINATION;

/// The `count`-th key that `owner`, one of `shards`, owns.
fn owned(owner: usize, shards: u16, count: usize) -> Key {
    let mut keys = (0..u64::MAX).map(|number| {
        let digits = format!("R{number:011}").into_bytes();
        key(ACQUIRER, &digits.try_into().unwrap())
    });
    let mut owned = (&mut keys).filter(|key| usize::from(key.owner(shards).0) == owner);
    owned.nth(count).unwrap()
}

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::new(156).unwrap()).unwrap()
}

fn refund(key: Key, root: Key, minor: i64, stan: u32) -> RefundRequest<'static> {
    let payment = request(Presentation::Cpm, stan);
    RefundRequest {
        header: payment.header,
        key,
        local_time: payment.local_time,
        root,
        destination: None,
        forwarder: None,
        presentation: Some(Presentation::Cpm),
        amounts: Amounts {
            amount: money(minor),
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        mcc: payment.mcc,
        country: payment.country,
        terminal: payment.terminal,
        merchant_id: payment.merchant_id,
        reason: None,
        mac: b"",
    }
}

fn reversal(key: Key, root: Key, minor: i64, stan: u32) -> Message<'static> {
    Message::ReversalAdvice(Reversal {
        header: header(stan),
        target: refund_of(key),
        root,
        amount: money(minor),
        reason: None,
        repeat: false,
        original: None,
        mac: b"",
    })
}

fn refund_of(key: Key) -> BusinessKey {
    let class = Class::Refund;
    BusinessKey { key, class }
}

impl Town {
    fn last(&self) -> usize {
        self.worlds.len() - 1
    }

    /// A payment with this key is made and approved.
    fn paid(&mut self, key: Key, stan: u32) -> PaymentRequest<'static> {
        let mut payment = request(Presentation::Cpm, stan);
        payment.key = key;
        payment.forwarder = None;
        self.say(HOME, self.acquirer, &Message::PaymentRequest(payment));
        let asked = self.heard(self.last(), self.wallet, |message| *message.header());
        let header = asked.expect("it is forwarded");
        let result = crate::model::message::PaymentResult {
            header,
            key,
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Approved),
            approval_code: crate::model::chars::Chars::padded(b"A1B2C3"),
            amounts: payment.amounts,
            settlement_date: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        };
        self.say(self.last(), self.wallet, &Message::PaymentResult(result));
        let approved = Some(ResponseCode::APPROVED);
        assert_eq!(self.code(HOME, self.acquirer), approved);
        payment
    }

    /// Another link of the acquirer.
    fn acquirer_at(&mut self, shard: usize) -> LinkId {
        let link = self.worlds[shard].connect(Protocol::Iso8583Ascii);
        self.worlds[shard].sign_on(link, ACQUIRER);
        self.settle();
        link
    }

    /// The wallet approves a refund, if it has heard of one: of which key and payment.
    fn given_back(&mut self) -> Option<(Key, Key)> {
        let heard = self.heard(self.last(), self.wallet, |message| match message {
            Message::RefundRequest(asked) => (asked.header, asked.key, asked.root, asked.amounts),
            other => panic!("{:?}", other.kind()),
        });
        let (header, key, root, amounts) = heard?;
        let result = RefundResult {
            header,
            key,
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Approved),
            amounts,
            settlement_date: None,
            refunded_so_far: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        };
        self.say(self.last(), self.wallet, &Message::RefundResult(result));
        Some((key, root))
    }

    /// Asks for a refund; what the acquirer hears, once the wallet has approved it.
    fn refund(&mut self, request: RefundRequest<'static>) -> Option<ResponseCode> {
        self.say(HOME, self.acquirer, &Message::RefundRequest(request));
        self.given_back();
        self.code(HOME, self.acquirer)
    }

    /// The same shards, after each has read what it wrote.
    fn restarted(&self) -> Self {
        let mut journals = self.journals.clone();
        for (journal, world) in journals.iter_mut().zip(&self.worlds) {
            journal.extend(written(world));
        }
        Self::of(&journals, CommitMode::Memory)
    }
}

/// Every record that a shard has written, read from its tail.
pub(super) fn written(world: &World) -> Vec<Record> {
    let (ring, appended) = (Ring::new(RING_BYTES), world.shard.journal().appended());
    let (mut records, mut block) = (Vec::new(), Lsn(0));
    while block < appended {
        let end = usize::try_from(appended.0.min(block.0 + BLOCK) - block.0).unwrap();
        let bytes = &payload(ring.block(&world.tail, block))[..end - BLOCK_HEADER_BYTES];
        // Each block begins with a chain of its own.
        let mut walk = Records::inspected(bytes, 0);
        while let Some(bytes) = walk.step() {
            records.push(codec::decode(bytes).unwrap().1);
        }
        block = block.plus(BLOCK);
    }
    records
}

const APPROVED: Option<ResponseCode> = Some(ResponseCode::APPROVED);
const CONFLICT: Option<ResponseCode> = Some(ResponseCode::CONFLICT);

#[test]
fn a_refund_goes_over_its_keys_shard_to_its_payment_and_is_answered_over_its_link() {
    for shards in [2, 3] {
        for case in 0..usize::from(shards).pow(3) {
            let count = usize::from(shards);
            let (home, keys, roots) = (case / count / count, case / count % count, case % count);
            let mut town = Town::of(&vec![Vec::new(); count], CommitMode::Memory);
            let (one, other) = (
                owned(roots, shards, 0),
                owned((roots + 1) % count, shards, 1),
            );
            town.paid(one, 11);
            town.paid(other, 12);
            let link = town.acquirer_at(home);
            let asked = refund(owned(keys, shards, 2), one, 100, 13);
            town.say(home, link, &Message::RefundRequest(asked));
            assert_eq!(town.given_back(), Some((asked.key, one)), "{case}");
            assert_eq!(town.code(home, link), APPROVED, "{case}");
            let conflict = refund(asked.key, other, 100, 14);
            town.say(home, link, &Message::RefundRequest(conflict));
            assert_eq!(town.code(home, link), CONFLICT, "{case}");
            assert_eq!(town.given_back(), None);
            assert_eq!(town.count(keys, Counter::Conflicts), 1, "{case}");
            town.say(home, link, &Message::RefundRequest(asked));
            assert_eq!(town.code(home, link), APPROVED, "a repeat: {case}");
            for shard in 0..count {
                let refunds = written(&town.worlds[shard]).into_iter();
                let refunds = refunds.filter(|record| matches!(record, Record::Refund(_)));
                assert_eq!(refunds.count(), usize::from(shard == roots), "{case}");
            }
        }
    }
}

#[test]
fn of_two_payments_that_race_for_one_refund_key_one_gets_it() {
    let mut town = Town::new(CommitMode::Memory);
    let (one, other) = (owned(HOME, 3, 0), owned(ROOTS, 3, 0));
    town.paid(one, 11);
    town.paid(other, 12);
    let second = town.acquirer_at(ROOTS);
    let key = owned(KEYS, 3, 0);
    // Both are said before any shard has heard of the other's.
    let (first, link) = (refund(key, one, 100, 13), town.acquirer);
    town.worlds[HOME].say(link, &Message::RefundRequest(first));
    let conflict = refund(key, other, 100, 14);
    town.worlds[ROOTS].say(second, &Message::RefundRequest(conflict));
    town.settle();
    assert_eq!(town.given_back(), Some((key, one)));
    assert_eq!(town.given_back(), None);
    assert_eq!(town.code(HOME, town.acquirer), APPROVED);
    assert_eq!(town.code(ROOTS, second), CONFLICT);
    // Nothing was sent back in the name of what was refused, and each may ask again.
    for (shard, link, asked, code) in [
        (HOME, town.acquirer, conflict, CONFLICT),
        (ROOTS, second, first, APPROVED),
    ] {
        town.say(shard, link, &Message::RefundRequest(asked));
        assert_eq!(town.code(shard, link), code);
    }
}

#[test]
fn a_restart_tells_the_keys_shards_what_is_taken() {
    let mut town = Town::new(CommitMode::Memory);
    let (one, other) = (owned(ROOTS, 3, 0), owned(HOME, 3, 0));
    town.paid(one, 11);
    town.paid(other, 12);
    // One is given back, one is declined at once, one is reversed before it comes.
    let keys: Vec<Key> = (0..3).map(|count| owned(KEYS, 3, count)).collect();
    let asked = refund(keys[0], one, 100, 13);
    assert_eq!(town.refund(asked), APPROVED);
    let absent = refund(keys[1], owned(ROOTS, 3, 9), 100, 14);
    let not_found = Some(ResponseCode::NOT_FOUND);
    assert_eq!(town.refund(absent), not_found);
    town.say(HOME, town.acquirer, &reversal(keys[2], one, 100, 15));
    let acknowledged = town.heard(HOME, town.acquirer, |message| message.kind());
    assert_eq!(acknowledged, Some(Kind::ReversalAdviceAck));
    let barred = refund(keys[2], one, 100, 16);
    for _ in 0..3 {
        town = town.restarted();
        for (asked, code) in [
            (asked, APPROVED),
            (absent, not_found),
            (barred, Some(ResponseCode::INVALID_TRANSACTION)),
        ] {
            assert_eq!(town.refund(asked), code);
            let elsewhere = RefundRequest {
                root: other,
                ..asked
            };
            assert_eq!(town.refund(elsewhere), CONFLICT);
        }
        // Its time of being open at a restart is over when it is asked for again.
        assert_eq!(town.count(KEYS, Counter::Conflicts), 3);
    }
    assert_eq!(
        town.refund(refund(owned(KEYS, 3, 7), other, 1, 17)),
        APPROVED
    );
}

/// What the acquirer was told, and which refund of which payment the wallet has heard of.
type Heard = (Option<ResponseCode>, Option<(Key, Key)>);

/// What an originator asks one shard, and what it is told, in which order; the wallet approves.
fn script(shards: u16) -> Vec<Heard> {
    let journals = vec![Vec::new(); usize::from(shards)];
    let mut town = Town::of(&journals, CommitMode::Memory);
    let payments: Vec<Key> = (0..5).map(|count| owned(0, 1, count)).collect();
    let keys: Vec<Key> = (10..20).map(|count| owned(0, 1, count)).collect();
    for (stan, payment) in (11..).zip(&payments[..4]) {
        town.paid(*payment, stan);
    }
    let mut told = Vec::new();
    let mut stan = 20;
    let mut refunded = |town: &mut Town, key: usize, root: usize, minor: i64| {
        stan += 1;
        let asked = refund(keys[key], payments[root], minor, stan);
        town.say(HOME, town.acquirer, &Message::RefundRequest(asked));
        let given = town.given_back();
        told.push((town.code(HOME, town.acquirer), given));
    };
    for root in [0, 1, 2, 0, 3] {
        refunded(&mut town, 0, root, 100);
    }
    refunded(&mut town, 0, 0, 99);
    // No such payment; too much; each is final for its key.
    for root in [4, 0, 1] {
        refunded(&mut town, 1, root, 100);
    }
    for (root, minor) in [(2, 99_999), (2, 1), (3, 1), (2, 99_999)] {
        refunded(&mut town, 2, root, minor);
    }
    for key in 3..9 {
        for root in [key % 4, (key + 1) % 4] {
            refunded(&mut town, key, root, 1);
        }
    }
    // Whatever payment is named, the key is what counts.
    for (stan, root) in [(90, 0), (91, 1), (92, 2), (93, 4)] {
        let inquiry = Message::StatusInquiry(StatusInquiry {
            header: header(stan),
            target: refund_of(keys[0]),
            root: payments[root],
            mac: b"",
        });
        town.say(HOME, town.acquirer, &inquiry);
        let code = town.heard(HOME, town.acquirer, |message| match message {
            Message::StatusResult(result) => result.response_code,
            other => panic!("{:?}", other.kind()),
        });
        told.push((code, None));
    }
    let wrong = reversal(keys[0], payments[3], 99, 94);
    for (asked, root) in [(wrong, 3), (reversal(keys[9], payments[1], 5, 95), 1)] {
        town.say(HOME, town.acquirer, &asked);
        let code = town.heard(HOME, town.acquirer, |message| match message {
            Message::ReversalAdviceAck(result) => result.response_code,
            other => panic!("{:?}", other.kind()),
        });
        told.push((code, Some((keys[0], payments[root]))));
    }
    told
}

#[test]
fn many_shards_answer_as_one_does() {
    let one = script(1);
    assert_eq!(one[0].0, APPROVED);
    assert!(one[1..3].iter().all(|told| *told == (CONFLICT, None)));
    for shards in [2, 3, 5, 8] {
        assert_eq!(script(shards), one, "{shards} shards");
    }
}

/// On one shard the reversal would be answered for; on several, the key belongs to a payment.
#[test]
fn a_key_whose_refund_was_reversed_first_goes_with_no_other_payment() {
    for shards in [1_u16, 3] {
        let mut town = Town::of(&vec![Vec::new(); shards.into()], CommitMode::Memory);
        let last = usize::from(shards) - 1;
        let (one, other) = (owned(last, shards, 0), owned(0, shards, 5));
        town.paid(one, 11);
        town.paid(other, 12);
        let key = owned(last / 2, shards, 9);
        town.say(HOME, town.acquirer, &reversal(key, one, 100, 13));
        town.heard(HOME, town.acquirer, |_| ())
            .expect("acknowledged");
        let barred = Some(ResponseCode::INVALID_TRANSACTION);
        let elsewhere = town.refund(refund(key, other, 100, 14));
        assert_eq!(elsewhere, if shards == 1 { barred } else { CONFLICT });
        assert_eq!(town.refund(refund(key, one, 100, 15)), barred);
    }
}

#[test]
fn over_one_link_nothing_overtakes_a_refund() {
    let mut town = Town::new(CommitMode::Memory);
    let one = owned(ROOTS, 3, 0);
    town.paid(one, 11);
    let key = owned(KEYS, 3, 0);
    let asked = Message::RefundRequest(refund(key, one, 100, 12));
    let inquiry = Message::StatusInquiry(StatusInquiry {
        header: header(13),
        target: refund_of(key),
        root: one,
        mac: b"",
    });
    let link = town.acquirer;
    let world = &mut town.worlds[HOME];
    let mut bytes = world.frame(link, &asked);
    bytes.extend(world.frame(link, &inquiry));
    bytes.extend(world.frame(link, &reversal(key, one, 100, 14)));
    let bytes = &bytes;
    world.turn(vec![Completion::Received { link, bytes }]);
    town.settle();
    let state = town.heard(HOME, link, |message| match message {
        Message::StatusResult(result) => result.response_code,
        other => panic!("{:?}", other.kind()),
    });
    assert_eq!(state, APPROVED, "it is known");
    let mut kinds = Vec::new();
    while let Some(kind) = town.heard(DESTINATION, town.wallet, |it| it.kind()) {
        kinds.push(kind);
    }
    assert_eq!(kinds, [Kind::RefundRequest, Kind::ReversalAdvice]);
    while town.worlds[HOME].heard(link).is_some() {}
    // A payment's own messages take no other way than before.
    let payment = town.paid(owned(ROOTS, 3, 1), 15);
    let crossings = town.count(KEYS, Counter::Crossings);
    let inquiry = StatusInquiry {
        header: header(16),
        target: target(&payment),
        root: payment.key,
        mac: b"",
    };
    town.say(HOME, link, &Message::StatusInquiry(inquiry));
    assert_eq!(town.count(KEYS, Counter::Crossings), crossings);
}

#[test]
fn what_finds_a_ring_full_is_shed_and_claims_nothing() {
    let mut town = Town::new(CommitMode::Memory);
    let (one, other) = (owned(ROOTS, 3, 0), owned(HOME, 3, 0));
    town.paid(one, 11);
    town.paid(other, 12);
    let local = town.acquirer_at(KEYS);
    // The payments' shard takes no turn while the keys' shard goes on asking it.
    let mut shed = 0;
    for count in 0..2_500 {
        let asked = refund(owned(KEYS, 3, 0), one, 1_000_000 + count, 1_000);
        town.worlds[KEYS].say(local, &Message::RefundRequest(asked));
        shed += u64::from(town.code(KEYS, local) == Some(ResponseCode::SHED));
    }
    assert!(shed > 100, "{shed}");
    assert_eq!(town.count(KEYS, Counter::Shed), shed);
    let fresh = owned(KEYS, 3, 1);
    let asked = refund(fresh, one, 100, 13);
    let link = town.acquirer;
    town.worlds[HOME].say(link, &Message::RefundRequest(asked));
    town.worlds[KEYS].turn(vec![Completion::Woken]);
    town.worlds[HOME].turn(vec![Completion::Woken]);
    let refused = town.heard(HOME, link, |message| match message {
        Message::Reject(reject) => (reject.header, reject.response_code, reject.regarding),
        other => panic!("{:?}", other.kind()),
    });
    let expected = (asked.header.match_key, ResponseCode::SHED, 200);
    let refused = refused.map(|(header, code, regarding)| (header.match_key, code, regarding));
    assert_eq!(refused, Some(expected), "as its own shard says it");
    town.settle();
    while town.given_back().is_some() || town.code(KEYS, local).is_some() {}
    // Nothing was noted: the key is free for the other payment.
    assert_eq!(town.refund(refund(fresh, other, 100, 14)), APPROVED);
    assert_eq!(town.refund(asked), CONFLICT);
}

/// There is room for as many claims as a shard remembers keys.
#[test]
fn a_full_table_of_claims_sheds_what_is_new_and_knows_the_rest() {
    let mut town = Town::new(CommitMode::Memory);
    let one = owned(ROOTS, 3, 0);
    town.paid(one, 11);
    let keys = (0..257).map(|count| owned(KEYS, 3, count));
    let keys: Vec<Key> = keys.collect();
    let absent = Some(ResponseCode::NOT_FOUND);
    let shed = Some(ResponseCode::SHED);
    for (count, key) in keys.iter().enumerate() {
        let asked = refund(*key, owned(count % 3, 3, 500), 100, 12);
        let code = if count < 256 { absent } else { shed };
        assert_eq!(town.refund(asked), code, "{count}");
    }
    assert_eq!(town.count(KEYS, Counter::Shed), 1);
    assert_eq!(town.refund(refund(keys[255], one, 100, 13)), CONFLICT);
    assert_eq!(town.refund(refund(keys[256], one, 100, 14)), shed);
    // Other shards' keys, and payments, are not touched by it.
    assert_eq!(
        town.refund(refund(owned(HOME, 3, 0), one, 100, 15)),
        APPROVED
    );
    town.paid(owned(KEYS, 3, 700), 16);
    // What undoes something goes on, though nothing is noted.
    town.say(HOME, town.acquirer, &reversal(keys[256], one, 100, 17));
    let kind = town.heard(HOME, town.acquirer, |message| message.kind());
    assert_eq!(kind, Some(Kind::ReversalAdviceAck));
}

#[test]
fn a_refund_whose_keys_shard_has_ended_is_shed() {
    for gone in [KEYS, ROOTS] {
        let mut town = Town::new(CommitMode::Memory);
        let one = owned(ROOTS, 3, 0);
        town.paid(one, 11);
        for shard in (0..3).filter(|shard| *shard != gone) {
            let ended = ShardId(u16::try_from(gone).unwrap());
            town.worlds[shard].shard.handle_peer_ended(ended);
        }
        let asked = refund(owned(KEYS, 3, 0), one, 100, 12);
        town.say(HOME, town.acquirer, &Message::RefundRequest(asked));
        let code = town.code(HOME, town.acquirer);
        assert_eq!(code, Some(ResponseCode::SHED), "{gone}");
    }
}

#[test]
fn a_key_that_the_payments_shard_shed_stays_with_that_payment() {
    let mut town = Town::new(CommitMode::Memory);
    let (one, other) = (owned(ROOTS, 3, 0), owned(HOME, 3, 0));
    town.paid(one, 11);
    town.paid(other, 12);
    let asked = refund(owned(KEYS, 3, 0), one, 100, 13);
    town.worlds[ROOTS].shard.drain();
    assert_eq!(town.refund(asked), Some(ResponseCode::SHED));
    assert_eq!(town.refund(asked), Some(ResponseCode::SHED));
    let elsewhere = refund(asked.key, other, 100, 14);
    assert_eq!(town.refund(elsewhere), CONFLICT);
    // Nothing of it was recorded: a restart knows nothing of it.
    let mut town = town.restarted();
    assert_eq!(town.refund(elsewhere), APPROVED);
    assert_eq!(town.refund(asked), CONFLICT);
}

#[test]
fn a_refund_that_comes_while_all_drain_is_answered_once_and_all_end() {
    for (is_new, code) in [(true, ResponseCode::SHED), (false, ResponseCode::APPROVED)] {
        let mut town = Town::new(CommitMode::Memory);
        let one = owned(ROOTS, 3, 0);
        town.paid(one, 11);
        let asked = refund(owned(KEYS, 3, 0), one, 100, 12);
        if !is_new {
            assert_eq!(town.refund(asked), APPROVED);
        }
        for world in &mut town.worlds {
            world.shard.drain();
        }
        // It is on its way before its link's shard says that it is settled.
        town.say(HOME, town.acquirer, &Message::RefundRequest(asked));
        assert_eq!(town.code(HOME, town.acquirer), Some(code));
        assert_eq!(town.code(HOME, town.acquirer), None);
        let mut done = [false; 3];
        for _ in 0..30 {
            for (done, end) in done.iter_mut().zip(town.pass_ms(1)) {
                *done |= end.done;
            }
        }
        assert_eq!(done, [true; 3]);
        assert_eq!(town.given_back(), None);
        let refunds = written(&town.worlds[ROOTS]).into_iter();
        let refunds = refunds.filter(|record| matches!(record, Record::Refund(_)));
        assert_eq!(refunds.count(), usize::from(!is_new));
    }
}

/// It would stand in a journal of a shard that does not own its payment, and be told from there.
#[test]
fn a_reversal_that_names_another_payment_reverses_the_refund_or_nothing() {
    let mut town = Town::new(CommitMode::Memory);
    let (one, other) = (owned(ROOTS, 3, 0), owned(HOME, 3, 0));
    town.paid(one, 11);
    town.paid(other, 12);
    let keys: Vec<Key> = (0..2).map(|count| owned(KEYS, 3, count)).collect();
    assert_eq!(town.refund(refund(keys[0], one, 100, 13)), APPROVED);
    town.say(HOME, town.acquirer, &reversal(keys[0], other, 100, 14));
    let reversed = town.heard(DESTINATION, town.wallet, |message| message.kind());
    assert_eq!(reversed, Some(Kind::ReversalAdvice));
    town.heard(HOME, town.acquirer, |_| ())
        .expect("acknowledged");
    // Claimed, and not recorded: what is reversed is neither this payment's nor that one's.
    town.worlds[ROOTS].shard.drain();
    let shed = refund(keys[1], one, 100, 15);
    assert_eq!(town.refund(shed), Some(ResponseCode::SHED));
    town.say(HOME, town.acquirer, &reversal(keys[1], other, 100, 16));
    let code = town.heard(HOME, town.acquirer, |message| match message {
        Message::ReversalAdviceAck(result) => result.response_code,
        other => panic!("{:?}", other.kind()),
    });
    assert_eq!(code, Some(ResponseCode::NOT_FOUND));
    let mut town = town.restarted();
    // The reversal of the first refund goes on.
    let wallet = town.wallet;
    while town.worlds[DESTINATION].heard(wallet).is_some() {}
    assert_eq!(town.refund(refund(keys[1], other, 100, 17)), APPROVED);
}

#[test]
fn a_stranger_claims_nothing() {
    let mut town = Town::new(CommitMode::Memory);
    let one = owned(ROOTS, 3, 0);
    town.paid(one, 11);
    let asked = refund(owned(KEYS, 3, 0), one, 100, 12);
    // The wallet reverses what it was never asked, naming another payment.
    let early = reversal(asked.key, owned(HOME, 3, 3), 100, 7);
    town.say(DESTINATION, town.wallet, &early);
    let code = town.heard(DESTINATION, town.wallet, |message| match message {
        Message::ReversalAdviceAck(result) => result.response_code,
        other => panic!("{:?}", other.kind()),
    });
    assert_eq!(code, Some(ResponseCode::NOT_FOUND));
    assert_eq!(town.refund(asked), APPROVED);
}
