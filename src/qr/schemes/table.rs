//! THE TABLE OF SCHEMES. The order of its rows is the order in which a code's owners are named: the
//! national scheme first, then wallets, then the networks of cards.
//!
//! What a scheme does otherwise than EMVCo asks is in its row, because codes like that are in use;
//! it is taken with a warning that names the row. What no row names is a fault.

use super::Leniency::{AnyForm, Foreign, FormatIndicator, LongIdentifier, Longer, Omits};
use super::Mark::{AccountAtBank, Guid, GuidEnds, GuidStarts, Network};
use super::{Application, Institution, Leniency, Part, Row, Scheme, accounts};
use crate::qr::format::Format;

/// What is taken with a warning in the codes of every scheme, known or not: a merchant's name in
/// its own letters, and a question to the consumer in letters that are none.
pub const EVERY_SCHEME: &[Leniency] = &[
    Foreign(59),
    Foreign(60),
    AnyForm {
        template: 62,
        field: 9,
    },
];

/// Schemes in merchant-presented EMV codes.
pub const TABLE: &[Row] = &[
    Row {
        country: Some("ID"),
        currencies: &[360],
        fields: accounts::QRIS,
        ..row(Scheme::Qris, Guid("ID.CO.QRIS.WWW"), (51, 51))
    },
    // Acquirers of QRIS: ID.CO.TELKOM.WWW, COM.GO-JEK.WWW and so on. 26.01 begins with 9360 and
    // the acquirer's four digits.
    Row {
        only_in: Some("ID"),
        country: Some("ID"),
        currencies: &[360],
        institution: Institution::Field(1, 8),
        fields: accounts::QRIS,
        ..row(Scheme::Qris, GuidEnds(".WWW"), (26, 50))
    },
    Row {
        country: Some("TH"),
        currencies: &[764],
        fields: accounts::PROMPTPAY_TRANSFER,
        lenient: &[Omits(52), Omits(59), Omits(60)],
        ..row(
            Scheme::PromptPayTransfer,
            Guid("A000000677010111"),
            (29, 29),
        )
    },
    Row {
        country: Some("TH"),
        currencies: &[764],
        fields: accounts::PROMPTPAY_BILL,
        lenient: &[Omits(52), Omits(59), Omits(60)],
        ..row(Scheme::PromptPayBill, Guid("A000000677010112"), (30, 30))
    },
    Row {
        country: Some("TH"),
        currencies: &[764],
        lenient: &[Omits(52), Omits(59), Omits(60)],
        ..row(Scheme::PromptPay, GuidStarts("A000000677"), (26, 51))
    },
    Row {
        country: Some("MY"),
        currencies: &[458],
        institution: Institution::Field(1, 6),
        fields: accounts::DUITNOW,
        lenient: &[FormatIndicator("02")],
        ..row(Scheme::DuitNow, Guid("A0000006150001"), (26, 26))
    },
    Row {
        country: Some("SG"),
        currencies: &[702],
        fields: accounts::SGQR,
        ..row(Scheme::Sgqr, Guid("SG.SGQR"), (51, 51))
    },
    Row {
        country: Some("SG"),
        currencies: &[702],
        fields: accounts::PAYNOW,
        lenient: &[Longer {
            template: 62,
            field: 1,
            most: 28,
        }],
        ..row(Scheme::PayNow, Guid("SG.PAYNOW"), (26, 50))
    },
    Row {
        only_in: Some("KH"),
        country: Some("KH"),
        currencies: &[116, 840],
        institution: Institution::AfterAt(0),
        fields: accounts::KHQR,
        ..row(Scheme::Khqr, AccountAtBank, (29, 30))
    },
    Row {
        country: Some("LA"),
        currencies: &[418],
        institution: Institution::Field(1, 8),
        fields: accounts::LAO_QR,
        lenient: &[Omits(52), Omits(59), Omits(60)],
        ..row(Scheme::LaoQr, Guid("A005266284662577"), (38, 38))
    },
    Row {
        country: Some("VN"),
        currencies: &[704],
        institution: Institution::Nested(1, 0),
        fields: accounts::VIETQR,
        lenient: &[Omits(52), Omits(59), Omits(60)],
        ..row(Scheme::VietQr, Guid("A000000727"), (38, 38))
    },
    Row {
        country: Some("VN"),
        currencies: &[704],
        fields: accounts::VNPAY,
        lenient: &[Omits(52), Omits(60)],
        ..row(Scheme::VnPay, Guid("A000000775"), (26, 26))
    },
    Row {
        country: Some("PH"),
        currencies: &[608],
        institution: Institution::Field(1, 11),
        fields: accounts::QR_PH,
        ..row(Scheme::QrPh, Guid("ph.ppmi.p2m"), (27, 28))
    },
    Row {
        country: Some("PH"),
        currencies: &[608],
        institution: Institution::Field(1, 11),
        fields: accounts::QR_PH,
        ..row(Scheme::QrPh, Guid("com.p2pqrpay"), (27, 28))
    },
    Row {
        country: Some("IN"),
        currencies: &[356],
        institution: Institution::AfterAt(1),
        fields: accounts::UPI,
        ..row(Scheme::Upi, Guid("A000000524"), (26, 26))
    },
    // The same identifier in the next field is a payment's reference, and a person's number after.
    Row {
        country: Some("IN"),
        currencies: &[356],
        fields: accounts::UPI_REFERENCE,
        ..row(Scheme::Upi, Guid("A000000524"), (27, 27))
    },
    Row {
        country: Some("IN"),
        currencies: &[356],
        fields: accounts::UPI_AADHAAR,
        ..row(Scheme::Upi, Guid("A000000524"), (28, 28))
    },
    // Its codes may say NA for the country, as for the name and the city.
    Row {
        currencies: &[344, 156],
        institution: Institution::Field(1, 3),
        fields: accounts::FPS,
        ..row(Scheme::Fps, Guid("hk.com.hkicl"), (26, 26))
    },
    Row {
        country: Some("MN"),
        currencies: &[496],
        institution: Institution::Field(1, 11),
        fields: accounts::MONGOLIA,
        ..row(Scheme::MongoliaQr, GuidStarts("A000000843"), (26, 27))
    },
    Row {
        country: Some("UZ"),
        currencies: &[860],
        fields: accounts::UZBEKISTAN,
        ..row(Scheme::UzbekistanQr, Guid("qr-online.uz"), (26, 51))
    },
    Row {
        country: Some("BR"),
        currencies: &[986],
        fields: accounts::PIX,
        ..row(Scheme::Pix, Guid("br.gov.bcb.pix"), (26, 51))
    },
    Row {
        institution: Institution::Value(8),
        split: UNIONPAY_PARTS,
        ..row(Scheme::UnionPay, Network, (15, 16))
    },
    row(Scheme::WeChatPay, Guid("com.qq.weixin.pay"), (17, 51)),
    Row {
        lenient: &[LongIdentifier(37)],
        ..row(Scheme::AlipayPlus, GuidStarts("A1112783"), (17, 51))
    },
    Row {
        institution: Institution::Value(6),
        ..row(Scheme::Visa, Network, (2, 3))
    },
    Row {
        institution: Institution::Value(6),
        ..row(Scheme::Mastercard, Network, (4, 5))
    },
    // 06 to 08 are EMVCo's own to give; India has given 06 to RuPay.
    Row {
        only_in: Some("IN"),
        institution: Institution::Value(6),
        ..row(Scheme::RuPay, Network, (6, 6))
    },
    Row {
        institution: Institution::Value(6),
        ..row(Scheme::Discover, Network, (9, 10))
    },
    Row {
        institution: Institution::Value(6),
        ..row(Scheme::Amex, Network, (11, 12))
    },
    Row {
        institution: Institution::Value(6),
        ..row(Scheme::Jcb, Network, (13, 14))
    },
];

/// Who acquires, who forwards, whose merchant.
const UNIONPAY_PARTS: &[Part] = &[
    Part {
        name: "acquirer (IIN)",
        characters: 8,
        format: Format::Digits,
    },
    Part {
        name: "forwarder (IIN)",
        characters: 8,
        format: Format::Digits,
    },
    Part {
        name: "merchant id",
        characters: 15,
        format: Format::Printable,
    },
];

/// A scheme of any country and currency.
const fn row(scheme: Scheme, mark: super::Mark, places: (u16, u16)) -> Row {
    let is_template = !matches!(mark, Network);
    Row {
        scheme,
        mark,
        places,
        only_in: None,
        country: None,
        currencies: &[],
        institution: Institution::Absent,
        fields: if is_template {
            accounts::IDENTIFIED
        } else {
            &[]
        },
        split: &[],
        lenient: &[],
    }
}

/// Payment applications in consumer-presented EMV codes: registered application providers (RID),
/// with more where one provider has several. The longest that fits counts.
pub const APPLICATIONS: &[Application] = &[
    application(Scheme::Qris, &[0xa0, 0x00, 0x00, 0x06, 0x02, 0x20, 0x20]),
    application(Scheme::DuitNow, &[0xa0, 0x00, 0x00, 0x06, 0x15, 0x00, 0x01]),
    application(Scheme::PromptPay, &[0xa0, 0x00, 0x00, 0x06, 0x77]),
    application(Scheme::VietQr, &[0xa0, 0x00, 0x00, 0x07, 0x27]),
    application(Scheme::Upi, &[0xa0, 0x00, 0x00, 0x05, 0x24]),
    application(Scheme::MongoliaQr, &[0xa0, 0x00, 0x00, 0x08, 0x43]),
    application(Scheme::UnionPay, &[0xa0, 0x00, 0x00, 0x03, 0x33]),
    application(Scheme::Visa, &[0xa0, 0x00, 0x00, 0x00, 0x03]),
    application(Scheme::Mastercard, &[0xa0, 0x00, 0x00, 0x00, 0x04]),
    application(Scheme::Amex, &[0xa0, 0x00, 0x00, 0x00, 0x25]),
    application(Scheme::Jcb, &[0xa0, 0x00, 0x00, 0x00, 0x65]),
    application(Scheme::Discover, &[0xa0, 0x00, 0x00, 0x01, 0x52]),
];

const fn application(scheme: Scheme, aid: &'static [u8]) -> Application {
    Application { scheme, aid }
}

const _: () = assert!(TABLE.len() < 255);
