//! At what rate: finding a rate, converting an amount, sealing and opening a quote.
//!
//! Measures the rooms' functions alone, in memory that is warm, with the sandbox's rates and with
//! 40 currencies that have a rate for each day of a year. That none of them allocates is asserted
//! before anything is measured. Does not measure how tables are loaded, nor the engine around it.

use std::alloc::System;
use std::hint::black_box;

use cpg_switch::control::configuration::Configuration;
use cpg_switch::fx::exponents::{all_letters, by_letters};
use cpg_switch::fx::quotes::QUOTE_CHARACTERS_MAX;
use cpg_switch::fx::{QuoteKey, QuoteKeys, QuoteTerms, Rates, Rounding, Settings, StatedRate};
use cpg_switch::model::ids::{Institution, TableVersion};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::time::{DAY_NS, Wall};
use cpg_switch::sys::counting::CountingAllocator;
use criterion::{Criterion, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

/// In the year 2026.
const NOW: Wall = Wall(1_795_298_705_000_000_000);
const CODE: &[u8] = b"281045112233445566";

fn currency(letters: &str) -> Currency {
    by_letters(letters).expect("ISO 4217 lists it")
}

/// A rate for each of 365 days, of `count` currencies both ways against CNY; all others crossed.
fn a_year_of(count: usize) -> Rates {
    let cny = currency("CNY");
    let others = all_letters()
        .map(currency)
        .filter(|it| *it != cny)
        .take(count);
    let first = NOW.0 - 200 * DAY_NS;
    let rows: Vec<StatedRate> = others
        .flat_map(|other| [(other, cny), (cny, other)])
        .flat_map(|(base, quote)| {
            (0..365).map(move |day| StatedRate {
                base,
                quote,
                rate: rust_decimal::Decimal::new(1_715_200 + i64::try_from(day).unwrap_or(0), 6),
                margin_bp: 50,
                rounding: Rounding::HalfUp,
                valid_from: Wall(first + day * DAY_NS),
                valid_until: Wall(first + (day + 1) * DAY_NS),
                source: String::new(),
            })
        })
        .collect();
    let settings = Settings {
        pivot: cny,
        significant_digits: 7,
    };
    Rates::build(&rows, &settings).expect("good rows")
}

/// Asserts that `what` does not allocate.
fn without_allocation<T>(name: &str, mut what: impl FnMut() -> T) {
    let before = ALLOCATOR.allocations();
    for _ in 0..1_000 {
        black_box(what());
    }
    assert_eq!(ALLOCATOR.allocations() - before, 0, "allocations of {name}");
}

fn rates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fx");
    let sandbox = Configuration::sandbox()
        .fx
        .rates
        .expect("the sandbox has rates");
    let year = a_year_of(40);
    for (name, rates) in [("find, sandbox", &sandbox), ("find, 40 by 365 days", &year)] {
        let (from, to) = (
            currency("CNY"),
            if name.contains("40") { "AUD" } else { "MYR" },
        );
        let to = currency(to);
        let find = || rates.find(black_box(from), black_box(to), black_box(NOW));
        assert!(find().is_ok(), "{name}");
        without_allocation(name, find);
        group.bench_function(name, |bencher| bencher.iter(find));
    }
    let applied = sandbox
        .find(currency("CNY"), currency("KRW"), NOW)
        .expect("the sandbox states it");
    let amount = Money::new(12_800, currency("CNY")).expect("an amount");
    let convert = || sandbox.convert(black_box(amount), black_box(&applied), currency("KRW"));
    without_allocation("convert", convert);
    group.bench_function("convert", |bencher| bencher.iter(convert));
    group.finish();
}

fn quotes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fx quote");
    let keys = QuoteKeys::new(QuoteKey::new(&[7; 32]), None);
    let rates = Configuration::sandbox()
        .fx
        .rates
        .expect("the sandbox has rates");
    let applied = rates
        .find(currency("CNY"), currency("MYR"), NOW)
        .expect("the sandbox states it");
    let institution = |code| Institution::new(code).expect("an institution");
    let terms = QuoteTerms {
        table: TableVersion(1),
        wallet: institution(45_800_001),
        destination: institution(15_600_021),
        code: keys.digest(CODE),
        amount_currency: currency("CNY"),
        amount_minor: Some(12_800),
        billing_currency: currency("MYR"),
        billing_minor: Some(7_500),
        rate: applied.rate,
        rounding: applied.rounding,
        expiry: Wall(NOW.0 + 60_000_000_000),
        settlement: None,
        order: None,
    };
    let mut text = [0; QUOTE_CHARACTERS_MAX];
    let token = keys.seal(&terms, &mut text).to_vec();
    let seal = || {
        let mut text = [0; QUOTE_CHARACTERS_MAX];
        keys.seal(black_box(&terms), &mut text).len()
    };
    let open = || keys.open(black_box(&token), NOW);
    let digest = || keys.digest(black_box(CODE));
    assert_eq!(open(), Ok(terms));
    without_allocation("seal", seal);
    without_allocation("open", open);
    without_allocation("digest", digest);
    group.bench_function("seal", |bencher| bencher.iter(seal));
    group.bench_function("open", |bencher| bencher.iter(open));
    group.bench_function("digest of a code", |bencher| bencher.iter(digest));
    group.finish();
}

criterion_group!(benches, rates, quotes);
criterion_main!(benches);
