//! A relay that understands nothing: it passes bytes on after a known time, and stands still for a
//! while where it is told to. So the generator can be held to what is known (`self_test`), and a
//! participant can be one that reads slowly or not at all (`plan::faults`).
//!
//! It shares no code with what measures: plain sockets and threads that block.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use cpg_switch::sys::clock::Clock;
use rustix::net::sockopt::set_socket_recv_buffer_size;

/// When nothing passes, in either direction: from one instant to another, in order. It may be said
/// once the connections are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stills(Arc<OnceLock<Vec<(u64, u64)>>>);

/// What it does to bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Treatment {
    /// Requests are passed on so long after they came.
    pub(crate) delay_ns: u64,
    /// When it stands still.
    pub(crate) stills: Stills,
    /// Whether it takes few bytes ahead, so that whoever sends to it is soon full, too.
    pub(crate) narrow: bool,
}

impl Stills {
    /// These, and no others any more.
    pub(crate) fn are(&self, stills: Vec<(u64, u64)>) {
        // Said twice, the first one stays: a run says it once.
        drop(self.0.set(stills));
    }

    /// When what is due at an instant can pass.
    fn after_ns(&self, due_ns: u64) -> u64 {
        let stills = self.0.get().map_or(&[][..], Vec::as_slice);
        stills.iter().fold(due_ns, |due_ns, (from_ns, to_ns)| {
            if due_ns >= *from_ns && due_ns < *to_ns {
                *to_ns
            } else {
                due_ns
            }
        })
    }
}

impl Treatment {
    /// When bytes that came at `arrived_ns` leave, at the earliest.
    fn leaves_ns(&self, arrived_ns: u64) -> u64 {
        self.stills.after_ns(arrived_ns + self.delay_ns)
    }
}

/// Accepts `links` connections and passes each on to `backend`; where it listens.
pub(crate) fn start(
    backend: SocketAddr,
    links: u32,
    treatment: Treatment,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let accept = move || {
        for _ in 0..links {
            let Ok((front, _)) = listener.accept() else {
                return;
            };
            // Where this fails the dialler sees its link end, and says so.
            if TcpStream::connect(backend)
                .and_then(|back| join(&front, &back, &treatment))
                .is_err()
            {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("relay".to_owned())
        .spawn(accept)?;
    Ok(address)
}

/// Passes bytes between two sockets until either ends. The threads end with them.
fn join(front: &TcpStream, back: &TcpStream, treatment: &Treatment) -> io::Result<()> {
    front.set_nodelay(true)?;
    back.set_nodelay(true)?;
    if treatment.narrow {
        set_socket_recv_buffer_size(back, NARROW_BYTES)?;
    }
    let answers = Treatment {
        delay_ns: 0,
        ..treatment.clone()
    };
    for (from, to, treatment) in [(front, back, treatment), (back, front, &answers)] {
        let (sender, receiver) = sync_channel(CHUNKS_MAX);
        let (stills, treatment) = (treatment.stills.clone(), treatment.clone());
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let name = || thread::Builder::new().name("relay".to_owned());
        name().spawn(move || read(from, &sender, &stills))?;
        name().spawn(move || write(to, &receiver, &treatment))?;
    }
    Ok(())
}

fn read(mut from: TcpStream, chunks: &SyncSender<(u64, Vec<u8>)>, stills: &Stills) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        wait_until(|now_ns| stills.after_ns(now_ns));
        let Ok(bytes) = from.read(&mut buffer) else {
            return;
        };
        let chunk = buffer.get(..bytes).unwrap_or_default().to_vec();
        if chunk.is_empty() || chunks.send((Clock.monotonic().0, chunk)).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, chunks: &Receiver<(u64, Vec<u8>)>, treatment: &Treatment) {
    for (arrived_ns, chunk) in chunks {
        // Bytes that are due, or overdue, while it stands still leave when it goes on.
        wait_until(|now_ns| {
            let due_ns = treatment.leaves_ns(arrived_ns);
            due_ns.max(treatment.stills.after_ns(now_ns))
        });
        if to.write_all(&chunk).is_err() {
            return;
        }
    }
    // The other side hears that this one has ended; it may have ended itself.
    drop(to.shutdown(Shutdown::Write));
}

/// Waits until the instant that `until` names has come; it is asked again each time.
fn wait_until(until: impl Fn(u64) -> u64) {
    loop {
        let now_ns = Clock.monotonic().0;
        let until_ns = until(now_ns);
        if until_ns <= now_ns {
            return;
        }
        thread::park_timeout(Duration::from_nanos(until_ns - now_ns));
    }
}

const CHUNK_BYTES: usize = 64 * 1024;
/// The kernel doubles it, and never goes below some 2 KiB.
const NARROW_BYTES: usize = 4 * 1024;
/// Chunks that wait at once; more stay in the socket.
const CHUNKS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_after_their_time_and_not_while_it_stands_still() {
        let treatment = Treatment {
            delay_ns: 10,
            ..Treatment::default()
        };
        assert_eq!(treatment.leaves_ns(150), 160);
        treatment.stills.are(vec![(100, 200), (300, 400)]);
        for (arrived_ns, leaves_ns) in [
            (0, 10),
            (89, 99),
            (90, 200),
            (189, 200),
            (190, 200),
            (191, 201),
            (290, 400),
        ] {
            assert_eq!(treatment.leaves_ns(arrived_ns), leaves_ns);
        }
    }

    #[test]
    fn it_passes_everything_on_in_order_and_ends_with_its_sides() {
        let backend = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = start(backend.local_addr().unwrap(), 1, Treatment::default()).unwrap();
        let mut front = TcpStream::connect(address).unwrap();
        let (mut back, _) = backend.accept().unwrap();
        front.write_all(b"there").unwrap();
        let mut read = [0; 5];
        back.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"there");
        back.write_all(b"and back").unwrap();
        drop(back);
        let mut all = Vec::new();
        front.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"and back");
    }
}
