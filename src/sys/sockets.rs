//! Sockets: how they listen, connect, and how long they wait for a silent other side.
//!
//! All are blocking: the ring waits for them. A non-blocking one would make it return EAGAIN.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::TcpStream;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getpeername, getsockname, listen, socket_with,
    sockopt,
};

use crate::sys::error::MachineError;

/// Options of every link. Linux copies them from the listening socket to the accepted one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketOptions {
    /// Connections the kernel keeps until they are accepted (capped by net.core.somaxconn).
    pub backlog: i32,
    /// How long sent bytes may stay unacknowledged before the link fails (TCP_USER_TIMEOUT).
    pub user_timeout_ms: u32,
    /// Silence before the first keepalive probe.
    pub keepalive_idle_s: u32,
    /// Time between keepalive probes.
    pub keepalive_interval_s: u32,
    /// Unanswered probes before the link fails.
    pub keepalive_probes: u32,
    /// Fixed SO_SNDBUF; `None` leaves it to the kernel, which adapts it.
    pub send_buffer_bytes: Option<usize>,
    /// Fixed SO_RCVBUF; `None` leaves it to the kernel, which adapts it.
    pub receive_buffer_bytes: Option<usize>,
}

impl Default for SocketOptions {
    /// A dead participant is noticed within about 30 seconds, in either direction.
    fn default() -> Self {
        Self {
            backlog: 1_024,
            user_timeout_ms: 30_000,
            keepalive_idle_s: 15,
            keepalive_interval_s: 5,
            keepalive_probes: 3,
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
        }
    }
}

/// A listening socket on `address` and the address it got (port 0 asks the kernel for one).
pub(crate) fn listen_on(
    address: SocketAddr,
    options: &SocketOptions,
) -> Result<(OwnedFd, SocketAddr), MachineError> {
    bind_and_listen(address, options).map_err(|cause| {
        let remedy = match cause.raw_os_error() {
            Some(libc::EADDRINUSE) => {
                "another process listens there: stop it (ss -ltnp shows it) or configure \
                 another port"
            }
            Some(libc::EADDRNOTAVAIL) => {
                "no interface of this machine has that address: correct it (ip address shows them)"
            }
            Some(libc::EACCES) => {
                "ports below 1024 need CAP_NET_BIND_SERVICE: grant it or use a higher port"
            }
            Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (LimitNOFILE)",
            _ => "check the address and the kernel's log",
        };
        MachineError::new(format!("listening on {address}"), cause, remedy)
    })
}

fn bind_and_listen(
    address: SocketAddr,
    options: &SocketOptions,
) -> io::Result<(OwnedFd, SocketAddr)> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Only lingering connections of a predecessor may share the port; a live listener may not.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    apply(&socket, options)?;
    bind(&socket, &address)?;
    listen(&socket, options.backlog)?;
    let bound = SocketAddr::try_from(getsockname(&socket)?)?;
    Ok((socket, bound))
}

/// A connected socket. Blocks for `timeout_ms` at most: for clients and tests, not for a shard.
pub(crate) fn connect_to(
    address: SocketAddr,
    timeout_ms: u64,
    options: &SocketOptions,
) -> Result<OwnedFd, MachineError> {
    let connect = || {
        let stream = TcpStream::connect_timeout(&address, Duration::from_millis(timeout_ms))?;
        let socket = OwnedFd::from(stream);
        prepare(&socket, options)?;
        Ok(socket)
    };
    connect().map_err(|cause: io::Error| {
        MachineError::new(
            format!("connecting to {address}"),
            cause,
            "check that the other side listens there and that no firewall is between",
        )
    })
}

/// Makes any connected TCP socket fit for the ring.
pub(crate) fn prepare(socket: &OwnedFd, options: &SocketOptions) -> io::Result<()> {
    let flags = fcntl_getfl(socket)?;
    fcntl_setfl(socket, flags.difference(OFlags::NONBLOCK))?;
    apply(socket, options)
}

fn apply(socket: &OwnedFd, options: &SocketOptions) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_tcp_user_timeout(socket, options.user_timeout_ms)?;
    sockopt::set_socket_keepalive(socket, true)?;
    let idle = Duration::from_secs(options.keepalive_idle_s.into());
    sockopt::set_tcp_keepidle(socket, idle)?;
    let interval = Duration::from_secs(options.keepalive_interval_s.into());
    sockopt::set_tcp_keepintvl(socket, interval)?;
    sockopt::set_tcp_keepcnt(socket, options.keepalive_probes)?;
    if let Some(bytes) = options.send_buffer_bytes {
        sockopt::set_socket_send_buffer_size(socket, bytes)?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        sockopt::set_socket_recv_buffer_size(socket, bytes)?;
    }
    Ok(())
}

/// The other side's address; fails with ENOTCONN where it has gone already.
pub(crate) fn peer_of(socket: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    let peer = getpeername(socket)?.ok_or(rustix::io::Errno::NOTCONN)?;
    Ok(SocketAddr::try_from(peer)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::accept;

    #[test]
    fn accepted_sockets_have_the_listeners_options() {
        let options = SocketOptions {
            user_timeout_ms: 12_345,
            ..SocketOptions::default()
        };
        let (listener, bound) = listen_on("127.0.0.1:0".parse().unwrap(), &options).unwrap();
        let _client = connect_to(bound, 5_000, &options).unwrap();
        let accepted = accept(&listener).unwrap();
        assert!(sockopt::tcp_nodelay(&accepted).unwrap());
        assert!(sockopt::socket_keepalive(&accepted).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&accepted).unwrap(), 12_345);
        assert_eq!(
            sockopt::tcp_keepidle(&accepted).unwrap(),
            Duration::from_secs(15)
        );
        assert_eq!(sockopt::tcp_keepcnt(&accepted).unwrap(), 3);
    }

    #[test]
    fn a_busy_port_and_a_foreign_address_are_told_apart() {
        let options = SocketOptions::default();
        let (_listener, bound) = listen_on("127.0.0.1:0".parse().unwrap(), &options).unwrap();
        for (address, expected) in [
            (bound, "another process listens there"),
            (
                "192.0.2.1:8583".parse().unwrap(),
                "no interface of this machine",
            ),
        ] {
            let error = listen_on(address, &options).unwrap_err().to_string();
            assert!(error.contains(&address.to_string()), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
