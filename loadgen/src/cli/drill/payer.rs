//! Two wallets and an acquirer over SBE, one payment after the other: what they see in a drill.

use core::time::Duration;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{Institution, MatchKey, Reference};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::FRAME_BYTES_DEFAULT;
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, NoticeAck, PaymentRequest, PaymentResult, SignOn,
};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode};
use cpg_switch::model::participant::Protocol;
use cpg_switch::model::time::{Date, Wall};
use cpg_switch::sys::clock::Clock;
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::{Dialect, encode_frame};

use crate::cli::exit::Failure;

const MALAYSIAN: u64 = 45_800_001;
const CHINESE: u64 = 15_600_011;
const ACQUIRER: u64 = 15_600_021;

/// A payment is answered within this, or the drill has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a link brought.
enum Came {
    Answer(ResponseCode),
    Request,
    Goodbye,
    Other,
}

struct Link {
    stream: TcpStream,
    heard: Vec<u8>,
    today: Date,
}

/// Everybody, each over one link.
pub(super) struct Payers {
    wallets: [Link; 2],
    acquirer: Link,
    today: Date,
    next: u32,
    repeated: u32,
    /// A payment that was approved, to be asked once more.
    approved: Option<u32>,
}

impl Payers {
    /// Signs everybody on.
    pub(super) fn at(address: SocketAddr) -> Result<Self, Failure> {
        let today = Clock.now().wall.date();
        Ok(Self {
            wallets: [
                Link::signed_on(address, MALAYSIAN, today)?,
                Link::signed_on(address, CHINESE, today)?,
            ],
            acquirer: Link::signed_on(address, ACQUIRER, today)?,
            today,
            next: 1,
            repeated: 0,
            approved: None,
        })
    }

    /// The same people at another process.
    pub(super) fn moved_to(self, address: SocketAddr) -> Result<Self, Failure> {
        Ok(Self {
            next: self.next,
            repeated: self.repeated,
            approved: self.approved,
            ..Self::at(address)?
        })
    }

    /// Answers that were asked for once more, and were the same.
    pub(super) const fn repeated(&self) -> u32 {
        self.repeated
    }

    /// So many payments of each wallet; the codes that each has seen, joined where there are
    /// several. What was approved once is asked for again, and is answered alike.
    pub(super) fn pay(&mut self, count: usize) -> Result<(String, String), Failure> {
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        for _ in 0..count {
            for (wallet, seen) in seen.iter_mut().enumerate() {
                let number = self.next;
                self.next += 1;
                let code = self.payment(wallet, number)?;
                if wallet == 0 && code == ResponseCode::APPROVED {
                    self.approved.get_or_insert(number);
                }
                seen.insert(code.to_string());
            }
        }
        if let Some(number) = self.approved {
            let again = self.payment(0, number)?;
            if again != ResponseCode::APPROVED {
                let why = format!("payment {number} was approved, and is answered {again} by now");
                return Err(Failure::Missing(why));
            }
            self.repeated += 1;
        }
        let [malaysian, chinese] =
            seen.map(|codes| codes.into_iter().collect::<Vec<_>>().join("/"));
        Ok((malaysian, chinese))
    }

    fn payment(&mut self, wallet: usize, number: u32) -> Result<ResponseCode, Failure> {
        let institution = [MALAYSIAN, CHINESE][wallet];
        self.wallets[wallet].say(&request(institution, number, self.today))?;
        let give_up = Clock.monotonic().plus_ms(20_000);
        while Clock.monotonic() < give_up {
            if let Some(Came::Answer(code)) = self.wallets[wallet].listen()? {
                return Ok(code);
            }
            self.acquirer.listen()?;
        }
        Err(Failure::Missing(format!(
            "payment {number} was not answered"
        )))
    }

    /// Listens until every link is gone; how many goodbyes were heard.
    pub(super) fn goodbyes(&mut self) -> Result<usize, Failure> {
        let mut count = 0;
        let [first, second] = &mut self.wallets;
        for link in [first, second, &mut self.acquirer] {
            let give_up = Clock.monotonic().plus_ms(5_000);
            while Clock.monotonic() < give_up {
                match link.listen() {
                    Ok(Some(Came::Goodbye)) => count += 1,
                    Ok(_) => {}
                    // It is gone.
                    Err(_) => break,
                }
            }
        }
        Ok(count)
    }
}

impl Link {
    fn signed_on(address: SocketAddr, institution: u64, today: Date) -> Result<Self, Failure> {
        let failed = || Failure::file("dial the switch");
        let stream = TcpStream::connect(address).map_err(failed())?;
        stream.set_nodelay(true).map_err(failed())?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed())?;
        stream
            .set_read_timeout(Some(Duration::from_millis(2)))
            .map_err(failed())?;
        let mut link = Self {
            stream,
            heard: Vec::new(),
            today,
        };
        link.say(&Message::SignOn(SignOn {
            header: header(1),
            institution: institution_of(institution),
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        }))?;
        let give_up = Clock.monotonic().plus_ms(20_000);
        while Clock.monotonic() < give_up {
            if let Some(Came::Answer(ResponseCode::APPROVED)) = link.listen()? {
                return Ok(link);
            }
        }
        Err(Failure::Missing(format!("{institution} was not signed on")))
    }

    fn say(&mut self, message: &Message<'_>) -> Result<(), Failure> {
        let dialect = Dialect::plain(Protocol::Sbe);
        let mut frame = [0; 1_024];
        let written = encode_frame(&dialect, Framing::Sofh, None, message, &mut frame)
            .map_err(|refusal| Failure::Missing(format!("cannot say it: {refusal}")))?;
        let written = self.stream.write_all(&frame[..written.bytes]);
        written.map_err(Failure::file("speak to the switch"))
    }

    /// The next message, if one comes soon; what asks for an answer gets it.
    fn listen(&mut self) -> Result<Option<Came>, Failure> {
        if let Some(came) = self.take()? {
            return Ok(Some(came));
        }
        let mut bytes = [0; 4_096];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err(Failure::Missing("the switch has ended a link".to_owned())),
            Ok(count) => self.heard.extend_from_slice(&bytes[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(Failure::file("hear the switch")(error)),
        }
        self.take()
    }

    fn take(&mut self) -> Result<Option<Came>, Failure> {
        let heard = core::mem::take(&mut self.heard);
        let Split::Frame { body, total, .. } = Framing::Sofh.split(&heard, FRAME_BYTES_DEFAULT)
        else {
            self.heard = heard;
            return Ok(None);
        };
        self.heard = heard[total..].to_vec();
        let dialect = Dialect::plain(Protocol::Sbe);
        let message = dialect
            .decode(&heard[body], self.today)
            .map_err(|_| Failure::Missing("what the switch says cannot be read".to_owned()))?;
        Ok(Some(match &message {
            Message::SignOnAck(ack) => Came::Answer(ack.response_code),
            Message::PaymentResult(result) => Came::Answer(result.response_code),
            Message::Reject(reject) => Came::Answer(reject.response_code),
            Message::PaymentRequest(request) => {
                self.say(&approved(request))?;
                Came::Request
            }
            Message::Echo(notice) => {
                self.say(&Message::EchoAck(heard_you(notice.header)))?;
                Came::Other
            }
            Message::SignOff(notice) => {
                self.say(&Message::SignOffAck(heard_you(notice.header)))?;
                Came::Goodbye
            }
            _ => Came::Other,
        }))
    }
}

const fn heard_you(header: Header) -> NoticeAck<'static> {
    NoticeAck {
        header,
        response_code: ResponseCode::APPROVED,
        mac: b"",
    }
}

fn approved(request: &PaymentRequest<'_>) -> Message<'static> {
    Message::PaymentResult(PaymentResult {
        header: request.header,
        key: request.key,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        approval_code: Chars::padded(b"DRILL1"),
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    })
}

/// A payer scans a Chinese merchant's code: 100 CNY.
fn request(wallet: u64, number: u32, today: Date) -> Message<'static> {
    let reference = format!("D{number:011}").into_bytes();
    let reference = reference.try_into().expect("twelve characters");
    Message::PaymentRequest(PaymentRequest {
        header: header(u64::from(number)),
        key: Key {
            originator: institution_of(wallet),
            local_date: today,
            reference: Reference::new(reference).expect("letters and digits"),
        },
        local_time: None,
        destination: Institution::new(ACQUIRER),
        forwarder: None,
        presentation: Presentation::Mpm,
        scenario: None,
        amounts: Amounts {
            amount: Money::new(10_000, Currency::new(156).expect("CNY")).expect("small"),
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        mcc: Some(5_411),
        country: Some(156),
        terminal: None,
        merchant_id: Chars::padded(b"M0001"),
        payer_token: Chars::padded(b"DRILL-PAYER"),
        kyc_level: None,
        code: Sensitive(b""),
        merchant_name: b"",
        quote: b"",
        mac: b"",
    })
}

fn header(match_key: u64) -> Header {
    Header {
        match_key: MatchKey(match_key),
        transmit_time: Wall(0),
    }
}

fn institution_of(code: u64) -> Institution {
    Institution::new(code).expect("an institution of the sandbox")
}
