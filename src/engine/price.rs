//! What a payment costs in its other currencies: by the rates of now, or as its quote says.
//!
//! Each amount is converted once, from the merchant's; who states another one is told so. What is
//! said here goes into the payment's record: nothing is computed twice.

use crate::engine::code_inquiries::{CodeTerms, Token};
use crate::engine::snapshot::{Pricing, Snapshot};
use crate::engine::{Context, Legs};
use crate::fx::quotes::{CodeDigest, SettlementTerms};
use crate::fx::{Applied, NoRate, QuoteFault, QuoteTerms};
use crate::model::hold::OrderHash;
use crate::model::ids::{Institution, ParticipantIndex};
use crate::model::keys::Key;
use crate::model::message::{Amounts, CodeResult, PaymentRequest};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Presentation, ResponseCode};
use crate::model::time::Wall;

/// What an inquiry about a code was about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'o> {
    pub(super) key: &'o Key,
    pub(super) wallet: ParticipantIndex,
    /// Who was asked.
    pub(super) institution: Institution,
    pub(super) billing: Currency,
    pub(super) digest: Option<CodeDigest>,
    pub(super) order: Option<OrderHash>,
    pub(super) terms: &'o CodeTerms,
}

/// An amount in another currency, and its rate; nothing where it is the same currency.
type Converted = (Option<Money>, Option<Rate>);

/// The quote of a payment; none where it has none, or where quotes are not ours to read.
pub(super) fn open_quote<L: Legs>(
    request: &PaymentRequest<'_>,
    sender: ParticipantIndex,
    context: &Context<'_, L>,
) -> Result<Option<QuoteTerms>, ResponseCode> {
    let Some(pricing) = context.tables.pricing() else {
        return Ok(None);
    };
    if request.quote.is_empty() || request.presentation == Presentation::Cpm {
        return Ok(None);
    }
    let opened = pricing.keys.open(request.quote, context.now.wall);
    let terms = opened.map_err(told_fault)?;
    let code = request.code.expose();
    let is_code = code.is_empty() || pricing.keys.is_code(&terms.code, code);
    let is_wallet = terms.wallet == context.tables.participant(sender).institution;
    if !is_code || !is_wallet {
        return Err(ResponseCode::INVALID_TRANSACTION);
    }
    if terms
        .amount()
        .is_some_and(|fixed| fixed != request.amounts.amount)
    {
        return Err(ResponseCode::INVALID_AMOUNT);
    }
    Ok(Some(terms))
}

/// A quote of an earlier start is over, too. A forged one says nothing about its age.
const fn told_fault(fault: QuoteFault) -> ResponseCode {
    match fault {
        QuoteFault::Expired | QuoteFault::UnknownKey => ResponseCode::EXPIRED,
        QuoteFault::Malformed | QuoteFault::Forged => ResponseCode::INVALID_TRANSACTION,
    }
}

/// A pair that nobody has agreed on cannot be paid; one whose rate has run out is our fault.
const fn told_no_rate(no_rate: NoRate) -> ResponseCode {
    match no_rate {
        NoRate::UnknownPair => ResponseCode::NOT_SUPPORTED,
        NoRate::NotYetValid | NoRate::Stale => ResponseCode::MALFUNCTION,
    }
}

/// All amounts of a new payment whose payer pays in `wallet`.
pub(super) fn of_payment(
    asked: &Amounts,
    wallet: Currency,
    quote: Option<&QuoteTerms>,
    tables: &Snapshot,
    wall: Wall,
) -> Result<Amounts, ResponseCode> {
    let Some(pricing) = tables.pricing() else {
        return Ok(*asked);
    };
    let (billing, billing_rate) = match quote {
        Some(terms) => as_quoted(asked.amount, terms, pricing)?,
        None => convert(asked.amount, wallet, pricing, wall)?,
    };
    agree(asked.billing, billing, asked.amount)?;
    let Some(currency) = pricing.settlement else {
        return Ok(Amounts {
            billing: billing.or(asked.billing),
            billing_rate,
            ..*asked
        });
    };
    let quoted = quote.and_then(|terms| terms.settlement);
    let (settlement, settlement_rate) = match quoted {
        Some(terms) => at(asked.amount, &settled(&terms), terms.currency, pricing)?,
        None => convert(asked.amount, currency, pricing, wall)?,
    };
    agree(asked.settlement, settlement, asked.amount)?;
    Ok(Amounts {
        amount: asked.amount,
        billing: billing.or(asked.billing),
        settlement: settlement.or(asked.settlement),
        billing_rate,
        settlement_rate,
    })
}

/// What a request states must be what we say, or the amount itself where nothing is converted.
fn agree(stated: Option<Money>, ours: Option<Money>, amount: Money) -> Result<(), ResponseCode> {
    match stated {
        Some(stated) if stated != ours.unwrap_or(amount) => Err(ResponseCode::INVALID_AMOUNT),
        Some(_) | None => Ok(()),
    }
}

fn convert(
    amount: Money,
    to: Currency,
    pricing: &Pricing,
    wall: Wall,
) -> Result<Converted, ResponseCode> {
    if amount.currency == to {
        return Ok((None, None));
    }
    let found = pricing.rates.find(amount.currency, to, wall);
    at(amount, &found.map_err(told_no_rate)?, to, pricing)
}

fn at(
    amount: Money,
    applied: &Applied,
    to: Currency,
    pricing: &Pricing,
) -> Result<Converted, ResponseCode> {
    let money = exact(amount, applied, to, pricing)?;
    Ok((Some(money), Some(applied.rate)))
}

fn settled(terms: &SettlementTerms) -> Applied {
    Applied {
        rate: terms.rate,
        rounding: terms.rounding,
        valid_until: Wall(u64::MAX),
    }
}

/// Under a quote the rate stands, and the amount too where the code fixes it.
fn as_quoted(
    amount: Money,
    terms: &QuoteTerms,
    pricing: &Pricing,
) -> Result<Converted, ResponseCode> {
    if amount.currency != terms.amount_currency {
        return Err(ResponseCode::INVALID_AMOUNT);
    }
    if terms.billing_currency == amount.currency {
        return Ok((None, None));
    }
    if let Some(billing) = terms.billing() {
        return Ok((Some(billing), Some(terms.rate)));
    }
    let applied = Applied {
        rate: terms.rate,
        rounding: terms.rounding,
        valid_until: terms.expiry,
    };
    at(amount, &applied, terms.billing_currency, pricing)
}

/// What would cost nothing is too small to be paid in that currency.
fn exact(
    amount: Money,
    applied: &Applied,
    to: Currency,
    pricing: &Pricing,
) -> Result<Money, ResponseCode> {
    let money = pricing.rates.convert(amount, applied, to).ok();
    money
        .filter(|money| money.minor > 0 || amount.minor == 0)
        .ok_or(ResponseCode::INVALID_AMOUNT)
}

/// The answer to an inquiry about a code, with its quote sealed into `token`.
pub(super) fn quote<'a, L: Legs>(
    offer: &Offer<'_>,
    result: &CodeResult<'a>,
    token: &'a mut Token,
    context: &Context<'_, L>,
) -> Result<CodeResult<'a>, ResponseCode> {
    let scanned = offer.terms;
    let contradicts = |told: Option<Money>| told.is_some() && scanned.amount.is_some();
    if result.key != *offer.key || (contradicts(result.amount) && result.amount != scanned.amount) {
        return Err(ResponseCode::MALFUNCTION);
    }
    let fixed = result.amount.or(scanned.amount);
    let owner = context.tables.speaks_for(offer.institution);
    let owner = owner.ok_or(ResponseCode::MALFUNCTION)?;
    let answer = CodeResult {
        code_kind: scanned.kind.or(result.code_kind),
        owner: Some(offer.institution),
        amount: fixed,
        mac: b"",
        ..*result
    };
    let (Some(pricing), Some(digest)) = (context.tables.pricing(), offer.digest) else {
        return Ok(answer);
    };
    let currency = fixed
        .map(|money| money.currency)
        .or(scanned.currency)
        .unwrap_or(context.tables.participant(owner).currency);
    let wall = context.now.wall;
    let find = |to| pricing.rates.find(currency, to, wall).map_err(told_no_rate);
    let applied = find(offer.billing)?;
    let billing = match fixed {
        Some(money) => Some(exact(money, &applied, offer.billing, pricing)?),
        None => None,
    };
    let settlement = match pricing.settlement.filter(|to| *to != currency) {
        Some(to) => Some((to, find(to)?)),
        None => None,
    };
    let until = settlement.map_or(Wall(u64::MAX), |(_, applied)| applied.valid_until);
    let expiry = pricing.expiry(wall, applied.valid_until.min(until));
    let terms = QuoteTerms {
        table: context.tables.version(),
        wallet: context.tables.participant(offer.wallet).institution,
        destination: offer.institution,
        code: digest,
        amount_currency: currency,
        amount_minor: fixed.map(|money| money.minor),
        billing_currency: offer.billing,
        billing_minor: billing.map(|money| money.minor),
        rate: applied.rate,
        rounding: applied.rounding,
        expiry,
        order: offer.order,
        settlement: settlement.map(|(currency, applied)| SettlementTerms {
            currency,
            rate: applied.rate,
            rounding: applied.rounding,
        }),
    };
    Ok(CodeResult {
        billing,
        billing_rate: (currency != offer.billing).then_some(applied.rate),
        quote_expiry: Some(expiry),
        quote: pricing.keys.seal(&terms, token),
        ..answer
    })
}
