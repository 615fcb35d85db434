//! A relay that reads nothing: it passes bytes on after a known time, and stands still for a while
//! where it is told to. What it does to a payment is known, so what is measured can be checked.
//!
//! It shares no code with what measures: plain sockets and threads that block.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use cpg_switch::sys::clock::Clock;

/// What it does to bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Treatment {
    /// Requests are passed on so long after they came.
    pub(super) delay_ns: u64,
    /// From one instant to another nothing passes, in either direction.
    pub(super) frozen: Option<(u64, u64)>,
}

impl Treatment {
    /// When bytes that came at `arrived_ns`, or that waited until then, leave.
    pub(super) const fn leaves_ns(&self, arrived_ns: u64) -> u64 {
        let due_ns = arrived_ns + self.delay_ns;
        match self.frozen {
            Some((from_ns, to_ns)) if due_ns >= from_ns && due_ns < to_ns => to_ns,
            Some(_) | None => due_ns,
        }
    }
}

/// Accepts `links` connections and passes each on to `backend`; where it listens.
pub(super) fn start(
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
                .and_then(|back| join(&front, &back, treatment))
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
fn join(front: &TcpStream, back: &TcpStream, treatment: Treatment) -> io::Result<()> {
    front.set_nodelay(true)?;
    back.set_nodelay(true)?;
    let answers = Treatment {
        delay_ns: 0,
        ..treatment
    };
    for (from, to, treatment) in [(front, back, treatment), (back, front, answers)] {
        let (sender, receiver) = sync_channel(CHUNKS_MAX);
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let name = || thread::Builder::new().name("relay".to_owned());
        name().spawn(move || read(from, &sender))?;
        name().spawn(move || write(to, &receiver, treatment))?;
    }
    Ok(())
}

fn read(mut from: TcpStream, chunks: &SyncSender<(u64, Vec<u8>)>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(bytes) = from.read(&mut buffer) {
        let chunk = buffer.get(..bytes).unwrap_or_default().to_vec();
        if chunk.is_empty() || chunks.send((Clock.monotonic().0, chunk)).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, chunks: &Receiver<(u64, Vec<u8>)>, treatment: Treatment) {
    for (arrived_ns, chunk) in chunks {
        loop {
            let now_ns = Clock.monotonic().0;
            // Bytes that are due while it stands still leave when it goes on.
            let due_ns = treatment.leaves_ns(arrived_ns);
            let still_ns = treatment.leaves_ns(now_ns.saturating_sub(treatment.delay_ns));
            let until_ns = due_ns.max(if still_ns > now_ns { still_ns } else { 0 });
            if until_ns <= now_ns {
                break;
            }
            thread::park_timeout(Duration::from_nanos(until_ns - now_ns));
        }
        if to.write_all(&chunk).is_err() {
            return;
        }
    }
    // The other side hears that this one has ended; it may have ended itself.
    drop(to.shutdown(Shutdown::Write));
}

const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait at once; more stay in the socket.
const CHUNKS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_after_their_time_and_not_while_it_stands_still() {
        let treatment = Treatment {
            delay_ns: 10,
            frozen: Some((100, 200)),
        };
        for (arrived_ns, leaves_ns) in [
            (0, 10),
            (89, 99),
            (90, 200),
            (189, 200),
            (190, 200),
            (191, 201),
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
