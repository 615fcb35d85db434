//! Reading a code allocates nothing, whatever the code.
//!
//! It stands alone because it counts every allocation of its process: no other test may run beside
//! it.

#![cfg(test)]

use std::alloc::System;

use cpg_switch::qr::Code;
use cpg_switch::sys::counting::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

const SAMPLES: &str = include_str!("../data/qr-samples.tsv");

#[test]
fn reading_a_code_allocates_nothing() {
    let mut payloads: Vec<String> = SAMPLES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .map(ToOwned::to_owned)
        .collect();
    // Everything that is wrong with a damaged or endless code is found without one, too.
    for at in 0..payloads.len() {
        let cut: String = payloads[at].chars().take(40).collect();
        payloads.push(cut + "\u{7}99");
    }
    payloads.push("0002".repeat(1_000));
    payloads.push("000201".to_owned() + &"6501\u{7}".repeat(90));
    let read = |payload: &String| {
        let code = Code::read(payload.as_bytes());
        let values = code.fields().iter().map(|field| code.value(field).len());
        let marks = code.owners().iter().map(|owner| code.mark(owner).len());
        values.chain(marks).sum::<usize>() + code.faults().len() + code.warnings().len()
    };
    // The harness itself is busy while a test begins.
    for _ in 0..20 {
        payloads
            .iter()
            .for_each(|payload| assert!(read(payload) > 0, "{payload}"));
    }
    let mut found = 0;
    let before = ALLOCATOR.allocations();
    for _ in 0..100 {
        found += payloads.iter().map(read).sum::<usize>();
    }
    let during = ALLOCATOR.allocations() - before;
    assert!(found > 100_000, "the codes were read: {found}");
    assert_eq!(during, 0, "allocations of {} codes", 100 * payloads.len());
}
