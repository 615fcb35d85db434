//! Makes a digest of one segment, block by block. Pure: whoever reads the file hands in blocks.
//!
//! A payment waits for its answer in a window of bounded size, and everything after it waits too,
//! so that the order stays. An answer goes to its payment only if no record between them names the
//! payment; a payment that leaves the window without it goes alone, and its answer stays loose.
#![deny(clippy::indexing_slicing)]

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::items::{AnswerRecord, CONTEXT_BYTES, context_of, put_loose, put_settled};
use super::{DIGEST_HEADER_BYTES, DigestHeader};
use crate::journal::codec;
use crate::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, Inspected, JournalIdentity, Opening, RECORD_ALIGNMENT_BYTES,
    Records, Sealing, checksum, inspect, payload,
};
use crate::journal::segments::segment_start;
use crate::model::ids::{Epoch, Lsn, TransactionNumber};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::{Answer, Payment, Record};
use crate::model::time::Wall;

/// Records that wait at once: some 30 MB, and longer than any payment at full load.
const WINDOW: usize = 1 << 16;

/// Why a segment has no digest: the block at this offset is not a whole one that goes on where the
/// one before ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotDigested {
    /// Where in the segment.
    pub offset: u64,
}

enum Waiting {
    Loose {
        end: u32,
        bytes: Box<[u8]>,
    },
    Payment {
        wall: Wall,
        payment: Box<Payment>,
        answer: Option<Box<AnswerFound>>,
    },
}

struct AnswerFound {
    wall: Wall,
    answer: Answer,
    bytes: Box<[u8]>,
}

/// A digest being made.
pub struct SegmentDigester {
    identity: JournalIdentity,
    header: DigestHeader,
    next: u64,
    contexts: Vec<u8>,
    known: HashMap<[u8; CONTEXT_BYTES], u32, FixedState>,
    items: Vec<u8>,
    waiting: VecDeque<Waiting>,
    /// How many have left the window.
    gone: usize,
    /// Payments in the window that nothing has named since: where each waits, counted from the
    /// first that ever did.
    open: HashMap<TransactionNumber, usize, FixedState>,
}

impl core::fmt::Debug for SegmentDigester {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("SegmentDigester")
            .field("header", &self.header)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl SegmentDigester {
    /// A digest of segment `segment`, of which nothing was seen yet.
    pub fn new(identity: JournalIdentity, segment: u64, segment_bytes: u64) -> Self {
        assert!(segment > 0 && segment_bytes.is_multiple_of(BLOCK));
        Self {
            header: DigestHeader {
                uuid: identity.uuid,
                shard: identity.shard,
                segment,
                segment_bytes,
                chain_before: 0,
                chain_after: 0,
                epoch_first: Epoch(0),
                epoch_last: Epoch(0),
                watermark: Lsn(0),
                records: 0,
                record_bytes: 0,
                settled: 0,
                loose: 0,
                number_first: 0,
                contexts: 0,
                body_bytes: 0,
                body_check: 0,
            },
            identity,
            next: 0,
            contexts: Vec::new(),
            known: HashMap::default(),
            items: Vec::new(),
            waiting: VecDeque::new(),
            gone: 0,
            open: HashMap::default(),
        }
    }

    /// The segment's next block.
    pub fn handle_block(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<(), NotDigested> {
        let not_digested = NotDigested { offset: self.next };
        let Inspected::Sealed {
            opening,
            sealing,
            chain,
        } = inspect(block)
        else {
            return Err(not_digested);
        };
        if !self.continues(&opening) {
            return Err(not_digested);
        }
        self.handle_records(block, &opening, &sealing)
            .ok_or(not_digested)?;
        let header = &mut self.header;
        if self.next == 0 {
            (header.chain_before, header.epoch_first) = (opening.chain, opening.epoch);
        }
        header.chain_after = chain;
        header.epoch_last = opening.epoch;
        header.watermark = header.watermark.max(sealing.watermark);
        self.next += BLOCK;
        Ok(())
    }

    /// Every block was handed in: the digest's bytes.
    pub fn finish(mut self) -> Result<Vec<u8>, NotDigested> {
        if self.next != self.header.segment_bytes {
            return Err(NotDigested { offset: self.next });
        }
        while let Some(first) = self.waiting.pop_front() {
            self.put(first);
        }
        let mut bytes = vec![0; DIGEST_HEADER_BYTES];
        bytes.append(&mut self.contexts);
        bytes.append(&mut self.items);
        let (place, body) = bytes.split_at_mut(DIGEST_HEADER_BYTES);
        self.header.body_bytes = body.len() as u64;
        self.header.body_check = checksum(0, body);
        place.copy_from_slice(&self.header.encode());
        Ok(bytes)
    }

    fn continues(&self, opening: &Opening) -> bool {
        let header = &self.header;
        let start = segment_start(header.segment, header.segment_bytes);
        let first = self.next == 0;
        opening.journal == self.identity.journal()
            && opening.shard == self.identity.shard
            && opening.segment == header.segment
            && opening.lsn == start.plus(self.next)
            && (first || opening.chain == header.chain_after)
            && (first || opening.epoch >= header.epoch_last)
            && self.next < header.segment_bytes
    }

    fn handle_records(
        &mut self,
        block: &[u8; BLOCK_BYTES],
        opening: &Opening,
        sealing: &Sealing,
    ) -> Option<()> {
        let records = payload(block).get(..usize::from(sealing.used))?;
        let mut walk = Records::inspected(records, opening.chain);
        while let Some(bytes) = walk.step() {
            let (wall, record) = codec::decode(bytes).ok()?;
            let end = self.next + (BLOCK_HEADER_BYTES + walk.bytes_walked()) as u64;
            let end = u32::try_from(end / RECORD_ALIGNMENT_BYTES as u64).ok()?;
            self.handle_record(wall, &record, end, bytes);
        }
        self.header.record_bytes += walk.bytes_walked() as u64;
        Some(())
    }

    fn handle_record(&mut self, wall: Wall, record: &Record, end: u32, bytes: &[u8]) {
        self.header.records += 1;
        let bytes: Box<[u8]> = bytes.into();
        match record {
            Record::Payment(payment) if self.has_place(payment.number) => {
                let place = self.gone + self.waiting.len();
                self.open.insert(payment.number, place);
                self.waiting.push_back(Waiting::Payment {
                    wall,
                    payment: Box::new(*payment),
                    answer: None,
                });
            }
            Record::Answer(found) => match self.payment_of(found.number) {
                Some(answer) => {
                    *answer = Some(Box::new(AnswerFound {
                        wall,
                        answer: *found,
                        bytes,
                    }));
                }
                None => self.waiting.push_back(Waiting::Loose { end, bytes }),
            },
            // A record that also reads or changes another transaction than the one it numbers must
            // close that one too: whoever adds such a record removes it from `open` here. A refund
            // is chained to its payment, which the payment's answer neither reads nor changes.
            Record::Payment(_)
            | Record::Refund(_)
            | Record::InDoubt(_)
            | Record::Inquiry(_)
            | Record::InquiryEnd(_)
            | Record::Finding(_)
            | Record::Pending(_)
            | Record::Queued(_)
            | Record::Opened(_)
            | Record::Unknown(_)
            | Record::Reversal(_)
            | Record::ReversalAnswer(_)
            | Record::ReversalEscalation(_)
            | Record::Advice(_)
            | Record::AdviceAnswer(_)
            | Record::LateAnswer(_) => {
                self.open.remove(&record.number());
                self.waiting.push_back(Waiting::Loose { end, bytes });
            }
        }
        self.drain();
    }

    /// Whether a payment's number can be told from the first one's.
    fn has_place(&mut self, number: TransactionNumber) -> bool {
        if self.header.number_first == 0 {
            self.header.number_first = number.0;
        }
        let distance = number.0.checked_sub(self.header.number_first);
        distance.is_some_and(|distance| u32::try_from(distance).is_ok())
            && !self.open.contains_key(&number)
    }

    /// Where the answer of a payment belongs that nothing has named since it was claimed.
    fn payment_of(&mut self, number: TransactionNumber) -> Option<&mut Option<Box<AnswerFound>>> {
        let place = self.open.remove(&number)?.checked_sub(self.gone)?;
        match self.waiting.get_mut(place)? {
            Waiting::Payment { answer, .. } => Some(answer),
            Waiting::Loose { .. } => None,
        }
    }

    /// Lets go of what waits for nothing, and of what has waited too long.
    fn drain(&mut self) {
        while let Some(first) = self.waiting.front() {
            let waits = match first {
                Waiting::Loose { .. } => false,
                Waiting::Payment { payment, .. } => self.open.contains_key(&payment.number),
            };
            if waits && self.waiting.len() <= WINDOW {
                return;
            }
            let first = self.waiting.pop_front().expect("it was looked at");
            self.put(first);
        }
    }

    fn put(&mut self, first: Waiting) {
        self.gone += 1;
        match first {
            Waiting::Loose { end, bytes } => {
                self.header.loose += 1;
                put_loose(&mut self.items, end, &bytes);
            }
            Waiting::Payment {
                wall,
                payment,
                answer,
            } => {
                self.open.remove(&payment.number);
                self.header.settled += 1;
                let number = payment.number.0 - self.header.number_first;
                let number = u32::try_from(number).expect("it was compared when it came");
                let context = self.context(&payment);
                let answer = answer.as_deref().map(|found| AnswerRecord {
                    wall: found.wall,
                    answer: &found.answer,
                    bytes: &found.bytes,
                });
                put_settled(&mut self.items, (context, number), wall, &payment, answer);
            }
        }
    }

    fn context(&mut self, payment: &Payment) -> u32 {
        let context = context_of(payment);
        let next = u32::try_from(self.known.len()).expect("fewer than a segment has records");
        *self.known.entry(context).or_insert_with(|| {
            self.contexts.extend_from_slice(&context);
            self.header.contexts += 1;
            next
        })
    }
}
