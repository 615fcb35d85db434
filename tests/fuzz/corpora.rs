//! Writes the first corpora of the targets `journal` and `digest`: what a switch leaves behind.
//!
//! ```text
//! cargo run --release --manifest-path tests/fuzz/Cargo.toml --bin corpora -- tests/fuzz/corpora
//! ```

use std::fs;
use std::path::Path;

use cpg_switch::journal::codec::{encode, record_bytes};
use cpg_switch::journal::digest::SegmentDigester;
use cpg_switch::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, Opening, Sealing, TAIL_HEADER_BYTES, TailHeader, check_records,
    open_block, seal_block, write_tail_header,
};
use cpg_switch::model::fingerprint::Fingerprint;
use cpg_switch::model::ids::{
    Epoch, Institution, Lsn, MatchKey, Reference, TableVersion, TransactionNumber,
};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::BLOCK_BYTES;
use cpg_switch::model::message::{Amounts, Echoed};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{Outcome, Presentation, Reason, ResponseCode};
use cpg_switch::model::record::{
    Actor, Answer, Decision, Opened, Payment, Record, ShortText, Unknown,
};
use cpg_switch::model::time::{Date, Wall};
use cpg_switch_fuzz::folder::{
    BOOT_ID, Folder, IDENTITY, OTHER_BOOT, REPAIR, RING_BLOCKS, SEGMENT_BLOCKS, SEGMENT_BYTES, TAIL,
};

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the corpora");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), bytes).expect("a file");
    };
    let stream = Stream::new();
    let on_disk = &stream.bytes[..6 * BLOCK_BYTES];
    let tail = stream.tail(6, false);
    for flags in [0, REPAIR] {
        let restarted = stream.tail(6, true);
        for (name, input) in [
            ("closed", Folder::write(flags, &stream.bytes, &[])),
            ("killed", Folder::write(flags | TAIL, on_disk, &tail)),
            ("restarted", Folder::write(flags | TAIL | OTHER_BOOT, on_disk, &restarted)),
        ] {
            let mut records = 0;
            let mut folder = Folder::read(&input).expect("it says something");
            folder.recover(&mut |_| records += 1).expect("it is whole");
            assert_eq!(records, RECORDS, "{name}: all of it is found");
            write("journal", &format!("{name}-{flags}"), &input);
        }
        let mut digest = vec![flags & 1];
        digest.extend(stream.digest());
        write("digest", &format!("segment-{flags}"), &digest);
    }
}

/// Two segments of a journal, a few records in each block.
struct Stream {
    bytes: Vec<u8>,
}

impl Stream {
    fn new() -> Self {
        let mut bytes = Vec::new();
        let mut chain = IDENTITY.chain();
        for place in 0..2 * SEGMENT_BLOCKS as u64 {
            let mut block = [0; BLOCK_BYTES];
            let opening = Opening {
                journal: IDENTITY.journal(),
                shard: IDENTITY.shard,
                epoch: Epoch(1),
                chain,
                segment: place / SEGMENT_BLOCKS as u64 + 1,
                lsn: Lsn(place * BLOCK),
            };
            open_block(&mut block, &opening);
            let mut end = BLOCK_HEADER_BYTES;
            for record in records(place) {
                let size = record_bytes(&record);
                encode(&mut block[end..end + size], Wall(WALL + place), &record);
                end += size;
            }
            chain = check_records(&mut block[BLOCK_HEADER_BYTES..end], chain);
            let sealing = Sealing {
                used: u16::try_from(end - BLOCK_HEADER_BYTES).expect("a block"),
                closing: false,
                memory: false,
                watermark: Lsn(place.saturating_sub(1) * BLOCK),
            };
            seal_block(&mut block, &sealing, chain);
            bytes.extend(block);
        }
        Self { bytes }
    }

    /// The tail of a process that was killed with `on_disk` blocks on the disk and the others in
    /// the ring.
    fn tail(&self, on_disk: usize, memory: bool) -> Vec<u8> {
        let mut tail = vec![0; TAIL_HEADER_BYTES + RING_BLOCKS * BLOCK_BYTES];
        let from = on_disk * BLOCK_BYTES;
        let ring = &mut tail[TAIL_HEADER_BYTES..];
        ring[from..self.bytes.len()].copy_from_slice(&self.bytes[from..]);
        for count in 1..=2 {
            let header = TailHeader {
                uuid: IDENTITY.uuid,
                shard: IDENTITY.shard,
                boot_id: BOOT_ID,
                epoch: Epoch(1),
                memory,
                ring_bytes: RING_BLOCKS as u64 * BLOCK,
                committed: Lsn(on_disk as u64 * BLOCK),
                durable: Lsn((on_disk as u64 - 1) * BLOCK),
            };
            write_tail_header(&mut tail, count, &header);
        }
        tail
    }

    fn digest(&self) -> Vec<u8> {
        let mut digester = SegmentDigester::new(IDENTITY, 1, SEGMENT_BYTES);
        for block in self.bytes.as_chunks().0.iter().take(SEGMENT_BLOCKS) {
            digester.handle_block(block).expect("a whole block");
        }
        digester.finish().expect("a whole segment")
    }
}

/// The records of a block: an opening, or a payment that is answered and one that is not.
fn records(place: u64) -> Vec<Record> {
    if place == 0 {
        return vec![Record::Opened(Opened {
            epoch: Epoch(1),
            shard: IDENTITY.shard,
            shards: IDENTITY.shards,
            table: TableVersion(1),
            table_hash: 7,
        })];
    }
    let answered = payment(2 * place);
    let open = payment(2 * place + 1);
    vec![
        Record::Payment(answered),
        Record::Payment(open),
        Record::Answer(Answer {
            number: answered.number,
            by: Actor::Destination,
            response_code: ResponseCode::APPROVED,
            outcome: Outcome::Approved,
            approval_code: None,
            amounts: answered.amounts,
            text: ShortText::EMPTY,
        }),
        Record::Unknown(Unknown {
            number: open.number,
            reason: Reason::Timeout,
        }),
    ]
}

fn payment(number: u64) -> Payment {
    let institution = |code| Institution::new(code).expect("an institution");
    let reference = format!("{number:012}").into_bytes();
    let reference = reference.try_into().expect("twelve digits");
    let date = Date::from_yyyymmdd(20_261_121).expect("a date");
    Payment {
        number: TransactionNumber(number),
        key: Key {
            originator: institution(15_600_021),
            local_date: date,
            reference: Reference::new(reference).expect("digits"),
        },
        fingerprint: Fingerprint(number),
        originator: institution(15_600_021),
        match_key: MatchKey(number),
        named_destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: None,
        amounts: Amounts {
            amount: Money {
                minor: 12_345,
                currency: Currency::new(156).expect("a currency"),
            },
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        echoed: Echoed::default(),
        settlement_date: date,
        table: TableVersion(1),
        decision: Decision::Forward {
            destination: institution(45_800_001),
            match_key: MatchKey(number),
            deadline: Wall(WALL + 5_000_000_000),
        },
    }
}

/// The opening, and four in each of the other blocks.
const RECORDS: usize = 1 + 7 * 4;
/// A moment of the twenty-first of November 2026.
const WALL: u64 = 1_795_298_705_000_000_000;
