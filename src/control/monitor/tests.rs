//! Stationary traffic raises nothing, each rule is raised by what it watches for and ends with it,
//! and nothing grows without end.

use std::collections::BTreeSet;

use super::judge::{ENDED_MAX, OPEN_MAX, TRACKS_MAX};
use super::rules::Test;
use super::*;
use crate::control::readings::tests::readings;
use crate::model::metric::Histogram;

/// Of a chance, in binary.
const DIGITS: u32 = 16;

/// Draws numbers, the same ones from the same seed.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// How many of `of` come to pass that do so many times in ten thousand: 64 at a time, each
    /// with a binary number of its own that is compared with the chance digit by digit.
    fn some(&mut self, of: u64, in_10_000: u64) -> u64 {
        let chance = (in_10_000 << DIGITS) / 10_000;
        let mut found = 0;
        let mut left = of;
        while left > 0 {
            let here = left.min(64);
            let below = (0..DIGITS).fold(0_u64, |below, digit| {
                let drawn = self.next();
                if chance >> digit & 1 == 1 {
                    below | !drawn
                } else {
                    below & !drawn
                }
            });
            found += u64::from((below & (u64::MAX >> (64 - here))).count_ones());
            left -= here;
        }
        found
    }
}

/// How a subject behaves for a while.
#[derive(Clone, Copy)]
struct Way {
    /// Of 4 times as many chances, each of which comes to pass one time in four.
    a_sample: u64,
    /// The part of a share, in ten thousand.
    part: u64,
    /// Of an answer; a tenth of them take twice that, one in fifty eight times.
    ns: u64,
    level: u64,
}

/// One subject of every rule, from the start on.
struct World {
    draw: Draw,
    judge: Judge,
    at: u64,
    totals: (u64, u64),
    times: Histogram,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            draw: Draw(seed),
            judge: Judge::default(),
            at: 0,
            totals: (0, 0),
            times: Histogram::default(),
        }
    }

    /// One sample of ten seconds under one rule.
    fn step(&mut self, rule: Rule, way: Way) -> Option<Alert> {
        let came = self.draw.some(4 * way.a_sample, 2_500);
        self.at += 10_000_000_000;
        self.totals.0 += self.draw.some(came, way.part);
        self.totals.1 += came;
        let measured = match rule.row().test {
            Test::ShareFalls(_) | Test::ShareRises(_) => {
                Measured::Share(self.totals.0, self.totals.1)
            }
            Test::CountFalls(_) | Test::CountRises(..) => Measured::Count(self.totals.1),
            Test::TimesDrift => {
                for _ in 0..came {
                    let slow = self.draw.next() % 100;
                    let times = if slow < 2 {
                        8
                    } else {
                        1 + u64::from(slow < 12)
                    };
                    self.times.note(way.ns * times);
                }
                Measured::Times(&self.times)
            }
            Test::Level(..) => Measured::Level(way.level),
        };
        let sight = Sight {
            rule,
            subject: "one",
            measured,
        };
        self.judge.look(Wall(self.at), &sight)
    }
}

/// As it usually is, and as it is when something is wrong.
fn ways(rule: Rule) -> (Way, Way) {
    let usual = Way {
        a_sample: 60,
        part: 9_300,
        ns: 40_000_000,
        level: 0,
    };
    let rare = Way { part: 150, ..usual };
    match rule.row().test {
        Test::ShareFalls(_) => (
            usual,
            Way {
                part: 6_500,
                ..usual
            },
        ),
        Test::ShareRises(_) => (
            rare,
            Way {
                part: 4_000,
                ..rare
            },
        ),
        Test::CountFalls(_) => (
            usual,
            Way {
                a_sample: 1,
                ..usual
            },
        ),
        Test::CountRises(..) => (
            usual,
            Way {
                a_sample: 600,
                ..usual
            },
        ),
        Test::TimesDrift => (
            usual,
            Way {
                ns: 200_000_000,
                ..usual
            },
        ),
        Test::Level(raise, _) => (
            usual,
            Way {
                level: raise,
                ..usual
            },
        ),
    }
}

const SAMPLES_OF_A_WEEK: u64 = 7 * 24 * 360;

/// How many alerts stationary traffic raises in so many samples of every rule.
fn false_alarms(samples: u64) -> Vec<(&'static str, u64)> {
    let mut found = Vec::new();
    for row in &TABLE {
        // Next to nothing, little, and as much as fills a window with every sample.
        for a_sample in [0, 1, 7, 60] {
            let way = Way {
                a_sample,
                ..ways(row.rule).0
            };
            let mut world = World::new(a_sample + 1_000 * (row.rule as u64));
            let raised = (0..samples).filter_map(|_| world.step(row.rule, way));
            let raised = u64::try_from(raised.count()).unwrap();
            if raised > 0 {
                found.push((row.name, raised));
            }
        }
    }
    found
}

#[test]
fn a_week_of_stationary_traffic_raises_nothing() {
    assert_eq!(false_alarms(SAMPLES_OF_A_WEEK), []);
}

/// Samples within which what is wrong is told: two windows of a minute, one of them begun before.
const WITHIN: u64 = 18;

#[test]
fn every_rule_is_raised_by_its_change_within_three_minutes_and_ends_with_it() {
    for row in &TABLE {
        let (usual, wrong) = ways(row.rule);
        let mut world = World::new(7);
        for sample in 0..200 {
            assert_eq!(
                world.step(row.rule, usual),
                None,
                "{} at {sample}",
                row.name
            );
        }
        let raised = (0..WITHIN).find_map(|_| world.step(row.rule, wrong));
        let raised = raised.unwrap_or_else(|| panic!("{} is not raised", row.name));
        assert!(raised.until.is_none() && raised.number == 1);
        for _ in 0..30 {
            assert_eq!(
                world.step(row.rule, wrong),
                None,
                "{} is raised once",
                row.name
            );
        }
        assert_eq!(world.judge.open().len(), 1);
        let ended = (0..40).find_map(|_| world.step(row.rule, usual));
        let ended = ended.unwrap_or_else(|| panic!("{} does not end", row.name));
        assert_eq!(
            ended.until.map(|(_, is_usual)| is_usual),
            Some(false),
            "{}",
            row.name
        );
        assert!(world.judge.open().is_empty());
        assert_eq!(world.judge.ended().count(), 1);
    }
}

#[test]
fn a_few_payments_raise_nothing_whatever_becomes_of_them() {
    let (usual, _) = ways(Rule::CorridorSuccess);
    let mut world = World::new(3);
    for _ in 0..400 {
        world.step(Rule::CorridorSuccess, usual);
    }
    // Three declines in five minutes, and then as ever.
    world.totals.1 += 3;
    let nothing = Way {
        a_sample: 0,
        ..usual
    };
    assert!((0..60).all(|_| world.step(Rule::CorridorSuccess, nothing).is_none()));
}

#[test]
fn what_stays_wrong_is_usual_one_day() {
    let (usual, wrong) = ways(Rule::CorridorSuccess);
    let mut world = World::new(5);
    for _ in 0..200 {
        world.step(Rule::CorridorSuccess, usual);
    }
    let told: Vec<_> = (0..1_000)
        .filter_map(|_| world.step(Rule::CorridorSuccess, wrong))
        .collect();
    assert_eq!(told.len(), 2, "raised and ended");
    assert_eq!(told[1].until.map(|(_, is_usual)| is_usual), Some(true));
}

#[test]
fn nothing_grows_without_end() {
    let mut judge = Judge::default();
    let level = |judge: &mut Judge, subject: &str, now| {
        let measured = Measured::Level(now);
        let sight = Sight {
            rule: Rule::JournalRoom,
            subject,
            measured,
        };
        judge.look(Wall(1), &sight)
    };
    for now in [1, 1, 0, 0, 0, 1, 1, 0, 0, 0] {
        for subject in 0..TRACKS_MAX + 10 {
            level(&mut judge, &format!("{subject}"), now);
        }
        assert!(judge.open().len() <= OPEN_MAX);
    }
    assert!(judge.open().is_empty());
    assert_eq!(judge.ended().count(), ENDED_MAX);
    assert!(judge.left_out() > 100);
}

#[test]
fn rules_stand_in_their_places_and_the_page_has_words_for_them() {
    let words = include_str!("../dashboard/page/board-words.js");
    let mut names = BTreeSet::new();
    for (place, row) in TABLE.iter().enumerate() {
        assert_eq!(row.rule as usize, place);
        assert!(names.insert(row.name) && !row.what.is_empty() && !row.remedy.is_empty());
        let word = format!("\"rule_{}\": ", row.name.replace('-', "_"));
        assert_eq!(words.matches(&word).count(), 2, "{word}");
    }
}

#[test]
fn every_rule_is_fed_and_what_is_open_is_counted_and_shown() {
    let readings = readings();
    let mut fed = BTreeSet::new();
    sights(&readings, Wall(0), &mut |sight| {
        let fits = match sight.rule.row().test {
            Test::ShareFalls(_) | Test::ShareRises(_) => {
                matches!(sight.measured, Measured::Share(part, all) if part <= all)
            }
            Test::CountFalls(_) | Test::CountRises(..) => {
                matches!(sight.measured, Measured::Count(_))
            }
            Test::TimesDrift => matches!(sight.measured, Measured::Times(_)),
            Test::Level(..) => matches!(sight.measured, Measured::Level(_)),
        };
        assert!(fits, "{sight:?}");
        fed.insert(sight.rule);
    });
    assert_eq!(fed.len(), RULES);

    let monitor = Monitor::default();
    let measured = Measured::Level(9);
    let sight = Sight {
        rule: Rule::JournalRoom,
        subject: "switch",
        measured,
    };
    assert!(monitor.judge().look(Wall(1), &sight).is_none());
    assert!(monitor.judge().look(Wall(2), &sight).is_some());
    readings.alerts().set(&monitor.judge().open());
    assert_eq!(readings.alerts().get(Rule::JournalRoom), 1);
    let all = monitor.all();
    assert_eq!(all["open"][0]["rule"], "journal-room");
    assert_eq!(all["open"][0]["latest"]["now"], 9.0);
    assert_eq!(monitor.open(), all["open"]);
    // The journal of these readings lacks nothing: three samples, and it is over.
    for at in 3..6 {
        monitor.look(&readings, Wall(at));
    }
    assert_eq!(readings.alerts().get(Rule::JournalRoom), 0);
    assert_eq!(monitor.all()["ended"][0]["ended"], "it is as usual again");
}
