//! What is sent right behind a payment that counts, over several shards: it goes where the payment
//! goes, and comes to its owner behind it.

use proptest::prelude::*;

use super::holds::{SHARDS, WALLETS, empty, payment, quote, reference, snapshot, token};
use super::town::{OWNER, Town, target};
use super::*;
use crate::model::message::{PaymentRequest, StatusInquiry};
use crate::model::outcome::Presentation;

/// The home of a hash, counted anew.
fn home(hash: &[u8; 16]) -> usize {
    let head = u64::from_le_bytes(*hash.first_chunk().unwrap());
    usize::try_from(head % u64::from(SHARDS)).unwrap()
}

/// A payment comes back to its owner and is shed, while its repeat is behind it: that asks all
/// homes in its own name before it goes on.
#[test]
fn a_repeat_behind_a_payment_that_is_shed_takes_what_it_counts_for_itself() {
    const LINK: usize = 0;
    const HOME: usize = 1;
    const ROOT: usize = 2;
    let mut town = empty();
    let link = town.worlds[LINK].connect(Protocol::Sbe);
    town.worlds[LINK].sign_on(link, WALLET);
    town.settle();
    let tables = snapshot();
    let wallet = Institution::new(WALLET).unwrap();
    let is_home = |payer: &u8| {
        let token = token(*payer);
        let guard = tables.guard();
        let hash = guard.payer(Presentation::Mpm, wallet, token.as_ref());
        home(&hash.unwrap().0) == HOME
    };
    let payer = (0..20).find(is_home).unwrap();
    let order = (1..200).find(|order| home(&[*order; 16]) == HOME).unwrap();
    let count = (0..99).find(|count| usize::from(reference(*count).owner(SHARDS).0) == ROOT);
    let asked = |stan| PaymentRequest {
        quote: quote(order),
        ..payment(payer, count.unwrap(), 100, stan)
    };
    let woken = |town: &mut Town, shard: usize| {
        town.worlds[shard].turn(vec![Completion::Woken]);
    };
    let counted = |town: &Town| (town.standing().len(), town.counted(payer));
    town.worlds[LINK].say(link, &Message::PaymentRequest(asked(20)));
    woken(&mut town, ROOT);
    assert_eq!(town.worlds[ROOT].shard.engine().walking(), 1);
    woken(&mut town, HOME);
    town.worlds[LINK].say(link, &Message::PaymentRequest(asked(21)));
    // The owner hears its peers in their order: the repeat first.
    town.worlds[ROOT].shard.draining = true;
    woken(&mut town, ROOT);
    town.worlds[ROOT].shard.draining = false;
    assert_eq!(town.worlds[ROOT].shard.engine().walking(), 0);
    assert_eq!(counted(&town), (0, 100), "nobody was told yet");
    woken(&mut town, HOME);
    assert_eq!(counted(&town), (0, 0), "the repeat counts for nothing");
    town.settle();
    assert_eq!(town.code(LINK, link), Some(ResponseCode::SHED));
    assert_eq!(counted(&town), (1, 100));
    assert!(town.answer_next(true), "now it is its own");
    town.settle();
    assert_eq!(town.code(LINK, link), Some(ResponseCode::APPROVED));
    assert_eq!((counted(&town), town.code(LINK, link)), ((1, 100), None));
}

#[test]
fn nobody_waits_for_what_a_home_that_has_ended_had() {
    let mut town = empty();
    let count = (0..40).find(|count| {
        let away = |hash: &[u8; 16]| home(hash) == OWNER;
        let owner = usize::from(reference(*count).owner(SHARDS).0);
        owner != OWNER && away(&[*count + 1; 16])
    });
    let count = count.unwrap();
    let owner = usize::from(reference(count).owner(SHARDS).0);
    let asked = PaymentRequest {
        quote: quote(count + 1),
        ..payment(1, count, 100, 20)
    };
    let wallet = town.wallet;
    town.worlds[WALLETS].say(wallet, &Message::PaymentRequest(asked));
    for _ in 0..4 {
        for shard in [0, 2] {
            town.worlds[shard].turn(vec![Completion::Woken]);
        }
    }
    let walking = |town: &Town| town.worlds[owner].shard.engine().walking();
    assert_eq!(walking(&town), 1);
    let ended = ShardId(u16::try_from(OWNER).unwrap());
    town.worlds[owner].shard.handle_peer_ended(ended);
    assert_eq!(walking(&town), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A payment that counts for its payer and its order, and right behind it, over the same link,
    /// what refers to it, while shards take their turns in any order and any number.
    #[test]
    fn nothing_overtakes_the_payment_that_it_is_about(
        (payer, order, count) in (0_u8..20, 1_u8..40, 0_u8..40),
        reverses in any::<bool>(),
        turns in prop::collection::vec(0_usize..3, 0..12),
    ) {
        let mut town = empty();
        let wallet = town.wallet;
        let asked = PaymentRequest {
            quote: quote(order),
            ..payment(payer, count, 100, 20)
        };
        town.worlds[WALLETS].say(wallet, &Message::PaymentRequest(asked));
        if reverses {
            town.reverse(count, 100, 21);
        } else {
            let inquiry = StatusInquiry {
                header: header(21),
                target: target(&asked),
                root: asked.key,
                mac: b"",
            };
            town.worlds[WALLETS].say(wallet, &Message::StatusInquiry(inquiry));
        }
        for shard in turns {
            town.worlds[shard].turn(vec![Completion::Woken]);
        }
        town.settle();
        let heard = town.heard(WALLETS, wallet, |message| match message {
            Message::StatusResult(result) => Some(result.response_code),
            _ => None,
        });
        // The payment is on its way to the acquirer, and known; a reversal goes on to where it is.
        let heard = heard.flatten();
        prop_assert_ne!(heard, Some(ResponseCode::NOT_FOUND));
        prop_assert_eq!(heard.is_some(), !reverses);
        prop_assert!(town.answer_next(true), "the payment went on");
        prop_assert_eq!(town.checks(), []);
    }
}
