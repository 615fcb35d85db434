//! What an API is opened with: the record, the Unix socket, and a token where none is configured.
//! After the shards have recovered, because only then is the data directory surely ours.

#![expect(
    clippy::disallowed_types,
    reason = "the office may lock: no shard ever waits for it"
)]

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::authority::{Authority, TokenLine};
use super::record::ActionRecord;
use super::{Api, Facts};
use crate::control::configuration::AdminConfiguration;
use crate::control::publish::Publisher;
use crate::shard::stats::Counters;
use crate::sys::error::MachineError;

/// The file in the data directory that holds the token of one start.
pub const TOKEN_FILE: &str = "admin.token";
/// The socket's name in the data directory, unless the configuration says another.
pub const SOCKET_FILE: &str = "admin.socket";

/// Who the token of one start is in the record.
const DRAWN_NAME: &str = "token-of-this-start";

/// An API that is ready to be opened, and what belongs to it.
#[derive(Debug)]
pub struct Opening {
    /// It.
    pub api: Api,
    /// Where it listens beside the admin address.
    pub socket: Socket,
    /// The file with the token of this start, where one was drawn.
    pub token_file: Option<PathBuf>,
}

/// A bound Unix socket. Dropping it removes its name.
#[derive(Debug)]
pub struct Socket {
    /// Not blocking.
    pub listener: UnixListener,
    /// The name; gone when this is.
    pub name: SocketName,
}

/// The name of a socket in the file system. Dropping it removes it.
#[derive(Debug)]
pub struct SocketName(PathBuf);

impl SocketName {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketName {
    fn drop(&mut self) {
        // Somebody may have removed it before; there is nothing else to do at exit.
        drop(fs::remove_file(&self.0));
    }
}

/// Opens the record, binds the socket, and draws a token where no tokens are configured.
///
/// # Errors
/// The data directory cannot be written, or the socket's name is too long or taken.
pub fn open(
    admin: &AdminConfiguration,
    facts: Facts,
    counters: Vec<Arc<Counters>>,
    publisher: Publisher,
) -> Result<Opening, MachineError> {
    let data = facts.data.clone();
    let record = ActionRecord::open(&data).map_err(|cause| {
        let doing = format!("opening the record of actions in {}", data.display());
        MachineError::new(doing, cause, "let this user write the data directory")
    })?;
    let path = admin.socket.clone();
    let socket = bind(path.unwrap_or_else(|| data.join(SOCKET_FILE)), admin)?;
    let (tokens, token_file) = match &admin.tokens {
        Some(tokens) => (tokens.clone(), None),
        None => {
            let (tokens, path) = drawn(&data)?;
            (tokens, Some(path))
        }
    };
    let authority = Authority {
        own_user: rustix::process::geteuid().as_raw(),
        tokens,
        drawn: token_file.is_some(),
        users: admin.users.clone(),
    };
    let api = Api {
        authority,
        record: Mutex::new(record),
        facts,
        counters,
        publisher: Mutex::new(publisher),
        proposals: Mutex::default(),
        two_people: admin.two_people,
        desk: super::queue::Desk::default(),
    };
    Ok(Opening {
        api,
        socket,
        token_file,
    })
}

/// Only the own user may connect, unless others have roles: then everybody may, and is asked who
/// it is.
fn bind(path: PathBuf, admin: &AdminConfiguration) -> Result<Socket, MachineError> {
    let failed = |cause: io::Error| {
        MachineError::new(
            format!("serving the admin socket {}", path.display()),
            cause,
            "name a place that this user may write, in at most 107 bytes, as `admin.socket`",
        )
    };
    // The data directory is locked, so this is what a killed switch has left.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let mode = if admin.users.is_empty() { 0o600 } else { 0o666 };
    let listener = UnixListener::bind(&path).map_err(failed)?;
    fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(Socket {
        listener,
        name: SocketName(path),
    })
}

/// A token of this start alone, with all roles, in a file that only this user may read.
fn drawn(data: &Path) -> Result<(Vec<TokenLine>, PathBuf), MachineError> {
    let path = data.join(TOKEN_FILE);
    let token = token().and_then(|token| {
        // Created anew: an old file may have been opened by somebody.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(token.as_bytes())?;
        file.write_all(b"\n")?;
        Ok(token)
    });
    let token = token.map_err(|cause| {
        let doing = format!("writing the admin token {}", path.display());
        MachineError::new(doing, cause, "let this user write the data directory")
    })?;
    Ok((TokenLine::all_roles(DRAWN_NAME, &token), path))
}

/// 256 bits of chance, in hexadecimal digits.
fn token() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    let flags = rustix::rand::GetRandomFlags::empty();
    let drawn = rustix::rand::getrandom(bytes.as_mut_slice(), flags)?;
    if drawn != bytes.len() {
        return Err(io::Error::other("too little chance"));
    }
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in bytes.iter() {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    Ok(text)
}
