//! 09: not an outcome, a longer deadline, and an advice that settles it.

use super::*;

fn pending(world: &mut World, reference: u8, key: u64) -> String {
    world.pay(reference, 500, u64::from(reference));
    assert!(world.release());
    world.answer(reference, b"09", key)
}

#[test]
fn a_pending_payment_is_settled_by_the_advice_of_its_destination() {
    let mut world = World::new();
    assert_eq!(pending(&mut world, 1, 1_001), "+pending 09/-#1>acquirer");
    assert_eq!(world.engine.open_payments(), 0, "its window is free again");
    assert_eq!(world.pay(1, 500, 2), "09/-#2>acquirer", "no outcome yet");
    assert_eq!(world.status(ACQUIRER, 1), "status:00/pending/->acquirer");
    assert_eq!(world.pass(60_000), "", "its deadline is a longer one");
    assert_eq!(
        world.advise(target(1), b"00", 500),
        "+finding +advice advice/approved#1002>acquirer 0230:00>wallet"
    );
    assert_eq!(world.pay(1, 500, 3), "00/approved#3>acquirer");
    assert_eq!(
        world.advise(target(1), b"00", 500),
        "0230:00>wallet",
        "a repeat is acknowledged again"
    );
    let exchange = world
        .engine
        .exchanges
        .find(Talk::PaymentAdvice, ACQUIRER, MatchKey(1_002));
    world.last_exchange = exchange.map(|index| world.engine.exchanges.id(index));
    assert!(world.release());
    assert_eq!(world.pass(500), "advice/approved#1002*>acquirer");
    assert_eq!(world.advice_ack(1, 1_002), "+advice-answer");
    assert_eq!(world.pass(600_000), "");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn a_second_answer_settles_it_too_and_a_decline_is_told_as_such() {
    let mut world = World::new();
    pending(&mut world, 1, 1_001);
    assert_eq!(
        world.answer(1, b"51", 1_001),
        "+finding +advice advice/declined#1002>acquirer"
    );
    assert_eq!(world.pay(1, 500, 2), "51/declined#2>acquirer");
}

#[test]
fn the_end_of_its_time_leads_to_an_inquiry_and_then_to_a_reversal() {
    let mut world = World::new();
    pending(&mut world, 1, 1_001);
    assert_eq!(world.pass(299_999), "");
    assert_eq!(
        world.pass(1),
        "+in-doubt +inquiry",
        "though CPM reverses else"
    );
    assert_eq!(world.pass(1_000), "inquiry#1002>wallet");
    assert_eq!(
        world.status_answer(1, None, 1_002),
        "+inquiry-end +reversal 0420#1003>wallet"
    );
    assert_eq!(
        world.advise(target(1), b"00", 500),
        "+late-answer 0230:00>wallet",
        "too late: it is being reversed"
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_003),
        "+reversal-answer +advice advice/reversed#1004>acquirer"
    );
}

#[test]
fn a_restart_waits_as_long_as_was_promised() {
    let mut world = World::new();
    pending(&mut world, 1, 1_001);
    world.pass(100_000);
    assert_eq!(world.restart(), "");
    assert_eq!(world.status(ACQUIRER, 1), "status:00/pending/->acquirer");
    assert_eq!(world.pass(199_000), "");
    assert_eq!(world.pass(1_000), "+in-doubt +inquiry");
    assert_eq!(
        world.advise(target(1), b"00", 500),
        "+finding +advice advice/approved#1003>acquirer 0230:00>wallet"
    );
}

/// Found by `cpg-switch sim --seed 501366`: it waited for as much longer as the clock went back.
#[test]
fn a_wall_clock_set_back_over_a_restart_makes_no_deadline_longer() {
    let mut world = World::new();
    pending(&mut world, 1, 1_001);
    // What is on record is an hour ahead of the clock that the restart finds.
    for (wall, record) in &mut world.records {
        wall.0 += 3_600_000_000_000;
        if let Record::Pending(pending) = record {
            pending.until.0 += 3_600_000_000_000;
        }
    }
    assert_eq!(world.restart(), "");
    assert_eq!(world.pass(299_999), "");
    assert_eq!(world.pass(1), "+in-doubt +inquiry");
}

#[test]
fn a_pending_payment_can_be_reversed_by_either_side() {
    let mut world = World::new();
    pending(&mut world, 1, 1_001);
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "+reversal 0420#1002>wallet 0430:00/->acquirer"
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "+reversal-answer +advice advice/reversed#1003>acquirer"
    );
    world.advice_ack(1, 1_003);
    pending(&mut world, 2, 1_004);
    assert_eq!(
        world.reverse(WALLET, 2, true),
        "+reversal 0430:00/reversed>wallet +advice advice/reversed#1005>acquirer"
    );
    world.advice_ack(2, 1_005);
    assert_eq!(world.pass(600_000), "", "no deadline is left behind");
}

#[test]
fn an_advice_is_taken_from_the_destination_alone_and_only_where_it_fits() {
    let mut world = World::new();
    pending(&mut world, 1, 1_001);
    assert_eq!(
        world.advise(target(1), b"00", 499),
        "0230:13>wallet",
        "another amount"
    );
    assert_eq!(world.advise(target(2), b"00", 500), "0230:25>wallet");
    let foreign = world.run(|engine, context, effects| {
        let advice = PaymentAdvice {
            header: header(66),
            target: target(1),
            root: key(1),
            repeat: false,
            response_code: ResponseCode::APPROVED,
            outcome: None,
            approval_code: None,
            amounts: amounts(500),
            settlement_date: None,
            text: b"",
            mac: b"",
        };
        engine.handle_payment_advice(&advice, sender(STRANGER), context, effects);
    });
    assert_eq!(foreign, "0230:58>stranger!");
    assert_eq!(world.engine.tally().security_events, 1);
    // A destination that contradicts itself is a matter for a person.
    world.pay(3, 500, 3);
    assert!(world.release());
    world.answer(3, b"51", 1_002);
    assert_eq!(
        world.advise(target(3), b"00", 500),
        "+late-answer +queued 0230:00>wallet"
    );
    assert_eq!(world.pay(3, 500, 4), "51/declined#4>acquirer");
    assert_eq!(world.engine.operator_queue().0, 1);
}
