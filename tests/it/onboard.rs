//! `cpg-switch onboard`, with participants that do as they should and one that does not.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{Institution, MatchKey, Reference};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::{FRAME_BYTES_DEFAULT, SCRATCH_BYTES};
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, Notice, NoticeAck, PaymentRequest, PaymentResult,
    RefundResult, ReversalResult, SignOn, StatusResult,
};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode, State};
use cpg_switch::model::time::LocalTime;
use cpg_switch::sys::clock::Clock;
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::{Dialect, encode_frame};
use serde_json::Value as Json;

use super::cli::folder;

/// Made up, and longer than anything that the command says of a code.
const CODE: &str = "281045000000000000";

const CONFIGURATION: &str = r#"
[admin]
address = "127.0.0.1:0"
[journal]
data = "never-opened"
[[listeners]]
name = "sbe"
protocol = "sbe"
address = "127.0.0.1:0"
[[listeners]]
name = "mainland"
protocol = "iso8583-binary"
tpdu = true
message_header = "603100311000"
address = "127.0.0.1:0"
[[participants]]
name = "purse"
institution = 45800001
role = "wallet"
country = "MY"
currency = "CNY"
protocol = "sbe"
code_prefixes = ["281045"]
[[participants]]
name = "noodles"
institution = 15600021
role = "acquirer"
country = "CN"
currency = "CNY"
protocol = "iso8583-binary"
dialect = { base = "unionpay-like" }
"#;

/// What a participant does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// What it should, and nothing of its own accord.
    Good,
    /// What it should, and all that it may.
    Eager,
    /// It declines what it has approved, when it is asked again.
    Forgetful,
}

/// A participant that was told where to dial.
struct Player {
    stream: TcpStream,
    framing: Framing,
    dialect: Dialect,
    institution: Institution,
    manners: Manners,
    inbox: Vec<u8>,
    approved: BTreeMap<Reference, bool>,
    drawn: u32,
}

fn start(folder: &std::path::Path, words: &[&str]) -> Child {
    let file = folder.join("trial.toml");
    fs::write(&file, CONFIGURATION).unwrap();
    Command::new(env!("CARGO_BIN_EXE_cpg-switch"))
        .current_dir(folder)
        .args(["onboard", "--json", "--config", file.to_str().unwrap()])
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Plays a participant through a whole conversation: the report, the exit code and what was said
/// to people.
fn onboard(name: &str, manners: Manners) -> (Json, Option<i32>, String) {
    let folder = folder();
    let originate = if manners == Manners::Eager { "20" } else { "0" };
    let words = [name, "--wait", "30", "--originate", originate];
    let mut child = start(folder.path(), &words);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = line
        .split("dial ")
        .nth(1)
        .unwrap_or_else(|| panic!("{line}"));
    let address = address.split(' ').next().unwrap();
    Player::dial(address, name, manners).play();
    let (mut report, mut rest) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut report)
        .unwrap();
    said.read_to_string(&mut rest).unwrap();
    let code = child.wait().unwrap().code();
    assert!(!folder.path().join("never-opened").exists());
    let said = format!("{line}{rest}");
    assert!(
        !said.contains(CODE) && !report.contains(CODE),
        "{said}{report}"
    );
    let report = serde_json::from_str(&report).unwrap_or_else(|_| panic!("{said}{report}"));
    (report, code, said)
}

impl Player {
    fn dial(address: &str, name: &str, manners: Manners) -> Self {
        let configuration = Configuration::from_text("trial.toml", CONFIGURATION).unwrap();
        let mut participants = configuration.participants.iter();
        let entry = participants
            .find(|entry| entry.participant.name == name)
            .unwrap();
        let mut listeners = configuration.listeners.iter();
        let listener = listeners
            .find(|listener| listener.protocol == entry.participant.protocol)
            .unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Self {
            stream,
            framing: listener.framing,
            dialect: entry.dialect.clone(),
            institution: entry.participant.institution,
            manners,
            inbox: Vec::new(),
            approved: BTreeMap::new(),
            drawn: 0,
        }
    }

    fn header(&mut self) -> Header {
        self.drawn += 1;
        let now = Clock.now().wall;
        Header {
            match_key: MatchKey::from_iso(self.drawn, now.transmission()),
            transmit_time: now,
        }
    }

    fn frame(&self, message: &Message<'_>) -> Vec<u8> {
        let mut bytes = vec![0; FRAME_BYTES_DEFAULT];
        let written = encode_frame(&self.dialect, self.framing, None, message, &mut bytes).unwrap();
        bytes.truncate(written.bytes);
        bytes
    }

    fn say(&mut self, message: &Message<'_>) {
        let frame = self.frame(message);
        // The conversation may be over.
        drop(self.stream.write_all(&frame));
    }

    /// Signs on and answers until the link ends.
    fn play(mut self) {
        let header = self.header();
        let institution = self.institution;
        self.say(&Message::SignOn(SignOn {
            header,
            institution,
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        }));
        let mut bytes = vec![0; FRAME_BYTES_DEFAULT];
        loop {
            let count = match self.stream.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("{error}"),
            };
            self.inbox.extend_from_slice(&bytes[..count]);
            while let Split::Frame { body, total, .. } =
                self.framing.split(&self.inbox, FRAME_BYTES_DEFAULT)
            {
                let rest = self.inbox.split_off(total);
                let frame = std::mem::replace(&mut self.inbox, rest);
                let (dialect, today) = (self.dialect.clone(), Clock.now().wall.date());
                let mut scratch = vec![0; SCRATCH_BYTES];
                let message = dialect.decode_joining(&frame[body], today, &mut scratch);
                self.hear(&message.unwrap());
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per message")]
    fn hear(&mut self, message: &Message<'_>) {
        let header = *message.header();
        let response_code = ResponseCode::APPROVED;
        match message {
            Message::Echo(_) => self.say(&Message::EchoAck(NoticeAck {
                header,
                response_code,
                mac: b"",
            })),
            Message::PaymentRequest(request) => {
                let again = self.approved.insert(request.key.reference, true).is_some();
                let forgotten = again && self.manners == Manners::Forgetful;
                let result = PaymentResult {
                    header,
                    key: request.key,
                    response_code: if forgotten {
                        ResponseCode::new(*b"05").unwrap()
                    } else {
                        response_code
                    },
                    outcome: Some(if forgotten {
                        Outcome::Declined
                    } else {
                        Outcome::Approved
                    }),
                    approval_code: Chars::padded(b"PLAYER"),
                    amounts: request.amounts,
                    settlement_date: None,
                    echoed: Echoed {
                        local_time: request.local_time,
                        presentation: Some(request.presentation),
                        mcc: request.mcc,
                        terminal: request.terminal,
                        merchant_id: request.merchant_id,
                    },
                    text: b"",
                    mac: b"",
                };
                self.say(&Message::PaymentResult(result));
            }
            Message::StatusInquiry(inquiry) => {
                let known = self.approved.contains_key(&inquiry.target.key.reference);
                self.say(&Message::StatusResult(StatusResult {
                    header,
                    target: inquiry.target,
                    response_code: if known {
                        response_code
                    } else {
                        ResponseCode::NOT_FOUND
                    },
                    state: known.then_some(State::Answered),
                    outcome: known.then_some(Outcome::Approved),
                    approval_code: None,
                    amount: None,
                    billing: None,
                    settlement: None,
                    refunded_so_far: None,
                    text: b"",
                    mac: b"",
                }));
            }
            Message::RefundRequest(request) => self.say(&Message::RefundResult(RefundResult {
                header,
                key: request.key,
                response_code,
                outcome: Some(Outcome::Approved),
                amounts: request.amounts,
                settlement_date: None,
                refunded_so_far: None,
                echoed: Echoed::default(),
                text: b"",
                mac: b"",
            })),
            Message::ReversalAdvice(reversal) => {
                self.say(&Message::ReversalAdviceAck(ReversalResult {
                    header,
                    target: reversal.target,
                    response_code,
                    outcome: Some(Outcome::Reversed),
                    amount: Some(reversal.amount),
                    mac: b"",
                }));
                if self.manners == Manners::Eager {
                    self.originate();
                }
            }
            _ => {}
        }
    }

    /// An echo, a payment, the same again, and one with a reference of stars.
    fn originate(&mut self) {
        let (header, institution) = (self.header(), self.institution);
        self.say(&Message::Echo(Notice {
            header,
            institution: Some(institution),
            mac: b"",
        }));
        let key = Key {
            originator: institution,
            local_date: Clock.now().wall.date(),
            reference: Reference::new(*b"OURPAYMENT01").unwrap(),
        };
        let mut request = PaymentRequest {
            header,
            key,
            local_time: LocalTime::from_hhmmss(93_015),
            destination: Institution::new(15_600_021),
            forwarder: None,
            presentation: Presentation::Mpm,
            scenario: None,
            amounts: Amounts {
                amount: Money::new(700, Currency::new(156).unwrap()).unwrap(),
                billing: None,
                settlement: None,
                billing_rate: None,
                settlement_rate: None,
            },
            mcc: Some(5_411),
            country: Some(156),
            terminal: Chars::padded(b"T0000042"),
            merchant_id: Chars::padded(b"M12345678901"),
            payer_token: None,
            kyc_level: None,
            code: Sensitive(b""),
            merchant_name: "兰州拉面".as_bytes(),
            quote: b"",
            mac: b"",
        };
        for _ in 0..2 {
            request.header = self.header();
            self.say(&Message::PaymentRequest(request));
        }
        request.header = self.header();
        let mut frame = self.frame(&Message::PaymentRequest(request));
        let at = frame.windows(12).position(|part| part == b"OURPAYMENT01");
        frame[at.unwrap()..][..12].fill(b'*');
        self.stream.write_all(&frame).unwrap();
    }
}

fn result_of<'r>(report: &'r Json, step: &str) -> &'r Json {
    let mut steps = report["steps"].as_array().unwrap().iter();
    let found = steps.find(|row| row["step"] == step);
    found.unwrap_or_else(|| panic!("no step `{step}` in {report:#}"))
}

#[test]
fn a_wallet_that_speaks_sbe_passes_every_step() {
    let (report, code, said) = onboard("purse", Manners::Eager);
    assert_eq!(report["passed"], 12, "{report:#}\n{said}");
    assert_eq!((&report["failed"], code), (&Json::from(0), Some(0)));
    assert!(said.contains("this is a trial"), "{said}");
}

#[test]
fn an_acquirer_that_speaks_gbk_behind_a_tpdu_passes_what_it_is_asked() {
    let (report, code, said) = onboard("noodles", Manners::Good);
    assert_eq!(report["passed"], 7, "{report:#}\n{said}");
    assert_eq!((&report["failed"], code), (&Json::from(0), Some(0)));
    // Refunds come from its side, and of its own accord it did nothing.
    assert_eq!(report["skipped"], 5);
    assert_eq!(result_of(&report, "sends a payment")["result"], "skipped");
    let dialect = report["dialect"].as_str().unwrap();
    let expected = "iso8583-binary, len2-tpdu and 6 bytes of header, texts in GBK";
    assert_eq!(dialect, expected);
}

#[test]
fn a_participant_that_answers_a_repeat_otherwise_is_told_so() {
    for name in ["purse", "noodles"] {
        let (report, code, said) = onboard(name, Manners::Forgetful);
        assert_eq!(code, Some(1), "{report:#}\n{said}");
        assert_eq!(report["failed"], 1, "{report:#}");
        let row = result_of(&report, "answers its repeat the same");
        assert_eq!(row["expected"], "00 approved again");
        assert_eq!(row["came"], "05 declined");
    }
}

#[test]
fn nobody_who_comes_and_nobody_who_is_known_are_told() {
    let folder = folder();
    for (words, code, expected) in [
        (
            &["purse", "--wait", "1"][..],
            1,
            "nobody has signed on as purse within 1 s",
        ),
        (&["45800001", "--wait", "1"], 1, "--wait SECONDS"),
        (&["pouch"], 2, "it has purse, noodles"),
        (
            &["purse", "--listener", "mainland"],
            2,
            "no listener `mainland` speaks sbe",
        ),
    ] {
        let output = start(folder.path(), words).wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
