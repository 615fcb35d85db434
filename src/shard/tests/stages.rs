//! Frames that come together are handled as if each had come alone.

use proptest::prelude::*;

use super::translation::{key, request};
use super::*;
use crate::model::outcome::Presentation;
use crate::shard::stats::Counter;

/// What a wallet may say next over its link.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// A payment under one of a few keys: most are new, some are repeats, some conflict.
    Payment { reference: u8, minor: u8 },
    /// A message of another kind that is answered at once.
    Echo,
    /// A payment in somebody else's name.
    Foreign,
    /// A body that is no message.
    Rubbish,
    /// After it, payments are refused.
    SignOff,
    /// After it, they are taken again.
    SignOn,
    /// Bytes after which no frame is found any more.
    Lost,
}

fn said() -> impl Strategy<Value = Said> {
    let payment = (0_u8..24, 0_u8..2);
    prop_oneof![
        30 => payment.prop_map(|(reference, minor)| Said::Payment { reference, minor }),
        2 => Just(Said::Echo),
        1 => Just(Said::Foreign),
        1 => Just(Said::Rubbish),
        1 => Just(Said::SignOff),
        2 => Just(Said::SignOn),
    ]
}

fn frame(world: &World, link: LinkId, stan: u32, said: Said) -> Vec<u8> {
    let header = Header {
        match_key: MatchKey(u64::from(stan)),
        transmit_time: Wall(START),
    };
    let payment = |originator, reference: u8, minor: u8| {
        let mut payment = request(Presentation::Mpm, stan);
        payment.key = key(
            originator,
            format!("stage{reference:07}")
                .as_bytes()
                .try_into()
                .unwrap(),
        );
        payment.amounts.amount.minor += i64::from(minor);
        payment.forwarder = None;
        Message::PaymentRequest(payment)
    };
    let notice = Notice {
        header,
        institution: Institution::new(WALLET),
        mac: b"",
    };
    match said {
        Said::Payment { reference, minor } => world.frame(link, &payment(WALLET, reference, minor)),
        Said::Echo => world.frame(link, &Message::Echo(notice)),
        Said::Foreign => world.frame(link, &payment(ACQUIRER, 99, 0)),
        Said::Rubbish => {
            let mut frame = world.frame(link, &Message::Echo(notice));
            let at = frame.len() - 12;
            frame[at..].fill(0xfe);
            frame
        }
        Said::SignOff => world.frame(link, &Message::SignOff(notice)),
        Said::SignOn => world.frame(
            link,
            &Message::SignOn(SignOn {
                header,
                institution: Institution::new(WALLET).unwrap(),
                protocol_version: None,
                business_date: None,
                nonce: None,
                mac: b"",
            }),
        ),
        Said::Lost => vec![0xff; 64],
    }
}

/// What left over each link, and what was counted, when the bytes come in pieces of these sizes.
fn played(
    wallet: Protocol,
    all: &[Said],
    pieces: impl Fn(&[Vec<u8>]) -> Vec<Vec<u8>>,
) -> (Vec<VecDeque<Vec<u8>>>, Vec<u64>, usize) {
    let mut world = World::new(Protocol::Sbe, wallet, CommitMode::Memory);
    let (_, link) = world.open();
    let frames: Vec<Vec<u8>> = (100..)
        .zip(all)
        .map(|(stan, said)| frame(&world, link, stan, *said))
        .collect();
    let pieces = pieces(&frames);
    let received = pieces
        .iter()
        .map(|bytes| Completion::Received { link, bytes });
    world.turn(received.collect());
    let counted = [
        Counter::FramesIn,
        Counter::FramesOut,
        Counter::SignOns,
        Counter::Unanswerable,
        Counter::LinksCutFraming,
    ];
    let counted = counted.map(|counter| world.shard.stats().get(counter));
    (world.sent, counted.to_vec(), world.closed.len())
}

fn alike(wallet: Protocol, mut all: Vec<Said>, cuts: &[usize], ends: bool) {
    if ends {
        all.push(Said::Lost);
        all.push(Said::Echo);
    }
    let one_by_one = played(wallet, &all, <[Vec<u8>]>::to_vec);
    let together = played(wallet, &all, |frames| vec![frames.concat()]);
    assert_eq!(one_by_one, together);
    let anyhow = played(wallet, &all, |frames| {
        let bytes = frames.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut % bytes.len()).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        at.windows(2)
            .map(|pair| bytes[pair[0]..pair[1]].to_vec())
            .collect()
    });
    assert_eq!(one_by_one, anyhow);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn frames_that_come_together_are_handled_as_if_each_came_alone(
        all in prop::collection::vec(said(), 1..60),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
        ends: bool,
    ) {
        for wallet in Protocol::ALL {
            alike(wallet, all.clone(), &cuts, ends);
        }
    }
}
