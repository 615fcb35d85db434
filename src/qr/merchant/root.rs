//! THE TABLE OF ROOT FIELDS of merchant-presented codes, and of the templates that EMVCo defines.
//!
//! EMVCo, QR Code Specification for Payment Systems, Merchant-Presented Mode, section 4.

use crate::qr::format::Format;
use crate::qr::rule::{Inside, Rule, Secrecy};

pub(in crate::qr) const FORMAT_INDICATOR: u16 = 0;
pub(in crate::qr) const INITIATION: u16 = 1;
pub(in crate::qr) const CATEGORY: u16 = 52;
pub(in crate::qr) const CURRENCY: u16 = 53;
pub(in crate::qr) const AMOUNT: u16 = 54;
pub(in crate::qr) const TIP: u16 = 55;
pub(in crate::qr) const TIP_FIXED: u16 = 56;
pub(in crate::qr) const TIP_PERCENTAGE: u16 = 57;
pub(in crate::qr) const COUNTRY: u16 = 58;
pub(in crate::qr) const NAME: u16 = 59;
pub(in crate::qr) const CITY: u16 = 60;
pub(in crate::qr) const CHECKSUM: u16 = 63;
/// Merchant accounts: networks' own, then templates of EMVCo's to give, then anybody's.
pub(in crate::qr) const ACCOUNTS: (u16, u16) = (2, 51);

/// Every root field.
const ROOT: &[Rule] = &[
    Rule::new(
        FORMAT_INDICATOR,
        "payload format indicator",
        Format::Digits,
        (2, 2),
    )
    .mandatory(),
    Rule::new(
        INITIATION,
        "point of initiation: 11 static, 12 dynamic",
        Format::Digits,
        (2, 2),
    ),
    network(2, "Visa merchant account").to(3),
    network(4, "Mastercard merchant account").to(5),
    network(6, "merchant account of a network that EMVCo names").to(8),
    network(9, "Discover merchant account").to(10),
    network(11, "American Express merchant account").to(12),
    network(13, "JCB merchant account").to(14),
    Rule::new(15, "UnionPay merchant account", Format::Printable, (31, 31)).to(16),
    Rule::template(
        17,
        "merchant account that EMVCo gives",
        Inside::Perhaps(&[]),
    )
    .to(25),
    Rule::template(26, "merchant account", Inside::Template(&[])).to(51),
    Rule::new(
        CATEGORY,
        "merchant category (ISO 18245)",
        Format::Digits,
        (4, 4),
    )
    .mandatory(),
    Rule::new(CURRENCY, "currency (ISO 4217)", Format::Digits, (3, 3)).mandatory(),
    Rule::new(AMOUNT, "amount", Format::Amount, (1, 13)),
    Rule::new(
        TIP,
        "tip: 01 asked for, 02 fixed, 03 percentage",
        Format::Digits,
        (2, 2),
    ),
    Rule::new(TIP_FIXED, "fixed fee", Format::Amount, (1, 13)),
    Rule::new(TIP_PERCENTAGE, "percentage fee", Format::Percentage, (1, 5)),
    Rule::new(COUNTRY, "country (ISO 3166-1)", Format::Country, (2, 2)).mandatory(),
    Rule::new(NAME, "merchant name", Format::Printable, (1, 25))
        .mandatory()
        .secret(Secrecy::Free),
    Rule::new(CITY, "merchant city", Format::Printable, (1, 15))
        .mandatory()
        .secret(Secrecy::Free),
    Rule::new(61, "postal code", Format::Printable, (1, 10)),
    Rule::template(62, "additional data", Inside::Template(ADDITIONAL)),
    Rule::new(CHECKSUM, "checksum (CRC)", Format::Hexadecimal, (4, 4)).mandatory(),
    Rule::template(
        64,
        "merchant in another language",
        Inside::Template(LANGUAGE),
    ),
    Rule::new(65, "reserved by EMVCo", Format::Text, (1, 99))
        .to(79)
        .secret(Secrecy::Free),
    Rule::template(80, "template of anybody", Inside::Perhaps(UNRESERVED)).to(99),
];

/// Inside of 62.
const ADDITIONAL: &[Rule] = &[
    additional(1, "bill number"),
    additional(2, "mobile number").secret(Secrecy::Account),
    additional(3, "store"),
    additional(4, "loyalty number").secret(Secrecy::Account),
    additional(5, "reference"),
    additional(6, "customer").secret(Secrecy::Account),
    additional(7, "terminal"),
    additional(8, "purpose"),
    Rule::new(
        9,
        "data that the consumer is asked for",
        Format::DataRequest,
        (1, 3),
    ),
    Rule::new(10, "merchant tax id", Format::Text, (1, 20)).secret(Secrecy::Free),
    Rule::new(11, "merchant channel", Format::Printable, (3, 3)),
    Rule::new(12, "reserved by EMVCo", Format::Text, (1, 99))
        .to(49)
        .secret(Secrecy::Free),
    Rule::template(
        50,
        "template of a payment system",
        Inside::Perhaps(UNRESERVED),
    )
    .to(99),
];

/// Inside of 64.
const LANGUAGE: &[Rule] = &[
    Rule::new(0, "language (ISO 639-1)", Format::Language, (2, 2)).mandatory(),
    Rule::new(1, "merchant name", Format::Text, (1, 25))
        .mandatory()
        .secret(Secrecy::Free),
    Rule::new(2, "merchant city", Format::Text, (1, 15)).secret(Secrecy::Free),
];

/// Inside of 80 to 99 and of 62.50 to 62.99: whose it is, and what they like.
const UNRESERVED: &[Rule] = &[
    Rule::new(0, "globally unique identifier", Format::Text, (1, 99)),
    Rule::new(1, "for whom the identifier names", Format::Text, (1, 99))
        .to(99)
        .secret(Secrecy::Free),
];

const fn network(id: u16, name: &'static str) -> Rule {
    Rule::new(id, name, Format::Printable, (1, 99)).secret(Secrecy::Account)
}

const fn additional(id: u16, name: &'static str) -> Rule {
    Rule::new(id, name, Format::Text, (1, 25)).secret(Secrecy::Free)
}

/// How many ids there are.
const IDS: usize = 100;

/// The place in [`ROOT`] of each id.
static PLACES: [u8; IDS] = places();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which would refuse it"
)]
const fn places() -> [u8; IDS] {
    let mut places = [0; IDS];
    let (mut id, mut place) = (0, 0);
    while id < IDS {
        while ROOT[place].last < id as u16 {
            place += 1;
        }
        assert!(
            ROOT[place].covers(id as u16),
            "each id has one row, in order"
        );
        places[id] = place as u8;
        id += 1;
    }
    places
}

/// The rule of a root field.
pub(in crate::qr) fn root_rule(id: u16) -> Option<&'static Rule> {
    let place = PLACES.get(usize::from(id))?;
    ROOT.get(usize::from(*place))
}

/// Root fields that must be there.
pub(in crate::qr) const MANDATORY: [u16; 7] = [
    FORMAT_INDICATOR,
    CATEGORY,
    CURRENCY,
    COUNTRY,
    NAME,
    CITY,
    CHECKSUM,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_mandatory_fields_is_that_of_the_table() {
        let table = ROOT
            .iter()
            .filter(|rule| rule.is_mandatory)
            .map(|rule| rule.first);
        assert!(table.eq(MANDATORY));
    }

    #[test]
    fn each_id_has_the_row_that_covers_it() {
        for id in 0..100 {
            assert!(root_rule(id).unwrap().covers(id), "{id}");
        }
        assert_eq!(root_rule(100), None);
    }
}
