//! The destinations' book: what came, and what was decided. One page per business key, so that a
//! repeat is recognised and no payment is debited twice.

use std::collections::BTreeMap;

use cpg_switch::model::message::{PaymentRequest, Reversal};
use cpg_switch::model::outcome::Outcome;

use crate::cast::Cast;
use crate::judge::Fault;
use crate::judge::books::{Balance, Seen};
use crate::judge::conversion;
use crate::judge::verdict::Rule;
use crate::mix::Fate;

/// What a destination answers to a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// 00.
    Approve,
    /// 51.
    Decline,
    /// Nothing.
    Nothing,
    /// Nothing now; an approval once the reversal comes.
    Later,
}

/// All destinations' pages, by the payment's number.
#[derive(Debug)]
pub(crate) struct Destinations {
    pages: Vec<Seen>,
    /// The payment of each order that was debited last.
    orders: BTreeMap<u64, u64>,
}

impl Destinations {
    /// Room for `payments`; it grows if there are more.
    pub(crate) fn new(payments: usize) -> Self {
        Self {
            pages: Vec::with_capacity(payments),
            orders: BTreeMap::new(),
        }
    }

    /// A payment reached `player`. `fate` is what the script says; the reply is sent even where a
    /// rule was broken, because a destination knows nothing of rules.
    pub(crate) fn request(
        &mut self,
        cast: &Cast,
        player: u8,
        number: u64,
        fate: Fate,
        lane: u16,
        request: &PaymentRequest<'_>,
    ) -> (Reply, Option<Fault>) {
        let page = self.page_mut(number);
        let first = !page.touched();
        page.requests = page.requests.saturating_add(1);
        let mut fault = None;
        if cast.lane(lane).destination != player || (!first && page.player != player) {
            fault = Some(Fault::of(
                number,
                Rule::WrongDestination,
                "it came to another participant",
            ));
        } else if request.key != cast.key(number, lane)
            || request.presentation != cast.lane(lane).presentation
        {
            fault = Some(Fault::of(
                number,
                Rule::Changed,
                "another key or presentation",
            ));
        } else if page.requests > 1 && page.minor != request.amounts.amount.minor {
            fault = Some(Fault::of(
                number,
                Rule::Changed,
                "another amount in a repeat",
            ));
        } else if request.amounts.amount.currency != cast.money(lane, 0).currency {
            fault = Some(Fault::of(number, Rule::Changed, "another currency"));
        } else if let Some(what) = conversion::fault(&request.amounts, cast.wallet(lane).currency) {
            fault = Some(Fault::of(number, Rule::Conversion, what));
        }
        if page.requests == 1 {
            page.minor = request.amounts.amount.minor;
            page.player = player;
        }
        (page.decide(fate), fault)
    }

    /// The payment that came is of this order: nobody else's may be debited.
    pub(crate) fn pay_order(&mut self, number: u64, order: u64) -> Option<Fault> {
        if !self.page(number).balance.is_debited() {
            return None;
        }
        let before = self.orders.insert(order, number);
        let other = before.filter(|other| *other != number);
        let twice = other.is_some_and(|other| self.page(other).balance.is_debited());
        let what = "another payment of its order is debited";
        twice.then(|| Fault::of(number, Rule::OrderPaidTwice, what))
    }

    /// A reversal reached `player`; how the payment ended for it.
    pub(crate) fn reversal(
        &mut self,
        cast: &Cast,
        player: u8,
        number: u64,
        lane: u16,
        reversal: &Reversal<'_>,
    ) -> (Outcome, Option<Fault>) {
        let page = self.page_mut(number);
        let mut fault = None;
        if cast.lane(lane).destination != player || (page.touched() && page.player != player) {
            fault = Some(Fault::of(
                number,
                Rule::WrongDestination,
                "its reversal came to another",
            ));
        } else if reversal.target.key != cast.key(number, lane)
            || reversal.root != reversal.target.key
        {
            fault = Some(Fault::of(
                number,
                Rule::Changed,
                "another key in a reversal",
            ));
        } else if page.requests > 0 && reversal.amount.minor != page.minor {
            fault = Some(Fault::of(
                number,
                Rule::Changed,
                "another amount in a reversal",
            ));
        }
        page.reversals = page.reversals.saturating_add(1);
        page.player = player;
        page.balance = match page.balance {
            Balance::Untouched => Balance::Barred,
            Balance::Debited => Balance::Released,
            Balance::Declined => Balance::Declined,
            Balance::Released => Balance::Released,
            Balance::Barred => Balance::Barred,
        };
        let outcome = match page.balance {
            Balance::Declined => Outcome::Declined,
            Balance::Untouched | Balance::Debited | Balance::Released | Balance::Barred => {
                Outcome::Reversed
            }
        };
        (outcome, fault)
    }

    /// A page; an empty one for what nobody has seen.
    pub(crate) fn page(&self, number: u64) -> Seen {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        self.pages.get(place).copied().unwrap_or(Seen::NOTHING)
    }

    /// Pages, up to the last payment that somebody saw.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.pages.len()).expect("a length fits")
    }

    fn page_mut(&mut self, number: u64) -> &mut Seen {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        if place >= self.pages.len() {
            self.pages.resize(place + 1, Seen::NOTHING);
        }
        &mut self.pages[place]
    }
}

impl Seen {
    /// Decides once, and says the same again to a repeat.
    fn decide(&mut self, fate: Fate) -> Reply {
        match self.balance {
            Balance::Untouched => match fate {
                Fate::Decline => {
                    self.balance = Balance::Declined;
                    Reply::Decline
                }
                Fate::Deaf => Reply::Nothing,
                Fate::Silent => {
                    self.balance = Balance::Debited;
                    Reply::Nothing
                }
                Fate::Late => {
                    self.balance = Balance::Debited;
                    Reply::Later
                }
                Fate::Approve
                | Fate::RepeatAtOnce
                | Fate::RepeatLater
                | Fate::Conflict
                | Fate::Inquire
                | Fate::ReverseByRequest
                | Fate::ReverseByAdvice
                | Fate::Quote
                | Fate::Twice
                | Fate::Garbled
                | Fate::Order
                | Fate::OrderAgain => {
                    self.balance = Balance::Debited;
                    Reply::Approve
                }
            },
            Balance::Debited if fate.answers() => Reply::Approve,
            Balance::Debited => Reply::Nothing,
            Balance::Declined | Balance::Released | Balance::Barred => Reply::Decline,
        }
    }
}
