//! National schemes and networks as data: by what each is known, where, and what it does otherwise.
//!
//! Whoever adds a scheme adds a row to `table.rs`. Nothing outside of this folder asks which scheme
//! a code is of in order to treat it otherwise: rows say so.

mod accounts;
mod table;

use super::format::Format;
use super::rule::Rule;

pub use table::{APPLICATIONS, EVERY_SCHEME, TABLE};

/// Whose code, or part of a code, it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// Indonesia.
    Qris,
    /// Thailand, transfers.
    PromptPayTransfer,
    /// Thailand, bills.
    PromptPayBill,
    /// Thailand, any other service of PromptPay.
    PromptPay,
    /// Malaysia.
    DuitNow,
    /// Singapore, the label that many schemes share.
    Sgqr,
    /// Singapore, transfers.
    PayNow,
    /// Cambodia.
    Khqr,
    /// Laos.
    LaoQr,
    /// Vietnam.
    VietQr,
    /// Vietnam, VNPAY.
    VnPay,
    /// Philippines.
    QrPh,
    /// India, UPI and BharatQR.
    Upi,
    /// Hong Kong.
    Fps,
    /// Mongolia.
    MongoliaQr,
    /// Uzbekistan.
    UzbekistanQr,
    /// Brazil.
    Pix,
    /// China UnionPay and UnionPay International.
    UnionPay,
    /// WeChat Pay.
    WeChatPay,
    /// Alipay.
    Alipay,
    /// AlipayHK.
    AlipayHk,
    /// Alipay+.
    AlipayPlus,
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// RuPay.
    RuPay,
    /// Discover.
    Discover,
    /// American Express.
    Amex,
    /// JCB.
    Jcb,
    /// No row of the table knows it.
    Other,
}

impl Scheme {
    /// Every scheme of the table, and [`Scheme::Other`].
    pub const ALL: [Self; 29] = [
        Self::Qris,
        Self::PromptPayTransfer,
        Self::PromptPayBill,
        Self::PromptPay,
        Self::DuitNow,
        Self::Sgqr,
        Self::PayNow,
        Self::Khqr,
        Self::LaoQr,
        Self::VietQr,
        Self::VnPay,
        Self::QrPh,
        Self::Upi,
        Self::Fps,
        Self::MongoliaQr,
        Self::UzbekistanQr,
        Self::Pix,
        Self::UnionPay,
        Self::WeChatPay,
        Self::Alipay,
        Self::AlipayHk,
        Self::AlipayPlus,
        Self::Visa,
        Self::Mastercard,
        Self::RuPay,
        Self::Discover,
        Self::Amex,
        Self::Jcb,
        Self::Other,
    ];

    /// A word for programs and route tables. They rely on it: add, never rename.
    pub const fn word(self) -> &'static str {
        self.names().0
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        self.names().1
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Qris => ("qris", "QRIS"),
            Self::PromptPayTransfer => ("promptpay-transfer", "PromptPay transfer"),
            Self::PromptPayBill => ("promptpay-bill", "PromptPay bill payment"),
            Self::PromptPay => ("promptpay", "PromptPay"),
            Self::DuitNow => ("duitnow", "DuitNow"),
            Self::Sgqr => ("sgqr", "SGQR"),
            Self::PayNow => ("paynow", "PayNow"),
            Self::Khqr => ("khqr", "KHQR"),
            Self::LaoQr => ("lao-qr", "LAO QR"),
            Self::VietQr => ("vietqr", "VietQR"),
            Self::VnPay => ("vnpay", "VNPAY"),
            Self::QrPh => ("qr-ph", "QR Ph"),
            Self::Upi => ("upi", "UPI"),
            Self::Fps => ("fps", "FPS"),
            Self::MongoliaQr => ("mongolia-qr", "Mongolia's national QR"),
            Self::UzbekistanQr => ("uzbekistan-qr", "Uzbekistan's national QR"),
            Self::Pix => ("pix", "Pix"),
            Self::UnionPay => ("unionpay", "UnionPay"),
            Self::WeChatPay => ("wechat-pay", "WeChat Pay"),
            Self::Alipay => ("alipay", "Alipay"),
            Self::AlipayHk => ("alipayhk", "AlipayHK"),
            Self::AlipayPlus => ("alipay-plus", "Alipay+"),
            Self::Visa => ("visa", "Visa"),
            Self::Mastercard => ("mastercard", "Mastercard"),
            Self::RuPay => ("rupay", "RuPay"),
            Self::Discover => ("discover", "Discover"),
            Self::Amex => ("amex", "American Express"),
            Self::Jcb => ("jcb", "JCB"),
            Self::Other => ("other", "a scheme that no row knows"),
        }
    }
}

/// One scheme in merchant-presented EMV codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Which.
    pub scheme: Scheme,
    /// By what its account is known.
    pub mark: Mark,
    /// First and last root field in which its account stands.
    pub places: (u16, u16),
    /// Only in codes of this country, where the mark alone says too little.
    pub only_in: Option<&'static str>,
    /// The country of its merchants, where it has one.
    pub country: Option<&'static str>,
    /// ISO 4217 numbers of its currencies; none: any.
    pub currencies: &'static [u16],
    /// Where the institution stands that holds the account.
    pub institution: Institution,
    /// What is inside of its template.
    pub fields: &'static [Rule],
    /// Parts of a value that is no template.
    pub split: &'static [Part],
    /// What it does otherwise than EMVCo asks, and is taken all the same, with a warning.
    pub lenient: &'static [Leniency],
}

/// By what a scheme's account is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The globally unique identifier in 00, whatever its case.
    Guid(&'static str),
    /// How that begins.
    GuidStarts(&'static str),
    /// How that ends.
    GuidEnds(&'static str),
    /// There is no identifier: 00 is an account with its bank, as in `name@bank`.
    AccountAtBank,
    /// The field alone: EMVCo has given it to a network.
    Network,
}

/// Where the institution stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Institution {
    /// Nowhere.
    Absent,
    /// The first characters of the value itself.
    Value(usize),
    /// The first characters of a field of the template.
    Field(u16, usize),
    /// What follows the `@` in a field of the template.
    AfterAt(u16),
    /// A field of a template in the template.
    Nested(u16, u16),
}

/// A part of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// What it is called.
    pub name: &'static str,
    /// Its length in characters.
    pub characters: usize,
    /// What it may look like.
    pub format: Format,
}

/// What is seen and taken with a warning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leniency {
    /// A root field that EMVCo wants is not there.
    Omits(u16),
    /// Field 00 has this value instead of `01`.
    FormatIndicator(&'static str),
    /// A field of a root template is longer, up to so many characters.
    Longer {
        template: u16,
        field: u16,
        most: u16,
    },
    /// The identifier of its own template is longer, up to so many characters.
    LongIdentifier(u16),
    /// A root field has characters outside ASCII.
    Foreign(u16),
    /// A field of a root template has other characters than its format.
    AnyForm { template: u16, field: u16 },
}

/// One payment application in consumer-presented EMV codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Application {
    /// Whose.
    pub scheme: Scheme,
    /// How its application identifiers (AID) begin.
    pub aid: &'static [u8],
}

impl Mark {
    /// Whether a template whose field 00 is `guid` has it.
    pub(super) fn is_of(self, guid: &[u8]) -> bool {
        match self {
            Self::Guid(known) => guid.eq_ignore_ascii_case(known.as_bytes()),
            Self::GuidStarts(known) => guid
                .get(..known.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(known.as_bytes())),
            Self::GuidEnds(known) => guid
                .len()
                .checked_sub(known.len())
                .and_then(|start| guid.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(known.as_bytes())),
            Self::AccountAtBank => guid.contains(&b'@'),
            Self::Network => false,
        }
    }
}

impl Row {
    /// Whether field `id` is among its places.
    pub(super) const fn is_at(&self, id: u16) -> bool {
        self.places.0 <= id && id <= self.places.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_have_words_and_names_of_their_own() {
        for (at, scheme) in Scheme::ALL.iter().enumerate() {
            for other in &Scheme::ALL[..at] {
                assert_ne!(scheme.word(), other.word());
                assert_ne!(scheme.name(), other.name());
            }
        }
    }

    #[test]
    fn every_row_and_application_can_be_reached() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(
                Scheme::ALL.contains(&row.scheme) && row.places.0 <= row.places.1,
                "{row:?}"
            );
            let hides = |before: &&Row| {
                before.mark == row.mark && before.places == row.places && before.only_in.is_none()
            };
            let hidden = row.mark != Mark::AccountAtBank && TABLE[..at].iter().any(|it| hides(&it));
            assert!(!hidden, "{row:?}");
        }
        for application in APPLICATIONS {
            assert!((5..=16).contains(&application.aid.len()), "{application:?}");
        }
    }
}
