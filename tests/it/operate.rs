//! An operator at work: participants suspended, resumed and drained, corridors stopped and started,
//! a bundle for whoever helps, while payments go through real links.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use std::time::Duration;

use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{Institution, MatchKey, Reference};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::FRAME_BYTES_DEFAULT;
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, NoticeAck, PaymentRequest, PaymentResult,
};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode};
use cpg_switch::model::participant::Protocol;
use cpg_switch::model::time::Wall;
use cpg_switch::sys::threads;
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::{Dialect, encode_frame};
use rustix::process::Signal;
use serde_json::Value as Json;

use super::cli::{FAILED, GOOD, Switch, errors, folder, output};
use super::shards::{WALLET, ask, listener, sign_on, sign_on_as, today};

pub(super) const ACQUIRER: u64 = 15_600_021;

/// Says one message over a link.
fn say(link: &mut TcpStream, message: &Message<'_>) {
    let dialect = Dialect::plain(Protocol::Sbe);
    let mut frame = [0; 1_024];
    let written = encode_frame(&dialect, Framing::Sofh, None, message, &mut frame).unwrap();
    link.write_all(&frame[..written.bytes]).unwrap();
}

/// What an acquirer has heard, beside requests.
#[derive(PartialEq, Eq, Debug)]
enum Heard {
    Request,
    Goodbye,
    End,
}

/// Approves whatever it is asked, until its link ends.
fn acquirer(mut link: TcpStream, tell: &Sender<Heard>) {
    let dialect = Dialect::plain(Protocol::Sbe);
    let mut heard = Vec::new();
    loop {
        let mut bytes = [0; 4_096];
        let count = link.read(&mut bytes).unwrap_or(0);
        if count == 0 {
            return tell.send(Heard::End).unwrap();
        }
        heard.extend_from_slice(&bytes[..count]);
        while let Split::Frame { body, total, .. } =
            Framing::Sofh.split(&heard, FRAME_BYTES_DEFAULT)
        {
            let message = dialect.decode(&heard[body], today()).unwrap();
            match &message {
                Message::PaymentRequest(request) => {
                    say(&mut link, &approved(request));
                    tell.send(Heard::Request).unwrap();
                }
                Message::SignOff(notice) => {
                    let ack = NoticeAck {
                        header: notice.header,
                        response_code: ResponseCode::APPROVED,
                        mac: b"",
                    };
                    say(&mut link, &Message::SignOffAck(ack));
                    tell.send(Heard::Goodbye).unwrap();
                }
                _ => {}
            }
            heard.drain(..total);
        }
    }
}

fn approved<'a>(request: &PaymentRequest<'_>) -> Message<'a> {
    Message::PaymentResult(PaymentResult {
        header: request.header,
        key: request.key,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        approval_code: Chars::padded(b"A1B2C3"),
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    })
}

/// A Malaysian payer scans a Chinese merchant's code; the answer's code.
pub(super) fn pay(link: &mut TcpStream, number: u32) -> String {
    let reference = format!("P{number:011}").into_bytes();
    let request = Message::PaymentRequest(PaymentRequest {
        header: Header {
            match_key: MatchKey(u64::from(number)),
            transmit_time: Wall(0),
        },
        key: Key {
            originator: Institution::new(WALLET).unwrap(),
            local_date: today(),
            reference: Reference::new(reference.try_into().unwrap()).unwrap(),
        },
        local_time: None,
        destination: Institution::new(ACQUIRER),
        forwarder: None,
        presentation: Presentation::Mpm,
        scenario: None,
        amounts: Amounts {
            amount: Money::new(10_000, Currency::new(156).unwrap()).unwrap(),
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        mcc: Some(5_411),
        country: Some(156),
        terminal: None,
        merchant_id: Chars::padded(b"M0001"),
        payer_token: Chars::padded(b"TOKEN-0001"),
        kyc_level: None,
        code: Sensitive(b""),
        merchant_name: b"",
        quote: b"",
        mac: b"",
    });
    ask(link, &request, |message| match message {
        Message::PaymentResult(result) => {
            String::from_utf8(result.response_code.0.to_vec()).unwrap()
        }
        other => panic!("{:?}", other.kind()),
    })
}

pub(super) struct Desk {
    pub(super) socket: String,
}

impl Desk {
    pub(super) fn ctl(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let done = output(&[&["ctl", "--socket", &self.socket], words].concat(), b"");
        let said = String::from_utf8(done.stdout.clone()).unwrap();
        (done.status.code(), said, errors(&done))
    }

    pub(super) fn good(&self, words: &[&str]) -> String {
        let (code, said, wrong) = self.ctl(words);
        assert_eq!(code, GOOD, "{words:?}: {wrong}");
        said
    }
}

fn started(folder: &Path) -> (Switch, Desk, Receiver<Heard>) {
    let switch = Switch::start_on(folder, &folder.join("data"), &["--shards", "2"]);
    let socket = switch.ready["socket"].as_str().unwrap().to_owned();
    let (tell, heard) = channel();
    for _ in 0..2 {
        let (link, ..) = sign_on_as(listener(&switch), ACQUIRER);
        link.set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        let tell = tell.clone();
        threads::spawn("acquirer", move || acquirer(link, &tell)).unwrap();
    }
    (switch, Desk { socket }, heard)
}

#[test]
fn what_is_stopped_takes_nothing_new_and_what_is_started_takes_it_again() {
    let folder = folder();
    let (switch, desk, heard) = started(folder.path());
    let (mut wallet, ..) = sign_on(listener(&switch));
    assert_eq!(pay(&mut wallet, 1), "00");
    let (why, reason) = ("--reason", "a test");
    desk.good(&["participants", "suspend", "touch-n-go", why, reason]);
    assert_eq!(pay(&mut wallet, 2), "58");
    let list = desk.good(&["participants", "list"]);
    let line = list
        .lines()
        .find(|line| line.contains("touch-n-go"))
        .unwrap();
    assert!(
        line.contains("suspended") && line.contains("standing"),
        "{list}"
    );
    // What was answered before is answered alike.
    assert_eq!(pay(&mut wallet, 1), "00");
    desk.good(&["participants", "resume", "touch-n-go", why, reason]);
    assert_eq!(pay(&mut wallet, 3), "00");
    desk.good(&["participants", "suspend", "alipay-acceptance", why, reason]);
    assert_eq!(pay(&mut wallet, 4), "91");
    desk.good(&["participants", "resume", "alipay-acceptance", why, reason]);
    for (number, corridor) in [(5, "MY->CN"), (7, "*->CN"), (9, "*->*")] {
        desk.good(&["corridors", "stop", corridor, why, reason]);
        assert_eq!(pay(&mut wallet, number), "92", "{corridor}");
        assert!(desk.good(&["corridors", "list"]).contains(corridor));
        desk.good(&["corridors", "start", corridor, why, reason]);
        assert_eq!(pay(&mut wallet, number + 1), "00", "{corridor}");
    }
    desk.good(&["corridors", "stop", "CN->MY", why, reason]);
    assert_eq!(pay(&mut wallet, 11), "00", "another direction");
    let (code, _, wrong) = desk.ctl(&["participants", "suspend", "nobody/../x", why, reason]);
    assert_eq!(code, FAILED, "{wrong}");
    assert!(wrong.contains("no participant of this name"), "{wrong}");

    // It outlives a kill, as every publication does.
    let requests = heard.try_iter().filter(|it| *it == Heard::Request).count();
    assert_eq!(requests, 6);
    desk.good(&["participants", "suspend", "touch-n-go", why, reason]);
    switch.signal(Signal::KILL);
    switch.end();
    let (switch, desk, _heard) = started(folder.path());
    let (mut wallet, ..) = sign_on(listener(&switch));
    assert_eq!(pay(&mut wallet, 12), "58");
    desk.good(&["drain", why, reason]);
    assert_eq!(switch.end(), GOOD);
}

#[test]
fn a_participant_is_drained_in_good_order_and_the_switch_says_goodbye_to_the_others() {
    let folder = folder();
    let (switch, desk, heard) = started(folder.path());
    let (mut wallet, ..) = sign_on(listener(&switch));
    assert_eq!(pay(&mut wallet, 1), "00");
    assert_eq!(heard.recv(), Ok(Heard::Request));
    let said = desk.good(&[
        "participants",
        "drain",
        "alipay-acceptance",
        "--reason",
        "x",
    ]);
    assert!(said.contains("drained: it is suspended"), "{said}");
    let mut ends: Vec<Heard> = heard.iter().take(4).collect();
    ends.sort_by_key(|it| *it == Heard::End);
    assert_eq!(
        ends,
        [Heard::Goodbye, Heard::Goodbye, Heard::End, Heard::End]
    );
    assert_eq!(pay(&mut wallet, 2), "91");
    // Again, it changes nothing.
    desk.good(&[
        "participants",
        "drain",
        "alipay-acceptance",
        "--reason",
        "x",
    ]);
    desk.good(&["drain", "--reason", "the end"]);
    assert_eq!(switch.end(), GOOD);
}

#[test]
fn a_bundle_has_every_answer_and_no_secret() {
    let folder = folder();
    let (switch, desk, _heard) = started(folder.path());
    let (mut wallet, ..) = sign_on(listener(&switch));
    assert_eq!(pay(&mut wallet, 1), "00");
    let out = folder.path().join("bundle.tar");
    let said = desk.good(&["bundle", "--out", out.to_str().unwrap()]);
    assert!(said.contains("answers"), "{said}");
    let (code, _, wrong) = desk.ctl(&["bundle", "--out", out.to_str().unwrap()]);
    assert_ne!(code, GOOD, "it is there already: {wrong}");
    let token = fs::read_to_string(folder.path().join("data/admin.token")).unwrap();
    let mut names = Vec::new();
    let file = fs::File::open(&out).unwrap();
    for entry in tar::Archive::new(file).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        for secret in [token.trim(), "TOKEN-0001"] {
            assert!(!text.contains(secret), "{name}");
        }
        if name.ends_with(".json") {
            serde_json::from_str::<Json>(&text).unwrap();
        }
        names.push(name);
    }
    for name in [
        "status.json",
        "participants.json",
        "log.json",
        "process.json",
        "metrics.txt",
    ] {
        let name = format!("cpg-switch/{name}");
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    desk.good(&["drain", "--reason", "the end"]);
    assert_eq!(switch.end(), GOOD);
}
