//! What a commit costs in each of three shapes, and what it does to the appends beside it.
//!
//! One core appends records of 256 bytes at 200,000/s; another commits 4 KiB blocks, one after the
//! other, without a pause. Measured: the time of each append (two clock readings, about 40 ns,
//! included; the row `clock` shows them alone) and of each commit.
//!
//! Not measured: the switch. There is no parsing, no turn, no checksum, and the appender never
//! waits for a commit. Nor throughput: one write is in flight at a time.
//!
//! `cargo bench --bench journal_probe -- [DIRECTORY]`; the directory, on the disk to be measured,
//! is the one for temporary files by default. Numbers of a shared machine repeat within a factor
//! of two: compare rows of one run.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use core::hint::{black_box, spin_loop};
use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use cpg_switch::model::limits::BLOCK_BYTES;
use cpg_switch::model::time::Monotonic;
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::cpu::{allowed_cores, disk_interrupt_cores, pin_current_thread};
use cpg_switch::sys::machine::{Idle, JournalConfig, Machine, MachineConfig, WriteFaults};
use cpg_switch::sys::operation::{Completion, Submission};
use cpg_switch::sys::segments::{SegmentPlan, prepare_segment, segment_name};
use cpg_switch::sys::tail::TailMap;
use cpg_switch::sys::threads;

const RECORD_BYTES: usize = 256;
const RECORDS_PER_SECOND: u64 = 200_000;
const FILE_BYTES: usize = 64 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` only asks whether it runs.
    let trial = arguments.iter().any(|argument| argument == "--test");
    let seconds = if trial { 0 } else { 5 };
    let place = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let place = place.map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(&place).expect("the directory can be written to");

    println!("directory {}, {seconds} s per row", place.display());
    println!("disk interrupts: {:?}", disk_interrupt_cores());
    println!("{:34}{:>40}{:>28}", "", "append ns", "commit us");
    println!(
        "{:34}{:>9}{:>9}{:>10}{:>12}{:>10}{:>8}{:>10}",
        "", "p50", "p99", "p99.9", "max", "commits", "p50", "p99"
    );
    let cores = allowed_cores().expect("the kernel says which cores we may use");
    let disk = disk_interrupt_cores()
        .first()
        .map_or(cores[0], |(_, core)| *core);
    let other = cores
        .iter()
        .copied()
        .find(|core| *core != disk)
        .unwrap_or(disk);
    let probe = Probe {
        disk,
        other,
        seconds,
        path: directory.path(),
    };
    probe.clock();
    probe.mapped_file();
    probe.write_and_sync();
    probe.ring();
}

struct Probe<'a> {
    seconds: u64,
    path: &'a Path,
    /// The core that commits: the one with the disk's interrupts, where the kernel says.
    disk: usize,
    /// The core that appends.
    other: usize,
}

impl Probe<'_> {
    fn clock(&self) {
        self.run("clock alone", |_| {}, || || {});
    }

    /// The shape one thinks of first.
    fn mapped_file(&self) {
        let path = self.path.join("mapped");
        let mut map = TailMap::create(&path, FILE_BYTES).expect("the disk has room");
        // Every page present and on the disk: what follows is the steady state.
        map.fill(0);
        let file = File::open(&path).expect("it was just made");
        file.sync_all().expect("the disk works");
        let append = |offset: usize| map[offset..offset + RECORD_BYTES].fill(1);
        self.run("(a) mapped file + fdatasync", append, move || {
            move || file.sync_data().expect("the disk works")
        });
    }

    fn write_and_sync(&self) {
        let mut memory = vec![0_u8; FILE_BYTES];
        let path = self.path.join("written");
        std::fs::write(&path, &memory).expect("the disk has room");
        let file = File::options()
            .write(true)
            .open(&path)
            .expect("it was just made");
        file.sync_all().expect("the disk works");
        let append = |offset: usize| memory[offset..offset + RECORD_BYTES].fill(1);
        self.run("(b) pwrite + fdatasync, zeroed file", append, move || {
            let (block, mut offsets) = ([1; BLOCK_BYTES], blocks());
            move || {
                let offset = offsets.next().expect("it has no end");
                file.write_all_at(&block, offset).expect("the disk works");
                file.sync_data().expect("the disk works");
            }
        });
    }

    /// The shape that was built.
    fn ring(&self) {
        let memory = tempfile::tempdir_in("/dev/shm").expect("there is a tmpfs");
        let path = memory.path().join("tail");
        let mut tail = TailMap::create(&path, FILE_BYTES).expect("the tmpfs has room");
        tail.fill(0);
        let plan = SegmentPlan {
            directory: self.path.to_owned(),
            bytes: FILE_BYTES as u64,
            zero_fill: true,
        };
        let segment = prepare_segment(&plan, 1, &AtomicBool::new(false)).expect("the disk works");
        println!("    {}: {:?}", segment_name(1), segment.access());
        let view = tail.view().expect("it can be mapped twice");
        let append = |offset: usize| tail[offset..offset + RECORD_BYTES].fill(1);
        self.run("(c) tmpfs tail + O_DIRECT|RWF_DSYNC", append, move || {
            let faults = WriteFaults::default();
            let journal = Some(JournalConfig {
                tail: view,
                plan,
                synchronous: true,
                writes_max: 1,
                faults,
            });
            let config = MachineConfig {
                journal,
                ..MachineConfig::default()
            };
            let mut machine = Machine::new(config).expect("this machine has io_uring");
            machine.adopt_segment(1, segment);
            let (mut submissions, mut offsets) = (Vec::with_capacity(1), blocks());
            move || commit_by_ring(&mut machine, &mut submissions, &mut offsets)
        });
    }

    /// Appends on this thread while another commits; prints the row.
    fn run<C: FnMut()>(
        &self,
        name: &str,
        mut append: impl FnMut(usize),
        committer: impl FnOnce() -> C + Send + 'static,
    ) {
        let (disk, other) = (self.disk, self.other);
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let thread = threads::spawn("committer", move || {
            pin_current_thread(disk).expect("the core is there");
            let mut commit = committer();
            let mut times = Vec::with_capacity(1 << 20);
            while !theirs.load(Ordering::Relaxed) && times.len() < times.capacity() {
                times.push(timed(&mut commit));
            }
            times
        });
        pin_current_thread(other).expect("the core is there");
        let mut appends = Vec::new();
        let start = Clock.monotonic();
        for record in 0..self.seconds * RECORDS_PER_SECOND + 1_000 {
            let due = Monotonic(start.0 + record * 1_000_000_000 / RECORDS_PER_SECOND);
            while Clock.monotonic() < due {
                spin_loop();
            }
            let offset = appends.len() * RECORD_BYTES % FILE_BYTES;
            appends.push(timed(&mut || append(black_box(offset))));
        }
        stop.store(true, Ordering::Relaxed);
        let commits = thread
            .expect("a thread can be started")
            .join()
            .expect("it does not panic");
        print_row(name, appends, commits);
    }
}

/// Offsets of the blocks of a file, again and again.
fn blocks() -> impl Iterator<Item = u64> {
    (0..FILE_BYTES as u64).step_by(BLOCK_BYTES).cycle()
}

fn commit_by_ring(
    machine: &mut Machine,
    submissions: &mut Vec<Submission>,
    offsets: &mut impl Iterator<Item = u64>,
) {
    let offset = offsets.next().expect("it has no end");
    let bytes = u32::try_from(BLOCK_BYTES).expect("4096");
    submissions.push(Submission::Write {
        write: offset,
        segment: 1,
        segment_offset: offset,
        tail_offset: offset,
        bytes,
    });
    machine.submit(submissions);
    let mut written = false;
    while !written {
        machine
            .enter(Idle::Park, None, Clock.monotonic())
            .expect("the ring works");
        machine.drain(|completion| {
            if let Completion::Written { errno, .. } = completion {
                assert_eq!(errno.0, 0, "the disk works");
                written = true;
            }
        });
    }
}

fn timed(work: &mut impl FnMut()) -> u64 {
    let start = Clock.monotonic();
    work();
    Clock.monotonic().0 - start.0
}

fn print_row(name: &str, mut appends: Vec<u64>, mut commits: Vec<u64>) {
    appends.sort_unstable();
    commits.sort_unstable();
    let of = |times: &[u64], per_mille: usize| {
        times
            .get(times.len() * per_mille / 1_000)
            .copied()
            .unwrap_or(0)
    };
    println!(
        "{name:34}{:>9}{:>9}{:>10}{:>12}{:>10}{:>8}{:>10}",
        of(&appends, 500),
        of(&appends, 990),
        of(&appends, 999),
        appends.last().unwrap_or(&0),
        commits.len(),
        of(&commits, 500) / 1_000,
        of(&commits, 990) / 1_000,
    );
}
