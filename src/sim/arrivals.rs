//! What reaches a node between two turns, and how the next turn hears of it.

use crate::model::ids::{LinkId, ListenerIndex, ShardId};
use crate::model::ruling::Ruled;
use crate::shard::{Pass, Shard};
use crate::sys::operation::{Completion, Errno, SendBuffer};

/// A completion that waits for the next turn.
#[derive(Debug)]
pub(super) enum Arrived {
    Accepted(ListenerIndex, LinkId),
    Received(LinkId, Vec<u8>),
    Ended(LinkId, Errno),
    Sent(LinkId, SendBuffer, Errno),
    Closed(LinkId),
    Written(u64, Errno),
    SegmentReady(u64, Errno),
    Woken,
    PeerEnded(ShardId),
    Drain,
    Ruled(u32, Ruled),
}

/// Hands it to the shard.
pub(super) fn hand(shard: &mut Shard, arrived: Arrived, pass: &mut Pass<'_>) {
    let peer = core::net::SocketAddr::from(([127, 0, 0, 1], 50_000));
    match arrived {
        Arrived::Accepted(listener, link) => {
            let accepted = Completion::Accepted {
                listener,
                link,
                peer,
            };
            shard.handle(accepted, pass);
        }
        Arrived::Received(link, bytes) => {
            let bytes = &bytes;
            shard.handle(Completion::Received { link, bytes }, pass);
        }
        Arrived::Ended(link, errno) => shard.handle(Completion::Ended { link, errno }, pass),
        Arrived::Sent(link, buffer, errno) => {
            let sent = Completion::Sent {
                link,
                buffer,
                errno,
            };
            shard.handle(sent, pass);
        }
        Arrived::Closed(link) => shard.handle(Completion::Closed { link }, pass),
        Arrived::Written(write, errno) => {
            shard.handle(Completion::Written { write, errno }, pass);
        }
        Arrived::SegmentReady(segment, errno) => {
            shard.handle(Completion::SegmentReady { segment, errno }, pass);
        }
        Arrived::Woken => shard.handle(Completion::Woken, pass),
        Arrived::Drain => shard.say_goodbye(pass),
        Arrived::Ruled(ticket, ruled) => shard.handle_ruling(ticket, &ruled, pass),
        Arrived::PeerEnded(peer) => shard.handle_peer_ended(peer),
    }
}
