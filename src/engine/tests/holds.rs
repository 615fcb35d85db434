//! Payments that count towards their payers' totals, on one shard: declined beyond them, given back
//! by declines and reversals, and the same after a restart.

use proptest::prelude::*;

use super::*;
use crate::engine::ReadHolds;
use crate::engine::holds::stake_of;
use crate::engine::transitions::Phase;
use crate::guard::{Corridor, Guard, LimitRow, ListKey, Rule, Rules};
use crate::model::outcome::{Check, KycLevel};
use crate::model::record::Decision;

/// At most 10.00 CNY a year and three payments a day; 3.00 CNY without identification.
fn rules() -> Rules {
    let row = |up_to, year_most_minor, day_count_most| LimitRow {
        line: 2,
        corridor: Corridor::default(),
        presentation: None,
        rule: Rule::Total {
            up_to,
            year_most_minor,
            day_count_most,
        },
    };
    Rules {
        currency: Currency::new(156),
        limits: vec![
            row(KycLevel::None, 300, u32::MAX),
            row(KycLevel::Verified, 1_000, 3),
        ],
        list_key: ListKey::new(&[7; 32]),
        ..Rules::default()
    }
}

fn counting() -> World {
    let mut world = World::new();
    world.count(rules());
    world
}

impl World {
    /// Limits over time hold from now on, on the only shard; the first participant is a wallet.
    fn count(&mut self, rules: Rules) {
        let mut participants = vec![
            participant(100, Role::Wallet),
            participant(200, Role::Acquirer),
            participant(300, Role::Acquirer),
        ];
        for participant in &mut participants {
            (participant.window_in, participant.window_out) = (9, 9);
        }
        let prefixes = CodePrefixes::default();
        let tables = Tables::new(TableVersion(1), 1, participants, prefixes).unwrap();
        self.tables = Snapshot::new(tables).with_guard(Guard::new(rules).unwrap());
        self.tell_itself();
    }

    /// As a start does: what the records tell is counted.
    fn tell_itself(&mut self) {
        let mut read = ReadHolds::new(self.tables.guard().currency());
        for (_, record) in &self.records {
            read.hear(record);
        }
        let today = Wall(START).date();
        self.engine.serve_holds(true, true, true);
        for told in read.by_home(&self.engine, 1) {
            self.engine.tell_holds(&told, today);
        }
    }

    /// The switch is killed, and what it has written is read.
    fn restart_counting(&mut self) {
        self.engine = engine(&self.tables);
        for (wall, record) in self.records.clone() {
            self.engine.replay(&record, wall, &self.tables).unwrap();
        }
        self.tell_itself();
    }

    /// All that was open is taken up.
    fn resume(&mut self) -> String {
        let mut told = Vec::new();
        let mut more = true;
        while more {
            let line = self.run(|engine, context, effects| {
                more = engine.resume(context, effects);
            });
            told.push(line);
        }
        told.join(" ").trim().to_owned()
    }

    /// The payer `token` pays, as its wallet says.
    fn pay_by(&mut self, token: u8, reference: u8, minor: i64, key: u64) -> String {
        self.pay_known(token, reference, minor, (key, Some(KycLevel::Basic)))
    }

    fn pay_known(
        &mut self,
        token: u8,
        reference: u8,
        minor: i64,
        (key, kyc_level): (u64, Option<KycLevel>),
    ) -> String {
        let request = PaymentRequest {
            presentation: Presentation::Mpm,
            destination: Institution::new(200),
            payer_token: Chars::padded(&[b'0' + token; 8]),
            kyc_level,
            ..request(reference, minor, key)
        };
        self.run(|engine, context, effects| {
            let asked = (&request, &code_of(&request));
            engine.handle_payment(asked, sender(ACQUIRER), context, effects);
        })
    }

    /// What the payer's payments come to.
    fn sum(&self, token: u8) -> (i64, u32) {
        let token = Chars::padded(&[b'0' + token; 8]);
        let wallet = key(0).originator;
        let guard = self.tables.guard();
        let payer = guard.payer(Presentation::Mpm, wallet, token.as_ref());
        let today = Wall(START).date();
        let counts = self.engine.counted(payer.unwrap());
        counts.map_or((0, 0), |counts| counts.on(today))
    }

    fn last_check(&self) -> Option<Check> {
        self.records
            .iter()
            .rev()
            .find_map(|(_, record)| match record {
                Record::Payment(payment) => match payment.decision {
                    Decision::Decline { check, .. } => Some(check),
                    Decision::Forward { .. } => Some(None),
                },
                _ => None,
            })?
    }
}

#[test]
fn a_total_is_never_exceeded_and_its_last_minor_unit_can_be_paid() {
    let mut world = counting();
    assert_eq!(
        world.pay_by(1, 1, 600, 11),
        "+payment +held pay#1001>wallet"
    );
    assert_eq!(
        world.pay_by(1, 2, 401, 12),
        "+payment 65/declined#12>acquirer",
        "the first is open, and counts"
    );
    assert_eq!(world.last_check(), Some(Check::YearTotal));
    assert_eq!(
        world.pay_by(2, 3, 1_000, 13),
        "+payment +held pay#1002>wallet"
    );
    assert_eq!(
        world.pay_by(1, 4, 400, 14),
        "+payment +held pay#1003>wallet"
    );
    assert_eq!(world.sum(1), (1_000, 2));
    // Final answers stay, repeats take nothing twice.
    assert_eq!(world.pay_by(1, 2, 401, 15), "65/declined#15>acquirer");
    assert_eq!(world.pay_by(1, 1, 600, 16), "");
    assert_eq!(world.sum(1), (1_000, 2));
    assert_eq!(world.engine.holds(), 3);
}

#[test]
fn who_is_not_identified_may_pay_less_and_who_is_not_named_nothing() {
    let mut world = counting();
    let unknown = |key| (key, None);
    assert_eq!(
        world.pay_known(1, 1, 301, unknown(11)),
        "+payment 65/declined#11>acquirer"
    );
    assert_eq!(
        world.pay_known(1, 2, 300, unknown(12)),
        "+payment +held pay#1001>wallet"
    );
    let Some((_, Record::Held(hold))) = world.records.last() else {
        panic!("it counts");
    };
    assert_eq!(hold.year_most_minor, Some(300), "the strictest that held");
    assert_eq!(hold.day_count_most, Some(3));
    assert_eq!(
        world.pay_by(1, 3, 700, 13),
        "+payment +held pay#1002>wallet"
    );
    let unnamed = PaymentRequest {
        presentation: Presentation::Mpm,
        destination: Institution::new(200),
        payer_token: None,
        ..request(4, 1, 14)
    };
    let told = world.run(|engine, context, effects| {
        let asked = (&unnamed, &code_of(&unnamed));
        engine.handle_payment(asked, sender(ACQUIRER), context, effects);
    });
    assert_eq!(told, "+payment 12/declined#14>acquirer");
    assert_eq!(world.last_check(), Some(Check::PayerUnnamed));
}

#[test]
fn what_is_declined_or_reversed_no_longer_counts_and_what_is_unknown_does() {
    let mut world = counting();
    for (reference, minor) in [(1, 300), (2, 100), (3, 500)] {
        let told = world.pay_by(1, reference, minor, u64::from(reference));
        assert!(told.starts_with("+payment +held pay"), "{told}");
        assert!(world.release());
    }
    assert_eq!(world.pay_by(1, 4, 1, 4), "+payment 65/declined#4>acquirer");
    assert_eq!(world.last_check(), Some(Check::DayCount));
    let declined = world.answer_with(1, b"05", 1_001, 300);
    assert_eq!(declined, "+answer +released 05/declined#1>acquirer");
    let approved = world.answer_with(2, b"00", 1_002, 100);
    assert_eq!(approved, "+answer 00/approved#2>acquirer");
    assert_eq!(world.sum(1), (600, 2));
    // A refund gives nothing back: what was paid was paid.
    let refund = RefundRequest {
        key: Key {
            originator: Institution::new(200).unwrap(),
            ..refund_key(1)
        },
        ..refund(1, 2, 50, 21)
    };
    let refunded = world.refund_as(WALLET, refund);
    assert!(refunded.starts_with("+refund refund"), "{refunded}");
    assert_eq!(world.sum(1), (600, 2));
    let reversed = world.reverse(ACQUIRER, 3, true);
    assert!(reversed.starts_with("+reversal"), "{reversed}");
    assert_eq!(world.sum(1), (600, 2), "the reversal is under way");
    world.restart_counting();
    assert_eq!(world.sum(1), (600, 2));
    assert_eq!(world.engine.holds(), 2);
}

#[test]
fn what_is_refused_shed_or_has_no_place_takes_nothing() {
    let mut world = counting();
    world.legs.up[1] = false;
    world.legs.up[2] = false;
    let told = world.pay_by(1, 1, 300, 11);
    assert!(told.contains("/declined"), "{told}");
    world.legs.up = [true; 3];
    world.legs.exhausted = true;
    let told = world.pay_by(1, 2, 300, 12);
    assert!(told.starts_with("A1"), "{told}");
    world.legs.exhausted = false;
    assert_eq!((world.sum(1), world.engine.holds()), ((0, 0), 0));
    assert_eq!(world.engine.held_here(), (0, 0));
    for payer in 1..=16 {
        let stranger = PaymentRequest {
            presentation: Presentation::Mpm,
            payer_token: Chars::padded(&[b'a' + payer; 8]),
            ..request(payer % 10, 1, u64::from(payer))
        };
        let (mut stake, today) = (None, Wall(START).date());
        world.run(|engine, context, _| {
            stake = stake_of(&stranger, None, context);
            engine.put_stake(stake.as_mut().unwrap(), 1, ShardId(0), today);
        });
        assert!(!stake.unwrap().is_undecided());
    }
    let told = world.pay_by(1, 3, 300, 13);
    assert!(told.starts_with("A1"), "nobody new is let in: {told}");
    assert_eq!(world.engine.tally().holds_full, 1);
}

#[test]
fn a_crash_between_the_end_and_its_release_is_made_good_at_the_start() {
    let mut world = counting();
    world.pay_by(1, 1, 600, 11);
    assert!(world.release());
    world.answer_with(1, b"05", 1_001, 600);
    assert!(matches!(
        world.records.pop(),
        Some((_, Record::Released(_)))
    ));
    world.restart_counting();
    assert_eq!(world.sum(1), (600, 1), "its record is gone");
    let told = world.run(
        |engine, context, effects| {
            while engine.resume(context, effects) {}
        },
    );
    assert_eq!(told, "+released");
    assert_eq!((world.sum(1), world.engine.holds()), ((0, 0), 0));
    // The payment's own record alone, which never left.
    let mut world = counting();
    world.pay_by(1, 1, 600, 11);
    assert!(matches!(world.records.pop(), Some((_, Record::Held(_)))));
    world.restart_counting();
    assert_eq!(world.sum(1), (0, 0));
}

#[test]
fn without_limits_over_time_nothing_is_held() {
    let mut world = World::new();
    world.count(Rules::default());
    assert_eq!(world.pay_by(1, 1, 5_000, 11), "+payment pay#1001>wallet");
    assert_eq!(world.engine.holds(), 0);
}

proptest! {
    /// Whatever payers pay, whatever becomes of it, and whenever the switch is killed: nobody's
    /// open and approved payments come to more than they may, and what is counted is what they
    /// come to.
    #[test]
    fn whatever_happens_totals_are_kept_and_true(
        steps in prop::collection::vec((0_u8..4, 1_u8..3, 0_u8..10, 1_i64..7), 1..60)
    ) {
        let mut world = counting();
        let mut linked = 10;
        for (what, token, reference, hundreds) in steps {
            linked += 1;
            match what {
                0 => {
                    world.pay_by(token, reference, hundreds * 100, linked);
                }
                1 => {
                    let open = world.records.iter().find_map(|(_, record)| match record {
                        Record::Payment(it) if it.key == key(reference) => {
                            match it.decision {
                                Decision::Forward { match_key, .. } => {
                                    Some((match_key.0, it.amounts.amount.minor))
                                }
                                Decision::Decline { .. } => None,
                            }
                        }
                        _ => None,
                    });
                    if let Some((match_key, minor)) = open {
                        let code = if hundreds > 3 { b"00" } else { b"05" };
                        world.answer_with(reference, code, match_key, minor);
                    }
                }
                2 => {
                    world.reverse(ACQUIRER, reference, true);
                }
                _ => {
                    world.restart_counting();
                    world.resume();
                }
            }
            for token in 1..3 {
                let counted = world.sum(token);
                prop_assert!(counted.0 <= 1_000 && counted.1 <= 3, "{counted:?}");
            }
            // From the phases, and not from what is counted.
            let standing: i64 = world
                .engine
                .transactions
                .iter()
                .filter(|it| !matches!(it.phase, Phase::Declined | Phase::Reversed))
                .map(|it| it.amounts.amount().minor)
                .sum();
            prop_assert_eq!(standing, world.sum(1).0 + world.sum(2).0);
        }
    }
}
