//! A switch of several shards from outside: where links go, and a journal for another number.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cpg_switch::model::ids::{Institution, MatchKey, Reference};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::FRAME_BYTES_DEFAULT;
use cpg_switch::model::message::{Amounts, Header, Message, RefundRequest, SignOn};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::participant::Protocol;
use cpg_switch::model::time::{Date, Wall};
use cpg_switch::sys::clock::Clock;
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::{Dialect, encode_frame};
use rustix::process::Signal;

use super::cli::{GOOD, Switch, USAGE, errors, folder, output, refused};

/// A wallet of the sandbox that speaks SBE.
pub(super) const WALLET: u64 = 45_800_001;

/// Signs on; returns the link, how many shards there are, and the link's own.
pub(super) fn sign_on(address: SocketAddr) -> (TcpStream, u16, u16) {
    sign_on_as(address, WALLET)
}

/// The same as somebody else.
pub(super) fn sign_on_as(address: SocketAddr, institution: u64) -> (TcpStream, u16, u16) {
    let mut link = TcpStream::connect(address).unwrap();
    link.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let sign_on = Message::SignOn(SignOn {
        header: Header {
            match_key: MatchKey(1),
            transmit_time: Wall(0),
        },
        institution: Institution::new(institution).unwrap(),
        protocol_version: None,
        business_date: None,
        nonce: None,
        mac: b"",
    });
    let (shards, shard) = ask(&mut link, &sign_on, |message| match message {
        Message::SignOnAck(ack) => (ack.shards.unwrap(), ack.shard.unwrap()),
        other => panic!("{:?} is not an answer to a sign-on", other.kind()),
    });
    (link, shards, shard)
}

/// Says something over a link; what comes next over it, looked at.
pub(super) fn ask<R>(
    link: &mut TcpStream,
    message: &Message<'_>,
    look: impl FnOnce(&Message<'_>) -> R,
) -> R {
    let dialect = Dialect::plain(Protocol::Sbe);
    let mut frame = [0; 1_024];
    let written = encode_frame(&dialect, Framing::Sofh, None, message, &mut frame).unwrap();
    link.write_all(&frame[..written.bytes]).unwrap();
    let mut heard = Vec::new();
    loop {
        let mut bytes = [0; 1_024];
        let count = link.read(&mut bytes).unwrap();
        assert!(count > 0, "the link was closed");
        heard.extend_from_slice(&bytes[..count]);
        if let Split::Frame { body, .. } = Framing::Sofh.split(&heard, FRAME_BYTES_DEFAULT) {
            let today = Date::from_yyyymmdd(20_261_121).unwrap();
            return look(&dialect.decode(&heard[body], today).unwrap());
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

/// Where SBE is spoken.
pub(super) fn listener(switch: &Switch) -> SocketAddr {
    let listeners = switch.ready["listeners"].as_array().unwrap();
    let mut listeners = listeners.iter();
    let sbe = listeners.find(|one| one["protocol"] == "sbe").unwrap();
    sbe["address"].as_str().unwrap().parse().unwrap()
}

/// Dials until it has a link of each of three shards, in their order.
fn links(switch: &Switch) -> Vec<TcpStream> {
    let address = listener(switch);
    let mut links: Vec<_> = (0..3).map(|_| sign_on(address)).collect();
    links.sort_by_key(|(.., shard)| *shard);
    links.into_iter().map(|(link, ..)| link).collect()
}

/// The first key of today that `owner`, one of three shards, owns.
fn owned(owner: u16, letter: char) -> Key {
    let mut keys = (0..1_000).map(|number| Key {
        originator: Institution::new(WALLET).unwrap(),
        local_date: today(),
        reference: Reference::new(
            format!("{letter}{number:011}")
                .into_bytes()
                .try_into()
                .unwrap(),
        )
        .unwrap(),
    });
    keys.find(|key| key.owner(3).0 == owner).unwrap()
}

pub(super) fn today() -> Date {
    Clock.now().wall.date()
}

/// Asks for a refund of a payment that there is not; how it is answered.
pub(super) fn refund(link: &mut TcpStream, key: Key, root: Key) -> [u8; 2] {
    let amount = Money::new(100, Currency::new(156).unwrap()).unwrap();
    let request = Message::RefundRequest(RefundRequest {
        header: Header {
            match_key: MatchKey(7),
            transmit_time: Wall(0),
        },
        key,
        local_time: None,
        root,
        destination: None,
        forwarder: None,
        presentation: None,
        amounts: Amounts {
            amount,
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        mcc: None,
        country: None,
        terminal: None,
        merchant_id: None,
        reason: None,
        mac: b"",
    });
    ask(link, &request, |message| match message {
        Message::RefundResult(result) => result.response_code.0,
        other => panic!("{:?}", other.kind()),
    })
}

#[test]
fn a_refund_key_goes_with_one_payment_over_all_shards_and_starts() {
    let folder = folder();
    let (data, moved) = (folder.path().join("data"), folder.path().join("moved"));
    let (key, one, other) = (owned(1, 'K'), owned(2, 'P'), owned(0, 'Q'));
    for (start, data) in [(1, &data), (2, &data), (3, &moved)] {
        if start == 3 {
            let back = folder.path().join("back");
            for (from, to, shards) in [
                (&folder.path().join("data"), &back, "2"),
                (&back, data, "3"),
            ] {
                let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
                let words = ["journal", "reshard", from, "--shards", shards, "--out", to];
                let done = output(&words, b"");
                assert_eq!(done.status.code(), GOOD, "{}", errors(&done));
            }
        }
        let switch = Switch::start_on(folder.path(), data, &["--shards", "3"]);
        let mut links = links(&switch);
        if start == 1 {
            assert_eq!(&refund(&mut links[0], key, one), b"25", "no such payment");
        }
        for link in &mut links {
            assert_eq!(&refund(link, key, other), b"94", "start {start}");
            assert_eq!(&refund(link, key, one), b"25", "a repeat, start {start}");
        }
        switch.signal(Signal::TERM);
        assert_eq!(switch.end(), GOOD);
    }
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
