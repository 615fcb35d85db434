//! A switch of several shards from outside: where links go, and a journal for another number.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cpg_switch::model::ids::{Institution, MatchKey};
use cpg_switch::model::limits::FRAME_BYTES_DEFAULT;
use cpg_switch::model::message::{Header, Message, SignOn};
use cpg_switch::model::participant::Protocol;
use cpg_switch::model::time::{Date, Wall};
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::{Dialect, encode_frame};
use rustix::process::Signal;

use super::cli::{GOOD, Switch, USAGE, errors, folder, output, refused};

/// A wallet of the sandbox that speaks SBE.
const WALLET: u64 = 45_800_001;

/// Signs on; returns the link, how many shards there are, and the link's own.
fn sign_on(address: SocketAddr) -> (TcpStream, u16, u16) {
    let mut link = TcpStream::connect(address).unwrap();
    link.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let dialect = Dialect::plain(Protocol::Sbe);
    let sign_on = Message::SignOn(SignOn {
        header: Header {
            match_key: MatchKey(1),
            transmit_time: Wall(0),
        },
        institution: Institution::new(WALLET).unwrap(),
        protocol_version: None,
        business_date: None,
        nonce: None,
        mac: b"",
    });
    let mut frame = [0; 1_024];
    let written = encode_frame(&dialect, Framing::Sofh, None, &sign_on, &mut frame).unwrap();
    link.write_all(&frame[..written.bytes]).unwrap();
    let mut heard = Vec::new();
    loop {
        let mut bytes = [0; 1_024];
        let count = link.read(&mut bytes).unwrap();
        assert!(count > 0, "the link was closed");
        heard.extend_from_slice(&bytes[..count]);
        if let Split::Frame { body, .. } = Framing::Sofh.split(&heard, FRAME_BYTES_DEFAULT) {
            let today = Date::from_yyyymmdd(20_261_121).unwrap();
            let Message::SignOnAck(ack) = dialect.decode(&heard[body], today).unwrap() else {
                panic!("not an answer to a sign-on")
            };
            return (link, ack.shards.unwrap(), ack.shard.unwrap());
        }
    }
}

#[test]
fn who_dials_once_for_each_shard_has_a_link_on_each() {
    let folder = folder();
    let switch = Switch::start_on(
        folder.path(),
        &folder.path().join("data"),
        &["--shards", "3"],
    );
    assert_eq!(switch.ready["shards"], 3);
    let listeners = switch.ready["listeners"].as_array().unwrap();
    let sbe = listeners
        .iter()
        .find(|one| one["protocol"] == "sbe")
        .unwrap();
    let address = sbe["address"].as_str().unwrap().parse().unwrap();
    let links: Vec<_> = (0..3).map(|_| sign_on(address)).collect();
    assert!(links.iter().all(|(_, shards, _)| *shards == 3));
    let own: BTreeSet<u16> = links.iter().map(|(.., shard)| *shard).collect();
    assert_eq!(own, BTreeSet::from([0, 1, 2]));
    assert!(switch.get("/readyz").starts_with("HTTP/1.1 200"));
    switch.signal(Signal::TERM);
    assert_eq!(switch.end(), GOOD);
}

#[test]
fn a_journal_of_another_number_of_shards_is_refused_until_it_is_resharded() {
    let folder = folder();
    let old = folder.path().join("data");
    let switch = Switch::start_on(folder.path(), &old, &["--shards", "2"]);
    switch.signal(Signal::TERM);
    assert_eq!(switch.end(), GOOD);
    let config = folder.path().join("small.toml");
    let words = ["--config", config.to_str().unwrap(), "--shards", "3"];
    let (code, said) = refused(folder.path(), &words);
    assert_eq!(code, USAGE, "{said}");
    let new = folder.path().join("new");
    let old = old.to_str().unwrap();
    let command = format!("cpg-switch journal reshard {old} --shards 3 --out NEWDIR");
    assert!(said.contains(&command), "{said}");
    let words = [
        "journal",
        "reshard",
        old,
        "--shards",
        "3",
        "--out",
        new.to_str().unwrap(),
    ];
    let done = output(&words, b"");
    assert_eq!(done.status.code(), GOOD, "{}", errors(&done));
    let switch = Switch::start_on(folder.path(), &new, &["--shards", "3"]);
    switch.signal(Signal::TERM);
    assert_eq!(switch.end(), GOOD);
}
