//! Letters of countries and currencies, and their numbers. Data: ISO 3166-1 and ISO 4217.
//!
//! Only those that a corridor has, or that a settlement may use; three digits say any other.

/// Alphabetic and numeric ISO 3166-1 codes.
#[rustfmt::skip]
const COUNTRIES: &[(&str, u16)] = &[
    ("AE", 784), ("AU", 36), ("BD", 50), ("BN", 96), ("CA", 124), ("CH", 756), ("CN", 156),
    ("DE", 276), ("ES", 724), ("FR", 250), ("GB", 826), ("HK", 344), ("ID", 360), ("IN", 356),
    ("IT", 380), ("JP", 392), ("KH", 116), ("KR", 410), ("KZ", 398), ("LA", 418), ("LK", 144),
    ("MM", 104), ("MN", 496), ("MO", 446), ("MY", 458), ("NP", 524), ("NZ", 554), ("PH", 608),
    ("PK", 586), ("QA", 634), ("RU", 643), ("SA", 682), ("SG", 702), ("TH", 764), ("TR", 792),
    ("TW", 158), ("US", 840), ("UZ", 860), ("VN", 704),
];

/// Alphabetic and numeric ISO 4217 codes.
#[rustfmt::skip]
const CURRENCIES: &[(&str, u16)] = &[
    ("AED", 784), ("AUD", 36), ("BDT", 50), ("BND", 96), ("CAD", 124), ("CHF", 756), ("CNY", 156),
    ("EUR", 978), ("GBP", 826), ("HKD", 344), ("IDR", 360), ("INR", 356), ("JPY", 392),
    ("KHR", 116), ("KRW", 410), ("KZT", 398), ("LAK", 418), ("LKR", 144), ("MMK", 104),
    ("MNT", 496), ("MOP", 446), ("MYR", 458), ("NPR", 524), ("NZD", 554), ("PHP", 608),
    ("PKR", 586), ("QAR", 634), ("RUB", 643), ("SAR", 682), ("SGD", 702), ("THB", 764),
    ("TRY", 949), ("TWD", 901), ("USD", 840), ("UZS", 860), ("VND", 704),
];

/// The number of a country; 1 to 999.
pub(in crate::control) fn country(code: &str) -> Option<u16> {
    number(COUNTRIES, code)
}

/// The letters of a country's number, where it is one that a corridor has.
pub fn country_letters(number: u16) -> Option<&'static str> {
    let found = COUNTRIES.iter().find(|(_, country)| *country == number);
    found.map(|(letters, _)| *letters)
}

/// The number of a currency; 1 to 999.
pub(super) fn currency(code: &str) -> Option<u16> {
    number(CURRENCIES, code)
}

/// The known codes, for a remedy.
pub(in crate::control) fn known_countries() -> impl Iterator<Item = &'static str> {
    COUNTRIES.iter().map(|(code, _)| *code)
}

/// The known codes, for a remedy.
pub(super) fn known_currencies() -> impl Iterator<Item = &'static str> {
    CURRENCIES.iter().map(|(code, _)| *code)
}

fn number(table: &[(&str, u16)], code: &str) -> Option<u16> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        return code.parse().ok().filter(|number| *number > 0);
    }
    table
        .iter()
        .find(|(letters, _)| *letters == code)
        .map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_name_the_same() {
        assert_eq!(country("MY"), Some(458));
        assert_eq!(country("458"), Some(458));
        assert_eq!(
            (country_letters(458), country_letters(1)),
            (Some("MY"), None)
        );
        assert_eq!(currency("KRW"), Some(410));
        assert_eq!(currency("036"), Some(36));
        assert_eq!(
            (currency("000"), currency("krw"), currency("4100")),
            (None, None, None)
        );
    }

    #[test]
    fn the_tables_are_in_order_and_have_no_code_twice() {
        for table in [COUNTRIES, CURRENCIES] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let mut numbers: Vec<_> = table.iter().map(|(_, number)| number).collect();
            numbers.sort();
            numbers.dedup();
            assert_eq!(numbers.len(), table.len());
        }
    }
}
