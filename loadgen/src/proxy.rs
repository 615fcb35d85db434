//! HAProxy in TCP mode: what passing bytes on costs, without reading any.

use core::net::SocketAddr;
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cpg_switch::sys::clock::Clock;

use crate::cli::exit::Failure;
use crate::target::{end_of, pause};

/// A running HAProxy. It is killed where it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Proxy {
    /// Passes every connection on to `backend`; one thread, on `core` if one is named.
    pub(crate) fn start(
        folder: &Path,
        backend: SocketAddr,
        core: Option<usize>,
    ) -> Result<Self, Failure> {
        let address = free_address().map_err(Failure::file("find a free port"))?;
        let file = folder.join("haproxy.cfg");
        let log = folder.join("haproxy.log");
        fs::write(&file, configuration(address, backend, core))
            .map_err(Failure::file("write HAProxy's configuration"))?;
        let output = File::create(&log).map_err(Failure::file("write HAProxy's log"))?;
        let started = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn();
        let child = started.map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Failure::Missing(NOT_INSTALLED.to_owned()),
            _ => Failure::file("start haproxy")(cause),
        })?;
        let mut proxy = Self { child, address };
        proxy.wait(&log)?;
        Ok(proxy)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait(&mut self, log: &Path) -> Result<(), Failure> {
        let give_up = Clock.monotonic().plus_ms(START_MS);
        while TcpStream::connect(self.address).is_err() {
            let ended = self
                .child
                .try_wait()
                .map_err(Failure::file("watch haproxy"))?;
            if ended.is_some() || Clock.monotonic() > give_up {
                return Err(Failure::Missing(format!(
                    "HAProxy did not start:\n{}",
                    end_of(log)
                )));
            }
            pause();
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Where it has ended already, there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn configuration(address: SocketAddr, backend: SocketAddr, core: Option<usize>) -> String {
    let pinned = core.map_or_else(String::new, |core| format!("    cpu-map 1/1 {core}\n"));
    format!(
        "global
    maxconn 8192
    nbthread 1
{pinned}defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend acquirer
    bind {address}
    default_backend wallet
backend wallet
    server wallet {backend}
"
    )
}

/// A port that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

const NOT_INSTALLED: &str = "there is no haproxy on the PATH; install it with: \
                             apt-get install haproxy (or compare nothing: --no-proxy)";
const START_MS: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_thread_between_two_addresses() {
        let (front, back) = (
            "127.0.0.1:1".parse().unwrap(),
            "127.0.0.1:2".parse().unwrap(),
        );
        let text = configuration(front, back, Some(0));
        for expected in [
            "nbthread 1",
            "cpu-map 1/1 0",
            "bind 127.0.0.1:1",
            "wallet 127.0.0.1:2",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(!configuration(front, back, None).contains("cpu-map"));
    }
}
