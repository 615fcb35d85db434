//! Signs of life, for whoever starts a switch again when it has none: `/healthz`, and the
//! notifications and the watchdog of systemd (`sd_notify(3)`).
//!
//! A shard lives while it turns; idle, it turns twice a second all the same. Alive is not ready: a
//! switch that recovers, is full, or drains lives, and is left alone. Where nobody asks for
//! notifications, nothing is sent.

use core::time::Duration;
use std::sync::Arc;

use sd_notify::NotifyState;

use crate::model::time::Monotonic;
use crate::shard::stats::{Counter, Counters, Health};

/// Without a turn for so long a shard counts as stuck. It waits for no disk and for no peer; what a
/// machine takes from a thread at its worst is less.
pub const STUCK_AFTER_MS: u64 = 10_000;

/// Between two looks.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a start is given, again and again while it recovers.
const START_MORE_US: u32 = 30_000_000;

/// As long as a start may go on without being ready. Ten million payments take seconds.
const START_WITHIN_MS: u64 = 1_800_000;

/// A shard that does not turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// Which.
    pub shard: usize,
    /// For how long.
    pub for_ms: u64,
}

impl core::fmt::Display for Stuck {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let seconds = self.for_ms / 1_000;
        write!(
            formatter,
            "shard {} has not turned for {seconds} s",
            self.shard
        )
    }
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    turns: u64,
    since: Monotonic,
}

/// When each shard was last seen to turn.
#[derive(Default, Debug)]
pub struct Pulse {
    beats: Vec<Beat>,
}

impl Pulse {
    /// Takes what the shards have counted so far, in order; none of one that need not turn. Returns
    /// the one that has been stuck for longest.
    pub fn feel(
        &mut self,
        turns: impl Iterator<Item = Option<u64>>,
        now: Monotonic,
    ) -> Option<Stuck> {
        let mut worst: Option<Stuck> = None;
        for (shard, turns) in turns.enumerate() {
            if self.beats.len() == shard {
                self.beats.push(Beat {
                    turns: 0,
                    since: now,
                });
            }
            let beat = &mut self.beats[shard];
            if turns.is_none_or(|turns| turns != beat.turns) {
                *beat = Beat {
                    turns: turns.unwrap_or(0),
                    since: now,
                };
            }
            let for_ms = now.0.saturating_sub(beat.since.0) / 1_000_000;
            if for_ms >= STUCK_AFTER_MS && worst.is_none_or(|worst| for_ms > worst.for_ms) {
                worst = Some(Stuck { shard, for_ms });
            }
        }
        worst
    }
}

/// The turns of each shard that has to turn.
pub fn turns(counters: &[Arc<Counters>]) -> impl Iterator<Item = Option<u64>> {
    counters.iter().map(|counters| match counters.health() {
        // It reads its journal, or it is over, and whoever waits for it knows.
        Health::Starting | Health::Ended | Health::Fenced => None,
        Health::Serving | Health::Draining | Health::Full => Some(counters.get(Counter::Turns)),
    })
}

/// What a look has found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look<'a> {
    /// Whether the shards have been recovered.
    pub open: bool,
    /// Who is stuck.
    pub stuck: Option<Stuck>,
    /// Why payments cannot be taken.
    pub unready: Option<&'a str>,
}

/// What systemd was told, so that it is told once.
#[derive(Debug)]
pub struct Herald {
    /// How often the watchdog wants to hear of us.
    every_ms: Option<u64>,
    begun: Monotonic,
    heard: Option<Monotonic>,
    ready: bool,
    status: String,
}

impl Herald {
    /// For a watchdog that waits for so long, if there is one.
    pub fn new(watchdog: Option<Duration>, now: Monotonic) -> Self {
        // A third: two may be late.
        let every = watchdog.map(|watchdog| watchdog.as_millis() / 3);
        Self {
            every_ms: every.map(|every| u64::try_from(every).unwrap_or(u64::MAX)),
            begun: now,
            heard: None,
            ready: false,
            status: String::new(),
        }
    }

    /// What is to be said now, as lines of `sd_notify(3)`.
    pub fn words(&mut self, look: &Look<'_>, now: Monotonic) -> Vec<String> {
        let mut words = Vec::new();
        let mut say = |state: NotifyState<'_>| words.push(state.to_string());
        if look.open && !self.ready {
            self.ready = true;
            say(NotifyState::Ready);
        }
        let since = |then: Monotonic| now.0.saturating_sub(then.0) / 1_000_000;
        if !look.open && since(self.begun) < START_WITHIN_MS {
            say(NotifyState::ExtendTimeoutUsec(START_MORE_US));
        }
        let due = |every: u64| self.heard.is_none_or(|heard| since(heard) >= every);
        if look.stuck.is_none() && self.every_ms.is_some_and(due) {
            self.heard = Some(now);
            say(NotifyState::Watchdog);
        }
        let status = match (&look.stuck, look.unready) {
            (Some(stuck), _) => stuck.to_string(),
            (None, Some(unready)) => unready.to_owned(),
            (None, None) => "taking payments".to_owned(),
        };
        if status != self.status {
            say(NotifyState::Status(&status));
            self.status = status;
        }
        words
    }
}

/// It was told to end. An idle switch ends at once, so this waits for no look.
pub fn tell_ending() {
    tell(&[NotifyState::Stopping.to_string()]);
}

/// Tells systemd, if it listens.
pub fn tell(words: &[String]) {
    let states: Vec<_> = words.iter().map(|word| NotifyState::Custom(word)).collect();
    if !states.is_empty()
        && let Err(error) = sd_notify::notify(&states)
    {
        tracing::debug!(%error, "nobody takes our notifications");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Monotonic {
        Monotonic(ms * 1_000_000)
    }

    #[test]
    fn who_turns_or_need_not_is_never_stuck_and_the_longest_is_told() {
        let mut pulse = Pulse::default();
        let mut feel = |turns: [Option<u64>; 3], ms| pulse.feel(turns.into_iter(), at(ms));
        assert_eq!(feel([Some(5), Some(5), None], 1_000), None);
        assert_eq!(feel([Some(6), Some(5), None], 9_000), None);
        let stuck = |shard, for_ms| Some(Stuck { shard, for_ms });
        assert_eq!(feel([Some(6), Some(5), None], 11_000), stuck(1, 10_000));
        assert_eq!(feel([Some(6), Some(5), None], 20_000), stuck(1, 19_000));
        assert_eq!(feel([Some(6), Some(6), None], 21_000), stuck(0, 12_000));
        // It began to turn only now.
        assert_eq!(feel([None, Some(7), Some(0)], 22_000), None);
        assert_eq!(feel([None, Some(8), Some(0)], 31_500), stuck(2, 10_500));
    }

    fn look(open: bool, stuck: bool) -> Look<'static> {
        Look {
            open,
            stuck: stuck.then_some(Stuck {
                shard: 1,
                for_ms: 12_345,
            }),
            unready: None,
        }
    }

    #[test]
    fn systemd_hears_that_it_starts_is_ready_and_lives_and_not_that_a_stuck_one_lives() {
        let mut herald = Herald::new(Some(Duration::from_secs(15)), at(0));
        let mut words = |look: Look<'_>, ms| herald.words(&look, at(ms)).join(" ");
        let early = words(look(false, false), 0);
        assert_eq!(
            early,
            "EXTEND_TIMEOUT_USEC=30000000 WATCHDOG=1 STATUS=taking payments"
        );
        assert_eq!(words(look(true, false), 500), "READY=1");
        assert_eq!(words(look(true, false), 4_999), "");
        assert_eq!(words(look(true, false), 5_000), "WATCHDOG=1");
        let stuck = words(look(true, true), 20_000);
        assert_eq!(stuck, "STATUS=shard 1 has not turned for 12 s");
        let again = words(look(true, false), 21_000);
        assert_eq!(again, "WATCHDOG=1 STATUS=taking payments");
        assert_eq!(words(look(true, false), 21_500), "");
    }

    #[test]
    fn a_start_is_given_time_but_not_for_ever_and_no_watchdog_is_fed_that_is_not_there() {
        let mut herald = Herald::new(None, at(0));
        let words = herald.words(&look(false, false), at(START_WITHIN_MS - 1));
        assert_eq!(words.len(), 2, "{words:?}");
        let words = herald.words(&look(false, false), at(START_WITHIN_MS));
        assert_eq!(words, Vec::<String>::new());
    }
}
