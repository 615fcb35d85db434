//! ISO 8583 against an implementation that is not ours: `tests/golden/make_iso8583.py` made the
//! bytes with pyiso8583; here they are decoded, every value is compared, and encoded again.
//!
//! What each kind of message carries under which number is written down here a second time, from
//! the protocol's text and not from the code under test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cpg_switch::model::keys::{BusinessKey, Class, Key};
use cpg_switch::model::limits::SCRATCH_BYTES;
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, Notice, NoticeAck, PaymentRequest, PaymentResult, Reversal,
    ReversalResult,
};
use cpg_switch::model::money::Money;
use cpg_switch::model::outcome::{Outcome, ResponseCode};
use cpg_switch::model::participant::Protocol;
use cpg_switch::model::time::Date;
use cpg_switch::wire::frame::{Framing, MessageHeader, Split, answer_tpdu};
use cpg_switch::wire::iso8583::{Base, Form};
use cpg_switch::wire::{Dialect, encode_frame};
use serde_json::Value;

/// Data elements by number, as text; `t` is the MTI.
type Elements = BTreeMap<String, String>;

/// Where a payment's merchant name is.
#[derive(Clone, Copy)]
enum NamePlace {
    Element43,
    Tag,
    TagInGbk,
}

/// Elements and tags of DE 48, in the words of the protocol.
#[derive(Default)]
struct Writer {
    elements: Elements,
    tags: String,
}

impl Writer {
    fn put(&mut self, number: &str, text: impl Into<String>) {
        let before = self.elements.insert(number.to_owned(), text.into());
        assert_eq!(before, None, "DE {number} twice");
    }

    fn text(&mut self, number: &str, text: &[u8]) {
        if !text.is_empty() {
            self.put(number, String::from_utf8(text.to_vec()).unwrap());
        }
    }

    fn option<T>(&mut self, number: &str, value: Option<T>, write: impl Fn(T) -> String) {
        if let Some(value) = value {
            self.put(number, write(value));
        }
    }

    fn tag(&mut self, tag: u8, value: &str) {
        self.tags += &format!("{tag:02}{:03}{value}", value.len());
    }

    fn start(&mut self, mti: &str, header: &Header) {
        self.put("t", mti);
        self.put("7", format!("{:010}", header.match_key.transmission()));
        self.put("11", format!("{:06}", header.match_key.stan()));
    }

    fn key(&mut self, key: &Key) {
        self.put("13", format!("{:04}", key.local_date.mmdd()));
        self.put("32", key.originator.to_string());
        self.put("37", key.reference.to_string());
    }

    fn target(&mut self, target: &BusinessKey) {
        let code = match target.class {
            Class::Payment => "000000",
            Class::Refund => "200000",
            Class::CodeInquiry => "380000",
        };
        self.put("3", code);
        self.key(&target.key);
    }

    fn root(&mut self, root: &Key) {
        let date = root.local_date.yyyymmdd();
        self.tag(
            6,
            &format!("{}{date}{:011}", root.reference, root.originator.code()),
        );
    }

    fn money(&mut self, amount: &str, currency: &str, money: Option<Money>) {
        self.option(amount, money, |money| format!("{:012}", money.minor));
        self.option(currency, money, |money| money.currency.to_string());
    }

    fn amounts(&mut self, amounts: &Amounts) {
        self.money("4", "49", Some(amounts.amount));
        self.money("5", "50", amounts.settlement);
        self.money("6", "51", amounts.billing);
        let rate = |rate: cpg_switch::model::money::Rate| format!("{:08}", rate.to_iso().unwrap());
        self.option("9", amounts.settlement_rate, rate);
        self.option("10", amounts.billing_rate, rate);
    }

    fn echoed(&mut self, echoed: &Echoed) {
        self.put("22", "030");
        self.option("12", echoed.local_time, |time| {
            format!("{:06}", time.hhmmss())
        });
        self.option("18", echoed.mcc, |mcc| format!("{mcc:04}"));
        self.option("41", echoed.terminal, |text| text_of(text.bytes()));
        self.option("42", echoed.merchant_id, |text| text_of(text.bytes()));
        if let Some(presentation) = echoed.presentation {
            self.tag(1, if presentation as u8 == 1 { "M" } else { "C" });
        }
    }

    /// Tag 15 is left out where DE 39 tells the same: `approved` if 00, `declined` if final.
    fn outcome(&mut self, code: ResponseCode, outcome: Option<Outcome>, approved: Outcome) {
        let told = match &code.0 {
            b"00" => Some(approved),
            b"09" | b"68" => None,
            _ => Some(Outcome::Declined),
        };
        if let Some(outcome) = outcome.filter(|_| outcome != told) {
            self.tag(15, &number(outcome as u8));
        }
    }

    fn finish(mut self) -> Elements {
        let tags = core::mem::take(&mut self.tags);
        self.text("48", tags.as_bytes());
        self.elements
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn number(value: u8) -> String {
    value.to_string()
}

/// The data elements of `message` by section 4 of the protocol.
fn elements(message: &Message<'_>, place: NamePlace) -> Elements {
    match message {
        Message::SignOn(sign_on) => {
            let mut to = Writer::default();
            to.start("0800", &sign_on.header);
            to.put("70", "001");
            to.put("32", sign_on.institution.to_string());
            to.finish()
        }
        Message::SignOnAck(ack) => {
            let mut to = Writer::default();
            to.start("0810", &ack.header);
            to.put("70", "001");
            to.put("39", ack.response_code.to_string());
            to.finish()
        }
        Message::SignOff(notice) => network("002", notice),
        Message::Echo(notice) => network("301", notice),
        Message::SignOffAck(ack) => network_ack("002", ack),
        Message::EchoAck(ack) => network_ack("301", ack),
        Message::PaymentRequest(payment) => request(payment, place),
        Message::PaymentResult(result) => answer(result),
        Message::PaymentAdvice(_) | Message::PaymentAdviceAck(_) => advice(message),
        Message::ReversalRequest(reversal) => reverse("0400", reversal),
        Message::ReversalAdvice(reversal) => reverse("0420", reversal),
        Message::ReversalResult(result) => reversed("0410", result),
        Message::ReversalAdviceAck(result) => reversed("0430", result),
        Message::StatusInquiry(_) | Message::StatusResult(_) => status(message),
        other => panic!("no golden file has a {:?}", other.kind()),
    }
}

fn network(code: &str, notice: &Notice<'_>) -> Elements {
    let mut to = Writer::default();
    to.start("0800", &notice.header);
    to.put("70", code);
    to.finish()
}

fn network_ack(code: &str, ack: &NoticeAck<'_>) -> Elements {
    let mut to = Writer::default();
    to.start("0810", &ack.header);
    to.put("70", code);
    to.put("39", ack.response_code.to_string());
    to.finish()
}

fn request(payment: &PaymentRequest<'_>, place: NamePlace) -> Elements {
    let mut to = Writer::default();
    to.start("0200", &payment.header);
    to.put("3", "000000");
    to.key(&payment.key);
    to.amounts(&payment.amounts);
    to.echoed(&Echoed {
        local_time: payment.local_time,
        presentation: Some(payment.presentation),
        mcc: payment.mcc,
        terminal: payment.terminal,
        merchant_id: payment.merchant_id,
    });
    to.option("19", payment.country, |country| format!("{country:03}"));
    to.option("33", payment.forwarder, |forwarder| forwarder.to_string());
    to.option("100", payment.destination, |destination| {
        destination.to_string()
    });
    if let Some(scenario) = payment.scenario {
        to.tag(2, &number(scenario as u8));
    }
    if let Some(level) = payment.kyc_level {
        to.tag(3, &number(level as u8));
    }
    if !payment.quote.is_empty() {
        to.tag(5, core::str::from_utf8(payment.quote).unwrap());
    }
    let name = core::str::from_utf8(payment.merchant_name).unwrap();
    match place {
        NamePlace::Element43 => to.put("43", name),
        _ if name.is_empty() => {}
        NamePlace::Tag => to.tag(7, name),
        // One byte for each character of ASCII, two for all others.
        NamePlace::TagInGbk => {
            let bytes: usize = name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
            to.tags += &format!("07{bytes:03}{name}");
        }
    }
    to.text("62", payment.code.expose());
    // The digits as they are sent in ASCII, the bytes in binary.
    let hex: String = payment
        .mac
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let sent_as_digits = payment.mac.len() == 16;
    to.text(
        "64",
        if sent_as_digits {
            payment.mac
        } else {
            hex.as_bytes()
        },
    );
    to.finish()
}

fn answer(result: &PaymentResult<'_>) -> Elements {
    let mut to = Writer::default();
    to.start("0210", &result.header);
    to.put("3", "000000");
    to.key(&result.key);
    to.amounts(&result.amounts);
    to.echoed(&result.echoed);
    to.option("15", result.settlement_date, |date| {
        format!("{:04}", date.mmdd())
    });
    to.option("38", result.approval_code, |code| text_of(code.bytes()));
    to.put("39", result.response_code.to_string());
    to.text("44", result.text);
    to.outcome(result.response_code, result.outcome, Outcome::Approved);
    to.finish()
}

fn advice(message: &Message<'_>) -> Elements {
    let mut to = Writer::default();
    match message {
        Message::PaymentAdvice(advice) => {
            let mti = if advice.repeat { "0221" } else { "0220" };
            to.start(mti, &advice.header);
            to.target(&advice.target);
            to.amounts(&advice.amounts);
            to.option("38", advice.approval_code, |code| text_of(code.bytes()));
            to.put("39", advice.response_code.to_string());
            to.root(&advice.root);
            to.outcome(advice.response_code, advice.outcome, Outcome::Approved);
        }
        Message::PaymentAdviceAck(ack) => {
            to.start("0230", &ack.header);
            to.target(&ack.target);
            to.root(&ack.target.key);
            to.put("39", ack.response_code.to_string());
        }
        _ => panic!("not an advice"),
    }
    to.finish()
}

fn reverse(mti: &str, reversal: &Reversal<'_>) -> Elements {
    let mut to = Writer::default();
    to.start(mti, &reversal.header);
    to.target(&reversal.target);
    to.money("4", "49", Some(reversal.amount));
    to.root(&reversal.root);
    if let Some(reason) = reversal.reason {
        to.tag(12, &number(reason as u8));
    }
    let original = reversal.original.unwrap();
    let originator = reversal.target.key.originator.code();
    let (stan, sent) = (original.stan(), original.transmission());
    to.put(
        "90",
        format!("0200{stan:06}{sent:010}{originator:011}{:011}", 0),
    );
    to.finish()
}

fn reversed(mti: &str, result: &ReversalResult<'_>) -> Elements {
    let mut to = Writer::default();
    to.start(mti, &result.header);
    to.target(&result.target);
    to.money("4", "49", result.amount);
    to.put("39", result.response_code.to_string());
    to.root(&result.target.key);
    to.outcome(result.response_code, result.outcome, Outcome::Reversed);
    to.finish()
}

fn status(message: &Message<'_>) -> Elements {
    let mut to = Writer::default();
    match message {
        Message::StatusInquiry(inquiry) => {
            to.start("0100", &inquiry.header);
            to.target(&inquiry.target);
            to.root(&inquiry.root);
            to.tag(14, "S");
        }
        Message::StatusResult(result) => {
            to.start("0110", &result.header);
            to.target(&result.target);
            to.money("4", "49", result.amount);
            to.option("38", result.approval_code, |code| text_of(code.bytes()));
            to.put("39", result.response_code.to_string());
            to.root(&result.target.key);
            if let Some(state) = result.state {
                to.tag(8, &number(state as u8));
            }
            to.outcome(result.response_code, result.outcome, Outcome::Approved);
        }
        _ => panic!("not about a status"),
    }
    to.finish()
}

/// The golden files of ISO 8583.
fn golden_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("iso8583-")
        })
        .collect();
    found.sort();
    found
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// Decodes, compares and encodes one file in one form; the answer says what differs.
fn check(golden: &Value, protocol: Protocol) -> Result<(), String> {
    let today = u32::try_from(golden["received"].as_u64().unwrap()).unwrap();
    let body = unhex(golden["hex"][protocol.name()].as_str().unwrap());
    let mut expected: Elements = serde_json::from_value(golden["values"].clone()).unwrap();
    let (dialect, mut place) = match golden["dialect"].as_str() {
        None => (Dialect::plain(protocol), NamePlace::Tag),
        Some(name) => (based_on(name, protocol), NamePlace::TagInGbk),
    };
    if let Some(name) = expected.get_mut("43") {
        place = NamePlace::Element43;
        name.truncate(name.trim_end().len());
    }
    let mut scratch = vec![0; SCRATCH_BYTES];
    let message = dialect
        .decode_joining(&body, Date::from_yyyymmdd(today).unwrap(), &mut scratch)
        .map_err(|refused| format!("refused: {refused}"))?;
    let found = elements(&message, place);
    if found != expected {
        return Err(format!("read {found:?}\nnot {expected:?}"));
    }
    let mut out = [0_u8; 4096];
    let encoded = dialect
        .encode(&message, &mut out)
        .map_err(|refusal| format!("not written: {refusal}"))?;
    if encoded.dropped + encoded.replaced > 0 || out[..encoded.bytes] != body[..] {
        let written = String::from_utf8_lossy(&out[..encoded.bytes]);
        return Err(format!(
            "wrote {written:?}\nnot {:?}",
            String::from_utf8_lossy(&body)
        ));
    }
    match golden["frames"][protocol.name()].as_str() {
        Some(frame) => check_frame(&dialect, &message, &body, &unhex(frame)),
        None => Ok(()),
    }
}

fn based_on(name: &str, protocol: Protocol) -> Dialect {
    let form = match protocol {
        Protocol::Iso8583Binary => Form::Binary,
        Protocol::Iso8583Ascii | Protocol::Sbe => Form::Ascii,
    };
    Dialect::Iso8583(Box::new(Base::named(name).unwrap().dialect(form)))
}

/// Length, TPDU and message header as they come, and as an answer has them.
fn check_frame(
    dialect: &Dialect,
    message: &Message<'_>,
    body: &[u8],
    frame: &[u8],
) -> Result<(), String> {
    let header = MessageHeader::new(&[0x60, 0x31, 0x00, 0x31, 0x10, 0x00]).unwrap();
    let framing = Framing::LEN2.with_tpdu().with_message_header(header);
    let Split::Frame {
        body: at,
        tpdu,
        total,
    } = framing.split(frame, 8_192)
    else {
        return Err("not a frame".to_owned());
    };
    if total != frame.len() || &frame[at] != body || tpdu != Some([0x60, 0, 3, 0, 1]) {
        return Err(format!("framed otherwise: TPDU {tpdu:x?}"));
    }
    if answer_tpdu([0x60, 0, 3, 0, 1]) != [0x60, 0, 1, 0, 3] {
        return Err("an answer swaps the addresses".to_owned());
    }
    let mut out = [0_u8; 4096];
    let written = encode_frame(dialect, framing, tpdu, message, &mut out).unwrap();
    if &out[..written.bytes] != frame {
        return Err(format!("framed as {:x?}", &out[..written.bytes]));
    }
    Ok(())
}

#[test]
fn golden_iso8583() {
    let mut differences = Vec::new();
    let files = golden_files();
    assert!(files.len() >= 23, "golden files are missing");
    for path in files {
        let golden: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for protocol in [Protocol::Iso8583Ascii, Protocol::Iso8583Binary] {
            if let Err(difference) = check(&golden, protocol) {
                let name = path.file_stem().unwrap().to_str().unwrap();
                differences.push(format!("{name} in {}: {difference}", protocol.name()));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
