//! WHICH REQUEST IS THIS THE ANSWER TO? By participant, match key and kind; never by luck.
//!
//! Each participant has a table of open requests. A match key is drawn from a counter; the counter
//! modulo the table's size is the request's place, so nothing is hashed. A closed place remembers
//! its key,
//! so that a second answer is told apart from an answer that nobody asked for.

use cpg_switch::model::ids::MatchKey;
use cpg_switch::model::message::Kind;
use cpg_switch::model::participant::Protocol;

/// Why a request was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// A new payment, or after a lost link the payment that was not answered.
    Payment,
    /// The same key and body again.
    Repeat,
    /// The same key with another body.
    Conflict,
    /// About a merchant's code, before the payment.
    Code,
    /// Status inquiry.
    Inquiry,
    /// Reversal, by request or advice.
    Reversal,
    /// Sign-on, sign-off, echo.
    Network,
}

impl Purpose {
    /// Whether a payment is in flight until it is answered: the payment itself, and the inquiry
    /// before it.
    pub(crate) const fn is_in_flight(self) -> bool {
        matches!(self, Self::Payment | Self::Code)
    }
}

/// A request that waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    /// What was sent.
    pub(crate) kind: Kind,
    /// Why.
    pub(crate) purpose: Purpose,
    /// Which payment it is about; zero where none.
    pub(crate) number: u64,
    /// When it was meant to be sent.
    pub(crate) intended_ns: u64,
    /// When it was handed to the machine; zero: not yet.
    pub(crate) sent_ns: u64,
}

/// What an answer turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Match {
    /// It answers this request, which is closed now.
    Answers(Request),
    /// Its request has been answered before.
    Again(Request),
    /// The request with this key is of a kind that such an answer does not fit; it stays open.
    WrongKind(Request),
    /// Its request was given up because its links were cut; this is the first answer since.
    AfterCut(Request),
    /// Nobody asked.
    Unhandled,
}

/// The open requests of one participant.
#[derive(Debug)]
pub(crate) struct Table {
    places: Vec<Place>,
    iso: bool,
    next: u64,
    open: u32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    key: MatchKey,
    open: bool,
    /// Given up, and may still be answered once.
    cut: bool,
    request: Request,
}

impl Table {
    /// A table in which `open_max` requests may be open at once. The counter of a participant that
    /// speaks SBE starts at `first`, so that a later run does not repeat the keys of an earlier
    /// one.
    pub(crate) fn new(protocol: Protocol, open_max: u32, first: u64) -> Self {
        let places = (u64::from(open_max) * 2)
            .next_power_of_two()
            .clamp(PLACES_MIN, STANS);
        let iso = match protocol {
            Protocol::Sbe => false,
            Protocol::Iso8583Ascii | Protocol::Iso8583Binary => true,
        };
        let count = usize::try_from(places).expect("at most the number of STANs");
        Self {
            places: vec![FREE; count],
            iso,
            next: if iso { first % STANS } else { first },
            open: 0,
        }
    }

    /// Opens `request` and draws its match key; `None` where the table is too full. `transmission`
    /// is DE 7 of now, MMDDhhmmss.
    pub(crate) fn open(&mut self, request: Request, transmission: u64) -> Option<MatchKey> {
        for _ in 0..SKIPS_MAX {
            let (place, key) = self.draw(transmission);
            let slot = &mut self.places[place];
            if !slot.open && !slot.cut {
                *slot = Place {
                    key,
                    open: true,
                    cut: false,
                    request,
                };
                self.open += 1;
                return Some(key);
            }
        }
        None
    }

    /// Finds the request that an answer of `kind` with `key` answers, and closes it.
    pub(crate) fn close(&mut self, kind: Kind, key: MatchKey) -> Match {
        let Some(place) = self.place(key) else {
            return Match::Unhandled;
        };
        let slot = &mut self.places[place];
        if slot.key != key || slot.request.kind == NO_KIND {
            return Match::Unhandled;
        }
        if !fits(slot.request.kind, kind) {
            return Match::WrongKind(slot.request);
        }
        if slot.cut {
            let request = slot.request;
            *slot = FREE;
            return Match::AfterCut(request);
        }
        if !slot.open {
            return Match::Again(slot.request);
        }
        slot.open = false;
        self.open -= 1;
        Match::Answers(slot.request)
    }

    /// Whether a request with this key is open.
    pub(crate) fn is_open(&self, key: MatchKey) -> bool {
        self.place(key).is_some_and(|place| {
            let slot = &self.places[place];
            slot.open && slot.key == key
        })
    }

    /// The request has been handed to the machine.
    pub(crate) fn sent(&mut self, key: MatchKey, sent_ns: u64) -> Option<Request> {
        let place = self.place(key)?;
        let slot = &mut self.places[place];
        if !slot.open || slot.key != key {
            return None;
        }
        slot.request.sent_ns = sent_ns;
        Some(slot.request)
    }

    /// How many requests are open.
    pub(crate) const fn open_count(&self) -> u32 {
        self.open
    }

    /// The open requests, in no order.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.places
            .iter()
            .filter(|slot| slot.open)
            .map(|slot| &slot.request)
    }

    /// Gives up every open request, and hands each to `cut`: no answer can come any more, or, where
    /// the switch lives on and `answers` may come over the next link, one.
    pub(crate) fn cut(&mut self, answers: bool, mut cut: impl FnMut(Request)) {
        for slot in &mut self.places {
            if slot.open {
                cut(slot.request);
                if answers {
                    slot.open = false;
                    slot.cut = true;
                } else {
                    *slot = FREE;
                }
            } else if slot.cut {
                *slot = FREE;
            }
        }
        self.open = 0;
    }

    fn draw(&mut self, transmission: u64) -> (usize, MatchKey) {
        let drawn = self.next;
        if self.iso {
            self.next = (drawn + 1) % STANS;
            let stan = u32::try_from(drawn).expect("below the number of STANs") + 1;
            (self.index(drawn), MatchKey::from_iso(stan, transmission))
        } else {
            self.next = drawn + 1;
            (self.index(drawn), MatchKey(drawn))
        }
    }

    fn place(&self, key: MatchKey) -> Option<usize> {
        if self.iso {
            let drawn = u64::from(key.stan()).checked_sub(1)?;
            Some(self.index(drawn))
        } else {
            Some(self.index(key.0))
        }
    }

    fn index(&self, drawn: u64) -> usize {
        let places = u64::try_from(self.places.len()).expect("a length fits");
        usize::try_from(drawn % places).expect("smaller than a length")
    }
}

/// Whether an answer of `answer` may answer `request`.
fn fits(request: Kind, answer: Kind) -> bool {
    if answer == Kind::Reject {
        return true;
    }
    let expected = match request {
        Kind::SignOn => Kind::SignOnAck,
        Kind::SignOff => Kind::SignOffAck,
        Kind::Echo => Kind::EchoAck,
        Kind::KeyChange => Kind::KeyChangeAck,
        Kind::Cutover => Kind::CutoverAck,
        Kind::CodeInquiry => Kind::CodeResult,
        Kind::PaymentRequest => Kind::PaymentResult,
        Kind::PaymentAdvice => Kind::PaymentAdviceAck,
        Kind::ReversalRequest => Kind::ReversalResult,
        Kind::ReversalAdvice => Kind::ReversalAdviceAck,
        Kind::RefundRequest => Kind::RefundResult,
        Kind::StatusInquiry => Kind::StatusResult,
        Kind::SignOnAck
        | Kind::SignOffAck
        | Kind::EchoAck
        | Kind::KeyChangeAck
        | Kind::CutoverAck
        | Kind::CodeResult
        | Kind::PaymentResult
        | Kind::PaymentAdviceAck
        | Kind::ReversalResult
        | Kind::ReversalAdviceAck
        | Kind::RefundResult
        | Kind::StatusResult
        | Kind::Reject => return false,
    };
    answer == expected
}

/// System trace audit numbers that we use: 1 to 2^19. A power of two, so that a place follows from
/// a STAN; above it 475,711 of the 999,999 stay unused.
const STANS: u64 = 1 << 19;
const PLACES_MIN: u64 = 1_024;
/// Places that are looked at before the table counts as full.
const SKIPS_MAX: u32 = 4_096;
/// A place that was never used, or was cut: no request is a Reject.
const NO_KIND: Kind = Kind::Reject;
const FREE: Place = Place {
    key: MatchKey(u64::MAX),
    open: false,
    cut: false,
    request: Request {
        kind: NO_KIND,
        purpose: Purpose::Network,
        number: 0,
        intended_ns: 0,
        sent_ns: 0,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    const DE_7: u64 = 1_121_220_505;

    fn request(number: u64) -> Request {
        Request {
            kind: Kind::PaymentRequest,
            purpose: Purpose::Payment,
            number,
            intended_ns: 1,
            sent_ns: 0,
        }
    }

    #[test]
    fn an_answer_finds_its_request_once_in_every_protocol() {
        for protocol in Protocol::ALL {
            let mut table = Table::new(protocol, 100, 1 << 40);
            let keys: Vec<MatchKey> = (0..100)
                .map(|number| table.open(request(number), DE_7).unwrap())
                .collect();
            assert_eq!(table.open_count(), 100);
            for (number, key) in keys.iter().enumerate().rev() {
                let Match::Answers(found) = table.close(Kind::PaymentResult, *key) else {
                    unreachable!("open");
                };
                assert_eq!(found.number, number as u64);
                assert!(matches!(
                    table.close(Kind::PaymentResult, *key),
                    Match::Again(_)
                ));
            }
            assert_eq!(table.open_count(), 0);
            assert_eq!(
                table.close(Kind::PaymentResult, MatchKey(77)),
                Match::Unhandled
            );
        }
    }

    #[test]
    fn a_wrong_kind_leaves_the_request_open() {
        let mut table = Table::new(Protocol::Sbe, 1, 0);
        let key = table.open(request(5), DE_7).unwrap();
        assert_eq!(
            table.close(Kind::StatusResult, key),
            Match::WrongKind(request(5))
        );
        assert!(table.is_open(key));
        assert_eq!(table.close(Kind::Reject, key), Match::Answers(request(5)));
    }

    #[test]
    fn another_second_is_another_request_in_iso() {
        let mut table = Table::new(Protocol::Iso8583Ascii, 1, 0);
        let key = table.open(request(5), DE_7).unwrap();
        let other = MatchKey::from_iso(key.stan(), DE_7 + 1);
        assert_eq!(table.close(Kind::PaymentResult, other), Match::Unhandled);
        assert!(table.is_open(key));
    }

    #[test]
    fn a_request_that_stays_open_is_passed_over_when_the_counter_comes_round() {
        let mut table = Table::new(Protocol::Sbe, 1, 0);
        let stuck = table.open(request(0), DE_7).unwrap();
        for number in 1..5_000 {
            let key = table.open(request(number), DE_7).unwrap();
            assert!(matches!(
                table.close(Kind::PaymentResult, key),
                Match::Answers(_)
            ));
        }
        assert_eq!(
            table.close(Kind::PaymentResult, stuck),
            Match::Answers(request(0))
        );
    }

    #[test]
    fn a_lost_connection_gives_its_requests_back() {
        let mut table = Table::new(Protocol::Sbe, 4, 0);
        let lost = table.open(request(1), DE_7).unwrap();
        let answered = table.open(request(2), DE_7).unwrap();
        assert!(matches!(
            table.close(Kind::PaymentResult, answered),
            Match::Answers(_)
        ));
        let mut cut = Vec::new();
        table.cut(false, |request| cut.push(request.number));
        assert_eq!((cut, table.open_count()), (vec![1], 0));
        assert_eq!(table.close(Kind::PaymentResult, lost), Match::Unhandled);
    }

    #[test]
    fn what_was_cut_may_be_answered_once_by_its_kind_and_not_after_the_next_cut() {
        let mut table = Table::new(Protocol::Sbe, 4, 0);
        let keys = [1, 2].map(|number| table.open(request(number), DE_7).unwrap());
        table.cut(true, |_| {});
        let wrong = table.close(Kind::StatusResult, keys[0]);
        assert_eq!(wrong, Match::WrongKind(request(1)));
        let late = table.close(Kind::PaymentResult, keys[0]);
        assert_eq!(late, Match::AfterCut(request(1)));
        let again = table.close(Kind::PaymentResult, keys[0]);
        assert_eq!(again, Match::Unhandled);
        table.cut(true, |_| {});
        let forgotten = table.close(Kind::PaymentResult, keys[1]);
        assert_eq!(forgotten, Match::Unhandled);
    }

    #[test]
    fn a_full_table_says_so() {
        let mut table = Table::new(Protocol::Sbe, 1, 0);
        for number in 0..PLACES_MIN {
            assert!(table.open(request(number), DE_7).is_some());
        }
        assert_eq!(table.open(request(0), DE_7), None);
    }
}
