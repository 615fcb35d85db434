//! Money is given back at the original rate, never more than was paid, and once.

use proptest::prelude::*;

use super::*;
use crate::model::money::Rate;

fn approved(world: &mut World, reference: u8, key: u64) {
    world.pay(reference, 500, u64::from(reference));
    assert!(world.release());
    world.answer(reference, b"00", key);
}

#[test]
fn a_refund_goes_on_is_answered_and_its_repeats_get_the_same() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    assert_eq!(
        world.refund(1, 1, 200, 21),
        "+refund refund#1002/200>wallet"
    );
    assert_eq!(world.refund(1, 1, 200, 22), "", "a repeat waits");
    assert_eq!(
        world.refund_answer(1, b"00", 200, 1_002),
        "+answer 00/approved#21=200>acquirer 00/approved#22=200>acquirer"
    );
    assert_eq!(
        world.refund(2, 1, 300, 23),
        "+refund refund#1003/300>wallet"
    );
    assert_eq!(
        world.refund_answer(2, b"00", 300, 1_003),
        "+answer 00/approved#23=500>acquirer"
    );
    assert_eq!(
        world.refund(1, 1, 200, 24),
        "00/approved#24=200>acquirer",
        "as it was answered, whatever was refunded since"
    );
    assert_eq!(world.refund(1, 1, 201, 25), "94/-#25=->acquirer");
    assert_eq!(
        world.status(WALLET, 1),
        "status:00/answered/approved>wallet"
    );
    assert_eq!(world.engine.tally().refunds, 2);
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn what_cannot_be_refunded_is_refused_by_name() {
    let mut world = World::new();
    assert_eq!(
        world.refund(1, 1, 1, 21),
        "+refund 25/declined#21=0>acquirer"
    );
    world.pay(1, 500, 1);
    assert!(world.release());
    assert_eq!(
        world.refund(2, 1, 1, 22),
        "+refund 12/declined#22=0>acquirer",
        "nobody knows yet whether there is anything to give back"
    );
    world.answer(1, b"00", 1_001);
    for (reference, minor, code) in [(3, 501, "64"), (4, 0, "13")] {
        let told = world.refund(reference, 1, minor, 23);
        assert_eq!(told, format!("+refund {code}/declined#23=0>acquirer"));
    }
    let dollars = RefundRequest {
        amounts: Amounts {
            amount: Money::new(100, Currency::new(840).unwrap()).unwrap(),
            ..amounts(1)
        },
        ..refund(5, 1, 1, 24)
    };
    assert_eq!(
        world.refund_as(ACQUIRER, dollars),
        "+refund 13/declined#24=0>acquirer"
    );
    for (named, code) in [(300, "92"), (999, "15")] {
        let elsewhere = RefundRequest {
            destination: Institution::new(named),
            key: refund_key(6 + code.as_bytes()[0] - b'0'),
            ..refund(6, 1, 1, 25)
        };
        let told = world.refund_as(ACQUIRER, elsewhere);
        assert_eq!(told, format!("+refund {code}/declined#25=0>acquirer"));
    }
    // In CPM the acquirer gives back; the wallet does not ask for its own money.
    assert_eq!(
        world.refund_as(WALLET, refund(18, 1, 1, 26)),
        "58/-#26=->wallet!"
    );
    assert_eq!(
        world.refund_as(STRANGER, refund(18, 1, 1, 27)),
        "58/-#27=->stranger!"
    );
    assert_eq!(world.engine.tally().security_events, 2);
    world.legs.up[1] = false;
    assert_eq!(
        world.refund(19, 1, 1, 28),
        "+refund 91/declined#28=0>acquirer"
    );
    world.legs.up[1] = true;
    // Undone: nothing is left.
    world.reverse(ACQUIRER, 1, true);
    assert_eq!(
        world.refund(20, 1, 1, 29),
        "+refund 12/declined#29=0>acquirer"
    );
    world.reversal_answer(1, b"00", true, 1_002);
    assert_eq!(
        world.refund(21, 1, 1, 30),
        "+refund 12/declined#30=0>acquirer"
    );
}

#[test]
fn refunds_in_flight_are_reserved_and_a_decline_releases_them() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    assert_eq!(
        world.refund(1, 1, 300, 21),
        "+refund refund#1002/300>wallet"
    );
    assert_eq!(
        world.refund(2, 1, 300, 22),
        "+refund 64/declined#22=0>acquirer",
        "300 of 500 are on their way"
    );
    assert_eq!(
        world.refund(3, 1, 200, 23),
        "+refund refund#1003/200>wallet"
    );
    assert_eq!(
        world.refund_answer(1, b"51", 300, 1_002),
        "+answer 51/declined#21=0>acquirer"
    );
    assert_eq!(
        world.refund(4, 1, 300, 24),
        "+refund refund#1004/300>wallet"
    );
    assert_eq!(
        world.reverse(ACQUIRER, 1, false),
        "0410:64/->acquirer",
        "undoing all of it would give back twice"
    );
    assert_eq!(
        world.refund(2, 1, 300, 25),
        "64/declined#25=0>acquirer",
        "final answers never change"
    );
}

#[test]
fn a_refund_that_nobody_answers_is_asked_about_and_never_undone_blindly() {
    let profile = ResolverProfile {
        inquiries_max: 1,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    approved(&mut world, 1, 1_001);
    world.refund(1, 1, 200, 21);
    assert!(world.release());
    assert_eq!(world.pass(1_000), "+in-doubt 68/-#21=->acquirer +inquiry");
    assert_eq!(
        world.refund(2, 1, 400, 22),
        "+refund 64/declined#22=0>acquirer",
        "it may have been given back"
    );
    assert_eq!(world.pass(1_000), "inquiry#1003>wallet");
    assert_eq!(world.pass(500), "+queued", "a person decides");
    assert_eq!(world.restart(), "");
    assert_eq!(
        world.refund(3, 1, 400, 23),
        "+refund 64/declined#23=0>acquirer",
        "as before the restart"
    );
    assert_eq!(
        world.status_result(refund_target(1), b"00", Some(Outcome::Approved), 1_003),
        "+finding +advice advice/approved#1004>acquirer",
        "a late answer settles it"
    );
    assert_eq!(world.refund(1, 1, 200, 24), "00/approved#24=200>acquirer");
    assert_eq!(world.engine.operator_queue(), (0, None));
}

#[test]
fn a_pending_refund_is_settled_by_an_advice_and_a_refund_can_be_reversed() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    world.refund(1, 1, 500, 21);
    assert!(world.release());
    assert_eq!(
        world.refund_answer(1, b"09", 500, 1_002),
        "+pending 09/-#21=->acquirer"
    );
    assert_eq!(
        world.advise(refund_target(1), b"00", 500),
        "+finding +advice advice/approved#1003>acquirer 0230:00>wallet"
    );
    world.advice_ack(1, 1_003);
    let reverse = |world: &mut World, from, advice| {
        world.run(|engine, context, effects| {
            let reversal = Reversal {
                header: header(77),
                target: refund_target(1),
                root: key(1),
                amount: amounts(500).amount,
                reason: None,
                repeat: false,
                original: None,
                mac: b"",
            };
            engine.handle_reversal(&reversal, advice, sender(from), context, effects);
        })
    };
    assert_eq!(
        reverse(&mut world, ACQUIRER, true),
        "+reversal 0420#1004>wallet 0430:00/->acquirer"
    );
    assert_eq!(
        world.refund(2, 1, 100, 22),
        "+refund 64/declined#22=500>acquirer",
        "not before it is done"
    );
    world.run(|engine, context, effects| {
        let result = ReversalResult {
            header: header(1_004),
            target: refund_target(1),
            response_code: ResponseCode::APPROVED,
            outcome: None,
            amount: None,
            mac: b"",
        };
        engine.handle_reversal_result(&result, true, sender(WALLET), context, effects);
    });
    assert!(
        world.refund(3, 1, 500, 23).contains("refund#"),
        "all of it is left again"
    );
}

#[test]
fn a_refund_that_was_reversed_before_it_came_is_declined() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    world.run(|engine, context, effects| {
        let reversal = Reversal {
            header: header(77),
            target: refund_target(1),
            root: key(1),
            amount: amounts(500).amount,
            reason: None,
            repeat: false,
            original: None,
            mac: b"",
        };
        engine.handle_reversal(&reversal, true, sender(ACQUIRER), context, effects);
    });
    assert_eq!(world.refund(1, 1, 500, 21), "12/declined#21=->acquirer");
}

fn money(minor: i64, currency: u16) -> Money {
    Money::new(minor, Currency::new(currency).unwrap()).unwrap()
}

/// A payment in three currencies.
fn in_three(amount: i64, billing: i64, settlement: i64) -> Amounts {
    let rate = Rate {
        mantissa: 15_123,
        exponent: -5,
    };
    Amounts {
        amount: money(amount, 156),
        billing: Some(money(billing, 458)),
        settlement: Some(money(settlement, 840)),
        billing_rate: Some(rate),
        settlement_rate: Some(rate),
    }
}

fn pay_in_three(world: &mut World, all: Amounts) {
    let request = PaymentRequest {
        amounts: all,
        ..request(1, 1, 11)
    };
    world.run(|engine, context, effects| {
        engine.handle_payment(
            (&request, &code_of(&request)),
            sender(ACQUIRER),
            context,
            effects,
        );
    });
    assert!(world.release());
    world.run(|engine, context, effects| {
        let result = PaymentResult {
            header: header(1_001),
            key: key(1),
            response_code: ResponseCode::APPROVED,
            outcome: None,
            approval_code: None,
            amounts: all,
            settlement_date: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        };
        engine.handle_payment_result(&result, sender(WALLET), context, effects);
    });
}

fn last_refund(world: &World) -> Amounts {
    match world.records.last().unwrap().1 {
        Record::Refund(refund) => refund.amounts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parts_are_the_nearest_minor_units_and_the_last_takes_the_remainder() {
    let mut world = World::new();
    pay_in_three(&mut world, in_three(1_000, 151, 3));
    // 333/1000 of 151 is 50.283, of 3 is 0.999.
    world.refund(1, 1, 333, 21);
    let first = last_refund(&world);
    assert_eq!(first, in_three(333, 50, 1));
    // Up to 666/1000: 100.566 and 1.998 in all.
    world.refund(2, 1, 333, 22);
    assert_eq!(last_refund(&world), in_three(333, 51, 1));
    // The original rates, and whatever is left.
    world.refund(3, 1, 334, 23);
    assert_eq!(last_refund(&world), in_three(334, 50, 1));
    let mut world = World::new();
    pay_in_three(&mut world, in_three(1_000, 151, 3));
    let wrong = RefundRequest {
        amounts: Amounts {
            billing: Some(money(51, 458)),
            ..amounts(333)
        },
        ..refund(1, 1, 333, 21)
    };
    assert_eq!(
        world.refund_as(ACQUIRER, wrong),
        "+refund 13/declined#21=0>acquirer",
        "the payment's rate rules, not the requester"
    );
}

#[derive(Clone, Debug)]
enum Move {
    /// A new refund of so much of the payment, in thousandths of what was paid.
    Ask(i64),
    /// The answer to one of those in flight: approved, declined, pending, or none in time.
    Answer(usize, u8),
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (1_i64..700).prop_map(Move::Ask),
        4 => (any::<usize>(), 0_u8..4).prop_map(|(which, how)| Move::Answer(which, how)),
        1 => Just(Move::Restart),
    ];
    proptest::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Refunds race against one payment; whatever is approved, pending or unknown, in whatever
    /// order it is answered and over restarts: never more than was paid, in no currency.
    #[test]
    fn the_sum_of_refunds_never_exceeds_the_payment_in_any_currency(
        paid in 1_i64..5_000, billed in 0_i64..90_000, settled in 0_i64..700, moves in moves(),
    ) {
        let all = in_three(paid, billed, settled);
        let mut world = World::new();
        world.tables = tables_for_racing();
        world.engine = big_engine(&world.tables);
        pay_in_three(&mut world, all);
        // What the wallet has been asked to give back and has not declined.
        let mut open: Vec<(u8, u64, Amounts)> = Vec::new();
        let mut live: Vec<(u8, Amounts)> = Vec::new();
        let mut reference = 0_u8;
        for step in moves {
            match step {
                Move::Ask(thousandths) => {
                    reference += 1;
                    let minor = (paid * thousandths / 1_000).max(1);
                    let request = RefundRequest {
                        key: numbered(reference),
                        ..refund(0, 1, minor, 21)
                    };
                    let told = world.refund_as(ACQUIRER, request);
                    let left = paid - live.iter().map(|(_, it)| it.amount.minor).sum::<i64>();
                    prop_assert_eq!(told.contains("refund#"), minor <= left, "{}", told);
                    if minor <= left {
                        let amounts = last_refund(&world);
                        open.push((reference, world.legs.drawn, amounts));
                        live.push((reference, amounts));
                    }
                }
                Move::Answer(which, how) if !open.is_empty() => {
                    let (number, key, amounts) = open.swap_remove(which % open.len());
                    let code = [b"00", b"51", b"09", b"68"][usize::from(how)];
                    if code == b"51" {
                        live.retain(|(other, _)| *other != number);
                    }
                    answer_refund(&mut world, number, code, key, amounts);
                }
                Move::Answer(..) => {}
                Move::Restart => {
                    // The FakeLegs go on drawing where they were.
                    world.engine = big_engine(&world.tables);
                    for (wall, record) in world.records.clone() {
                        world.engine.replay(&record, wall, &world.tables).unwrap();
                    }
                    loop {
                        let mut more = false;
                        world.run(|engine, context, effects| {
                            more = engine.resume(context, effects);
                        });
                        if !more {
                            break;
                        }
                    }
                    open.clear();
                }
            }
            let sum = |minor: &dyn Fn(&Amounts) -> i64| -> i64 {
                live.iter().map(|(_, amounts)| minor(amounts)).sum()
            };
            let amount = sum(&|it| it.amount.minor);
            let billing = sum(&|it| it.billing.unwrap().minor);
            let settlement = sum(&|it| it.settlement.unwrap().minor);
            prop_assert!(amount <= paid && billing <= billed && settlement <= settled);
            if amount == paid {
                prop_assert_eq!((billing, settlement), (billed, settled), "to the last unit");
            }
        }
    }
}

fn numbered(reference: u8) -> Key {
    let text = format!("R{reference:011}");
    Key {
        reference: Reference::new(text.as_bytes().try_into().unwrap()).unwrap(),
        ..key(0)
    }
}

fn tables_for_racing() -> Snapshot {
    let mut participants = tables(ResolverProfile::default()).participants().to_vec();
    for participant in &mut participants {
        (participant.window_in, participant.window_out) = (100, 100);
    }
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("28", WALLET).unwrap();
    Snapshot::new(Tables::new(TableVersion(1), 1, participants, prefixes).unwrap())
}

fn big_engine(tables: &Tables) -> Engine {
    let limits = EngineLimits {
        in_flight_max: 64,
        remembered_keys_max: 256,
    };
    Engine::new(limits, tables, 7)
}

fn answer_refund(world: &mut World, number: u8, code: &[u8; 2], key: u64, amounts: Amounts) {
    world.run(|engine, context, effects| {
        let result = RefundResult {
            header: header(key),
            key: numbered(number),
            response_code: ResponseCode(*code),
            outcome: None,
            amounts,
            settlement_date: None,
            refunded_so_far: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        };
        engine.handle_refund_result(&result, sender(WALLET), context, effects);
    });
}

#[test]
fn a_refund_is_not_taken_for_one_of_whoever_has_its_payments_place() {
    const DAY_MS: u64 = 86_400_000;
    let mut world = World::new();
    world.engine.remember_for_ms(DAY_MS);
    let mut match_key = 1_000;
    let mut approved = |world: &mut World, reference: u8| {
        match_key += 1;
        world.pay(reference, 500, match_key + 10_000);
        assert!(world.release());
        world.answer(reference, b"00", match_key);
        match_key
    };
    for reference in 1..=3 {
        approved(&mut world, reference);
    }
    world.pass(DAY_MS);
    let told = world.refund(1, 1, 900, 22);
    assert_eq!(told, "+refund 64/declined#22=0>acquirer");
    // The table comes round: another payment has the first one's place, and is refunded.
    for reference in 17..=28 {
        approved(&mut world, reference);
    }
    let last = approved(&mut world, 29);
    assert_eq!(
        world.engine.transactions.by_number(TransactionNumber(17)),
        Some(0)
    );
    world.refund(2, 29, 100, 23);
    world.refund_answer(2, b"00", 100, last + 1);
    let slot = world.engine.transactions.find(&refund_target(1)).unwrap();
    let refund = world.engine.transactions.get(slot);
    assert_eq!(world.engine.root_key(refund), refund.target.key);
    assert_eq!(world.engine.refunded_so_far(slot), None);
    let other = world.engine.transactions.find(&target(29)).unwrap();
    assert_eq!(other, 0, "it was the first one's place");
    assert_eq!(world.engine.refunded_so_far(other).unwrap().minor, 100);
}
