//! What the machine alone costs: two of them, on two cores, echo 192-byte messages to each other
//! over loopback TCP.
//!
//! Measured: messages/s through one machine (each is received and sent once) and the CPU time of
//! its thread per message. A payment is two such messages; compare with the null relay.
//!
//! Not measured: framing, parsing, journal, latency under a given load. The two cores share a host,
//! and a message that comes back late is not made up for: this is a closed loop.
//!
//! `cargo bench --bench ring -- [SECONDS]`

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::net::SocketAddr;
use std::sync::Arc;

use cpg_switch::model::ids::LinkId;
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::cpu::{allowed_cores, pin_current_thread};
use cpg_switch::sys::machine::{Idle, Machine, MachineConfig};
use cpg_switch::sys::operation::{Completion, SendBuffer, Submission};
use cpg_switch::sys::threads;
use rustix::time::{ClockId, clock_gettime};

const MESSAGE_BYTES: usize = 192;
const SHAPES: [(u32, usize); 3] = [(4, 256), (64, 16), (1_024, 1)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let trial = arguments.iter().any(|argument| argument == "--test");
    let seconds = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(3);
    let milliseconds = if trial { 20 } else { seconds * 1_000 };
    let cores = allowed_cores().expect("the kernel says which cores we may use");
    println!(
        "{:>16}{:>8}{:>14}{:>14}",
        "links x window", "idle", "messages/s", "CPU us each"
    );
    for (links, window) in SHAPES {
        for idle in [Idle::Park, Idle::Spin] {
            let (messages, cpu_ns) = run((links, window), idle, milliseconds, &cores);
            println!(
                "{:>16}{:>8}{:>14}{:>14.3}",
                format!("{links} x {window}"),
                if idle == Idle::Spin { "spin" } else { "park" },
                messages * 1_000 / milliseconds,
                thousandth(cpu_ns / messages.max(1)),
            );
        }
    }
}

fn thousandth(ns: u64) -> f64 {
    f64::from(u32::try_from(ns).unwrap_or(u32::MAX)) / 1_000.0
}

/// Messages echoed by one machine, and its thread's CPU time in nanoseconds.
fn run(
    (links, window): (u32, usize),
    idle: Idle,
    milliseconds: u64,
    cores: &[usize],
) -> (u64, u64) {
    let (near, far) = (cores[0], *cores.last().expect("there is one at least"));
    let stop = Arc::new(AtomicBool::new(false));
    let address = Arc::new(AtomicU64::new(0));
    let (their_stop, their_address) = (Arc::clone(&stop), Arc::clone(&address));
    let server = threads::spawn("server", move || {
        pin_current_thread(near).expect("the core is there");
        let mut echo = Echo::new(links, window);
        let (_, bound) = echo
            .machine
            .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("a free port");
        their_address.store(bound.port().into(), Ordering::Release);
        while echo.accepted < links {
            echo.turn(Idle::Park);
        }
        let (cpu, bytes) = (thread_cpu_ns(), echo.machine.stats().received_bytes);
        while !their_stop.load(Ordering::Relaxed) {
            echo.turn(idle);
        }
        let messages = (echo.machine.stats().received_bytes - bytes) / MESSAGE_BYTES as u64;
        (messages, thread_cpu_ns() - cpu)
    })
    .expect("a thread can be started");

    pin_current_thread(far).expect("the core is there");
    let mut echo = Echo::new(links, window);
    let port = loop {
        let port = address.load(Ordering::Acquire);
        if port != 0 {
            break u16::try_from(port).expect("it is a port");
        }
    };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let message = [7; MESSAGE_BYTES];
    for _ in 0..links {
        let link = echo
            .machine
            .connect(address, 5_000)
            .expect("the server listens");
        (0..window).for_each(|_| echo.answer(link, &message));
    }
    let give_up = Clock.monotonic().plus_ms(milliseconds);
    while Clock.monotonic() < give_up {
        echo.turn(idle);
    }
    stop.store(true, Ordering::Relaxed);
    // The server may sleep: the end of our links wakes it.
    drop(echo);
    server.join().expect("it does not panic")
}

/// One end: sends back whatever it receives, one coalesced send per link and turn.
struct Echo {
    machine: Machine,
    accepted: u32,
    links: Vec<Line>,
    /// Slots with something to send.
    dirty: Vec<LinkId>,
    submissions: Vec<Submission>,
}

/// What is being gathered for a link, and the second buffer unless the kernel has it.
struct Line {
    gathered: SendBuffer,
    spare: Option<SendBuffer>,
}

impl Echo {
    fn new(links: u32, window: usize) -> Self {
        let config = MachineConfig {
            links_max: links,
            ..MachineConfig::default()
        };
        let machine = Machine::new(config).expect("this machine has io_uring");
        let buffer = || SendBuffer::with_capacity(window * MESSAGE_BYTES);
        let line = |_| Line {
            gathered: buffer(),
            spare: Some(buffer()),
        };
        Self {
            machine,
            accepted: 0,
            links: (0..links).map(line).collect(),
            dirty: Vec::new(),
            submissions: Vec::new(),
        }
    }

    fn answer(&mut self, link: LinkId, bytes: &[u8]) {
        gather(&mut self.links, &mut self.dirty, link, bytes);
    }

    fn turn(&mut self, idle: Idle) {
        let Self {
            machine,
            accepted,
            links,
            dirty,
            submissions,
        } = self;
        machine.drain(|completion| match completion {
            Completion::Accepted { .. } => *accepted += 1,
            Completion::Received { link, bytes } => gather(links, dirty, link, bytes),
            Completion::Sent {
                link, mut buffer, ..
            } => {
                if buffer.is_empty() {
                    buffer.clear();
                    let line = &mut links[place(link)];
                    line.spare = Some(buffer);
                    if !line.gathered.is_empty() {
                        dirty.push(link);
                    }
                } else {
                    submissions.push(Submission::Send { link, buffer });
                }
            }
            _ => {}
        });
        for link in dirty.drain(..) {
            let line = &mut links[place(link)];
            if line.gathered.is_empty() {
                continue;
            }
            if let Some(spare) = line.spare.take() {
                let buffer = core::mem::replace(&mut line.gathered, spare);
                submissions.push(Submission::Send { link, buffer });
            }
        }
        machine.submit(submissions);
        machine
            .enter(idle, None, Clock.monotonic())
            .expect("the ring works");
    }
}

fn gather(links: &mut [Line], dirty: &mut Vec<LinkId>, link: LinkId, bytes: &[u8]) {
    let line = &mut links[place(link)];
    if line.gathered.is_empty() {
        dirty.push(link);
    }
    assert!(
        line.gathered.append(bytes),
        "no more than the window is under way"
    );
}

fn place(link: LinkId) -> usize {
    usize::try_from(link.slot).expect("addresses have 64 bits")
}

fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it started at zero");
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).expect("it started at zero")
}
