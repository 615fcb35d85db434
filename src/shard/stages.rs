//! Frames in two stages: a batch of them is cut out and decoded, then it is handled.
//!
//! Decoding and handling together are more code than a core's first cache of instructions holds.
//! Frame by frame, each would push the other out, and every payment would fetch all of it again;
//! in batches, the code of one stage is fetched once for all of them. Meanwhile the places of the
//! index that the second stage will look at come near. What happens is the same as frame by frame,
//! in the same order: a message that can change how the next one is read ends its batch.

use arrayvec::ArrayVec;

use crate::model::ids::LinkId;
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{Message, PaymentRequest};
use crate::shard::frames::Speaker;
use crate::shard::news::{Cut, Happened};
use crate::shard::stats::Counter;
use crate::shard::{Pass, Shard};
use crate::sys::memory::prefetch;
use crate::wire::frame::{Split, answer_tpdu};

/// Messages of a batch. What they take of the stack should stay in a first cache of data.
const BATCH: usize = 16;

/// A message that waits for its batch to be handled.
struct Heard<'b> {
    body: &'b [u8],
    message: Message<'b>,
}

/// Why a batch ended, and what is to be done after it.
enum Then<'b> {
    /// It is full: go on.
    Continue,
    /// The beginning of a frame is left.
    Wait,
    /// A frame that is handled by itself.
    Alone(&'b [u8]),
    /// A keep-alive, answered with itself.
    KeepAlive(&'b [u8]),
    /// The framing is lost.
    Lost(crate::model::refusal::Fault),
    /// The link is gone.
    Gone,
}

impl Shard {
    /// Handles every whole frame and returns the beginning of the next.
    pub(super) fn handle_frames<'b>(
        &mut self,
        link: LinkId,
        mut bytes: &'b [u8],
        pass: &mut Pass<'_>,
    ) -> &'b [u8] {
        let mut batch: ArrayVec<Heard<'b>, BATCH> = ArrayVec::new();
        loop {
            let then = self.hear(link, &mut bytes, &mut batch);
            if !self.handle_batch(link, &batch, pass) {
                return &[];
            }
            batch.clear();
            match then {
                Then::Continue => {}
                Then::Wait => return bytes,
                Then::Alone(body) => {
                    self.stats.add(Counter::FramesIn, 1);
                    self.handle_body(link, body, pass);
                }
                Then::KeepAlive(frame) => {
                    if !self.links.append(link, frame, &[]) {
                        self.cut_slow(link, pass);
                    }
                }
                Then::Lost(fault) => {
                    self.stats.refuse(fault);
                    self.stats.add(Counter::LinksCutFraming, 1);
                    let why = Cut::Framing(fault);
                    self.note_link(link, Happened::Cut(why), pass.now.wall);
                    self.cut(link, pass);
                    return &[];
                }
                Then::Gone => return &[],
            }
        }
    }

    /// Cuts out and decodes frames until the batch is full or one has to be handled by itself.
    fn hear<'b>(
        &mut self,
        link: LinkId,
        bytes: &mut &'b [u8],
        batch: &mut ArrayVec<Heard<'b>, BATCH>,
    ) -> Then<'b> {
        let Some(place) = self.links.find(link).filter(|place| !place.closing) else {
            return Then::Gone;
        };
        let listener = &self.listeners[usize::from(place.listener)];
        let (framing, frame_bytes_max) = (listener.framing, listener.frame_bytes_max);
        let speaker = self.sessions.speaker(link);
        while !batch.is_full() {
            let rest = *bytes;
            match framing.split(rest, frame_bytes_max) {
                Split::Partial { .. } => return Then::Wait,
                Split::Lost(fault) => return Then::Lost(fault),
                Split::KeepAlive { total } => {
                    *bytes = &rest[total..];
                    return Then::KeepAlive(&rest[..total]);
                }
                Split::Frame { body, tpdu, total } => {
                    let tpdu = tpdu.map(answer_tpdu);
                    if place.tpdu != tpdu {
                        // Answers to what was heard before are for the address that it came from.
                        if !batch.is_empty() {
                            return Then::Continue;
                        }
                        place.tpdu = tpdu;
                    }
                    *bytes = &rest[total..];
                    let body = &rest[body];
                    let Some((participant, _)) = speaker else {
                        return Then::Alone(body);
                    };
                    let dialect = &self.dialects[usize::from(participant.0)];
                    // What is refused may be a text that only the one scratch can hold.
                    let Ok(message) = dialect.decode(body, self.today) else {
                        return Then::Alone(body);
                    };
                    if ends_batch(&message) {
                        return Then::Alone(body);
                    }
                    if let Message::PaymentRequest(PaymentRequest { key, .. }) = &message {
                        prefetch(self.engine.entry(&BusinessKey {
                            key: *key,
                            class: Class::Payment,
                        }));
                    }
                    batch.push(Heard { body, message });
                }
            }
        }
        Then::Continue
    }

    /// Handles what was heard; `false`: its link was given up meanwhile.
    fn handle_batch(&mut self, link: LinkId, batch: &[Heard<'_>], pass: &mut Pass<'_>) -> bool {
        for Heard { body, message } in batch {
            if self.links.find(link).is_none_or(|place| place.closing) {
                return false;
            }
            self.stats.add(Counter::FramesIn, 1);
            if let Some((participant, state)) = self.sessions.speaker(link) {
                let from = Speaker {
                    participant,
                    link,
                    state,
                    body,
                };
                self.handle_message(from, message, pass);
            }
        }
        self.links.find(link).is_some_and(|place| !place.closing)
    }
}

/// Whether a message can change what its session may, or is.
const fn ends_batch(message: &Message<'_>) -> bool {
    matches!(message, Message::SignOn(_) | Message::SignOff(_))
}
