//! What happens to links, as lines of the log: so many for each peer and no more, because who dials
//! a thousand times a second would fill the disk of whoever writes it down.
//!
//! What is not written is counted, and said when there is quiet again. Never holds what was sent.

use core::fmt;
use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::model::ids::ParticipantIndex;
use crate::model::refusal::Refusal;
use crate::model::time::Monotonic;
use crate::shard::news::{Cut, Happened, News};

/// Lines of one peer in one window.
const LINES_MAX: u32 = 20;
const WINDOW_MS: u64 = 10_000;

/// Peers that are told apart in one window; all others share.
const PEERS_MAX: usize = 1_024;

/// Whose lines are counted together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Peer {
    Participant(ParticipantIndex),
    Address(IpAddr),
    Others,
}

/// How loud a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Of interest while somebody looks.
    Detail,
    /// As it should be.
    Note,
    /// Somebody should look.
    Warning,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// How loud.
    pub weight: Weight,
    /// Name of the participant, as configured.
    pub participant: Option<String>,
    /// Address of the other side.
    pub peer: Option<String>,
    /// Which shard.
    pub shard: usize,
    /// The link's place on it.
    pub link: u32,
    /// What, and why, and what can be done.
    pub text: String,
}

/// Who writes them.
#[derive(Debug)]
pub struct Newsroom {
    names: Vec<String>,
    begun: Monotonic,
    peers: BTreeMap<Peer, u32>,
}

impl Newsroom {
    /// For participants of these names, in the order of their index.
    pub fn new(names: Vec<String>, now: Monotonic) -> Self {
        Self {
            names,
            begun: now,
            peers: BTreeMap::new(),
        }
    }

    /// A line to be written, unless its peer has had enough for now.
    pub fn hear(&mut self, shard: usize, news: &News) -> Option<Line> {
        let peer = match (news.participant, news.peer) {
            (Some(participant), _) => Peer::Participant(participant),
            (None, Some(address)) => Peer::Address(address.ip()),
            (None, None) => Peer::Others,
        };
        let known = self.peers.len() < PEERS_MAX || self.peers.contains_key(&peer);
        let count = self.peers.entry(if known { peer } else { Peer::Others });
        let count = count.or_insert(0);
        *count = count.saturating_add(1);
        (*count <= LINES_MAX).then(|| self.line(shard, news))
    }

    /// What was not written in a window that is over, a line for each peer, the worst first.
    pub fn suppressed(&mut self, now: Monotonic) -> Vec<(String, u32)> {
        if now.0.saturating_sub(self.begun.0) < WINDOW_MS * 1_000_000 {
            return Vec::new();
        }
        self.begun = now;
        let peers = core::mem::take(&mut self.peers);
        let loud = peers.into_iter().filter(|(_, count)| *count > LINES_MAX);
        let mut lines: Vec<_> = loud
            .map(|(peer, count)| (self.peer_name(peer), count - LINES_MAX))
            .collect();
        lines.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        let lines_max = usize::try_from(LINES_MAX).unwrap_or(usize::MAX);
        if lines.len() > lines_max {
            let rest: u32 = lines[lines_max..].iter().map(|(_, count)| count).sum();
            lines.truncate(lines_max);
            lines.push((self.peer_name(Peer::Others), rest));
        }
        lines
    }

    fn peer_name(&self, peer: Peer) -> String {
        match peer {
            Peer::Participant(index) => self.name(index),
            Peer::Address(address) => address.to_string(),
            Peer::Others => "others".to_owned(),
        }
    }

    fn name(&self, index: ParticipantIndex) -> String {
        let name = self.names.get(usize::from(index.0));
        name.map_or_else(|| "other".to_owned(), Clone::clone)
    }

    fn line(&self, shard: usize, news: &News) -> Line {
        Line {
            weight: weight(&news.happened),
            participant: news.participant.map(|index| self.name(index)),
            peer: news.peer.map(|peer| peer.to_string()),
            shard,
            link: news.link.slot,
            text: Words(&news.happened).to_string(),
        }
    }
}

const fn weight(happened: &Happened) -> Weight {
    match happened {
        Happened::SignedOn { first: false } => Weight::Detail,
        Happened::SignedOn { first: true } | Happened::SignedOff | Happened::Ended(_) => {
            Weight::Note
        }
        Happened::SignOnRefused(_) | Happened::Refused(_) | Happened::Cut(_) => Weight::Warning,
    }
}

struct Words<'a>(&'a Happened);

impl fmt::Display for Words<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Happened::SignedOn { first: true } => {
                formatter.write_str("signed on, over its first link")
            }
            Happened::SignedOn { first: false } => {
                formatter.write_str("signed on, over one more link")
            }
            Happened::SignedOff => formatter.write_str("signed off"),
            Happened::SignOnRefused(fault) => {
                let name = fault.name();
                write!(
                    formatter,
                    "sign-on refused: {name}; compare its institution and addresses with the \
                     configuration"
                )
            }
            Happened::Refused(Refusal {
                fault,
                field_id,
                offset,
            }) => write!(
                formatter,
                "message refused: {}, field {field_id}, offset {offset}; `cpg-switch message \
                 decode` explains its bytes",
                fault.name()
            ),
            Happened::Cut(cut) => write_cut(*cut, formatter),
            Happened::Ended(errno) if errno.0 == 0 => {
                formatter.write_str("closed by the other side")
            }
            Happened::Ended(errno) => {
                write!(
                    formatter,
                    "lost: {}",
                    std::io::Error::from_raw_os_error(errno.0)
                )
            }
        }
    }
}

fn write_cut(cut: Cut, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let why = match cut {
        Cut::NoSignOn => "nobody signed on in time",
        Cut::EchoesMissed => "echoes in a row were not answered; is the other side alive?",
        Cut::Stalled => "a frame was begun and not ended",
        Cut::Slow => "it does not read what it is sent; its window may be too large for it",
        Cut::NoRoom => "there are too many links (`limits`), or the switch drains",
        Cut::Drained => "its participant was drained",
        Cut::Framing(fault) => {
            let name = fault.name();
            return write!(
                formatter,
                "cut: its bytes are no frames ({name}); compare its framing with the listener's"
            );
        }
    };
    write!(formatter, "cut: {why}")
}

/// Writes one into the log.
pub fn write(line: &Line) {
    let Line {
        participant,
        peer,
        shard,
        link,
        text,
        ..
    } = line;
    let (participant, peer) = (participant.as_deref(), peer.as_deref());
    match line.weight {
        Weight::Detail => tracing::debug!(participant, peer, shard, link, "{text}"),
        Weight::Note => tracing::info!(participant, peer, shard, link, "{text}"),
        Weight::Warning => tracing::warn!(participant, peer, shard, link, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::LinkId;
    use crate::model::refusal::Fault;
    use crate::model::time::Wall;
    use crate::sys::operation::Errno;

    fn news(happened: Happened, participant: Option<u16>, host: u8) -> News {
        News {
            at: Wall(0),
            happened,
            participant: participant.map(ParticipantIndex),
            peer: Some(([10, 0, 0, host], 7_100).into()),
            link: LinkId {
                slot: 3,
                generation: 9,
            },
        }
    }

    fn room() -> Newsroom {
        Newsroom::new(
            vec!["wallet".to_owned(), "acquirer".to_owned()],
            Monotonic(0),
        )
    }

    #[test]
    fn a_line_names_who_from_where_what_and_the_remedy() {
        let mut room = room();
        let line = room
            .hear(1, &news(Happened::Cut(Cut::Slow), Some(1), 7))
            .unwrap();
        assert_eq!(
            (line.weight, line.shard, line.link),
            (Weight::Warning, 1, 3)
        );
        assert_eq!(line.participant.as_deref(), Some("acquirer"));
        assert_eq!(line.peer.as_deref(), Some("10.0.0.7:7100"));
        assert!(line.text.contains("does not read"), "{}", line.text);
        let refusal = Refusal {
            fault: Fault::Truncated,
            field_id: 49,
            offset: 112,
        };
        let refused = room
            .hear(0, &news(Happened::Refused(refusal), Some(0), 7))
            .unwrap();
        for word in ["field 49", "offset 112", Fault::Truncated.name()] {
            assert!(refused.text.contains(word), "{}", refused.text);
        }
        let lost = room
            .hear(0, &news(Happened::Ended(Errno(104)), None, 7))
            .unwrap();
        assert_eq!((lost.weight, lost.participant), (Weight::Note, None));
        assert!(lost.text.contains("reset"), "{}", lost.text);
    }

    #[test]
    fn a_loud_peer_is_cut_short_and_no_other_is() {
        let mut room = room();
        let loud = news(Happened::SignOnRefused(Fault::ForeignInstitution), None, 1);
        let written = (0..500).filter(|_| room.hear(0, &loud).is_some()).count();
        assert_eq!(written, 20);
        // Another port of the same host is the same peer; another host is not.
        let other_port = News {
            peer: Some(([10, 0, 0, 1], 9).into()),
            ..loud
        };
        assert_eq!(room.hear(0, &other_port), None);
        let calm = news(Happened::SignedOff, Some(0), 1);
        assert!(room.hear(0, &calm).is_some());
        assert_eq!(room.suppressed(Monotonic(9_999_999_999)), []);
        let told = room.suppressed(Monotonic(10_000_000_000));
        assert_eq!(told, [("10.0.0.1".to_owned(), 481)]);
        assert!(room.hear(0, &loud).is_some());
        assert_eq!(room.suppressed(Monotonic(20_000_000_000)), []);
    }

    #[test]
    fn however_many_peers_there_are_the_room_does_not_grow() {
        let mut room = room();
        let mut written = 0;
        for number in 0..100_000_u32 {
            let [.., a, b, c] = number.to_be_bytes();
            let loud = News {
                peer: Some(([10, a, b, c], 1).into()),
                ..news(Happened::Cut(Cut::NoSignOn), None, 0)
            };
            written += usize::from(room.hear(0, &loud).is_some());
        }
        assert!(room.peers.len() <= PEERS_MAX + 1);
        assert!(written <= PEERS_MAX + 20, "{written}");
        let told = room.suppressed(Monotonic(u64::MAX));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "others");
    }
}
