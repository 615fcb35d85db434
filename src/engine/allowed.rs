//! Whether a new payment is allowed: what the guard is asked, and what becomes of its verdict.
//!
//! Asked of new payments alone, once their route is known. Reversals, advices, inquiries and
//! refunds of what exists are never asked about: whoever is suspended or listed meanwhile can still
//! finish, undo and give back.

use crate::engine::{Context, Engine, Legs, Sender};
use crate::guard::{Ask, Counted, Verdict, Within};
use crate::model::message::PaymentRequest;
use crate::model::money::Money;
use crate::model::outcome::{Check, Presentation, ResponseCode};
use crate::route::Route;

/// Why a new payment is declined on record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) response_code: ResponseCode,
    /// What was not allowed; none where something else was in the way.
    pub(super) check: Option<Check>,
}

impl From<ResponseCode> for Refused {
    fn from(response_code: ResponseCode) -> Self {
        Self {
            response_code,
            check: None,
        }
    }
}

impl Engine {
    /// Whether the payment may take this route, and which limits over time held. The amount is in
    /// the currency of the limits, where a rate leads there; `counted` is what it would count for.
    pub(super) fn allow<L: Legs>(
        request: &PaymentRequest<'_>,
        sender: Sender,
        route: &Route,
        (in_limits_currency, counted): (Option<Money>, Counted),
        context: &Context<'_, L>,
    ) -> Result<Within, Refused> {
        if !context.tables.guard().has_rules() && !counted.order_taken {
            return Ok(Within::default());
        }
        let ask = Ask {
            counted,
            ..question(request, sender, route, in_limits_currency, context)
        };
        match context.tables.guard().check(&ask) {
            Verdict::Allowed(within) => Ok(within),
            Verdict::Refused(refusal) => Err(Refused {
                response_code: refusal.response_code,
                check: Some(refusal.check),
            }),
        }
    }

    /// Counts a payment that was not allowed.
    pub(super) fn tally_refused(&mut self, refused: Refused) {
        let place = refused
            .check
            .and_then(|check| Check::ALL.iter().position(|known| *known == check));
        if let Some(place) = place {
            self.tally.not_allowed[place] += 1;
        }
    }
}

/// The originator of an MPM payment is the wallet, that of a CPM payment the acquirer. Where the
/// other side is not named, the participant that the route leads to stands for it.
fn question<L: Legs>(
    request: &PaymentRequest<'_>,
    sender: Sender,
    route: &Route,
    in_limits_currency: Option<Money>,
    context: &Context<'_, L>,
) -> Ask {
    let originator = context.tables.participant(sender.participant);
    let destination = context.tables.participant(route.destination);
    let named = route.institution.or(request.destination);
    let there = named.unwrap_or(destination.institution);
    let here = request.key.originator;
    let (wallet, payer_country, acquirer, acquirer_country) = match request.presentation {
        Presentation::Mpm => (here, originator.country, there, destination.country),
        Presentation::Cpm => (there, destination.country, here, originator.country),
    };
    Ask {
        presentation: request.presentation,
        wallet,
        payer_country,
        acquirer,
        merchant_country: request.country.unwrap_or(acquirer_country),
        amount: request.amounts.amount,
        in_limits_currency,
        kyc_level: request.kyc_level,
        mcc: request.mcc,
        payer_token: request.payer_token,
        merchant_id: request.merchant_id,
        counted: Counted::default(),
    }
}
