//! One link of the conversation: frames out of a blocking socket that never blocks for long, and
//! messages into it. Never decides anything.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::control::configuration::Listener;
use crate::model::message::Message;
use crate::wire::frame::{Framing, LooksLike, Split, Tpdu};
use crate::wire::{Dialect, encode_frame};

/// How long one look into a link may take: there are three, and all are looked into in turn.
const LOOK: Duration = Duration::from_millis(2);
/// How long a peer may take to read what it is sent.
const SEND: Duration = Duration::from_secs(5);

/// A frame as it came, and where its body is.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    pub(super) body: std::ops::Range<usize>,
}

impl Frame {
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.body.clone()]
    }
}

/// A link and what it speaks.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    framing: Framing,
    frame_bytes_max: usize,
    pub(super) dialect: Dialect,
    inbox: Vec<u8>,
    tpdu: Option<Tpdu>,
    open: bool,
    /// What the bytes look like where they cannot be followed.
    pub(super) looks_like: Option<&'static str>,
}

impl Link {
    /// A link that is there already.
    pub(super) fn new(
        stream: TcpStream,
        listener: &Listener,
        dialect: Dialect,
    ) -> std::io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(SEND))?;
        Ok(Self {
            stream,
            framing: listener.framing,
            frame_bytes_max: listener.frame_bytes_max,
            dialect,
            inbox: Vec::new(),
            tpdu: None,
            open: true,
            looks_like: None,
        })
    }

    /// Dials one of our own listeners.
    pub(super) fn dial(
        address: SocketAddr,
        listener: &Listener,
        dialect: Dialect,
    ) -> std::io::Result<Self> {
        Self::new(TcpStream::connect(address)?, listener, dialect)
    }

    /// Whether it can still be heard and spoken to.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// Reads what is there, once.
    pub(super) fn look(&mut self) {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.open = false,
            Ok(count) => self.inbox.extend_from_slice(&bytes[..count]),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(_) => self.open = false,
        }
    }

    /// The next whole frame of what was read. A keep-alive is a frame with an empty body.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        let (body, total) = match self.framing.split(&self.inbox, self.frame_bytes_max) {
            Split::Partial { .. } => return None,
            Split::KeepAlive { total } => (total..total, total),
            Split::Frame { body, tpdu, total } => {
                self.tpdu = tpdu.or(self.tpdu);
                (body, total)
            }
            Split::Lost(_) => {
                self.looks_like = Some(LooksLike::of(&self.inbox).name());
                self.open = false;
                self.inbox.clear();
                return None;
            }
        };
        let rest = self.inbox.split_off(total);
        let bytes = std::mem::replace(&mut self.inbox, rest);
        Some(Frame { bytes, body })
    }

    /// Sends bytes as they are.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).is_err() {
            self.open = false;
        }
    }

    /// Sends a message, with the peer's own TPDU turned round where it has one.
    pub(super) fn say(&mut self, message: &Message<'_>) -> bool {
        let mut bytes = vec![0; self.frame_bytes_max];
        let tpdu = self.tpdu.map(crate::wire::frame::answer_tpdu);
        match encode_frame(&self.dialect, self.framing, tpdu, message, &mut bytes) {
            Ok(encoded) => {
                self.send(&bytes[..encoded.bytes]);
                true
            }
            Err(_) => false,
        }
    }
}
