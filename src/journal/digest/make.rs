//! Makes a digest of one segment, block by block. Pure: whoever reads the file hands in blocks.
//!
//! A payment waits for its answer in a window of bounded size, and everything after it waits too,
//! so that the order stays. An answer goes to its payment only if no record between them names the
//! payment; a payment that leaves the window without it goes alone, and its answer stays loose.
#![deny(clippy::indexing_slicing)]

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::entry::{CONTEXT_BYTES, SettledEntry, context_of, put_loose};
use super::{DIGEST_HEADER_BYTES, DigestHeader};
use crate::journal::codec::raw::{Raw, RawPayment};
use crate::journal::codec::{self, raw};
use crate::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, Inspected, JournalIdentity, Opening, RECORD_ALIGNMENT_BYTES,
    Records, Sealing, checksum, inspect, payload,
};
use crate::journal::segments::segment_start;
use crate::model::ids::{Epoch, Lsn, TransactionNumber};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::Record;

/// Records that wait at once: 16 MB, and as much again where none of them is a payment; longer than
/// any payment at full load.
const WINDOW: usize = 1 << 16;
const _: () = assert!(size_of::<Waiting>() <= 256);

/// Room for entries that is asked for at once: pairs take some two fifths of their records. What
/// is not used is never touched.
fn likely_bytes(segment_bytes: u64) -> usize {
    usize::try_from(segment_bytes / 2).unwrap_or(0)
}

/// Why a segment has no digest: the block at this offset is not a whole one that goes on where the
/// one before ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotDigested {
    /// Where in the segment.
    pub offset: u64,
}

/// What has not been put yet. Of a payment nothing is kept but its entry.
#[expect(
    clippy::large_enum_variant,
    reason = "most are payments, and a box for each would be allocated for each"
)]
enum Waiting {
    Loose {
        end: u32,
        bytes: Box<[u8]>,
    },
    Payment {
        entry: SettledEntry,
        /// Its number, while nothing else has named it: its answer may still come to it.
        open: Option<TransactionNumber>,
    },
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
    /// Where each open payment waits, counted from the first that ever did.
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
            items: Vec::with_capacity(likely_bytes(segment_bytes)),
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
        while !self.waiting.is_empty() {
            self.put_first();
        }
        let mut bytes = self.items;
        let head = core::iter::repeat_n(0, DIGEST_HEADER_BYTES).chain(self.contexts);
        bytes.splice(..0, head);
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
            let end = self.next + (BLOCK_HEADER_BYTES + walk.bytes_walked()) as u64;
            let end = u32::try_from(end / RECORD_ALIGNMENT_BYTES as u64).ok()?;
            self.handle_record(end, bytes)?;
        }
        self.header.record_bytes += walk.bytes_walked() as u64;
        Some(())
    }

    fn handle_record(&mut self, end: u32, bytes: &[u8]) -> Option<()> {
        self.header.records += 1;
        match raw::read(bytes)? {
            Raw::Payment(payment) => self.handle_payment(&payment, end, bytes),
            Raw::Answer(answer) => match self.close(TransactionNumber(answer.number)) {
                Some(entry) => entry.put_answer(&answer, bytes),
                None => self.wait_loose(end, bytes),
            },
            Raw::Other => {
                let (_, record) = codec::decode(bytes).ok()?;
                self.handle_other(&record, end, bytes);
            }
        }
        self.drain();
        Some(())
    }

    #[inline]
    fn handle_payment(&mut self, payment: &RawPayment, end: u32, bytes: &[u8]) {
        let number = TransactionNumber(payment.number);
        let Some(distance) = self.place_of(number) else {
            self.close(number);
            return self.wait_loose(end, bytes);
        };
        let context = self.context(payment);
        self.open.insert(number, self.gone + self.waiting.len());
        self.header.settled += 1;
        self.waiting.push_back(Waiting::Payment {
            entry: SettledEntry::new((context, distance), payment),
            open: Some(number),
        });
    }

    fn handle_other(&mut self, record: &Record, end: u32, bytes: &[u8]) {
        match record {
            // What it counts for is read by no answer and changed by none, and its payment is not
            // changed by it: the payment stays open for its answer.
            Record::Held(_) => self.wait_loose(end, bytes),
            // A record that also reads or changes another transaction than the one it numbers must
            // close that one too: whoever adds such a record removes it from `open` here. A refund
            // is chained to its payment, which the payment's answer neither reads nor changes.
            Record::Payment(_)
            | Record::Answer(_)
            | Record::Refund(_)
            | Record::Recalled(_)
            | Record::Released(_)
            | Record::Total(_)
            | Record::InDoubt(_)
            | Record::Inquiry(_)
            | Record::InquiryEnd(_)
            | Record::Finding(_)
            | Record::Pending(_)
            | Record::Queued(_)
            | Record::Ruled(_)
            | Record::Opened(_)
            | Record::Unknown(_)
            | Record::Reversal(_)
            | Record::ReversalAnswer(_)
            | Record::ReversalEscalation(_)
            | Record::Advice(_)
            | Record::AdviceAnswer(_)
            | Record::LateAnswer(_) => {
                self.close(record.number());
                self.wait_loose(end, bytes);
            }
        }
    }

    /// How far a payment's number is from the first one's; none where that cannot be told, or
    /// another payment with this number is open.
    fn place_of(&mut self, number: TransactionNumber) -> Option<u32> {
        if self.header.number_first == 0 {
            self.header.number_first = number.0;
        }
        let distance = number.0.checked_sub(self.header.number_first)?;
        let known = self.open.contains_key(&number);
        u32::try_from(distance).ok().filter(|_| !known)
    }

    fn wait_loose(&mut self, end: u32, bytes: &[u8]) {
        self.header.loose += 1;
        let bytes = bytes.into();
        self.waiting.push_back(Waiting::Loose { end, bytes });
    }

    /// A payment that nothing has named since it was claimed is named now: its entry.
    fn close(&mut self, number: TransactionNumber) -> Option<&mut SettledEntry> {
        let place = self.open.remove(&number)?.checked_sub(self.gone)?;
        match self.waiting.get_mut(place)? {
            Waiting::Payment { entry, open } => {
                *open = None;
                Some(entry)
            }
            Waiting::Loose { .. } => None,
        }
    }

    /// Lets go of what waits for nothing, and of what has waited too long.
    fn drain(&mut self) {
        while let Some(first) = self.waiting.front() {
            let waits = matches!(first, Waiting::Payment { open: Some(_), .. });
            if waits && self.waiting.len() <= WINDOW {
                return;
            }
            self.put_first();
        }
    }

    fn put_first(&mut self) {
        match self.waiting.front().expect("the caller has seen it") {
            Waiting::Loose { end, bytes } => put_loose(&mut self.items, *end, bytes),
            Waiting::Payment { entry, open } => {
                if let Some(number) = open {
                    self.open.remove(number);
                }
                entry.append_to(&mut self.items);
            }
        }
        self.gone += 1;
        drop(self.waiting.pop_front());
    }

    fn context(&mut self, payment: &RawPayment) -> u32 {
        let context = context_of(payment);
        let next = u32::try_from(self.known.len()).expect("fewer than a segment has records");
        *self.known.entry(context).or_insert_with(|| {
            self.contexts.extend_from_slice(&context);
            self.header.contexts += 1;
            next
        })
    }
}
