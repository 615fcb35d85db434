//! How many decimals a currency has: ISO 4217, by the kept list of `iso_currency`.

use iso_currency::Currency as Listed;

use crate::model::money::{Currency, Exponents};

/// The exponents of ISO 4217. Metals, funds without a minor unit and codes for testing have none.
pub fn iso_4217() -> Exponents {
    Exponents::new(|currency| {
        let exponent = Listed::from_numeric(currency.numeric())?.exponent()?;
        u8::try_from(exponent).ok()
    })
}

/// The currency with these three letters.
pub fn by_letters(letters: &str) -> Option<Currency> {
    Currency::new(Listed::from_code(letters)?.numeric())
}

/// The three letters of a currency; `None` where ISO 4217 does not list it.
pub fn letters(currency: Currency) -> Option<&'static str> {
    Some(Listed::from_numeric(currency.numeric())?.code())
}

/// The letters of all currencies that have a minor unit.
pub fn all_letters() -> impl Iterator<Item = &'static str> {
    (1..=999)
        .filter_map(Listed::from_numeric)
        .filter(|listed| listed.exponent().is_some())
        .map(|listed| listed.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_the_decimals_of_iso_4217() {
        let exponents = iso_4217();
        for (letters, numeric, exponent) in [
            ("CNY", 156, Some(2)),
            ("KRW", 410, Some(0)),
            ("VND", 704, Some(0)),
            ("JPY", 392, Some(0)),
            ("IDR", 360, Some(2)),
            ("LAK", 418, Some(2)),
            ("BHD", 48, Some(3)),
            ("KWD", 414, Some(3)),
            ("CLF", 990, Some(4)),
            ("XAU", 959, None),
            ("XTS", 963, None),
        ] {
            let currency = by_letters(letters).unwrap();
            assert_eq!(currency.numeric(), numeric, "{letters}");
            assert_eq!(exponents.of(currency), exponent, "{letters}");
            assert_eq!(super::letters(currency), Some(letters));
        }
        assert_eq!(exponents.of(Currency::new(1).unwrap()), None);
        assert_eq!(by_letters("cny"), None);
        assert!(all_letters().count() > 140);
    }
}
