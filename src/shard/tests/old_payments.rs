//! Old payments on the machine: given up with their segments, over restarts, and then asked about,
//! repeated, refunded and settled, through the archive's files.

use super::keeping::{
    Heard, Link, Running, SEGMENTS_MAX, WALLETS, header, inquiry, key, pay, read_all, request, yuan,
};
use super::*;
use std::fs;
use std::path::Path;

use crate::engine::{LookUp, LookedUp};
use crate::journal::archive::files::{archive_directory, archive_path, index_name};
use crate::journal::read_only::ReadOnlyFolder;
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{
    Echoed, PaymentResult, RefundRequest, RefundResult, Reversal, ReversalResult, StatusInquiry,
};
use crate::model::outcome::{Outcome, Presentation};
use crate::model::time::DAY_NS;
use crate::shard::librarian::{Librarian, Shelf};
use crate::shard::reshard::reshard;
use crate::sys::clock::Clock;
use crate::sys::machine::{Machine, MachineConfig};
use crate::sys::segments::list_segments;

/// The wallet answers so many requests with yes.
fn approve(wallet: &mut Link, count: usize) {
    let mut answers: Vec<Message<'static>> = Vec::new();
    let (response_code, outcome) = (ResponseCode::APPROVED, Some(Outcome::Approved));
    wallet.each(count, |message| {
        answers.push(match message {
            Message::PaymentRequest(it) => Message::PaymentResult(PaymentResult {
                header: it.header,
                key: it.key,
                response_code,
                outcome,
                approval_code: None,
                amounts: it.amounts,
                settlement_date: None,
                echoed: Echoed::default(),
                text: b"",
                mac: b"",
            }),
            Message::RefundRequest(it) => Message::RefundResult(RefundResult {
                header: it.header,
                key: it.key,
                response_code,
                outcome,
                amounts: it.amounts,
                settlement_date: None,
                refunded_so_far: None,
                echoed: Echoed::default(),
                text: b"",
                mac: b"",
            }),
            other => unreachable!("{other:?}"),
        });
    });
    wallet.say(&answers);
}

/// A refund of a payment, under a key that is its own.
fn refund(number: u64, root: u64, minor: i64, today: Date) -> Message<'static> {
    Message::RefundRequest(RefundRequest {
        header: header(number),
        key: key(number, today),
        local_time: None,
        root: key(root, today),
        destination: None,
        forwarder: None,
        presentation: Some(Presentation::Cpm),
        amounts: yuan(minor),
        mcc: None,
        country: None,
        terminal: None,
        merchant_id: None,
        reason: None,
        mac: b"",
    })
}

fn reversal(number: u64, today: Date) -> Message<'static> {
    Message::ReversalAdvice(Reversal {
        header: header(number),
        target: BusinessKey {
            key: key(number, today),
            class: Class::Payment,
        },
        root: key(number, today),
        amount: yuan(500).amount,
        reason: None,
        repeat: false,
        original: None,
        mac: b"",
    })
}

fn refund_inquiry(number: u64, root: u64, today: Date) -> Message<'static> {
    Message::StatusInquiry(StatusInquiry {
        header: header(number),
        target: BusinessKey {
            key: key(number, today),
            class: Class::Refund,
        },
        root: key(root, today),
        mac: b"",
    })
}

fn heard(match_key: u64, code: ResponseCode, outcome: Outcome, refunded: Option<i64>) -> Heard {
    Heard {
        match_key,
        code,
        outcome: Some(outcome),
        refunded_minor: refunded,
    }
}

const YES: ResponseCode = ResponseCode::APPROVED;

fn refused(number: u64, refunded_minor: i64) -> Heard {
    let code = ResponseCode::REFUND_TOO_LARGE;
    heard(number, code, Outcome::Declined, Some(refunded_minor))
}

/// Waits until so many are carried.
fn await_carried(running: &Running, count: u64) {
    while running.shards.counters[0].get(Counter::CarriedNow) != count {
        std::thread::yield_now();
    }
}

/// Twenty are approved; of one a part is given back, and one is being undone when the wallet stops
/// answering. Then so much follows that their segments are given up.
fn pay_and_bury(directory: &Path) -> Heard {
    let running = Running::start(directory);
    let mut wallet = Link::open(running.address(), WALLET);
    let mut acquirer = Link::open(running.address(), ACQUIRER);
    let today = acquirer.today;
    let payments: Vec<_> = (0..20)
        .map(|number| request(number, today, WALLETS))
        .collect();
    acquirer.say(&payments);
    approve(&mut wallet, 20);
    for one in acquirer.hear(20) {
        assert_eq!(one, heard(one.match_key, YES, Outcome::Approved, None));
    }
    acquirer.say(&[refund(30, 3, 200, today)]);
    approve(&mut wallet, 1);
    let refunded = heard(30, YES, Outcome::Approved, Some(200));
    assert_eq!(acquirer.hear(1), [refunded]);
    assert_eq!(acquirer.ask(reversal(7, today)).code, YES);
    wallet.each(1, |message| {
        assert!(matches!(message, Message::ReversalAdvice(_)), "{message:?}");
    });
    drop(wallet);
    pay(&mut acquirer, 100..9_000);
    await_carried(&running, 1);
    running.stop();
    refunded
}

/// The reversal was carried on, and goes out when there is somebody to take it.
fn acknowledge_reversal(wallet: &mut Link, number: u64) {
    let mut asked = None;
    wallet.each(1, |message| match message {
        Message::ReversalAdvice(it) => asked = Some((it.header, it.target)),
        other => unreachable!("{other:?}"),
    });
    let (header, target) = asked.unwrap();
    assert_eq!(target.key, key(number, wallet.today));
    wallet.say(&[Message::ReversalAdviceAck(ReversalResult {
        header,
        target,
        response_code: YES,
        outcome: Some(Outcome::Reversed),
        amount: None,
        mac: b"",
    })]);
}

#[test]
fn old_payments_are_told_of_refunded_and_settled_after_their_segments_are_gone() {
    use Outcome::{Approved, Reversed};
    let directory = tempfile::tempdir().unwrap();
    let shard = directory.path().join("data").join("shard-00");
    let first_refund = pay_and_bury(directory.path());
    let first = list_segments(&shard).unwrap()[0].0;
    assert!(first > 2, "their segment is gone: {first}");

    let running = Running::start(directory.path());
    let mut acquirer = Link::open(running.address(), ACQUIRER);
    let today = acquirer.today;
    for number in (0..20).filter(|number| *number != 7) {
        let refunded = (number == 3).then_some(200);
        let told = acquirer.ask(inquiry(number, today));
        assert_eq!(told, heard(number, YES, Approved, refunded));
    }
    let mut wallet = Link::open(running.address(), WALLET);
    acknowledge_reversal(&mut wallet, 7);
    // The same refund once more: the answer that it had. Too much: refused. What is left: given.
    assert_eq!(acquirer.ask(refund(30, 3, 200, today)), first_refund);
    let told = acquirer.ask(refund_inquiry(30, 3, today));
    assert_eq!(told, first_refund);
    assert_eq!(acquirer.ask(refund(31, 3, 301, today)), refused(31, 200));
    acquirer.say(&[refund(32, 3, 300, today)]);
    approve(&mut wallet, 1);
    let second_refund = heard(32, YES, Approved, Some(500));
    assert_eq!(acquirer.hear(1), [second_refund]);
    assert_eq!(acquirer.ask(refund(33, 3, 1, today)), refused(33, 500));
    // All of it is forgotten again, and another start later it is as it was.
    pay(&mut acquirer, 9_000..18_000);
    await_carried(&running, 0);
    running.stop();

    let running = Running::start(directory.path());
    let mut wallet = Link::open(running.address(), WALLET);
    let mut acquirer = Link::open(running.address(), ACQUIRER);
    let told = acquirer.ask(inquiry(3, today));
    assert_eq!(told, heard(3, YES, Approved, Some(500)));
    assert_eq!(acquirer.ask(inquiry(7, today)).outcome, Some(Reversed));
    assert_eq!(acquirer.ask(refund(34, 3, 1, today)), refused(34, 500));
    assert_eq!(acquirer.ask(refund(32, 3, 300, today)), second_refund);
    acquirer.say(&[refund(35, 4, 500, today)]);
    approve(&mut wallet, 1);
    assert_eq!(acquirer.hear(1), [heard(35, YES, Approved, Some(500))]);
    running.stop();
    let segments = list_segments(&shard).unwrap();
    assert!(segments.len() as u64 <= SEGMENTS_MAX + 1, "{segments:?}");
    let found = read_all(&directory.path().join("data"));
    assert_eq!(found.len(), 20 + 17_900);
}

/// What stands before the librarian of the only shard, at a start.
fn shelf(directory: &Path, given_up: u64) -> Shelf {
    let plan = keeping::plan(directory, 0, 1);
    let data = plan.journal.data;
    let identity = *ReadOnlyFolder::open(&data).unwrap().identity();
    Shelf {
        identity: identity.shard(ShardId(0)),
        segment_bytes: identity.segment_bytes,
        tables: plan.tables,
        data,
        given_up,
    }
}

#[test]
fn where_any_segment_of_the_archive_cannot_be_read_nothing_is_told_of_old_payments() {
    let directory = tempfile::tempdir().unwrap();
    pay_and_bury(directory.path());
    let data = directory.path().join("data");
    let first = list_segments(&data.join("shard-00")).unwrap()[0].0;
    let shelf = shelf(directory.path(), first - 1);
    let root = key(3, Clock.now().wall.date());
    let wanted = |archived| LookUp {
        id: 1,
        target: BusinessKey {
            key: root,
            class: Class::Payment,
        },
        root,
        or_root: false,
        archived,
        due: Monotonic(u64::MAX),
    };
    let look_up = |archived| shelf.look_up(&mut None, &wanted(archived)).unwrap();
    assert!(matches!(look_up(0), LookedUp::Found(_)));
    let archive = archive_directory(&archive_path(&data).unwrap(), ShardId(0));
    // Whatever is in it: the payment, or later refunds of it.
    for segment in 1..first {
        let index = archive.join(index_name(segment));
        let whole = fs::read(&index).unwrap();
        let mut damaged = whole.clone();
        damaged[20] ^= 1;
        for bytes in [Some(damaged), Some(Vec::new()), None] {
            fs::remove_file(&index).unwrap();
            if let Some(bytes) = &bytes {
                fs::write(&index, bytes).unwrap();
            }
            assert!(matches!(look_up(0), LookedUp::Unavailable), "{segment}");
            fs::write(&index, &whole).unwrap();
            assert!(matches!(look_up(0), LookedUp::Found(_)), "{segment}");
        }
    }
    // What comes after it is being archived, which is no hole until it is said to be done.
    fs::write(archive.join(index_name(first + 9)), b"half").unwrap();
    assert!(matches!(look_up(0), LookedUp::Found(_)));
    assert!(matches!(look_up(first + 9), LookedUp::Unavailable));
}

#[test]
fn what_nobody_waits_for_any_more_is_not_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path());
    running.stop();
    let machine = Machine::new(MachineConfig::default()).unwrap();
    let librarian = Librarian::start(shelf(directory.path(), 0), machine.waker()).unwrap();
    let root = key(1, Clock.now().wall.date());
    for (id, due) in [(1, Monotonic(0)), (2, Clock.monotonic().plus_ms(60_000))] {
        librarian.ask(LookUp {
            id,
            target: BusinessKey {
                key: root,
                class: Class::Payment,
            },
            root,
            or_root: false,
            archived: 0,
            due,
        });
    }
    let answer = loop {
        if let Some((id, _)) = librarian.found() {
            break id;
        }
        std::thread::yield_now();
    };
    assert_eq!(answer, 2);
    assert!(librarian.found().is_none());
}

#[test]
fn a_look_up_is_answered_in_time_though_no_link_is_open() {
    let mut world = World::new(Protocol::Sbe, Protocol::Sbe, CommitMode::Memory);
    world.shard.serve_look_ups();
    let (acquirer, wallet) = world.open();
    let then = Wall(START - 10 * DAY_NS).date();
    world.say(acquirer, &inquiry(1, then));
    assert!(world.shard.expects_look_ups());
    let ended = |link| Completion::Ended {
        link,
        errno: Errno(0),
    };
    world.turn(vec![ended(acquirer), ended(wallet)]);
    let until = world.pass_ms(0).until.unwrap();
    assert!(until <= Monotonic(world.ns).plus_ms(100), "{until:?}");
    world.pass_ms(2_100);
    assert!(!world.shard.expects_look_ups());
}

#[test]
fn a_journal_whose_first_segments_were_given_up_is_not_resharded() {
    let directory = tempfile::tempdir().unwrap();
    pay_and_bury(directory.path());
    let to = directory.path().join("resharded");
    let refused = reshard(&directory.path().join("data"), &to, 2).unwrap_err();
    let told = refused.to_string();
    assert!(
        told.contains("of shard 0 are in the archive alone"),
        "{told}"
    );
    assert!(told.contains("go on with as many shards"), "{told}");
    assert!(!to.exists(), "nothing was made");
}

#[test]
fn old_payments_of_every_shard_are_told_of_and_refunded_over_any_link() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start_shards(directory.path(), 2);
    let mut wallet = Link::open(running.address(), WALLET);
    let mut acquirer = Link::open(running.address(), ACQUIRER);
    let today = acquirer.today;
    let payments: Vec<_> = (0..20)
        .map(|number| request(number, today, WALLETS))
        .collect();
    acquirer.say(&payments);
    approve(&mut wallet, 20);
    acquirer.hear(20);
    pay(&mut acquirer, 100..14_000);
    running.stop();
    for shard in ["shard-00", "shard-01"] {
        let shard = directory.path().join("data").join(shard);
        let first = list_segments(&shard).unwrap()[0].0;
        assert!(first > 1, "their segments are gone: {first}");
    }
    let running = Running::start_shards(directory.path(), 2);
    let mut wallet = Link::open(running.address(), WALLET);
    // Links are dealt out in turn: of these two, one is on each shard.
    for link in 0..2 {
        let mut acquirer = Link::open(running.address(), ACQUIRER);
        for number in 0..20 {
            let refunded = (link > 0).then_some(100);
            let told = acquirer.ask(inquiry(number, today));
            assert_eq!(told, heard(number, YES, Outcome::Approved, refunded));
        }
        std::thread::scope(|scope| {
            if link == 0 {
                scope.spawn(|| (0..20).for_each(|_| approve(&mut wallet, 1)));
            }
            for number in 0..20 {
                let refund = refund(30 + number, number, 100, today);
                // It is shed while the keeper has not made room in a journal of six segments.
                let told = (0..200_000).find_map(|_| {
                    std::thread::yield_now();
                    Some(acquirer.ask(refund)).filter(|told| told.code != ResponseCode::SHED)
                });
                let expected = heard(30 + number, YES, Outcome::Approved, Some(100));
                assert_eq!(told, Some(expected));
            }
        });
    }
    let looked_up = |shard: usize| running.shards.counters[shard].get(Counter::LookUps);
    while looked_up(0) == 0 || looked_up(1) == 0 {
        std::thread::yield_now();
    }
    running.stop();
}
