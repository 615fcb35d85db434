//! The choice of a destination: which rules fit, which of them counts, and who of equals.
//!
//! 1. Rules of every mark of the code, and of `any`; on each, a [`Verdict`].
//! 2. Of those that fit and lead to who is up: the least priority, then the most of the code named,
//!    then the order of the code's owners.
//! 3. Among equals, by weight, drawn from a hash of the business key: the same every time. Who is
//!    down leaves the others' payments where they were.

use super::Tables;
use super::rule::{Flow, MarkKind, Terms};
use super::rules::{Match, Rank};
use crate::model::ids::{Institution, ParticipantIndex};
use crate::model::keys::Key;
use crate::model::mark::CodeMarks;
use crate::model::money::Currency;
use crate::model::outcome::{Presentation, ResponseCode, Scenario};
use crate::model::participant::{Participant, Role};
use crate::model::time::Wall;

/// ISO 3166-1 numeric code of China: what inbound and outbound are seen from.
const CHINA: u16 = 156;

/// Seed of the hash of a business key that draws who of equals: another than draws the owner among
/// shards, so that each shard has payments for each of them.
const ROUTE_SEED: u64 = 1;

/// Where does this go?
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub originator: ParticipantIndex,
    /// Who shows the code.
    pub presentation: Presentation,
    /// The institution that is named as destination.
    pub named: Option<Institution>,
    /// What the payment is in, where that is known yet.
    pub currency: Option<Currency>,
    /// Its amount in the minor unit, where that is known yet.
    pub minor: Option<i64>,
    /// What the code is known by.
    pub code: &'a CodeMarks<'a>,
    /// Now.
    pub wall: Wall,
    /// Who of equals.
    pub draw: Draw<'a>,
}

/// What draws one of equals. Most payments have one way to go, and need no hash.
#[derive(Clone, Copy, Debug)]
pub enum Draw<'a> {
    /// The business key: the same every time.
    Of(&'a Key),
    /// This number.
    Number(u64),
}

impl Draw<'_> {
    fn number(self) -> u64 {
        match self {
            Self::Of(key) => key.hash(ROUTE_SEED),
            Self::Number(number) => number,
        }
    }
}

/// Where it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The participant that answers it.
    pub destination: ParticipantIndex,
    /// The institution that is named to it in place of what the request names.
    pub institution: Option<Institution>,
    /// Direction x presentation, where China is on one side.
    pub scenario: Option<Scenario>,
}

/// Where it goes, and by which rule.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'t> {
    /// Where.
    pub route: Route,
    /// The rule; none where the request itself names its destination.
    pub terms: Option<&'t Terms>,
}

/// Whether a rule is for a payment; in the order in which it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is.
    Fits,
    /// The request names another destination.
    Named,
    /// It leads back to who asks.
    Originator,
    /// Its destination does not take payments presented so.
    Role,
    /// For another scenario or presentation.
    Flow,
    /// For payers of another wallet.
    Wallet,
    /// For another currency, or for other amounts of it.
    Amount,
    /// For another time of the day.
    Window,
}

/// A rule that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Considered<'t> {
    /// What it looks at.
    pub kind: MarkKind,
    /// What it names, as [`super::rule::RuleMark::value`].
    pub value: &'t [u8],
    /// Its terms.
    pub terms: &'t Terms,
    /// Whether it is for this payment.
    pub verdict: Verdict,
    /// Which of those counts: the lowest.
    pub rank: Rank,
}

impl Tables {
    /// Where it goes. Refused with 14 (bad code), 15 (the institution named is unknown), 58 (not of
    /// this originator), 91 (nobody of those who could is up) or 92 (nobody could).
    ///
    /// A destination that is named counts: in MPM it decides, unless a rule says that such a code
    /// goes nowhere; in CPM it must be one of those that the code leads to.
    pub fn choose(
        &self,
        ask: &Ask<'_>,
        is_up: impl Fn(ParticipantIndex) -> bool,
    ) -> Result<Choice<'_>, ResponseCode> {
        let sender = self.participant(ask.originator);
        if !may_originate(sender.role, ask.presentation) {
            return Err(ResponseCode::NOT_PERMITTED);
        }
        let named = self.named(ask)?;
        if ask.code.is_bad {
            return Err(ResponseCode::NO_SUCH_CODE);
        }
        match (ask.presentation, named) {
            (Presentation::Mpm, Some(destination)) => self.to_named(ask, destination, is_up),
            (Presentation::Mpm, None) | (Presentation::Cpm, _) => self.by_code(ask, named, is_up),
        }
    }

    fn named(&self, ask: &Ask<'_>) -> Result<Option<ParticipantIndex>, ResponseCode> {
        let Some(institution) = ask.named else {
            return Ok(None);
        };
        let speaker = self.speaks_for(institution);
        speaker.map(Some).ok_or(ResponseCode::NO_SUCH_INSTITUTION)
    }

    fn to_named(
        &self,
        ask: &Ask<'_>,
        destination: ParticipantIndex,
        is_up: impl Fn(ParticipantIndex) -> bool,
    ) -> Result<Choice<'_>, ResponseCode> {
        let receiver = self.participant(destination);
        if destination == ask.originator || !may_receive(receiver.role, ask.presentation) {
            return Err(ResponseCode::NO_ROUTE);
        }
        if self.rules().has_refusals() {
            let mut best: Option<(Rank, &Terms)> = None;
            self.consider(ask, |it| {
                if it.verdict == Verdict::Fits && best.is_none_or(|(rank, _)| it.rank < rank) {
                    best = Some((it.rank, it.terms));
                }
            });
            if best.is_some_and(|(_, terms)| terms.destination.is_none()) {
                return Err(ResponseCode::NO_ROUTE);
            }
        }
        if !is_up(destination) {
            return Err(ResponseCode::DESTINATION_DOWN);
        }
        let route = Route {
            destination,
            institution: None,
            scenario: self.scenario(ask, destination),
        };
        Ok(Choice { route, terms: None })
    }

    fn by_code(
        &self,
        ask: &Ask<'_>,
        named: Option<ParticipantIndex>,
        is_up: impl Fn(ParticipantIndex) -> bool,
    ) -> Result<Choice<'_>, ResponseCode> {
        let is_open = |terms: &Terms| terms.destination.is_none_or(&is_up);
        let mut best: Option<(Rank, Match<'_>)> = None;
        let mut fits_down = false;
        self.rules().each_match(ask.code, |found| {
            // Rules stand by priority: the first that fits and is up is the best of its group.
            for terms in found.terms {
                if self.verdict(ask, named, terms) != Verdict::Fits {
                    continue;
                }
                if !is_open(terms) {
                    fits_down = true;
                    continue;
                }
                let rank = found.rank(terms);
                if best.is_none_or(|(known, _)| rank < known) {
                    best = Some((rank, found));
                }
                break;
            }
        });
        let nowhere = if fits_down {
            ResponseCode::DESTINATION_DOWN
        } else {
            ResponseCode::NO_ROUTE
        };
        let (rank, found) = best.ok_or(nowhere)?;
        let terms = match found.terms {
            // It fits and is up, or it would not be the best.
            [only] => only,
            _ => self
                .of_equals((ask, named), (rank, found), is_open)
                .ok_or(nowhere)?,
        };
        let destination = terms.destination.ok_or(nowhere)?;
        let route = Route {
            destination,
            institution: terms.institution,
            scenario: self.scenario(ask, destination),
        };
        Ok(Choice {
            route,
            terms: Some(terms),
        })
    }

    /// Of rules of one rank by weight: of all that fit, or, where that one is down, of those that
    /// are up.
    #[inline(never)]
    fn of_equals<'t>(
        &'t self,
        (ask, named): (&Ask<'_>, Option<ParticipantIndex>),
        (rank, found): (Rank, Match<'t>),
        is_open: impl Fn(&Terms) -> bool,
    ) -> Option<&'t Terms> {
        let is_equal = |terms: &&Terms| {
            found.rank(terms) == rank && self.verdict(ask, named, terms) == Verdict::Fits
        };
        let equals = || found.terms.iter().filter(is_equal);
        let draw = ask.draw.number();
        let first = drawn(equals(), draw);
        let open = || equals().filter(|terms| is_open(terms));
        first
            .filter(|terms| is_open(terms))
            .or_else(|| drawn(open(), draw.rotate_left(32)))
    }

    /// Every rule that names what the code is known by, and whether it is for this payment.
    pub fn consider<'t>(&'t self, ask: &Ask<'_>, mut look: impl FnMut(Considered<'t>)) {
        let named = ask.named.and_then(|named| self.speaks_for(named));
        self.rules().each_match(ask.code, |found| {
            for terms in found.terms {
                look(Considered {
                    kind: found.kind,
                    value: found.value,
                    terms,
                    verdict: self.verdict(ask, named, terms),
                    rank: found.rank(terms),
                });
            }
        });
    }

    fn verdict(&self, ask: &Ask<'_>, named: Option<ParticipantIndex>, terms: &Terms) -> Verdict {
        let sender = self.participant(ask.originator);
        let receiver = terms
            .destination
            .map(|index| (index, self.participant(index)));
        if let Some((index, receiver)) = receiver {
            if named.is_some_and(|named| named != index) {
                return Verdict::Named;
            }
            if index == ask.originator {
                return Verdict::Originator;
            }
            if !may_receive(receiver.role, ask.presentation) {
                return Verdict::Role;
            }
        }
        let wallet = match ask.presentation {
            Presentation::Mpm => Some(ask.originator),
            Presentation::Cpm => terms.destination,
        };
        let scenario = match receiver {
            Some((_, receiver)) => between(sender, receiver, ask.presentation),
            None => Some(seen_from(sender.country == CHINA, ask.presentation)),
        };
        let is_in_flow = match terms.flow {
            Flow::Any => true,
            Flow::Presented(presentation) => presentation == ask.presentation,
            Flow::Scenario(wanted) => scenario == Some(wanted),
        };
        if !is_in_flow {
            return Verdict::Flow;
        }
        if terms.wallet.is_some() && terms.wallet != wallet {
            return Verdict::Wallet;
        }
        if terms
            .band
            .is_some_and(|band| !band.holds(ask.currency, ask.minor))
        {
            return Verdict::Amount;
        }
        if terms.window.is_some_and(|window| !window.holds(ask.wall)) {
            return Verdict::Window;
        }
        Verdict::Fits
    }

    fn scenario(&self, ask: &Ask<'_>, destination: ParticipantIndex) -> Option<Scenario> {
        let (sender, receiver) = (
            self.participant(ask.originator),
            self.participant(destination),
        );
        between(sender, receiver, ask.presentation)
    }
}

/// One of several, by weight.
fn drawn<'t>(equals: impl Iterator<Item = &'t Terms> + Clone, draw: u64) -> Option<&'t Terms> {
    let weight = |terms: &&Terms| u64::from(terms.weight);
    let total: u64 = equals.clone().map(|terms| weight(&terms)).sum();
    let mut left = draw.checked_rem(total)?;
    for terms in equals {
        let weight = weight(&terms);
        if left < weight {
            return Some(terms);
        }
        left -= weight;
    }
    None
}

/// CPM starts at the merchant's side, MPM at the payer's.
pub const fn may_originate(role: Role, presentation: Presentation) -> bool {
    match (role, presentation) {
        (Role::Infrastructure, _)
        | (Role::Acquirer, Presentation::Cpm)
        | (Role::Wallet, Presentation::Mpm) => true,
        (Role::Acquirer, Presentation::Mpm) | (Role::Wallet, Presentation::Cpm) => false,
    }
}

/// The other side of who may originate: who may be sent payments that are presented so.
pub const fn may_receive(role: Role, presentation: Presentation) -> bool {
    match presentation {
        Presentation::Cpm => may_originate(role, Presentation::Mpm),
        Presentation::Mpm => may_originate(role, Presentation::Cpm),
    }
}

fn between(
    sender: &Participant,
    receiver: &Participant,
    presentation: Presentation,
) -> Option<Scenario> {
    match presentation {
        Presentation::Cpm => scenario(receiver.country, sender.country, presentation),
        Presentation::Mpm => scenario(sender.country, receiver.country, presentation),
    }
}

const fn scenario(wallet: u16, acquirer: u16, presentation: Presentation) -> Option<Scenario> {
    match (wallet == CHINA, acquirer == CHINA, presentation) {
        (false, true, Presentation::Mpm) => Some(Scenario::InboundMpm),
        (false, true, Presentation::Cpm) => Some(Scenario::InboundCpm),
        (true, false, Presentation::Mpm) => Some(Scenario::OutboundMpm),
        (true, false, Presentation::Cpm) => Some(Scenario::OutboundCpm),
        (true, true, _) | (false, false, _) => None,
    }
}

/// The scenario of what goes nowhere, by who asks alone: across the border.
const fn seen_from(is_china: bool, presentation: Presentation) -> Scenario {
    match (is_china, presentation) {
        (true, Presentation::Mpm) => Scenario::OutboundMpm,
        (true, Presentation::Cpm) => Scenario::InboundCpm,
        (false, Presentation::Mpm) => Scenario::InboundMpm,
        (false, Presentation::Cpm) => Scenario::OutboundCpm,
    }
}
