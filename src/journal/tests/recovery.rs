//! Crashes of a journal over a disk in memory: what was committed is found again, or the journal
//! says that it is not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::journal::commit::Journal;
use crate::journal::config::{CommitMode, JournalConfig};
use crate::journal::fixtures;
use crate::journal::layout::write_tail_header;
use crate::journal::world::{START, World, config, steps};
use crate::model::record::Record;
use crate::sys::operation::Errno;

const BOOT: [u8; 16] = START.boot_id;

type Disk = BTreeMap<u64, Vec<u8>>;
type Mutilation = fn(&mut Disk);
type Entries = Vec<(Lsn, Record)>;

/// Reads segments in memory as the store reads files.
fn recover(
    disk: &Disk,
    config: &JournalConfig,
    tail: Option<&mut Vec<u8>>,
) -> Result<(Recovered, Entries), Damage> {
    let mut found = Vec::new();
    let mut visit = |entry: Entry| found.push((entry.lsn, entry.record));
    let mut recovery = Recovery::new(config.identity, config.segment_bytes);
    let last = disk.keys().last().copied().unwrap_or(0);
    for segment in 1..=last {
        let bytes = disk.get(&segment).map_or(&[][..], Vec::as_slice);
        let start = segment_start(segment, config.segment_bytes);
        for (index, block) in bytes.chunks_exact(BLOCK_BYTES).enumerate() {
            let lsn = start.plus(index as u64 * BLOCK);
            recovery.handle_block(lsn, block.try_into().unwrap(), &mut visit);
        }
        if (bytes.len() as u64) < config.segment_bytes {
            recovery.handle_absent(start.plus(bytes.len() as u64 / BLOCK * BLOCK));
        }
    }
    let tail = tail.map(|bytes| TailLeft {
        bytes,
        boot_id: BOOT,
    });
    let recovered = recovery.finish(tail, &mut visit)?;
    Ok((recovered, found))
}

/// How one in-flight write ends when the power goes: by 512-byte sectors, in any order.
#[derive(Clone, Debug)]
struct Torn {
    sectors: Vec<bool>,
}

fn torn() -> impl Strategy<Value = Torn> {
    prop_oneof![
        Just(Torn {
            sectors: vec![true]
        }),
        Just(Torn {
            sectors: vec![false]
        }),
        proptest::collection::vec(any::<bool>(), 1..64).prop_map(|sectors| Torn { sectors }),
    ]
}

impl World {
    /// The process is killed; the kernel finishes what it was given.
    fn kill(&mut self) {
        while !self.in_flight.is_empty() {
            self.complete(0, Errno(0));
        }
    }

    /// The power goes.
    fn lose_power(&mut self, torn: &[Torn]) {
        for (write, torn) in std::mem::take(&mut self.in_flight)
            .iter()
            .zip(torn.iter().cycle())
        {
            let bytes = self.ring_bytes(write.tail_offset, write.bytes).to_vec();
            let segment = self.disk.get_mut(&write.segment).unwrap();
            let at = usize::try_from(write.segment_offset).unwrap();
            for (index, lands) in (0..bytes.len() / 512).zip(torn.sectors.iter().cycle()) {
                let sector = index * 512..(index + 1) * 512;
                if *lands {
                    segment[at + sector.start..at + sector.end].copy_from_slice(&bytes[sector]);
                }
            }
        }
        self.tail = vec![0; self.tail.len()];
    }

    /// A new process goes on where recovery says.
    fn restart(&mut self, config: JournalConfig, recovered: &Recovered) {
        let open = self.disk.keys().last().copied().unwrap_or(0);
        let start = recovered.start_point(BOOT, config.segment_bytes, Some(open));
        self.asked.clear();
        self.in_flight.clear();
        self.sealed.clear();
        self.journal = Journal::new(config, start);
        self.journal.start_tail(&mut self.tail);
        self.watermark = Lsn(0);
        self.append(&fixtures::opened(start.epoch.0, 1)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_committed_is_found_after_any_number_of_crashes(
        rounds in proptest::collection::vec((steps(), any::<bool>(), torn(), torn()), 1..5),
        memory: bool,
    ) {
        let mode = if memory { CommitMode::Memory } else { CommitMode::Disk };
        let config = config(mode);
        let mut world = World::new(config);
        let mut number = 0;
        for (steps, power, first, second) in rounds {
            number = world.run(&steps, number);
            let (durable, committed) = (world.journal.durable(), world.journal.committed());
            let (kept, epoch) = (world.journal.kept(), world.journal.epoch());
            let result = if power {
                world.lose_power(&[first, second]);
                recover(&world.disk, &config, None)
            } else {
                world.kill();
                recover(&world.disk, &config, Some(&mut world.tail))
            };
            let (recovered, found) = result.unwrap();
            let survives = if power { durable } else { committed.max(durable) };
            let expected = world.appended.iter().filter(|(lsn, _)| *lsn <= survives).count();
            prop_assert!(found.len() >= expected, "{} of {expected}", found.len());
            prop_assert_eq!(&found[..], &world.appended[..found.len()]);
            if !power {
                let kept = world.appended.iter().filter(|(lsn, _)| *lsn <= kept).count();
                prop_assert_eq!(found.len(), kept, "a kill loses nothing that has its check");
                prop_assert!(!recovered.report.loss_window);
            }
            prop_assert!(recovered.epoch <= epoch);
            world.appended = found;
            world.restart(config, &recovered);
        }
        world.drain();
        let (recovered, found) = recover(&world.disk, &config, None).unwrap();
        prop_assert_eq!(&found, &world.appended);
        prop_assert_eq!(recovered.durable, world.journal.durable());
        prop_assert_eq!(recovered.report.watermark.plus(BLOCK), world.journal.durable());
    }

    #[test]
    fn one_changed_bit_is_found_and_never_costs_a_committed_record_in_silence(
        steps in steps(), at: prop::sample::Index, bit in 0_u32..8,
    ) {
        let config = config(CommitMode::Disk);
        let mut world = World::new(config);
        world.append(&fixtures::full_payment(0)).unwrap();
        world.run(&steps, 0);
        world.drain();
        let written = usize::try_from(world.journal.durable().0).unwrap();
        let at = at.index(written);
        let size = usize::try_from(config.segment_bytes).unwrap();
        let segment = world.disk.get_mut(&(at as u64 / config.segment_bytes + 1)).unwrap();
        segment[at % size] ^= 1 << bit;
        match recover(&world.disk, &config, None) {
            Err(damage) => {
                prop_assert_eq!(damage.fault, Fault::Rot);
                prop_assert_eq!(damage.lsn.0, at as u64 / BLOCK * BLOCK);
                prop_assert!(damage.lsn < damage.watermark);
            }
            // The last block says that all before it is on the disk, and holds nothing itself.
            Ok((recovered, found)) => {
                prop_assert!(at >= written - BLOCK_BYTES);
                prop_assert_eq!(recovered.report.stop.unwrap().found, Found::Damaged);
                prop_assert_eq!(found, world.appended);
            }
        }
    }
}

/// A journal of some length, all of it written.
fn written(mode: CommitMode, payments: u64) -> (JournalConfig, World) {
    let config = config(mode);
    let mut world = World::new(config);
    world.append(&fixtures::opened(1, 1)).unwrap();
    for number in 1..=payments {
        world.append(&fixtures::full_payment(number)).unwrap();
        world.drain();
    }
    (config, world)
}

fn fault(mutilate: impl FnOnce(&mut Disk)) -> Result<Option<Found>, (Fault, u64, u64)> {
    let (config, mut world) = written(CommitMode::Disk, 30);
    assert!(world.disk.len() >= 4, "two in use, two ahead");
    mutilate(&mut world.disk);
    recover(&world.disk, &config, None)
        .map(|(recovered, _)| recovered.report.stop.map(|stop| stop.found))
        .map_err(|damage| (damage.fault, damage.segment, damage.offset / BLOCK))
}

fn block_mut(disk: &mut Disk, segment: u64, block: usize) -> &mut [u8] {
    let bytes = disk.get_mut(&segment).unwrap();
    &mut bytes[block * BLOCK_BYTES..(block + 1) * BLOCK_BYTES]
}

#[test]
fn files_that_are_not_as_they_were_are_named() {
    assert_eq!(fault(|_| {}), Ok(Some(Found::Blank)));
    let cases: [(&str, Mutilation, _); 9] = [
        (
            "missing",
            |disk| drop(disk.remove(&1)),
            (Fault::MissingSegment, 1, 0),
        ),
        (
            "truncated",
            |disk| disk.get_mut(&1).unwrap().truncate(5 * BLOCK_BYTES + 100),
            (Fault::MissingSegment, 1, 5),
        ),
        (
            "copied over another",
            |disk| drop(disk.insert(2, disk[&1].clone())),
            (Fault::LostWrite, 2, 0),
        ),
        (
            "swapped",
            |disk| {
                let (first, second) = (disk[&1].clone(), disk[&2].clone());
                disk.insert(1, second);
                disk.insert(2, first);
            },
            (Fault::LostWrite, 1, 0),
        ),
        (
            "a lost write",
            |disk| block_mut(disk, 1, 7).fill(0),
            (Fault::LostWrite, 1, 7),
        ),
        (
            "a misdirected write",
            |disk| {
                let other = block_mut(disk, 1, 3).to_vec();
                block_mut(disk, 1, 7).copy_from_slice(&other);
            },
            (Fault::LostWrite, 1, 7),
        ),
        (
            "rot",
            |disk| block_mut(disk, 1, 7)[100] ^= 1,
            (Fault::Rot, 1, 7),
        ),
        (
            "of another shard, below",
            |disk| {
                let opening = foreign(Lsn(7 * BLOCK));
                write_block(block_mut(disk, 1, 7), &opening);
            },
            (Fault::Foreign, 1, 7),
        ),
        (
            "of another shard, beyond the end",
            |disk| {
                let opening = foreign(Lsn(72 * BLOCK));
                write_block(block_mut(disk, 4, 0), &opening);
            },
            (Fault::Foreign, 4, 0),
        ),
    ];
    for (name, mutilate, expected) in cases {
        assert_eq!(fault(mutilate), Err(expected), "{name}");
    }
}

fn foreign(lsn: Lsn) -> Opening {
    Opening {
        journal: 1,
        shard: crate::model::ids::ShardId(3),
        epoch: Epoch(1),
        chain: 0,
        segment: 1,
        lsn,
    }
}

fn write_block(place: &mut [u8], opening: &Opening) {
    let block: &mut [u8; BLOCK_BYTES] = place.try_into().unwrap();
    let sealing = Sealing {
        used: 0,
        closing: false,
        memory: false,
        watermark: Lsn(0),
    };
    crate::journal::layout::open_block(block, opening);
    seal_block(block, &sealing, opening.chain);
}

#[test]
fn a_tail_is_judged_by_whose_it_is_and_since_when() {
    let (config, mut world) = written(CommitMode::Memory, 3);
    world.append(&fixtures::full_payment(99)).unwrap();
    world.turn(1);
    let (count, header) = read_tail_header(&world.tail).unwrap();
    let judge = |change: fn(&mut TailHeader)| {
        let mut tail = world.tail.clone();
        let mut header = header;
        change(&mut header);
        write_tail_header(&mut tail, count + 1, &header);
        recover(&world.disk, &config, Some(&mut tail))
            .map(|(recovered, found)| {
                let report = recovered.report;
                (report.tail.unwrap(), report.loss_window, found.len())
            })
            .map_err(|damage| damage.fault)
    };
    assert_eq!(judge(|_| {}), Ok((TailFound::Surviving, false, 5)));
    assert_eq!(
        judge(|header| header.boot_id = [1; 16]),
        Ok((TailFound::OtherBoot, true, 5))
    );
    assert_eq!(
        judge(|header| header.epoch = Epoch(0)),
        Ok((TailFound::Stale, true, 4))
    );
    assert_eq!(
        judge(|header| header.uuid = [1; 16]),
        Err(Fault::ForeignTail)
    );
    assert_eq!(
        judge(|header| header.committed = header.committed.plus(8)),
        Err(Fault::TailDamaged)
    );
    assert_eq!(
        judge(|header| header.durable = header.durable.plus(BLOCK)),
        Err(Fault::LostWrite)
    );
    let (recovered, _) = recover(&world.disk, &config, None).unwrap();
    assert_eq!(recovered.report.tail, Some(TailFound::Absent));
    assert!(recovered.report.loss_window);
    let (recovered, _) = recover(&world.disk, &config, Some(&mut vec![0; 8_192])).unwrap();
    assert_eq!(recovered.report.tail, Some(TailFound::Damaged));
}

#[test]
fn a_closed_journal_misses_no_tail() {
    let (config, mut world) = written(CommitMode::Memory, 3);
    world.journal.close();
    world.drain();
    assert!(world.journal.is_closed());
    let (recovered, found) = recover(&world.disk, &config, None).unwrap();
    assert!(!recovered.report.loss_window);
    assert_eq!(found.len(), 4);
    assert_eq!(recovered.durable, world.journal.durable());
}

#[test]
fn nothing_at_all_is_a_new_journal() {
    let config = config(CommitMode::Disk);
    let (recovered, found) = recover(&BTreeMap::new(), &config, None).unwrap();
    assert_eq!((recovered.next, recovered.epoch), (Lsn(0), Epoch(0)));
    assert_eq!(recovered.chain, config.identity.chain());
    assert!(found.is_empty());
}
