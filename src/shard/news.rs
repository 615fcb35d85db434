//! What operators want to read of links, and no counter tells: who came, who was refused, who was
//! cut, and why.
//!
//! A shard writes no log, it notes: a bounded number of lines until somebody takes them. What does
//! not fit is counted and not said. Never holds a byte of what was sent.

use core::net::SocketAddr;

use crossbeam_queue::ArrayQueue;

use crate::model::ids::{LinkId, ParticipantIndex};
use crate::model::refusal::{Fault, Refusal};
use crate::model::time::Wall;
use crate::shard::Shard;
use crate::shard::stats::Counter;
use crate::sys::operation::Errno;

/// Noted in a turn, until they are taken; and, in the queue, until the office reads them.
const NOTED_MAX: usize = 128;
const QUEUED_MAX: usize = 1_024;

/// Why the switch gave a link up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Nobody signed on over it in time.
    NoSignOn,
    /// Echoes in a row were not answered.
    EchoesMissed,
    /// A frame was begun and not ended.
    Stalled,
    /// It does not read what it is sent.
    Slow,
    /// Its bytes are no frames any more.
    Framing(Fault),
    /// There are too many links, or the switch drains.
    NoRoom,
    /// An operator drained its participant, and nothing was in flight any more.
    Drained,
}

/// What happened to a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened {
    /// A participant signed on; whether it had no other link on this shard.
    SignedOn {
        /// So.
        first: bool,
    },
    /// Somebody was not let in.
    SignOnRefused(Fault),
    /// A participant signed off.
    SignedOff,
    /// A message was refused, or an answer could not be read.
    Refused(Refusal),
    /// The switch gave it up.
    Cut(Cut),
    /// The other side closed it (zero), or the network lost it.
    Ended(Errno),
}

/// One thing that happened to one link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct News {
    /// When.
    pub at: Wall,
    /// What.
    pub happened: Happened,
    /// Whose link it is, once it has signed on.
    pub participant: Option<ParticipantIndex>,
    /// From where.
    pub peer: Option<SocketAddr>,
    /// Which.
    pub link: LinkId,
}

/// Where the office takes them from.
#[derive(Debug)]
pub struct NewsQueue(ArrayQueue<News>);

impl Default for NewsQueue {
    fn default() -> Self {
        Self(ArrayQueue::new(QUEUED_MAX))
    }
}

impl NewsQueue {
    /// The oldest that nobody has taken.
    pub fn take(&self) -> Option<News> {
        self.0.pop()
    }

    /// For a test of who reads it.
    #[cfg(test)]
    pub fn put(&self, news: News) {
        self.0.push(news).unwrap();
    }
}

/// What a shard has noted and nobody has taken.
#[derive(Debug)]
pub(super) struct Noted {
    lines: Vec<News>,
    lost: u64,
}

impl Noted {
    pub(super) fn new() -> Self {
        Self {
            lines: Vec::with_capacity(NOTED_MAX),
            lost: 0,
        }
    }
}

impl Shard {
    /// Something happened to a link. What happens to one that is given up is no news.
    pub(super) fn note_link(&mut self, link: LinkId, happened: Happened, at: Wall) {
        let Some(place) = self.links.find(link).filter(|place| !place.closing) else {
            return;
        };
        let news = News {
            at,
            happened,
            participant: place.participant,
            peer: place.peer,
            link,
        };
        if self.noted.lines.len() < NOTED_MAX {
            self.noted.lines.push(news);
        } else {
            self.noted.lost += 1;
        }
    }

    /// Hands over what was noted, now and then.
    pub(super) fn tell_news(&mut self, queue: &NewsQueue) {
        for news in self.noted.lines.drain(..) {
            self.noted.lost += u64::from(queue.0.push(news).is_err());
        }
        self.stats.set(Counter::NewsLost, self.noted.lost);
    }
}
