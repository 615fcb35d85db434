//! The machine against real sockets and files. Nothing here depends on how long anything takes;
//! a test that waits in vain fails after half a minute.

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::*;
use crate::model::ids::ListenerIndex;
use crate::model::limits::BLOCK_BYTES;
use crate::sys::segments::{SegmentPlan, SegmentReader, segment_name};
use crate::sys::tail::TailMap;

/// What completions said, with the bytes and buffers they brought.
#[derive(Default)]
struct Log {
    accepted: Vec<LinkId>,
    refused: Vec<Errno>,
    received: Vec<(LinkId, Vec<u8>)>,
    ended: Vec<(LinkId, Errno)>,
    sent: Vec<(LinkId, SendBuffer, Errno)>,
    closed: Vec<LinkId>,
    written: Vec<(u64, Errno)>,
    ready: Vec<(u64, Errno)>,
    woken: usize,
}

impl Log {
    fn note(&mut self, completion: Completion<'_>) {
        match completion {
            Completion::Accepted { link, .. } => self.accepted.push(link),
            Completion::AcceptRefused { errno, .. } => self.refused.push(errno),
            Completion::Received { link, bytes } => self.received.push((link, bytes.to_vec())),
            Completion::Ended { link, errno } => self.ended.push((link, errno)),
            Completion::Sent {
                link,
                buffer,
                errno,
            } => self.sent.push((link, buffer, errno)),
            Completion::Closed { link } => self.closed.push(link),
            Completion::Written { write, errno } => self.written.push((write, errno)),
            Completion::SegmentReady { segment, errno } => self.ready.push((segment, errno)),
            Completion::Woken => self.woken += 1,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.received
            .iter()
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect()
    }
}

struct World {
    machine: Machine,
    log: Log,
    address: SocketAddr,
}

impl World {
    fn new(config: MachineConfig) -> Self {
        let mut machine = Machine::new(config).unwrap();
        let (listener, address) = machine.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(listener, ListenerIndex(0));
        Self {
            machine,
            log: Log::default(),
            address,
        }
    }

    /// Turns until `done`, parking between turns.
    fn until(&mut self, done: impl Fn(&Log) -> bool) {
        let give_up = Clock.monotonic().plus_ms(30_000);
        loop {
            self.machine.drain(|completion| self.log.note(completion));
            if done(&self.log) {
                return;
            }
            let now = Clock.monotonic();
            assert!(now < give_up, "it never happened");
            self.machine.enter(Idle::Park, Some(give_up), now).unwrap();
        }
    }

    fn submit(&mut self, submission: Submission) {
        self.machine.submit(&mut vec![submission]);
    }

    fn send(&mut self, link: LinkId, bytes: &[u8]) {
        let mut buffer = SendBuffer::with_capacity(bytes.len());
        assert!(buffer.append(bytes));
        self.submit(Submission::Send { link, buffer });
    }

    /// A client and its link.
    fn client(&mut self) -> (TcpStream, LinkId) {
        let client = TcpStream::connect(self.address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let before = self.log.accepted.len();
        self.until(|log| log.accepted.len() > before);
        (client, self.log.accepted[before])
    }

    fn close(&mut self, link: LinkId) {
        self.submit(Submission::Close { link });
        self.until(|log| log.closed.contains(&link));
    }
}

fn small() -> MachineConfig {
    MachineConfig {
        links_max: 4,
        receive_buffers: 16,
        receive_buffer_bytes: 256,
        ring_entries: 8,
        ..MachineConfig::default()
    }
}

#[test]
fn bytes_come_in_and_go_out_and_a_close_is_told() {
    let mut world = World::new(small());
    let (mut client, link) = world.client();
    client.write_all(b"ping").unwrap();
    world.until(|log| log.bytes() == b"ping");
    world.send(link, b"pong");
    world.until(|log| !log.sent.is_empty());
    let (to, buffer, errno) = world.log.sent.pop().unwrap();
    assert_eq!((to, errno, buffer.sent()), (link, Errno(0), 4));
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");

    drop(client);
    world.until(|log| !log.ended.is_empty());
    assert_eq!(world.log.ended, [(link, Errno(0))]);
    world.close(link);
    assert_eq!(world.machine.links(), 0);
    assert_eq!(world.machine.stats().received_bytes, 4);
    assert_eq!(world.machine.stats().sent_bytes, 4);
}

#[test]
fn two_links_of_one_machine_talk_to_each_other() {
    let mut world = World::new(small());
    let near = world.machine.connect(world.address, 5_000).unwrap();
    world.until(|log| log.accepted.len() == 1);
    let far = world.log.accepted[0];
    assert_ne!(near, far);
    world.send(near, b"hello");
    world.until(|log| log.bytes() == b"hello");
    assert_eq!(world.log.received[0].0, far);
}

#[test]
fn a_send_that_fills_the_socket_comes_back_in_parts() {
    let mut config = small();
    config.sockets.send_buffer_bytes = Some(4_096);
    config.sockets.receive_buffer_bytes = Some(4_096);
    let mut world = World::new(config);
    let (mut client, link) = world.client();
    let sample: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let expected = sample.clone();
    let reader = crate::sys::threads::spawn("reader", move || {
        let mut read = vec![0; expected.len()];
        client.read_exact(&mut read).unwrap();
        read == expected
    })
    .unwrap();
    world.send(link, &sample);
    let mut parts = 0;
    loop {
        world.until(|log| !log.sent.is_empty());
        let (link, buffer, errno) = world.log.sent.pop().unwrap();
        assert_eq!(errno, Errno(0));
        parts += 1;
        if buffer.is_empty() {
            break;
        }
        world.submit(Submission::Send { link, buffer });
    }
    assert!(
        parts > 1,
        "a socket of 4 KiB does not take a million bytes at once"
    );
    assert!(reader.join().unwrap());
}

#[test]
fn closing_ends_a_send_that_nobody_reads() {
    let mut config = small();
    config.sockets.send_buffer_bytes = Some(4_096);
    let mut world = World::new(config);
    let (client, link) = world.client();
    // Until the kernel takes no more: one send stays in flight.
    let mut stuck = false;
    while !stuck {
        world.send(link, &vec![7; 1 << 20]);
        world
            .machine
            .enter(Idle::Spin, None, Clock.monotonic())
            .unwrap();
        world.machine.drain(|completion| world.log.note(completion));
        stuck = world.log.sent.is_empty();
        world.log.sent.clear();
    }
    world.close(link);
    assert_eq!(
        world.log.sent.len(),
        1,
        "the buffer comes back before the link is gone"
    );
    assert_eq!(world.log.sent[0].0, link);
    assert_eq!(world.log.closed, [link]);
    drop(client);
}

#[test]
fn a_machine_dropped_with_operations_in_flight_gets_them_back() {
    let mut config = small();
    config.sockets.send_buffer_bytes = Some(4_096);
    let mut world = World::new(config);
    let (client, link) = world.client();
    for _ in 0..8 {
        world.send(link, &vec![7; 1 << 20]);
        world
            .machine
            .enter(Idle::Spin, None, Clock.monotonic())
            .unwrap();
        world.machine.drain(|completion| world.log.note(completion));
        if world.log.sent.is_empty() {
            break;
        }
        world.log.sent.clear();
    }
    assert!(
        world.machine.ring.in_flight() >= 3,
        "accept, receive and wake at least"
    );
    assert!(world.machine.quiesce());
    assert_eq!(world.machine.ring.in_flight(), 0);
    // Nothing is left for `drop` to wait for, and it does not mind.
    drop(world);
    drop(client);
}

#[test]
fn a_slot_is_used_again_under_a_new_generation() {
    let mut config = small();
    config.links_max = 1;
    let mut world = World::new(config);
    let (client, first) = world.client();
    world.close(first);
    drop(client);
    let (mut client, second) = world.client();
    assert_eq!(second.slot, first.slot);
    assert_ne!(second.generation, first.generation);

    // What is meant for the first never reaches the second.
    world.send(first, b"stale");
    world.submit(Submission::Close { link: first });
    world.until(|log| !log.sent.is_empty());
    let (link, buffer, errno) = world.log.sent.pop().unwrap();
    assert_eq!((link, errno), (first, Errno(libc::ENOTCONN)));
    assert_eq!(buffer.remaining(), b"stale");
    world.send(second, b"fresh");
    let mut answer = [0; 5];
    world.until(|log| !log.sent.is_empty());
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"fresh");
    assert_eq!(world.log.closed, [first]);
}

#[test]
fn a_full_link_table_refuses_and_recovers() {
    let mut config = small();
    config.links_max = 2;
    let mut world = World::new(config);
    let (_first, link) = world.client();
    let (_second, _) = world.client();
    let mut refused = TcpStream::connect(world.address).unwrap();
    world.until(|log| !log.refused.is_empty());
    assert_eq!(world.log.refused, [Errno(0)]);
    assert!(
        !matches!(refused.read(&mut [0]), Ok(1)),
        "the connection is closed"
    );
    assert_eq!(
        world
            .machine
            .connect(world.address, 5_000)
            .unwrap_err()
            .errno()
            .0,
        libc::ENOSPC
    );
    world.close(link);
    world.log.refused.clear();
    world.client();
}

#[test]
fn receiving_goes_on_after_the_buffers_ran_out() {
    let mut config = small();
    config.receive_buffers = 2;
    config.receive_buffer_bytes = 64;
    let mut world = World::new(config);
    let (mut client, _) = world.client();
    let sample: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    client.write_all(&sample).unwrap();
    world.until(|log| log.bytes().len() == sample.len());
    assert_eq!(world.log.bytes(), sample);
    assert!(world.machine.stats().buffers_exhausted > 0);
}

#[test]
fn a_reset_is_an_end_with_an_error() {
    let mut world = World::new(small());
    let (client, link) = world.client();
    rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
    drop(client);
    world.until(|log| !log.ended.is_empty());
    assert_eq!(world.log.ended, [(link, Errno(libc::ECONNRESET))]);
    world.close(link);
}

#[test]
fn nothing_is_received_after_a_close() {
    let mut world = World::new(small());
    let (mut client, link) = world.client();
    client.write_all(b"too late").unwrap();
    world.close(link);
    assert!(world.log.received.is_empty());
    assert!(world.log.ended.is_empty());
}

#[test]
fn a_waker_wakes_a_parked_machine_from_another_thread() {
    let mut world = World::new(small());
    let waker = world.machine.waker();
    for round in 1..=100 {
        let waker = waker.clone();
        let thread = crate::sys::threads::spawn("waker", move || waker.wake()).unwrap();
        world.until(|log| log.woken >= round);
        thread.join().unwrap();
    }
    assert_eq!(world.log.woken, 100);
}

#[test]
fn a_machine_wakes_a_parked_neighbour_by_a_message_from_ring_to_ring() {
    const ROUNDS: usize = 100;
    let mut world = World::new(small());
    let (tell, told) = std::sync::mpsc::channel();
    let own = world.machine.waker();
    let neighbour = crate::sys::threads::spawn("neighbour", move || {
        let mut there = World::new(small());
        there.machine.meet(vec![own]);
        tell.send(there.machine.waker()).unwrap();
        for round in 1..=ROUNDS {
            there.until(|log| log.woken >= round);
            there.machine.wake(0);
            there
                .machine
                .enter(Idle::Spin, None, Clock.monotonic())
                .unwrap();
        }
        there.machine.stats()
    })
    .unwrap();
    world.machine.meet(vec![told.recv().unwrap()]);
    for round in 1..=ROUNDS {
        world.machine.wake(0);
        world.until(|log| log.woken >= round);
    }
    assert_eq!(world.log.woken, ROUNDS);
    for stats in [neighbour.join().unwrap(), world.machine.stats()] {
        assert!(stats.messages > 0, "some found the other one parked");
        assert_eq!(stats.messages_refused, 0);
    }
}

#[test]
fn parking_ends_at_the_time_given_and_spinning_makes_no_system_call() {
    let mut world = World::new(small());
    let now = Clock.monotonic();
    world.machine.enter(Idle::Spin, None, now).unwrap();
    let until = now.plus_ms(20);
    while Clock.monotonic() < until {
        world
            .machine
            .enter(Idle::Park, Some(until), Clock.monotonic())
            .unwrap();
    }
    let enters = world.machine.stats().enters;
    for _ in 0..1_000 {
        world.machine.drain(|completion| world.log.note(completion));
        let now = Clock.monotonic();
        world.machine.enter(Idle::Spin, Some(now), now).unwrap();
        world
            .machine
            .enter(
                Idle::Adaptive {
                    spin_us: 60_000_000,
                },
                None,
                now,
            )
            .unwrap();
    }
    assert_eq!(world.machine.stats().enters, enters);
}

#[test]
fn a_machine_accepts_for_others_in_turn() {
    let (mut first, mut second) = (World::new(small()), World::new(small()));
    first.machine.deal_to(vec![second.machine.arrivals()]);
    let dial = |world: &World| TcpStream::connect(world.address).unwrap();
    let _clients = [dial(&first), dial(&first), dial(&first)];
    first.until(|log| log.accepted.len() == 2);
    second.until(|log| log.accepted.len() == 1);
}

#[test]
fn a_machine_that_stopped_listening_keeps_its_links() {
    let mut world = World::new(small());
    let (mut client, link) = world.client();
    world.machine.stop_listening();
    world
        .machine
        .enter(Idle::Spin, None, Clock.monotonic())
        .unwrap();
    world.machine.drain(|completion| world.log.note(completion));
    let refused = TcpStream::connect(world.address).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    world.send(link, b"still here");
    world.until(|log| !log.sent.is_empty());
    let mut answer = [0; 10];
    client.read_exact(&mut answer).unwrap();
}

#[test]
fn wrong_sizes_are_refused_by_name() {
    type Change = fn(&mut MachineConfig);
    let cases: [(Change, &str); 3] = [
        (|config| config.links_max = 0, "links_max"),
        (|config| config.receive_buffers = 3, "receive_buffers"),
        (
            |config| config.receive_buffer_bytes = 1,
            "receive_buffer_bytes",
        ),
    ];
    for (change, name) in cases {
        let mut config = small();
        change(&mut config);
        let error = Machine::new(config).unwrap_err().to_string();
        assert!(error.contains(&format!("set {name} to")), "{error}");
    }
}

/// A machine with a journal of eight-block segments in a temporary directory.
fn journal(faults: WriteFaults) -> (tempfile::TempDir, tempfile::TempDir, TailMap, World) {
    let (memory, disk) = (
        tempfile::tempdir_in("/dev/shm").unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let tail = TailMap::create(&memory.path().join("tail"), 8 * BLOCK_BYTES).unwrap();
    let plan = SegmentPlan {
        directory: disk.path().to_owned(),
        bytes: 8 * BLOCK_BYTES as u64,
        zero_fill: true,
    };
    let mut config = small();
    config.journal = Some(JournalConfig {
        synchronous: true,
        tail: tail.view().unwrap(),
        plan,
        writes_max: 4,
        faults,
    });
    let mut world = World::new(config);
    world.submit(Submission::PrepareSegment { segment: 1 });
    world.until(|log| log.ready == [(1, Errno(0))]);
    (memory, disk, tail, world)
}

fn block(write: u64, segment: u64, block: u64) -> Submission {
    let offset = block * BLOCK_BYTES as u64;
    let bytes = u32::try_from(BLOCK_BYTES).unwrap();
    Submission::Write {
        write,
        segment,
        segment_offset: offset,
        tail_offset: offset,
        bytes,
    }
}

#[test]
fn blocks_of_the_tail_are_written_to_the_segment_and_read_back() {
    let (_memory, disk, mut tail, mut world) = journal(WriteFaults::default());
    for number in 0..4_u8 {
        let start = usize::from(number) * BLOCK_BYTES;
        tail[start..start + BLOCK_BYTES].fill(number + 1);
        world.submit(block(100 + u64::from(number), 1, number.into()));
    }
    world.until(|log| log.written.len() == 4);
    world.log.written.sort_unstable_by_key(|(write, _)| *write);
    let expected = [100, 101, 102, 103].map(|write| (write, Errno(0)));
    assert_eq!(world.log.written, expected);
    world.submit(Submission::SealSegment { segment: 1 });
    assert_eq!(world.machine.segment_access(1), None);

    let mut reader = SegmentReader::open(&disk.path().join(segment_name(1))).unwrap();
    let (offset, bytes) = reader.next_blocks().unwrap().unwrap();
    assert_eq!((offset, bytes.len()), (0, 8 * BLOCK_BYTES));
    for (number, block) in bytes.chunks(BLOCK_BYTES).enumerate() {
        let expected = if number < 4 {
            u8::try_from(number).unwrap() + 1
        } else {
            0
        };
        assert!(block.iter().all(|byte| *byte == expected));
    }
}

#[test]
fn writes_that_cannot_be_done_are_reported_and_so_are_segments() {
    let (_memory, _disk, _tail, mut world) = journal(WriteFaults::default());
    world.submit(block(1, 2, 0));
    world.until(|log| log.written == [(1, Errno(libc::EBADF))]);
    world.log.ready.clear();
    world.submit(Submission::PrepareSegment { segment: 1 });
    world.until(|log| log.ready == [(1, Errno(libc::EEXIST))]);
    let text = world.machine.take_failure().unwrap().to_string();
    assert!(text.contains("segment-0000000001"), "{text}");
    assert!(world.machine.take_failure().is_none());
}

#[test]
fn faults_delay_and_fail_writes() {
    let faults = WriteFaults {
        delay_written_ms: 5,
        fail_write_after: Some(2),
    };
    let (_memory, _disk, _tail, mut world) = journal(faults);
    for write in 0..3 {
        world.submit(block(write, 1, write));
        let seen = usize::try_from(write).unwrap() + 1;
        world.until(|log| log.written.len() == seen);
    }
    assert_eq!(
        world.log.written,
        [(0, Errno(0)), (1, Errno(0)), (2, Errno(libc::EIO))]
    );
}
