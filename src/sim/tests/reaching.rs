//! Every row of the transition table and every fault of the fake world is reached.
//!
//! Whatever changes a draw, or an answer of the switch, gives the seeds below other lives. Those
//! that follow make up for it, for a while: the test passes, and takes longer. Then
//! `cpg-switch sim --seeds 3000` prints the seeds to be written here.

use super::*;

/// Together they reach everything.
const SEEDS: &[u64] = &[
    202, 1_270, 2_815, 2_865, 1_999, 1_591, 2_978, 2_741, 2_594, 2_876, 1_817, 940, 2_236, 1_009,
];
/// Seeds after that, at most.
const MORE_MAX: u64 = 400;

#[test]
fn every_row_is_taken_and_every_fault_strikes() {
    let mut coverage = Coverage::default();
    for seed in SEEDS.iter().copied().chain(1_000_000..1_000_000 + MORE_MAX) {
        let outcome = run(seed, &Options::default());
        coverage.add(&outcome.coverage);
        if coverage.never().is_empty() {
            return;
        }
    }
    let never = coverage.never();
    assert!(never.is_empty(), "never reached: {never:?}");
}
