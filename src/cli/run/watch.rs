//! The thread that tells people when a shard stops to take payments, and when it takes them again:
//! who reads logs and not `/readyz` must hear of it too; and what happens to links. It changes
//! nothing.

use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use crate::control::news::{self, Newsroom};
use crate::shard::stats::{Counters, Health};
use crate::sys::clock::Clock;
use crate::sys::threads;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks without trouble until it is told to be over: what comes and goes is told once.
const LOOKS_OVER: u32 = 40;

/// The thread ends when this is gone.
#[derive(Debug)]
pub(super) struct Watch {
    _alive: Sender<()>,
}

/// Starts it. A switch without it works; it only says less.
pub(super) fn start(counters: &[Arc<Counters>], participants: Vec<String>) -> Option<Watch> {
    let (alive, ended) = channel();
    let counters = counters.to_vec();
    threads::spawn("cpg-watch", move || watch(&counters, participants, &ended))
        .inspect_err(|error| tracing::warn!(%error, "nobody watches the shards"))
        .ok()?;
    Some(Watch { _alive: alive })
}

fn watch(counters: &[Arc<Counters>], participants: Vec<String>, ended: &Receiver<()>) {
    let mut newsroom = Newsroom::new(participants, Clock.now().monotonic);
    let mut shards = vec![Watched::default(); counters.len()];
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        for (shard, (watched, counters)) in shards.iter_mut().zip(counters).enumerate() {
            match watched.look(counters.health()) {
                None => {}
                Some(News::Full) => tracing::warn!(
                    shard,
                    "the journal is full: new payments are shed, outcomes and reversals still fit; \
                     free space on its file system, or raise `journal.bytes_max` and start again"
                ),
                Some(News::Over) => tracing::info!(shard, "payments are taken again"),
            }
        }
        write_news(counters, &mut newsroom);
    }
    write_news(counters, &mut newsroom);
}

/// What has happened to links since.
fn write_news(counters: &[Arc<Counters>], newsroom: &mut Newsroom) {
    for (shard, counters) in counters.iter().enumerate() {
        while let Some(happened) = counters.news.take() {
            if let Some(line) = newsroom.hear(shard, &happened) {
                news::write(&line);
            }
        }
    }
    for (peer, lines) in newsroom.suppressed(Clock.now().monotonic) {
        tracing::warn!(peer, lines, "more happened than was written");
    }
}

/// What was told of one shard.
#[derive(Clone, Copy, Default, Debug)]
struct Watched {
    full: bool,
    looks: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    Full,
    Over,
}

impl Watched {
    fn look(&mut self, health: Health) -> Option<News> {
        match health {
            Health::Full => {
                self.looks = 0;
                (!core::mem::replace(&mut self.full, true)).then_some(News::Full)
            }
            Health::Serving if self.full => {
                self.looks += 1;
                let over = self.looks >= LOOKS_OVER;
                self.full = !over;
                over.then_some(News::Over)
            }
            // Whoever ends a shard says so.
            Health::Starting
            | Health::Serving
            | Health::Draining
            | Health::Ended
            | Health::Fenced => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_journal_is_told_once_and_so_is_its_end() {
        let mut watched = Watched::default();
        assert_eq!(watched.look(Health::Serving), None);
        assert_eq!(watched.look(Health::Full), Some(News::Full));
        // It comes and goes.
        for _ in 0..3 * LOOKS_OVER {
            assert_eq!(watched.look(Health::Serving), None);
            assert_eq!(watched.look(Health::Full), None);
        }
        for _ in 1..LOOKS_OVER {
            assert_eq!(watched.look(Health::Serving), None);
        }
        assert_eq!(watched.look(Health::Serving), Some(News::Over));
        assert_eq!(watched.look(Health::Serving), None);
        assert_eq!(watched.look(Health::Draining), None);
        assert_eq!(watched.look(Health::Full), Some(News::Full));
    }
}
