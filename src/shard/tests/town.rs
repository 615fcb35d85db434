//! Several shards and the rings between them, without a machine: three that take turns whenever one
//! has said something to another.

use super::translation::{key, request};
use super::*;
use crate::model::chars::Chars;
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{Echoed, PaymentRequest, PaymentResult, StatusInquiry};
use crate::model::outcome::{Outcome, Presentation, State};
use crate::shard::stats::Counter;

pub(super) const ORIGINATOR: usize = 0;
pub(super) const OWNER: usize = 1;
pub(super) const DESTINATION: usize = 2;

/// Shards that take turns whenever one has said something to another.
pub(super) struct Town {
    pub(super) worlds: Vec<World>,
    pub(super) acquirer: LinkId,
    pub(super) wallet: LinkId,
    /// What each shard has read.
    pub(super) journals: Vec<Vec<Record>>,
}

impl Town {
    /// Three shards; the acquirer's link on the first, the wallet's on the last.
    pub(super) fn new(mode: CommitMode) -> Self {
        Self::after(&[], mode)
    }

    /// The owner has read these records.
    pub(super) fn after(records: &[Record], mode: CommitMode) -> Self {
        let mut journals = vec![Vec::new(); 3];
        journals[OWNER] = records.to_vec();
        Self::of(&journals, mode)
    }

    /// As many shards as there are journals, each of which has read its own; the acquirer's link on
    /// the first, the wallet's on the last.
    pub(super) fn of(journals: &[Vec<Record>], mode: CommitMode) -> Self {
        let protocols = (Protocol::Iso8583Ascii, Protocol::Sbe);
        Self::made(journals, |records, ids, ports| {
            World::after(records, ids, ports, protocols, mode)
        })
    }

    /// The same, of shards as they are made; their protocols are those of the others.
    pub(super) fn made(
        journals: &[Vec<Record>],
        make: impl Fn(&[Record], (ShardId, u16), Ports) -> World,
    ) -> Self {
        let mesh = Ports::mesh_of(journals.len(), 1 << 18).unwrap();
        let shards = u16::try_from(journals.len()).unwrap();
        let worlds = (0..shards).zip(mesh).zip(journals);
        let worlds =
            worlds.map(|((shard, ports), records)| make(records, (ShardId(shard), shards), ports));
        let mut worlds: Vec<World> = worlds.collect();
        for from in 0..worlds.len() {
            let claims = core::mem::take(&mut worlds[from].claims);
            for (world, claims) in worlds.iter_mut().zip(claims) {
                world.shard.tell_claims(&claims);
            }
            let holds = core::mem::take(&mut worlds[from].holds);
            for (world, holds) in worlds.iter_mut().zip(holds) {
                world.shard.tell_holds(&holds);
            }
        }
        let last = worlds.len() - 1;
        let acquirer = worlds[ORIGINATOR].connect(Protocol::Iso8583Ascii);
        let wallet = worlds[last].connect(Protocol::Sbe);
        worlds[ORIGINATOR].sign_on(acquirer, ACQUIRER);
        worlds[last].sign_on(wallet, WALLET);
        let mut town = Self {
            worlds,
            acquirer,
            wallet,
            journals: journals.to_vec(),
        };
        town.settle();
        town
    }

    /// Turns until nobody has said anything new.
    pub(super) fn settle(&mut self) {
        while let Some(wake) = self.next_wake() {
            for (shard, world) in self.worlds.iter_mut().enumerate() {
                if wake & 1 << shard != 0 {
                    world.turn(vec![Completion::Woken]);
                }
            }
        }
    }

    pub(super) fn next_wake(&mut self) -> Option<u64> {
        let wake = self
            .worlds
            .iter_mut()
            .fold(0, |all, world| all | core::mem::take(&mut world.wake));
        (wake != 0).then_some(wake)
    }

    pub(super) fn pass_ms(&mut self, ms: u64) -> Vec<TurnEnd> {
        let ends = self.worlds.iter_mut().map(|world| world.pass_ms(ms));
        let ends = ends.collect();
        self.settle();
        ends
    }

    pub(super) fn say(&mut self, shard: usize, link: LinkId, message: &Message<'_>) {
        self.worlds[shard].say(link, message);
        self.settle();
    }

    /// The next message over a link, looked at.
    pub(super) fn heard<R>(
        &mut self,
        shard: usize,
        link: LinkId,
        look: impl FnOnce(&Message<'_>) -> R,
    ) -> Option<R> {
        let world = &mut self.worlds[shard];
        let body = world.heard(link)?;
        let dialect = world.dialect_of(link);
        Some(look(&dialect.decode(&body, world.today()).unwrap()))
    }

    pub(super) fn code(&mut self, shard: usize, link: LinkId) -> Option<ResponseCode> {
        self.heard(shard, link, |message| match message {
            Message::PaymentResult(result) => result.response_code,
            Message::RefundResult(result) => result.response_code,
            Message::ReversalResult(result) => result.response_code,
            Message::Reject(reject) => reject.response_code,
            other => panic!("{:?}", other.kind()),
        })
    }

    /// The acquirer pays; the owner is the second shard.
    pub(super) fn pay(&mut self, stan: u32) -> PaymentRequest<'static> {
        let request = owned_request(stan);
        self.say(ORIGINATOR, self.acquirer, &Message::PaymentRequest(request));
        request
    }

    /// The header of the request that the wallet hears.
    pub(super) fn forwarded(&mut self) -> Option<Header> {
        self.heard(DESTINATION, self.wallet, |message| match message {
            Message::PaymentRequest(request) => request.header,
            other => panic!("{:?}", other.kind()),
        })
    }

    pub(super) fn approve(&mut self, request: &PaymentRequest<'_>, header: Header) {
        let result = PaymentResult {
            header,
            key: request.key,
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Approved),
            approval_code: Chars::padded(b"A1B2C3"),
            amounts: request.amounts,
            settlement_date: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        };
        self.say(DESTINATION, self.wallet, &Message::PaymentResult(result));
    }

    pub(super) fn count(&mut self, shard: usize, counter: Counter) -> u64 {
        self.worlds[shard].shard.count_all();
        self.worlds[shard].shard.stats().get(counter)
    }

    pub(super) fn inquire(
        &mut self,
        request: &PaymentRequest<'_>,
        stan: u32,
    ) -> (ResponseCode, Option<State>) {
        let inquiry = StatusInquiry {
            header: header(stan),
            target: target(request),
            root: request.key,
            mac: b"",
        };
        self.say(ORIGINATOR, self.acquirer, &Message::StatusInquiry(inquiry));
        self.heard(ORIGINATOR, self.acquirer, |message| match message {
            Message::StatusResult(result) => (result.response_code, result.state),
            other => panic!("{:?}", other.kind()),
        })
        .expect("an answer")
    }
}

pub(super) fn target(request: &PaymentRequest<'_>) -> BusinessKey {
    BusinessKey {
        key: request.key,
        class: Class::Payment,
    }
}

/// A request whose owner is the second of three shards, another one for each STAN.
pub(super) fn owned_request(stan: u32) -> PaymentRequest<'static> {
    let owned = (0..u64::MAX)
        .map(|count| {
            let digits = format!("{stan:04}{count:08}").into_bytes();
            key(ACQUIRER, &digits.try_into().unwrap())
        })
        .find(|key| usize::from(key.owner(3).0) == OWNER);
    let mut request = request(Presentation::Cpm, stan);
    request.key = owned.unwrap();
    request.forwarder = None;
    request
}
