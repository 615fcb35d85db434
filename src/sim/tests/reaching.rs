//! Every row of the transition table and every fault of the fake world is reached.
//!
//! Whatever changes a draw, or an answer of the switch, gives the seeds below other lives. Those
//! that follow make up for it, for a while: the test passes, and takes longer. Then
//! `cpg-switch sim --seeds 3000` prints the seeds to be written here.

use super::*;

/// Together they reach everything.
const SEEDS: &[u64] = &[
    2_659, 2_422, 2_242, 1_984, 2_891, 2_671, 2_642, 2_116, 1_973, 1_805, 2_848, 2_412, 2_368,
    2_367, 2_290, 1_960, 2_949, 2_918, 2_877, 2_769, 2_749, 2_561, 2_419, 2_010,
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
