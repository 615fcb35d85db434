//! Every combination of failing checks, every edge of a limit, and the hashes of another
//! implementation.

mod corridors;
mod over_time;

use proptest::prelude::*;

use super::*;

const USD: Currency = Currency::new(840).unwrap();
const CNY: Currency = Currency::new(156).unwrap();
const MALAYSIA: u16 = 458;
const CHINA: u16 = 156;
const KEY: [u8; 32] = *b"a list key of the tests, no more";

fn institution(code: u64) -> Institution {
    Institution::new(code).unwrap()
}

fn usd(minor: i64) -> Money {
    Money::new(minor, USD).unwrap()
}

/// 100.00 CNY from a Malaysian wallet to a Chinese merchant.
fn ask() -> Ask {
    Ask {
        presentation: Presentation::Mpm,
        wallet: institution(45_800_001),
        payer_country: MALAYSIA,
        acquirer: institution(15_600_021),
        merchant_country: CHINA,
        amount: Money::new(10_000, CNY).unwrap(),
        in_limits_currency: Some(usd(1_400)),
        kyc_level: Some(KycLevel::Basic),
        mcc: Some(5_411),
        payer_token: Chars::padded(b"TOKEN-0001"),
        merchant_id: Chars::padded(b"M0001"),
        counted: Counted {
            year_minor: 200_000,
            day_count: 5,
            order_taken: false,
        },
    }
}

fn total(year_most_minor: i64, day_count_most: u32) -> Rule {
    Rule::Total {
        up_to: KycLevel::Verified,
        year_most_minor,
        day_count_most,
    }
}

fn everywhere(line: u32, rule: Rule) -> LimitRow {
    LimitRow {
        line,
        corridor: Corridor::default(),
        presentation: None,
        rule,
    }
}

fn listed(kind: Listed, institution: Institution, value: &[u8]) -> ListRow {
    let hash = ListKey::new(&KEY).unwrap().hash(kind, institution, value);
    ListRow {
        line: kind as u32,
        kind,
        hash,
    }
}

/// Makes `check` fail for `ask`, unless an earlier one does.
fn forbid(rules: &mut Rules, ask: &mut Ask, check: Check) {
    match check {
        Check::OriginatorSuspended => rules.suspended.push(ask.wallet),
        Check::DestinationSuspended => rules.suspended.push(ask.acquirer),
        Check::InstitutionListed => {
            let row = listed(Listed::Institution, ask.acquirer, b"");
            rules.lists[0].rows.push(row);
        }
        Check::PayerListed => {
            let row = listed(Listed::Payer, ask.wallet, b"TOKEN-0001");
            rules.lists[0].rows.push(row);
        }
        Check::MerchantListed => {
            let row = listed(Listed::Merchant, ask.acquirer, b"M0001");
            rules.lists[0].rows.push(row);
        }
        Check::Category => {
            let (first, last) = (5_411, 5_411);
            rules
                .limits
                .push(everywhere(6, Rule::Category { first, last }));
        }
        Check::AmountBelow => {
            let (least_minor, most_minor) = (1_401, i64::MAX);
            let rule = Rule::Amount {
                least_minor,
                most_minor,
            };
            rules.limits.push(everywhere(7, rule));
        }
        Check::AmountAbove => {
            let (least_minor, most_minor) = (0, 1_399);
            let rule = Rule::Amount {
                least_minor,
                most_minor,
            };
            rules.limits.push(everywhere(8, rule));
        }
        Check::KycLevel => {
            let (above_minor, level) = (1_399, KycLevel::Verified);
            rules
                .limits
                .push(everywhere(9, Rule::KycLevel { above_minor, level }));
        }
        Check::YearTotal => rules.limits.push(everywhere(10, total(199_999, 5))),
        Check::DayCount => rules.limits.push(everywhere(11, total(200_000, 4))),
        Check::PayerUnnamed => {
            ask.payer_token = None;
            rules
                .limits
                .push(everywhere(1, total(i64::MAX, u32::MAX - 1)));
        }
        Check::AmountUnmeasured => {
            ask.in_limits_currency = None;
            rules
                .limits
                .push(everywhere(1, total(i64::MAX - 1, u32::MAX)));
        }
        Check::CorridorStopped => rules.stopped.push(((MALAYSIA, 0), 3)),
        Check::OrderTaken => ask.counted.order_taken = true,
    }
}

fn rules() -> Rules {
    Rules {
        currency: Some(USD),
        list_key: ListKey::new(&KEY),
        lists: vec![List::default()],
        institutions: vec![ask().wallet, ask().acquirer],
        ..Rules::default()
    }
}

/// The order as people agreed on it; [`ORDER`] must not be changed by accident.
const AGREED: [(Check, &[u8; 2], Place); CHECKS] = [
    (Check::OriginatorSuspended, b"58", Place::Configuration),
    (Check::DestinationSuspended, b"91", Place::Configuration),
    (Check::CorridorStopped, b"92", Place::Standing(3)),
    (
        Check::InstitutionListed,
        b"62",
        Place::List { list: 0, line: 3 },
    ),
    (Check::PayerUnnamed, b"12", Place::Limits(1)),
    (Check::PayerListed, b"62", Place::List { list: 0, line: 1 }),
    (
        Check::MerchantListed,
        b"62",
        Place::List { list: 0, line: 2 },
    ),
    (Check::Category, b"57", Place::Limits(6)),
    (Check::AmountUnmeasured, b"96", Place::Limits(1)),
    (Check::AmountBelow, b"13", Place::Limits(7)),
    (Check::AmountAbove, b"61", Place::Limits(8)),
    (Check::KycLevel, b"57", Place::Limits(9)),
    (Check::YearTotal, b"65", Place::Limits(10)),
    (Check::DayCount, b"65", Place::Limits(11)),
    (Check::OrderTaken, b"54", Place::Payments),
];

#[test]
fn of_all_combinations_of_failing_checks_the_first_in_order_decides() {
    assert_eq!(AGREED.map(|(check, _, _)| check), ORDER);
    for failing in 0_u32..1 << CHECKS {
        let (mut rules, mut ask) = (rules(), ask());
        let fails = |place: usize| failing & (1 << place) != 0;
        for (place, (check, _, _)) in AGREED.iter().enumerate() {
            if fails(place) {
                forbid(&mut rules, &mut ask, *check);
            }
        }
        // A payer that is not named is on no list, and an amount that is not known in no band.
        let verdict = Guard::new(rules).unwrap().check(&ask);
        let expected = AGREED
            .iter()
            .enumerate()
            .find(|(place, _)| fails(*place))
            .map(|(_, expected)| expected);
        match (verdict, expected) {
            (Verdict::Allowed(_), None) => {}
            (Verdict::Refused(refusal), Some((check, code, place))) => {
                assert_eq!(refusal.check, *check, "{failing:09b}");
                assert_eq!(refusal.place, *place, "{failing:09b}");
                assert_eq!(refusal.response_code.0, **code);
            }
            (verdict, expected) => panic!("{failing:09b}: {verdict:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn nothing_is_refused_where_there_are_no_rules() {
    let guard = Guard::default();
    assert_eq!(guard.currency(), None);
    assert_eq!(guard.check(&ask()), Verdict::Allowed(Within::default()));
}

#[test]
fn the_two_sides_change_places_with_the_presentation() {
    for (presentation, suspended, expected) in [
        (Presentation::Mpm, ask().wallet, Check::OriginatorSuspended),
        (
            Presentation::Mpm,
            ask().acquirer,
            Check::DestinationSuspended,
        ),
        (
            Presentation::Cpm,
            ask().acquirer,
            Check::OriginatorSuspended,
        ),
        (Presentation::Cpm, ask().wallet, Check::DestinationSuspended),
    ] {
        let guard = Guard::new(Rules {
            suspended: vec![suspended],
            ..Rules::default()
        })
        .unwrap();
        let ask = Ask {
            presentation,
            ..ask()
        };
        let place = Place::Configuration;
        assert_eq!(
            guard.check(&ask),
            Verdict::Refused(Refusal::new(expected, place))
        );
    }
}

/// What one row says to a payment; `None` where it is allowed.
fn refused(rule: Rule, change: impl FnOnce(&mut Ask)) -> Option<Check> {
    let guard = Guard::new(Rules {
        currency: Some(USD),
        limits: vec![everywhere(2, rule)],
        ..Rules::default()
    })
    .unwrap();
    let mut ask = ask();
    change(&mut ask);
    match guard.check(&ask) {
        Verdict::Allowed { .. } => None,
        Verdict::Refused(refusal) => Some(refusal.check),
    }
}

#[test]
fn edges_belong_to_what_is_allowed() {
    let band = Rule::Amount {
        least_minor: 100,
        most_minor: 500_000,
    };
    for (minor, expected) in [
        (0, Some(Check::AmountBelow)),
        (99, Some(Check::AmountBelow)),
        (100, None),
        (500_000, None),
        (500_001, Some(Check::AmountAbove)),
    ] {
        let found = refused(band, |ask| ask.in_limits_currency = Some(usd(minor)));
        assert_eq!(found, expected, "{minor}");
        // The amount itself is in the limits' currency: what else is said does not count.
        let found = refused(band, |ask| {
            ask.amount = usd(minor);
            ask.in_limits_currency = Some(usd(200));
        });
        assert_eq!(found, expected, "{minor}");
    }
    for (minor, known, expected) in [
        (100_000, None, None),
        (100_001, None, Some(Check::KycLevel)),
        (100_001, Some(KycLevel::None), Some(Check::KycLevel)),
        (100_001, Some(KycLevel::Basic), None),
        (100_001, Some(KycLevel::Verified), None),
    ] {
        let (above_minor, level) = (100_000, KycLevel::Basic);
        let found = refused(Rule::KycLevel { above_minor, level }, |ask| {
            ask.in_limits_currency = Some(usd(minor));
            ask.kyc_level = known;
        });
        assert_eq!(found, expected, "{minor} {known:?}");
    }
    for (mcc, expected) in [
        (Some(7_994), None),
        (Some(7_995), Some(Check::Category)),
        (Some(7_999), Some(Check::Category)),
        (Some(8_000), None),
        (None, None),
    ] {
        let (first, last) = (7_995, 7_999);
        let found = refused(Rule::Category { first, last }, |ask| ask.mcc = mcc);
        assert_eq!(found, expected, "{mcc:?}");
    }
    let unnamed = Rule::Category { first: 0, last: 0 };
    assert_eq!(
        refused(unnamed, |ask| ask.mcc = None),
        Some(Check::Category)
    );
}

#[test]
fn an_amount_that_is_not_known_in_the_limits_currency_is_refused() {
    let band = Rule::Amount {
        least_minor: 0,
        most_minor: 1,
    };
    let category = Rule::Category { first: 1, last: 1 };
    for (rule, unmeasured) in [(band, true), (category, false)] {
        let guard = Guard::new(Rules {
            currency: Some(USD),
            limits: vec![everywhere(2, rule)],
            ..Rules::default()
        })
        .unwrap();
        for stranger in [None, Money::new(1_400, CNY)] {
            let ask = Ask {
                in_limits_currency: stranger,
                ..ask()
            };
            let expected = unmeasured.then_some(Check::AmountUnmeasured);
            let found = match guard.check(&ask) {
                Verdict::Allowed(_) => None,
                Verdict::Refused(refusal) => Some(refusal.check),
            };
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_listed_value_is_listed_at_its_own_institution_alone() {
    let mut rules = rules();
    forbid(&mut rules, &mut ask(), Check::PayerListed);
    forbid(&mut rules, &mut ask(), Check::MerchantListed);
    let guard = Guard::new(rules).unwrap();
    let check = |change: fn(&mut Ask)| {
        let mut ask = ask();
        change(&mut ask);
        match guard.check(&ask) {
            Verdict::Allowed { .. } => None,
            Verdict::Refused(refusal) => Some(refusal.check),
        }
    };
    assert_eq!(check(|_| {}), Some(Check::PayerListed));
    // Another wallet's payer with the same token; the merchant stays.
    assert_eq!(
        check(|ask| ask.wallet = institution(45_800_002)),
        Some(Check::MerchantListed)
    );
    assert_eq!(
        check(|ask| ask.payer_token = Chars::padded(b"TOKEN-0002")),
        Some(Check::MerchantListed)
    );
    assert_eq!(
        check(|ask| {
            ask.payer_token = None;
            ask.acquirer = institution(15_600_022);
        }),
        None
    );
    // A merchant whose id is the payer's token is not that payer.
    assert_eq!(
        check(|ask| {
            ask.payer_token = Chars::padded(b"M0001");
            ask.merchant_id = Chars::padded(b"TOKEN-0001");
        }),
        None
    );
}

#[test]
fn the_first_list_that_has_a_value_names_it() {
    let mut rules = rules();
    forbid(&mut rules, &mut ask(), Check::PayerListed);
    let mut second = List {
        name: "second".to_owned(),
        version: "2026-11-22".to_owned(),
        rows: rules.lists[0].rows.clone(),
    };
    second.rows[0].line = 77;
    rules.lists.push(second);
    let first_alone = rules.lists[0].clone();
    let guard = Guard::new(rules).unwrap();
    let refused = |place| Verdict::Refused(Refusal::new(Check::PayerListed, place));
    assert_eq!(
        guard.check(&ask()),
        refused(Place::List { list: 0, line: 1 })
    );
    assert_eq!(guard.list(1), Some(("second", "2026-11-22")));
    assert_eq!(guard.list(2), None);
    assert_eq!(first_alone.rows.len(), 1);
}

/// Made with Python 3's own `hmac` and `hashlib`: `hmac.new(bytes(range(32)), bytes([kind]) +
/// institution.to_bytes(8, "big") + value, hashlib.sha256).hexdigest()[:32]`.
#[test]
fn keyed_hashes_agree_with_another_implementation() {
    let bytes: [u8; 32] = core::array::from_fn(|place| u8::try_from(place).unwrap());
    let key = ListKey::new(&bytes).unwrap();
    for (kind, code, value, expected) in [
        (
            Listed::Payer,
            45_800_001,
            &b"TOKEN-0001"[..],
            "bb83ddfc17faabb3b5b9536f65a36bf8",
        ),
        (
            Listed::Merchant,
            15_600_021,
            b"M0001",
            "ef595ff100f7259ea7e86957d40c9a80",
        ),
        (
            Listed::Institution,
            45_800_001,
            b"",
            "07007ff400b05d371f112dbc05124b7d",
        ),
    ] {
        let hash = key.hash(kind, institution(code), value);
        assert_eq!(hash.to_string(), expected);
        assert_eq!(KeyedHash::from_hex(expected), Some(hash));
        assert_eq!(KeyedHash::from_hex(&expected.to_uppercase()), Some(hash));
        assert_eq!(Listed::from_name(kind.name()), Some(kind));
        let padded = Chars::<32>::padded(value).unwrap();
        assert_eq!(key.hash(kind, institution(code), padded.bytes()), hash);
    }
    for bad in [
        "",
        "bb83",
        "gb83ddfc17faabb3b5b9536f65a36bf8",
        "+b83ddfc17faabb3b5b9536f65a36bf8",
    ] {
        assert_eq!(KeyedHash::from_hex(bad), None, "{bad}");
    }
    assert!(ListKey::new(&bytes[1..]).is_none());
    assert_eq!(format!("{key:?}"), "[list key withheld]");
}

#[test]
fn what_cannot_be_a_guard_is_refused() {
    let amount = Rule::Amount {
        least_minor: 0,
        most_minor: 1,
    };
    let refused = |rules| Guard::new(rules).unwrap_err();
    assert_eq!(
        refused(Rules {
            limits: vec![everywhere(5, amount)],
            ..Rules::default()
        }),
        GuardError::NoCurrency(5)
    );
    let mut keyless = rules();
    forbid(&mut keyless, &mut ask(), Check::PayerListed);
    keyless.list_key = None;
    assert_eq!(refused(keyless), GuardError::NoListKey);
    let rows = u32::try_from(ROWS_OF_CORRIDOR_MAX).unwrap() + 1;
    let crowded = Rules {
        currency: Some(USD),
        limits: (1..=rows).map(|line| everywhere(line, amount)).collect(),
        ..Rules::default()
    };
    assert_eq!(refused(crowded), GuardError::TooManyOfCorridor(rows));
    let lists = vec![List::default(); LISTS_MAX + 1];
    assert_eq!(
        refused(Rules {
            lists,
            ..Rules::default()
        }),
        GuardError::TooManyLists
    );
    assert_eq!(
        refused(Rules {
            limits: vec![everywhere(5, amount); LIMIT_ROWS_MAX + 1],
            ..Rules::default()
        }),
        GuardError::TooManyLimits
    );
}

/// All rows, one after the other, as the file's reader understands them.
fn by_the_book(rows: &[LimitRow], ask: &Ask) -> Option<Check> {
    let minor = ask.in_limits_currency.map(|money| money.minor).unwrap();
    let fits = |row: &&LimitRow| {
        row.corridor
            .payer
            .is_none_or(|country| country == ask.payer_country)
            && row
                .corridor
                .merchant
                .is_none_or(|country| country == ask.merchant_country)
            && row.presentation.is_none_or(|only| only == ask.presentation)
    };
    let fails = |check| {
        rows.iter().filter(fits).any(|row| match (check, row.rule) {
            (Check::Category, Rule::Category { first, last }) => {
                first <= ask.mcc.unwrap_or(0) && ask.mcc.unwrap_or(0) <= last
            }
            (Check::AmountBelow, Rule::Amount { least_minor, .. }) => minor < least_minor,
            (Check::AmountAbove, Rule::Amount { most_minor, .. }) => minor > most_minor,
            (Check::KycLevel, Rule::KycLevel { above_minor, level }) => {
                minor > above_minor && ask.kyc_level.unwrap_or(KycLevel::None) < level
            }
            _ => false,
        })
    };
    ORDER.into_iter().find(|check| fails(*check))
}

fn any_country() -> impl Strategy<Value = Option<u16>> {
    prop::option::of(prop::sample::select(vec![CHINA, MALAYSIA, 410]))
}

fn any_presentation() -> impl Strategy<Value = Presentation> {
    prop::sample::select(Presentation::ALL)
}

fn any_level() -> impl Strategy<Value = KycLevel> {
    prop::sample::select(KycLevel::ALL)
}

fn any_row() -> impl Strategy<Value = LimitRow> {
    let rule = prop_oneof![
        (0..20_i64, 80..200_i64).prop_map(|(least_minor, most_minor)| Rule::Amount {
            least_minor,
            most_minor
        }),
        (0..200_i64, any_level())
            .prop_map(|(above_minor, level)| Rule::KycLevel { above_minor, level }),
        (0..20_u16, 0..3_u16).prop_map(|(first, more)| Rule::Category {
            first,
            last: first.saturating_add(more)
        }),
    ];
    let presentation = prop::option::of(any_presentation());
    (any_country(), any_country(), presentation, rule).prop_map(
        |(payer, merchant, presentation, rule)| LimitRow {
            line: 0,
            corridor: Corridor { payer, merchant },
            presentation,
            rule,
        },
    )
}

proptest! {
    #[test]
    fn indexed_limits_say_what_all_rows_say(
        mut limits in prop::collection::vec(any_row(), 0..12),
        payer_country in prop::sample::select(vec![CHINA, MALAYSIA, 410, 702]),
        merchant_country in prop::sample::select(vec![CHINA, MALAYSIA, 410, 702]),
        presentation in any_presentation(),
        minor in 0..200_i64,
        mcc in prop::option::of(0..25_u16),
        kyc_level in prop::option::of(any_level()),
    ) {
        for (line, row) in (2..).zip(&mut limits) {
            row.line = line;
        }
        let ask = Ask {
            payer_country,
            merchant_country,
            presentation,
            in_limits_currency: Some(usd(minor)),
            mcc,
            kyc_level,
            ..ask()
        };
        let expected = by_the_book(&limits, &ask);
        let rules = Rules { currency: Some(USD), limits, ..Rules::default() };
        let found = match Guard::new(rules).unwrap().check(&ask) {
            Verdict::Allowed { .. } => None,
            Verdict::Refused(refusal) => Some(refusal.check),
        };
        prop_assert_eq!(found, expected);
    }
}
