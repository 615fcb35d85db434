//! What a payment may cost to be allowed: `Guard::check`, with few and with many entries on lists.
//!
//! Measures one check alone, in memory that is warm: suspensions, the two keyed hashes of a payer
//! and a merchant and their look-ups, categories, amounts and KYC levels of a corridor. That no
//! check allocates is asserted before anything is measured. Does not measure the conversion into
//! the limits' currency; a real list is colder than one that a loop keeps asking.

use std::alloc::System;
use std::hint::black_box;

use cpg_switch::guard::{
    Ask, Corridor, Counted, Guard, KeyedHash, LimitRow, List, ListKey, ListRow, Listed, Rule,
    Rules, Verdict, Within,
};
use cpg_switch::model::chars::Chars;
use cpg_switch::model::ids::Institution;
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{KycLevel, Presentation};
use cpg_switch::sys::counting::CountingAllocator;
use criterion::{Criterion, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

const CORRIDORS: u16 = 40;

fn institution(code: u64) -> Institution {
    Institution::new(code).expect("eleven digits at most")
}

fn money(minor: i64, currency: u16) -> Money {
    let currency = Currency::new(currency).expect("ISO 4217");
    Money::new(minor, currency).expect("an amount")
}

/// An amount band and a KYC level everywhere, and three rows for each of forty corridors.
fn limits() -> Vec<LimitRow> {
    let everywhere = Corridor::default();
    let amount = Rule::Amount {
        least_minor: 1,
        most_minor: 500_000,
    };
    let level = |above_minor, level| Rule::KycLevel { above_minor, level };
    let mut rules = vec![
        (everywhere, amount),
        (everywhere, level(100_000, KycLevel::Basic)),
    ];
    for country in 1..=CORRIDORS {
        let corridor = Corridor {
            payer: Some(450 + country),
            merchant: Some(156),
        };
        let (first, last) = (7_995, 7_995);
        rules.push((corridor, amount));
        rules.push((corridor, level(200_000, KycLevel::Verified)));
        rules.push((corridor, Rule::Category { first, last }));
    }
    let row = |(line, (corridor, rule))| LimitRow {
        line,
        corridor,
        presentation: None,
        rule,
    };
    (2..).zip(rules).map(row).collect()
}

/// A list of so many strangers, half of them payers and half merchants.
fn strangers(count: u64) -> List {
    let rows = (0..count).map(|number| {
        let mut hash = [0; 16];
        let (high, low) = hash.split_at_mut(8);
        high.copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        low.copy_from_slice(&number.to_le_bytes());
        ListRow {
            line: u32::try_from(number + 2).expect("a short list"),
            kind: if number % 2 == 0 {
                Listed::Payer
            } else {
                Listed::Merchant
            },
            hash: KeyedHash(hash),
        }
    });
    List {
        name: "strangers".to_owned(),
        version: "1".to_owned(),
        rows: rows.collect(),
    }
}

fn ask() -> Ask {
    Ask {
        presentation: Presentation::Mpm,
        wallet: institution(45_800_001),
        payer_country: 458,
        acquirer: institution(15_600_021),
        merchant_country: 156,
        amount: money(10_000, 156),
        in_limits_currency: Some(money(1_400, 840)),
        kyc_level: Some(KycLevel::Basic),
        mcc: Some(5_411),
        payer_token: Chars::padded(b"7f9c2ba4e88f827d616045507605853e"),
        merchant_id: Chars::padded(b"M00000000000001"),
        counted: Counted::default(),
    }
}

fn checks(criterion: &mut Criterion) {
    let ask = ask();
    let mut group = criterion.benchmark_group("guard check");
    for listed in [0, 10, 100_000] {
        let guard = Guard::new(Rules {
            currency: Some(money(0, 840).currency),
            limits: limits(),
            list_key: ListKey::new(&[7; 32]),
            lists: vec![strangers(listed)],
            institutions: vec![ask.wallet, ask.acquirer],
            stopped: Vec::new(),
            suspended: Vec::new(),
            self_counting: Vec::new(),
        })
        .expect("rules within bounds");
        let before = ALLOCATOR.allocations();
        for _ in 0..1_000 {
            let verdict = guard.check(black_box(&ask));
            assert_eq!(verdict, Verdict::Allowed(Within::default()));
        }
        assert_eq!(ALLOCATOR.allocations() - before, 0, "{listed} listed");
        group.bench_function(format!("{listed} listed"), |bencher| {
            bencher.iter(|| guard.check(black_box(&ask)));
        });
    }
    group.finish();
}

criterion_group!(benches, checks);
criterion_main!(benches);
