//! Limits over time: what they hold for, to the last minor unit, and what they need.

use super::*;

/// What becomes of a payment under one row of limits over time.
fn under(row: LimitRow, change: impl FnOnce(&mut Ask)) -> Result<Within, Check> {
    let mut rules = rules();
    rules.limits.push(row);
    let mut ask = ask();
    change(&mut ask);
    match Guard::new(rules).unwrap().check(&ask) {
        Verdict::Allowed(within) => Ok(within),
        Verdict::Refused(refusal) => Err(refusal.check),
    }
}

#[test]
fn a_total_holds_up_to_its_level_to_its_last_minor_unit_and_where_its_row_says() {
    let within = |year_most_minor, day_count_most| Within {
        year_most_minor,
        day_count_most,
    };
    let row = |up_to, year_most_minor, day_count_most| {
        let rule = Rule::Total {
            up_to,
            year_most_minor,
            day_count_most,
        };
        everywhere(2, rule)
    };
    let (none, basic) = (KycLevel::None, KycLevel::Basic);
    let exact = Ok(within(Some(200_000), Some(5)));
    assert_eq!(under(row(basic, 200_000, 5), |_| {}), exact);
    let below = row(basic, 199_999, u32::MAX);
    assert_eq!(under(below, |_| {}), Err(Check::YearTotal));
    let fewer = row(basic, i64::MAX, 4);
    assert_eq!(under(fewer, |_| {}), Err(Check::DayCount));
    // For less known payers alone.
    assert_eq!(under(row(none, 1, 1), |_| {}), Ok(Within::default()));
    let unknown = |ask: &mut Ask| ask.kyc_level = None;
    assert_eq!(under(row(none, 1, 1), unknown), Err(Check::YearTotal));
    // In another corridor; where the payer shows the code.
    let elsewhere = LimitRow {
        corridor: Corridor {
            payer: Some(764),
            merchant: None,
        },
        ..below
    };
    assert_eq!(under(elsewhere, |_| {}), Ok(Within::default()));
    let shown = |ask: &mut Ask| {
        ask.presentation = Presentation::Cpm;
        ask.payer_token = None;
    };
    assert_eq!(under(below, shown), Ok(Within::default()));
}

#[test]
fn a_wallet_that_counts_itself_is_not_counted_here() {
    let mut rules = rules();
    rules.limits.push(everywhere(2, total(1, 1)));
    let guard = |counting: Vec<Institution>| {
        let limits = rules.limits.clone();
        Guard::new(Rules {
            self_counting: counting,
            limits,
            ..self::rules()
        })
        .unwrap()
    };
    let (ask, token) = (ask(), Chars::padded(b"TOKEN-0001"));
    let payer = |guard: &Guard, presentation| guard.payer(presentation, ask.wallet, token.as_ref());
    let here = guard(Vec::new());
    let hash = ListKey::new(&KEY).unwrap();
    let hash = hash.hash(Listed::Payer, ask.wallet, b"TOKEN-0001");
    assert_eq!(payer(&here, Presentation::Mpm), Some(PayerHash(hash.0)));
    assert_eq!(payer(&here, Presentation::Cpm), None);
    let there = guard(vec![ask.wallet]);
    assert_eq!(payer(&there, Presentation::Mpm), None);
    assert_eq!(there.check(&ask), Verdict::Allowed(Within::default()));
    assert_eq!(
        Guard::default().payer(Presentation::Mpm, ask.wallet, None),
        None
    );
}

#[test]
fn limits_over_time_need_a_key_and_yearly_ones_a_currency() {
    let limits = vec![everywhere(7, total(1, 1))];
    let rules = |currency, list_key, limits| Rules {
        currency,
        list_key,
        limits,
        ..Rules::default()
    };
    let key = || ListKey::new(&KEY);
    let found = Guard::new(rules(Some(USD), None, limits.clone()));
    assert_eq!(found.unwrap_err(), GuardError::NoPayerKey(7));
    let found = Guard::new(rules(None, key(), limits));
    assert_eq!(found.unwrap_err(), GuardError::NoCurrency(7));
    let counted = vec![everywhere(7, total(i64::MAX, 3))];
    assert!(Guard::new(rules(None, key(), counted)).unwrap().counts());
}
