//! Whose code is it, and what does it cost? A wallet asks before it pays, the code's owner answers,
//! and the switch adds its quote.
//!
//! Nothing of this is recorded: it moves no money. What binds us is the quote, and a quote proves
//! itself. An inquiry that comes again is asked again, under its own key; those that a restart
//! forgets are asked again by their wallets.

use core::hash::BuildHasher;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::engine::effects::{Effects, Gate, Outgoing};
use crate::engine::exchanges::Waiter;
use crate::engine::index::{Index, neighbourly};
use crate::engine::price::{self, Offer};
use crate::engine::timers::Timers;
use crate::engine::{Context, Engine, Legs, Room, Sender, replies};
use crate::fx::quotes::{CodeDigest, QUOTE_CHARACTERS_MAX};
use crate::model::hold::OrderHash;
use crate::model::ids::{Institution, MatchKey, ParticipantIndex};
use crate::model::keys::Key;
use crate::model::mark::CodeMarks;
use crate::model::message::{CodeInquiry, CodeResult, Header, Message};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{CodeKind, Presentation, ResponseCode};
use crate::model::record::ShortText;
use crate::model::time::{Monotonic, Wall};
use crate::route::{Ask, Draw, Route};

/// Room for a sealed quote.
pub type Token = [u8; QUOTE_CHARACTERS_MAX];

/// A code, as far as it was read.
#[derive(Clone, Debug)]
pub struct Scanned<'c> {
    /// What it is known by.
    pub marks: CodeMarks<'c>,
    /// What it says of the payment.
    pub terms: CodeTerms,
}

/// A code of which no more is known.
impl<'c> From<CodeMarks<'c>> for Scanned<'c> {
    fn from(marks: CodeMarks<'c>) -> Self {
        let terms = CodeTerms::default();
        Self { marks, terms }
    }
}

/// What a code says of the payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CodeTerms {
    /// What kind of code it is.
    pub kind: Option<CodeKind>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Its amount, where it has one: nothing else may be paid.
    pub amount: Option<Money>,
    /// Whether it was made for one order alone.
    pub is_order: bool,
}

/// An inquiry that its code's owner has not answered yet.
#[derive(Clone, Debug)]
struct Place {
    match_key: MatchKey,
    key: Key,
    waiter: Waiter,
    destination: ParticipantIndex,
    /// The institution that we have asked; one that the destination fronts, perhaps.
    institution: Institution,
    /// What the wallet pays in.
    billing: Currency,
    /// Of the code; none where no quotes are given.
    digest: Option<CodeDigest>,
    /// Of the code, where it is for one order.
    order: Option<OrderHash>,
    terms: CodeTerms,
    is_open: bool,
}

/// All inquiries about codes that are open.
#[derive(Debug)]
pub(super) struct CodeInquiries {
    places: Vec<Place>,
    free: Vec<u32>,
    by_match_key: Index,
    hasher: FixedState,
    timers: Timers,
}

impl CodeInquiries {
    /// Room for `capacity`; an inquiry is answered within one of `intervals_ms`.
    pub(super) fn new(capacity: u32, seed: u64, intervals_ms: Vec<u32>) -> Self {
        let count = place_of(capacity);
        Self {
            places: Vec::with_capacity(count),
            free: Vec::with_capacity(count),
            by_match_key: Index::new(count),
            hasher: FixedState::with_seed(seed),
            timers: Timers::new(count, intervals_ms),
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn is_full(&self) -> bool {
        self.free.is_empty() && self.places.len() == self.places.capacity()
    }

    /// When the next one is too old.
    pub(super) fn next_due(&self) -> Option<Monotonic> {
        self.timers.next_due()
    }

    fn open(&mut self, place: Place, timeout_ms: u32, now: Monotonic) {
        let hash = self.hash(place.destination, place.match_key);
        let index = if let Some(index) = self.free.pop() {
            self.places[place_of(index)] = place;
            index
        } else {
            assert!(!self.is_full(), "asked before");
            self.places.push(place);
            u32::try_from(self.places.len() - 1).expect("as many as a u32 numbers")
        };
        self.by_match_key.insert(hash, index);
        self.timers.set(index, timeout_ms, now);
    }

    fn find(&self, with: ParticipantIndex, key: MatchKey) -> Option<u32> {
        self.by_match_key.find(self.hash(with, key), |index| {
            let place = &self.places[place_of(index)];
            place.match_key == key && place.destination == with
        })
    }

    fn close(&mut self, index: u32) -> Place {
        self.timers.cancel(index);
        let place = &mut self.places[place_of(index)];
        assert!(place.is_open);
        place.is_open = false;
        let place = place.clone();
        let hash = self.hash(place.destination, place.match_key);
        self.by_match_key.remove(hash, index);
        self.free.push(index);
        place
    }

    fn hash(&self, with: ParticipantIndex, key: MatchKey) -> u32 {
        neighbourly(self.hasher.hash_one((key.0 >> 3, with.0)), key.0)
    }
}

fn place_of(index: u32) -> usize {
    usize::try_from(index).expect("usize holds a u32")
}

impl Engine {
    /// Inquiries about codes that wait for an answer.
    pub fn open_code_inquiries(&self) -> usize {
        self.code_inquiries.count()
    }

    /// A wallet asks about a code. Its session may speak for the originator.
    pub fn handle_code_inquiry<'a, L: Legs>(
        &mut self,
        (inquiry, scanned): (&CodeInquiry<'a>, &Scanned<'_>),
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        self.tally.code_inquiries += 1;
        let waiter = replies::waiter(sender, &inquiry.header);
        match self.choose_owner(inquiry, scanned, sender, context) {
            Ok((route, match_key)) => {
                let asked = (inquiry, scanned.terms);
                self.ask_owner(asked, (waiter, route, match_key), context, effects);
            }
            Err(code) => {
                if code == ResponseCode::SHED {
                    self.tally.shed += 1;
                }
                say_no(&inquiry.key, &waiter, code, context.now.wall, effects);
            }
        }
    }

    /// Who owns the code, and our match key; or why nobody is asked.
    fn choose_owner<L: Legs>(
        &self,
        inquiry: &CodeInquiry<'_>,
        scanned: &Scanned<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
    ) -> Result<(Route, MatchKey), ResponseCode> {
        if inquiry.presentation == Some(Presentation::Cpm) {
            // Nobody asks about a code that he shows himself.
            return Err(ResponseCode::INVALID_TRANSACTION);
        }
        let ask = Ask {
            originator: sender.participant,
            presentation: Presentation::Mpm,
            named: None,
            currency: scanned.terms.currency,
            minor: scanned.terms.amount.map(|amount| amount.minor),
            code: &scanned.marks,
            wall: context.now.wall,
            draw: Draw::Of(&inquiry.key),
        };
        let legs = &context.legs;
        let chosen = context.tables.choose(&ask, |index| legs.is_up(index))?;
        let route = chosen.route;
        let window = context.tables.participant(sender.participant).window_in;
        let used = self.in_flight[usize::from(sender.participant.0)].0;
        if used >= window || context.room != Room::Ample || self.code_inquiries.is_full() {
            return Err(ResponseCode::SHED);
        }
        let match_key = self.draw_leg(route.destination, context);
        Ok((route, match_key.ok_or(ResponseCode::SHED)?))
    }

    fn ask_owner<'a, L: Legs>(
        &mut self,
        (inquiry, terms): (&CodeInquiry<'a>, CodeTerms),
        (waiter, route, match_key): (Waiter, Route, MatchKey),
        context: &Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let tables = context.tables;
        let wallet = tables.participant(waiter.participant);
        let place = Place {
            match_key,
            key: inquiry.key,
            waiter,
            destination: route.destination,
            institution: route
                .institution
                .unwrap_or(tables.participant(route.destination).institution),
            billing: inquiry.wallet_currency.unwrap_or(wallet.currency),
            order: terms
                .is_order
                .then(|| order_of(inquiry.code.expose(), self.fingerprint_seed)),
            digest: tables
                .pricing()
                .map(|pricing| pricing.keys.digest(inquiry.code.expose())),
            terms,
            is_open: true,
        };
        let now = context.now;
        self.code_inquiries
            .open(place, wallet.answer_timeout_ms, now.monotonic);
        self.count_inquiry(waiter.participant, route.destination, 1);
        let header = Header {
            match_key,
            transmit_time: now.wall,
        };
        let message = Message::CodeInquiry(CodeInquiry {
            header,
            mac: b"",
            ..*inquiry
        });
        send(effects, (route.destination, None), message);
    }

    /// The code's owner answers.
    pub fn handle_code_result<'a, L: Legs>(
        &mut self,
        result: &CodeResult<'a>,
        token: &'a mut Token,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let match_key = result.header.match_key;
        let Some(index) = self.code_inquiries.find(sender.participant, match_key) else {
            return self.tally.unhandled_answers += 1;
        };
        let place = self.end_inquiry(index);
        let wall = context.now.wall;
        if result.response_code != ResponseCode::APPROVED {
            return say_no(&place.key, &place.waiter, told_code(result), wall, effects);
        }
        let offer = Offer {
            key: &place.key,
            wallet: place.waiter.participant,
            institution: place.institution,
            billing: place.billing,
            digest: place.digest,
            order: place.order,
            terms: &place.terms,
        };
        match price::quote(&offer, result, token, context) {
            Ok(mut answer) => {
                self.tally.quotes += u64::from(answer.quote_expiry.is_some());
                answer.header = header(&place.waiter, wall);
                let to = (place.waiter.participant, Some(&place.waiter));
                send(effects, to, Message::CodeResult(answer));
            }
            Err(code) => {
                // The owner says something that cannot be: the wallet must not pay on it.
                self.tally.malformed_answers += u64::from(code == ResponseCode::MALFUNCTION);
                say_no(&place.key, &place.waiter, code, wall, effects);
            }
        }
    }

    /// The code's owner could not read, or would not take, our question; or we cannot read its
    /// answer. `false`: it is not about a code.
    pub(super) fn refuse_inquiry(
        &mut self,
        (from, match_key): (ParticipantIndex, MatchKey),
        wall: Wall,
        effects: &mut Effects<'_>,
    ) -> bool {
        let Some(index) = self.code_inquiries.find(from, match_key) else {
            return false;
        };
        let place = self.end_inquiry(index);
        let code = ResponseCode::MALFUNCTION;
        say_no(&place.key, &place.waiter, code, wall, effects);
        true
    }

    /// The owner of a code did not answer in time. `false`: none is due.
    pub(super) fn expire_inquiry<L: Legs>(
        &mut self,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let Some(index) = self.code_inquiries.timers.expire(context.now.monotonic) else {
            return false;
        };
        let place = self.end_inquiry(index);
        let code = ResponseCode::DESTINATION_DOWN;
        say_no(&place.key, &place.waiter, code, context.now.wall, effects);
        true
    }

    fn end_inquiry(&mut self, index: u32) -> Place {
        let place = self.code_inquiries.close(index);
        self.count_inquiry(place.waiter.participant, place.destination, -1);
        place
    }

    /// They share the windows of payments.
    fn count_inquiry(&mut self, from: ParticipantIndex, to: ParticipantIndex, step: i32) {
        let asked = &mut self.in_flight[usize::from(from.0)].0;
        *asked = asked.strict_add_signed(step);
        let asking = &mut self.in_flight[usize::from(to.0)].1;
        *asking = asking.strict_add_signed(step);
    }
}

/// Stands for the order that a code is for. The seed is the journal's, as that of fingerprints: the
/// same for all shards and starts, and without it no code can be guessed from this.
fn order_of(code: &[u8], seed: u64) -> OrderHash {
    OrderHash(xxh3_128_with_seed(code, seed).to_le_bytes())
}

/// What the wallet is told for its code's owner's refusal: 30, A0 and A1 are between the two of us.
fn told_code(result: &CodeResult<'_>) -> ResponseCode {
    match result.response_code {
        ResponseCode::SHED | ResponseCode::BAD_MAC => ResponseCode::DESTINATION_DOWN,
        ResponseCode::FORMAT => ResponseCode::MALFUNCTION,
        other => other,
    }
}

fn header(waiter: &Waiter, wall: Wall) -> Header {
    Header {
        match_key: waiter.match_key,
        transmit_time: wall,
    }
}

fn send<'a>(
    effects: &mut Effects<'a>,
    (to, waiter): (ParticipantIndex, Option<&Waiter>),
    message: Message<'a>,
) {
    effects.send(Outgoing {
        to,
        link: waiter.map(|waiter| waiter.link),
        message,
        text: ShortText::EMPTY,
        gate: Gate::Free,
        exchange: None,
    });
}

fn say_no(
    key: &Key,
    waiter: &Waiter,
    response_code: ResponseCode,
    wall: Wall,
    effects: &mut Effects<'_>,
) {
    let message = Message::CodeResult(CodeResult {
        header: header(waiter, wall),
        key: *key,
        response_code,
        code_kind: None,
        owner: None,
        amount: None,
        billing: None,
        billing_rate: None,
        quote_expiry: None,
        mcc: None,
        country: None,
        merchant_id: None,
        merchant_name: b"",
        quote: b"",
        text: b"",
        mac: b"",
    });
    send(effects, (waiter.participant, Some(waiter)), message);
}
