//! The fake world itself: it replays, it finds what was planted, and it finds nothing else.

mod reaching;

use super::plant::{Plant, TABLE};
use super::*;

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 2, 3] {
        let one = run(seed, &Options::default());
        let other = run(seed, &Options::default());
        assert_eq!(one.hash, other.hash, "seed {seed}");
        assert_ne!(one.hash, run(seed + 100, &Options::default()).hash);
    }
}

#[test]
fn a_hundred_seeds_break_no_rule() {
    let mut coverage = Coverage::default();
    for seed in 0..100 {
        let outcome = run(seed, &Options::default());
        let violations: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
        coverage.add(&outcome.coverage);
    }
    let idle: Vec<&str> = RULE_TABLE
        .iter()
        .zip(coverage.checked)
        .filter(|(_, count)| *count == 0)
        .map(|((_, _, name, _), _)| *name)
        .collect();
    assert!(idle.is_empty(), "rules that were never checked: {idle:?}");
}

/// A payment that is answered in the turn that writes it down, over a link that was replaced
/// meanwhile: nobody takes that answer, and the next leaves when the payment is repeated.
#[test]
fn an_answer_that_is_lost_in_the_turn_that_gives_it_is_not_late() {
    let outcome = run(8_001_055, &Options::default());
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
}

#[test]
fn every_rule_has_a_planted_bug() {
    for (rule, _, name, _) in RULE_TABLE {
        let planted = TABLE.iter().any(|(_, _, breaks, _)| *breaks == rule);
        assert!(planted, "nothing shows that {name} can fail");
    }
}

#[test]
fn every_planted_bug_is_found_by_its_rule() {
    for (plant, name, rule, _) in TABLE {
        let found = (0..40).any(|seed| finds(seed, plant, rule));
        assert!(found, "{name} was not found by {} in 40 seeds", rule.name());
    }
}

fn finds(seed: u64, plant: Plant, rule: Rule) -> bool {
    let options = Options {
        plant: Some(plant),
        ..Options::default()
    };
    let outcome = run(seed, &options);
    outcome.violations.iter().any(|one| one.rule == rule)
}
