//! Payments that are not allowed: declined on record, counted by check, answered again as before;
//! and what is never asked about.

use super::*;
use crate::guard::{Guard, LimitRow, List, ListKey, ListRow, Listed, Rule, Rules};
use crate::model::outcome::Check;
use crate::model::record::Decision;

fn institution(code: u64) -> Institution {
    Institution::new(code).unwrap()
}

fn limit(rule: Rule) -> LimitRow {
    LimitRow {
        line: 2,
        corridor: crate::guard::Corridor::default(),
        presentation: None,
        rule,
    }
}

impl World {
    /// Other rules from now on.
    fn allow(&mut self, rules: Rules) {
        self.tables = tables(ResolverProfile::default()).with_guard(Guard::new(rules).unwrap());
    }

    fn last_decision(&self) -> Decision {
        match self.records.last() {
            Some((_, Record::Payment(payment))) => payment.decision,
            other => panic!("{other:?}"),
        }
    }

    fn pay_as(&mut self, request: PaymentRequest<'static>) -> String {
        self.run(|engine, context, effects| {
            let asked = (&request, &code_of(&request));
            engine.handle_payment(asked, sender(ACQUIRER), context, effects);
        })
    }
}

/// At most 4.99 CNY.
fn little() -> Rules {
    let most_minor = 499;
    Rules {
        currency: Currency::new(156),
        limits: vec![limit(Rule::Amount {
            least_minor: 0,
            most_minor,
        })],
        ..Rules::default()
    }
}

/// The participant with this institution does nothing new.
fn suspended(code: u64) -> Rules {
    Rules {
        suspended: vec![institution(code)],
        ..Rules::default()
    }
}

#[test]
fn what_is_not_allowed_is_declined_on_record_with_its_check() {
    let mut world = World::new();
    world.allow(little());
    assert_eq!(world.pay(1, 500, 11), "+payment 61/declined#11>acquirer");
    assert_eq!(
        world.last_decision(),
        Decision::Decline {
            response_code: ResponseCode::AMOUNT_LIMIT,
            check: Some(Check::AmountAbove),
        }
    );
    // Final answers never change: not by other limits, and not by a restart.
    world.allow(Rules::default());
    assert_eq!(world.pay(1, 500, 12), "61/declined#12>acquirer");
    world.restart();
    assert_eq!(world.pay(1, 500, 13), "61/declined#13>acquirer");
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "0430:00/declined>acquirer",
        "nothing was sent, and nothing is to be undone"
    );
    world.allow(little());
    assert_eq!(world.pay(2, 499, 14), "+payment pay#1001>wallet");
    let tally = world.engine.tally();
    assert_eq!(tally.not_allowed.iter().sum::<u64>(), 0, "it was restarted");
}

/// One entry on one list.
fn listed(kind: Listed, code: u64, value: &[u8]) -> Rules {
    let key = ListKey::new(&[7; 32]).unwrap();
    let hash = key.hash(kind, institution(code), value);
    let row = ListRow {
        line: 5,
        kind,
        hash,
    };
    Rules {
        list_key: Some(key),
        lists: vec![List {
            rows: vec![row],
            ..List::default()
        }],
        institutions: vec![institution(100), institution(200)],
        ..Rules::default()
    }
}

fn limited(rule: Rule) -> Rules {
    Rules {
        currency: Currency::new(156),
        limits: vec![limit(rule)],
        ..Rules::default()
    }
}

#[test]
fn each_check_has_a_code_and_a_count_of_its_own() {
    let below = Rule::Amount {
        least_minor: 501,
        most_minor: i64::MAX,
    };
    let level = Rule::KycLevel {
        above_minor: 0,
        level: crate::model::outcome::KycLevel::Basic,
    };
    let category = Rule::Category {
        first: 5_411,
        last: 5_411,
    };
    let cases = [
        (Check::OriginatorSuspended, "58", suspended(100)),
        (Check::DestinationSuspended, "91", suspended(200)),
        (
            Check::InstitutionListed,
            "62",
            listed(Listed::Institution, 200, b""),
        ),
        (
            Check::PayerListed,
            "62",
            listed(Listed::Payer, 200, b"TOKEN"),
        ),
        (
            Check::MerchantListed,
            "62",
            listed(Listed::Merchant, 100, b"SHOP"),
        ),
        (Check::Category, "57", limited(category)),
        (Check::AmountBelow, "13", limited(below)),
        (Check::AmountAbove, "61", little()),
        (Check::KycLevel, "57", limited(level)),
    ];
    for (place, (check, code, rules)) in cases.into_iter().enumerate() {
        let mut world = World::new();
        world.allow(rules);
        let told = world.pay_as(PaymentRequest {
            payer_token: Chars::padded(b"TOKEN"),
            merchant_id: Chars::padded(b"SHOP"),
            ..request(1, 500, 11)
        });
        assert_eq!(told, format!("+payment {code}/declined#11>acquirer"));
        let mut counts = [0; Check::ALL.len()];
        counts[place] = 1;
        assert_eq!(world.engine.tally().not_allowed, counts, "{}", check.name());
        assert!(matches!(
            world.last_decision(),
            Decision::Decline { check: Some(found), .. } if found == check
        ));
    }
}

#[test]
fn who_is_suspended_meanwhile_can_still_finish_undo_and_give_back() {
    let mut world = World::new();
    for reference in [1, 2, 3] {
        world.pay(reference, 500, 11);
        world.release();
        if reference < 3 {
            world.answer(reference, b"00", world.legs.drawn);
        }
    }
    let forwarded = world.legs.drawn;
    for code in [100, 200] {
        world.allow(suspended(code));
        let told = world.pay(4 + u8::try_from(code / 100).unwrap(), 500, 12);
        assert!(told.starts_with("+payment"), "{told}");
        assert!(told.contains("/declined#12"), "{told}");
        assert_eq!(
            world.status(ACQUIRER, 1),
            "status:00/answered/approved>acquirer"
        );
        assert_eq!(world.pay(1, 500, 13), "00/approved#13>acquirer", "a repeat");
    }
    let refunded = world.refund(1, 1, 200, 21);
    assert!(refunded.starts_with("+refund refund"), "{refunded}");
    let reversed = world.reverse(ACQUIRER, 2, true);
    assert!(reversed.contains(">wallet"), "{reversed}");
    let answered = world.answer(3, b"00", forwarded);
    assert!(answered.contains("00/approved"), "{answered}");
}

#[test]
fn an_amount_without_a_rate_is_refused_under_a_check_of_its_own() {
    let mut world = World::new();
    world.allow(Rules {
        currency: Currency::new(840),
        ..little()
    });
    assert_eq!(world.pay(1, 500, 11), "+payment 96/declined#11>acquirer");
    let Decision::Decline { check, .. } = world.last_decision() else {
        panic!("it is declined");
    };
    assert_eq!(check, Some(Check::AmountUnmeasured));
    assert_eq!(world.engine.tally().not_allowed.iter().sum::<u64>(), 1);
}
