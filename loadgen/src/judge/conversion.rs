//! Whether an amount in the payer's currency is the merchant's amount at its stated rate.
//!
//! Computed anew, with rules of its own: it shares no line with the switch's conversion. Pure.

use cpg_switch::model::message::Amounts;
use cpg_switch::model::money::{Currency, Money, Rate};

/// What is wrong with the billing amount of a payment whose payer pays in `wallet`; `None`:
/// nothing, or it has none.
pub(crate) fn fault(amounts: &Amounts, wallet: Currency) -> Option<&'static str> {
    let billing = amounts.billing?;
    if billing.currency != wallet {
        return Some("the billing amount is not in the wallet's currency");
    }
    if billing.currency == amounts.amount.currency {
        return (billing != amounts.amount).then_some("another amount in the same currency");
    }
    let Some(rate) = amounts.billing_rate else {
        return Some("a billing amount without its rate");
    };
    match is_nearest(amounts.amount, rate, billing) {
        Some(true) => None,
        Some(false) => Some("the billing amount is not the amount at its rate"),
        None => Some("a conversion that cannot be checked"),
    }
}

/// Whether `to` is the nearest amount, halves up, to `from` x `rate`, where a rate of seven digits
/// may have been rounded itself (ISO 8583 DE 10): then within that.
fn is_nearest(from: Money, rate: Rate, to: Money) -> Option<bool> {
    // from / 10^a * m * 10^e = to / 10^b, and everything times 2 * 10^(a - e).
    let (a, b) = (decimals(from.currency)?, decimals(to.currency)?);
    let shift = a + u32::from(rate.exponent.checked_neg()?.unsigned_abs());
    let unit = 10_i128.checked_pow(shift)?;
    let exact = i128::from(from.minor)
        .checked_mul(i128::from(rate.mantissa))?
        .checked_mul(10_i128.checked_pow(b)?)?;
    let stated = i128::from(to.minor).checked_mul(unit)?;
    let apart = exact.checked_sub(stated)?.checked_mul(2)?;
    // Half a unit of the rate's last digit, where ISO 8583 has cut it to seven.
    let is_cut = rate.mantissa >= 1_000_000;
    let slack = if is_cut {
        i128::from(from.minor).checked_mul(10_i128.checked_pow(b)?)?
    } else {
        0
    };
    Some(apart.abs() <= unit.checked_add(slack)?)
}

/// Decimals of a currency (ISO 4217), from a public table.
fn decimals(currency: Currency) -> Option<u32> {
    let known = iso_currency::Currency::from_numeric(currency.numeric())?;
    known.exponent().map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: u16) -> Money {
        Money::new(minor, Currency::new(currency).unwrap()).unwrap()
    }

    fn amounts(billing: Money, mantissa: i64, exponent: i8) -> Amounts {
        Amounts {
            amount: money(12_345, 156),
            billing: Some(billing),
            settlement: None,
            billing_rate: Some(Rate { mantissa, exponent }),
            settlement_rate: None,
        }
    }

    #[test]
    fn the_nearest_minor_unit_and_nothing_else() {
        let (won, ringgit, yuan) = (410, 458, 156);
        let of = |currency| Currency::new(currency).unwrap();
        // 123.45 CNY x 192.5 = 23,764.125 KRW; x 0.6125 = 75.613125 MYR.
        for (billing, mantissa, exponent, wallet, good) in [
            (money(23_764, won), 1_925, -1, won, true),
            (money(23_765, won), 1_925, -1, won, false),
            (money(23_763, won), 1_925, -1, won, false),
            (money(7_561, ringgit), 6_125, -4, ringgit, true),
            (money(7_562, ringgit), 6_125, -4, ringgit, false),
            (money(7_561, ringgit), 6_125, -4, won, false),
            (money(12_345, yuan), 1, 0, yuan, true),
            (money(12_346, yuan), 1, 0, yuan, false),
        ] {
            let told = fault(&amounts(billing, mantissa, exponent), of(wallet));
            assert_eq!(told.is_none(), good, "{billing:?}: {told:?}");
        }
        let mut without = amounts(money(1, won), 1, 0);
        without.billing_rate = None;
        assert!(fault(&without, of(won)).is_some());
        without.billing = None;
        assert_eq!(fault(&without, of(won)), None);
    }
}
