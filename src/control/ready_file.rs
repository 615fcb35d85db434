//! The ready file: where a running switch listens, for those who start it.
//!
//! It appears whole or not at all, once the switch is recovered and listens, and goes with it.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::control::configuration::Listener;
use crate::wire::frame::Framing;

/// What it says.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Ready {
    /// The process.
    pub pid: u32,
    /// Where participants dial.
    pub listeners: Vec<ReadyListener>,
    /// Where health and metrics are.
    pub admin: SocketAddr,
    /// The Unix socket of the admin API.
    pub socket: Option<PathBuf>,
    /// The journal's directory.
    pub data: PathBuf,
    /// `disk` or `memory`.
    pub commit: &'static str,
    /// How many shards: open a link for each, and every link names its own at sign-on.
    pub shards: u16,
}

/// One listener, with the port that it got.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct ReadyListener {
    /// As configured.
    pub name: String,
    /// `sbe`, `iso8583-ascii`, `iso8583-binary`.
    pub protocol: &'static str,
    /// `sofh`, `len2`, `len4`, `len2-tpdu`, `len4-tpdu`.
    pub framing: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
}

impl ReadyListener {
    /// A configured listener that listens on `address`.
    pub fn new(listener: &Listener, address: SocketAddr) -> Self {
        Self {
            name: listener.name.clone(),
            protocol: listener.protocol.name(),
            framing: framing_name(listener.framing),
            address,
        }
    }
}

/// How a framing is called in the ready file and in JSON.
pub const fn framing_name(framing: Framing) -> &'static str {
    match framing {
        Framing::Sofh => "sofh",
        Framing::Len2 { tpdu: false, .. } => "len2",
        Framing::Len2 { tpdu: true, .. } => "len2-tpdu",
        Framing::Len4 { tpdu: false, .. } => "len4",
        Framing::Len4 { tpdu: true, .. } => "len4-tpdu",
    }
}

/// A ready file that is there; dropping it removes it.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    /// Writes it under another name and renames it, so that a reader finds all of it or nothing.
    pub fn write(path: &Path, ready: &Ready) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", ready.pid));
        let temporary = path.with_file_name(name);
        let mut text = serde_json::to_vec_pretty(ready)?;
        text.push(b'\n');
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&temporary, path));
        if let Err(error) = written {
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Somebody may have removed it before; there is nothing else to do at exit.
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::participant::Protocol;

    #[test]
    fn it_appears_whole_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let listener = Listener {
            name: "ascii".to_owned(),
            protocol: Protocol::Iso8583Ascii,
            framing: Framing::LEN2,
            address: "127.0.0.1:0".parse().unwrap(),
            frame_bytes_max: 8_192,
        };
        let listener = ReadyListener::new(&listener, "127.0.0.1:7100".parse().unwrap());
        let ready = Ready {
            pid: std::process::id(),
            listeners: vec![listener],
            admin: "127.0.0.1:9464".parse().unwrap(),
            socket: Some(PathBuf::from("data/admin.socket")),
            data: PathBuf::from("data"),
            commit: "disk",
            shards: 2,
        };
        let file = ReadyFile::write(&path, &ready).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "pid": std::process::id(),
            "listeners": [{
                "name": "ascii",
                "protocol": "iso8583-ascii",
                "framing": "len2",
                "address": "127.0.0.1:7100",
            }],
            "admin": "127.0.0.1:9464",
            "socket": "data/admin.socket",
            "data": "data",
            "commit": "disk",
            "shards": 2,
        });
        assert_eq!(found, expected);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
