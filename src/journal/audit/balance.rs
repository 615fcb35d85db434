//! Every amount in its own currency: whether it is what its rate makes of the payment, and the
//! trial balance.
//!
//! The proof does not convert: it multiplies both sides out, so that it shares no rounding with the
//! room that did.

use std::collections::BTreeMap;

use crate::journal::audit::pages::Page;
use crate::journal::audit::{Audit, Place, Rule};
use crate::model::ids::Institution;
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::Amounts;
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Outcome, Presentation};

/// What one participant's transactions come to in one currency, in its minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BalanceLine {
    /// In which currency.
    pub currency: Currency,
    /// Who, by its own institution.
    pub participant: Institution,
    /// Whether it pays for its payers, or receives for its merchants.
    pub side: Side,
    /// Approved payments.
    pub payments: i128,
    /// Approved refunds that were not reversed.
    pub refunds: i128,
    /// Payments that were reversed after they were approved.
    pub reversals: i128,
    /// What stands in the end, counted from the transactions and not from the sums.
    pub standing: i128,
}

impl BalanceLine {
    /// Whether the sums come to what stands in the end.
    pub const fn is_balanced(&self) -> bool {
        self.payments - self.refunds - self.reversals == self.standing
    }
}

/// On which side of a payment a participant is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// It holds the payer: what is charged, in the wallet's currency.
    Payer,
    /// It holds the merchant: what is paid, in the merchant's currency.
    Merchant,
}

impl Side {
    /// In a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payer => "pays",
            Self::Merchant => "receives",
        }
    }
}

/// Sums as the records come.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    payments: i128,
    refunds: i128,
    reversals: i128,
}

/// All sums, in the order of a report.
#[derive(Debug, Default)]
pub(super) struct Balance {
    sums: BTreeMap<(Currency, Institution, Side), Sums>,
}

/// What is posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Posting {
    /// An outcome became approved.
    Approved,
    /// What was approved is reversed.
    Reversed,
}

impl Balance {
    pub(super) fn post(&mut self, page: &Page, posting: Posting) {
        for (key, minor) in sides(page) {
            let sums = self.sums.entry(key).or_default();
            match (page.key.class, posting) {
                (Class::Refund, Posting::Approved) => sums.refunds += minor,
                (Class::Refund, Posting::Reversed) => sums.refunds -= minor,
                (Class::Payment | Class::CodeInquiry, Posting::Approved) => sums.payments += minor,
                (Class::Payment | Class::CodeInquiry, Posting::Reversed) => sums.reversals += minor,
            }
        }
    }
}

/// What a transaction means to the two who take part: the payer's side in the wallet's currency,
/// the merchant's in its own.
fn sides(page: &Page) -> impl Iterator<Item = ((Currency, Institution, Side), i128)> {
    let charged = page.billing.unwrap_or(page.amount);
    let (payer, merchant) = page.sides;
    let line = |who: Option<Institution>, money: Money, side| {
        Some(((money.currency, who?, side), i128::from(money.minor)))
    };
    let both = [
        line(payer, charged, Side::Payer),
        line(merchant, page.amount, Side::Merchant),
    ];
    both.into_iter().flatten()
}

/// Who holds the payer and who the merchant, of who sent it and who answered.
pub(super) const fn who(
    presentation: Option<Presentation>,
    originator: Option<Institution>,
    destination: Option<Institution>,
) -> (Option<Institution>, Option<Institution>) {
    match presentation {
        Some(Presentation::Cpm) => (destination, originator),
        Some(Presentation::Mpm) => (originator, destination),
        None => (None, None),
    }
}

impl Audit {
    /// Each amount that comes with a rate is what the rate makes of the payment's amount.
    pub(super) fn conversions(&mut self, at: Place, key: BusinessKey, amounts: &Amounts) {
        let legs = [
            (amounts.billing, amounts.billing_rate),
            (amounts.settlement, amounts.settlement_rate),
        ];
        for (stated, rate) in legs {
            if let (Some(stated), Some(rate)) = (stated, rate) {
                let kept = self.is_conversion(amounts.amount, stated, rate, key.class);
                self.check(Rule::AmountsConverted, kept, at, Some(key), || {
                    format!(
                        "{} of {} is not {} of {} at {}e{}",
                        stated.minor,
                        stated.currency,
                        amounts.amount.minor,
                        amounts.amount.currency,
                        rate.mantissa,
                        rate.exponent
                    )
                });
            }
        }
    }

    /// Whether `stated` departs from `amount` x `rate` by less than one minor unit. A refund is the
    /// difference of two such amounts, and may depart by one.
    fn is_conversion(&self, amount: Money, stated: Money, rate: Rate, class: Class) -> bool {
        let exponent = |money: Money| self.exponents.of(money.currency).map(i32::from);
        let (Some(from), Some(to)) = (exponent(amount), exponent(stated)) else {
            return false;
        };
        if rate.mantissa <= 0 || !(-18..=0).contains(&rate.exponent) {
            return false;
        }
        let shift = i32::from(rate.exponent) + to - from;
        let power = 10_i128.pow(shift.unsigned_abs());
        let product = i128::from(amount.minor) * i128::from(rate.mantissa);
        let (exact, unit) = if shift >= 0 {
            (product * power, 1)
        } else {
            (product, power)
        };
        let error = (i128::from(stated.minor) * unit - exact).abs();
        error < unit || (class == Class::Refund && error == unit)
    }

    /// The trial balance: the sums of records against what the transactions say in the end.
    pub(super) fn trial_balance(&mut self) -> Vec<BalanceLine> {
        let mut standing: BTreeMap<(Currency, Institution, Side), i128> = BTreeMap::new();
        for page in self.pages.values() {
            if page.outcome != Some(Outcome::Approved) || page.reversed {
                continue;
            }
            for (key, minor) in sides(page) {
                let sign = if page.key.class == Class::Refund {
                    -1
                } else {
                    1
                };
                *standing.entry(key).or_default() += sign * minor;
            }
        }
        let sums = core::mem::take(&mut self.balance.sums);
        let line = |(key, sums): (&(Currency, Institution, Side), &Sums)| BalanceLine {
            currency: key.0,
            participant: key.1,
            side: key.2,
            payments: sums.payments,
            refunds: sums.refunds,
            reversals: sums.reversals,
            standing: standing.remove(key).unwrap_or(0),
        };
        let lines: Vec<BalanceLine> = sums.iter().map(line).collect();
        for line in &lines {
            self.checked[Rule::CurrenciesBalance as usize] += 1;
            if !line.is_balanced() {
                let what = format!(
                    "{} {} {} of {}: {} paid, {} refunded, {} reversed, and {} stands",
                    line.participant,
                    line.side.name(),
                    line.payments - line.refunds - line.reversals,
                    line.currency,
                    line.payments,
                    line.refunds,
                    line.reversals,
                    line.standing
                );
                self.broke(Rule::CurrenciesBalance, Place::Whole, None, what);
            }
        }
        lines
    }
}
