//! Publications of tables while a switch is under load: one after the other, as fast as it takes
//! them. Two texts take turns that decide nothing otherwise, so that what is seen is the change.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use cpg_switch::sys::threads;

use crate::cli::exit::Failure;

/// One publication is answered within this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A thread that publishes.
#[derive(Debug)]
pub(super) struct Publishing {
    over: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<u64>>,
}

impl Publishing {
    /// Begins, over the admin socket of a switch that has a participant of this name.
    pub(super) fn start(socket: &Path, participant: &str) -> Result<Self, Failure> {
        let over = Arc::new(AtomicBool::new(false));
        let (socket, told) = (socket.to_owned(), Arc::clone(&over));
        let line = format!("open\t{participant}\t-\t-\n");
        let thread = threads::spawn("publishing", move || publish(&socket, &line, &told))?;
        Ok(Self { over, thread })
    }

    /// Ends; how many there were.
    pub(super) fn stop(self) -> Result<u64, Failure> {
        self.over.store(true, Ordering::Relaxed);
        let done = self.thread.join();
        let done =
            done.map_err(|_| Failure::Missing("the publishing thread panicked".to_owned()))?;
        done.map_err(Failure::file("publish tables"))
    }
}

fn publish(socket: &PathBuf, line: &str, over: &AtomicBool) -> io::Result<u64> {
    let head = "state\tparticipant\tpayer_country\tmerchant_country\n";
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        let line = if count % 2 == 0 { line } else { "" };
        let body = format!("{head}{line}");
        let mut link = UnixStream::connect(socket)?;
        link.set_read_timeout(Some(PATIENCE))?;
        write!(
            link,
            "PUT /v1/tables/standing?reason=a%20benchmark HTTP/1.1\r\nHost: switch\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        link.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") || !answer.contains("\"shards_behind\":[]") {
            return Err(io::Error::other(format!("publication {count}: {answer}")));
        }
        count += 1;
    }
    Ok(count)
}
