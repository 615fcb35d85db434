//! Quotes: what a wallet was promised, sealed so that any shard can honour it and nobody can
//! change it. A quote is a token of its own; nothing is kept.
//!
//! ```text
//! base64url without padding, of (whole numbers little-endian):
//!
//!  version 1 | key id 4 | flags 1 | table version 4 | wallet 5 | destination 5 | code digest 16
//!  | amount's currency 2 | [amount 5] | billing currency 2 | [billing 5] | rate 9 | expiry 5
//!  | [settlement currency 2 | rate 9] | [order 16] | MAC 16
//! ```
//!
//! The MAC is HMAC-SHA256 (RFC 2104, FIPS 180-4) of all that stands before it, its left 16 bytes.
//! A key is never printed, and its bytes are wiped where they were.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::fx::rounding::Rounding;
use crate::model::hold::OrderHash;
use crate::model::ids::{Institution, TableVersion};
use crate::model::money::{Currency, MINOR_UNITS_MAX, Money, Rate};
use crate::model::time::Wall;

/// Bytes of a quote before they become text, at most.
const QUOTE_BYTES_MAX: usize =
    1 + 4 + 1 + 4 + 5 + 5 + 16 + 2 + 5 + 2 + 5 + 9 + 5 + 11 + 16 + MAC_BYTES;
/// Characters of a quote, at most.
pub const QUOTE_CHARACTERS_MAX: usize = (QUOTE_BYTES_MAX * 4).div_ceil(3);
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a MAC and of a code's digest: 128 bits.
pub const MAC_BYTES: usize = 16;

const VERSION: u8 = 1;
/// What a MAC is for, so that none of them can stand for another.
const FOR_QUOTE: &[u8] = b"cpg-switch quote\0";
const FOR_CODE: &[u8] = b"cpg-switch code\0";
const FOR_ID: &[u8] = b"cpg-switch key id\0";

// ISO 8583 DE 48 tag 05 has three digits of length, as SBE has two bytes of it.
const _: () = assert!(QUOTE_CHARACTERS_MAX <= 999);
// Amounts and institutions fit in five bytes.
const _: () = assert!(MINOR_UNITS_MAX < 1 << 40);
const _: () = assert!(crate::model::limits::INSTITUTION_MAX < 1 << 40);

/// What a quote promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteTerms {
    /// The tables that were asked.
    pub table: TableVersion,
    /// Who may pay under it.
    pub wallet: Institution,
    /// Who owns the code.
    pub destination: Institution,
    /// Of the code that was asked about.
    pub code: CodeDigest,
    /// The merchant's currency.
    pub amount_currency: Currency,
    /// What the code asks for, in minor units; `None` where the payer gives the amount.
    pub amount_minor: Option<i64>,
    /// The wallet's currency.
    pub billing_currency: Currency,
    /// What the payer is charged, in minor units, where the amount is fixed.
    pub billing_minor: Option<i64>,
    /// Amount to billing; 1 where both have one currency.
    pub rate: Rate,
    /// Of billing.
    pub rounding: Rounding,
    /// Up to this instant, and not at it; whole seconds, what is beyond is dropped.
    pub expiry: Wall,
    /// Where the participants settle in a third currency.
    pub settlement: Option<SettlementTerms>,
    /// The order that the code is for, where it is for one alone. Unlike the code's digest it is
    /// the same under every key.
    pub order: Option<OrderHash>,
}

impl QuoteTerms {
    /// What the code asks for.
    pub fn amount(&self) -> Option<Money> {
        Money::new(self.amount_minor?, self.amount_currency)
    }

    /// What the payer is charged.
    pub fn billing(&self) -> Option<Money> {
        Money::new(self.billing_minor?, self.billing_currency)
    }
}

/// How a quoted payment is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SettlementTerms {
    /// The settlement currency.
    pub currency: Currency,
    /// Amount to settlement.
    pub rate: Rate,
    /// Of the settlement amount.
    pub rounding: Rounding,
}

/// A keyed digest of a payment code: tells whether a code is the same, and nothing of the code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeDigest {
    key: u32,
    bytes: [u8; MAC_BYTES],
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodeDigest")
    }
}

/// Why a token is not a quote that can be honoured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuoteFault {
    /// It is not the text of a quote.
    Malformed,
    /// It was sealed with a key that is not held, as before a restart without a key file.
    UnknownKey,
    /// It was not sealed by us, or was changed since.
    Forged,
    /// Its time is over.
    Expired,
}

impl QuoteFault {
    /// Every fault, in the order in which they are looked for.
    pub const ALL: [Self; 4] = [
        Self::Malformed,
        Self::UnknownKey,
        Self::Forged,
        Self::Expired,
    ];
}

impl fmt::Display for QuoteFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "this is not a quote",
            Self::UnknownKey => "the quote was sealed with a key that is not held any more",
            Self::Forged => "the quote is not as it was given",
            Self::Expired => "the quote is expired",
        })
    }
}

impl core::error::Error for QuoteFault {}

/// One key, ready for use.
#[derive(Clone)]
pub struct QuoteKey {
    id: u32,
    mac: Hmac<Sha256>,
}

impl QuoteKey {
    /// The caller wipes `secret`; what is made of it is wiped when it is dropped.
    pub fn new(secret: &[u8; KEY_BYTES]) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        let id = mac.clone().chain_update(FOR_ID).finalize().into_bytes();
        let [a, b, c, d, ..] = id.0;
        Self {
            id: u32::from_le_bytes([a, b, c, d]),
            mac,
        }
    }

    fn of(&self, purpose: &[u8], content: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(purpose).chain_update(content)
    }

    fn tag(&self, purpose: &[u8], content: &[u8]) -> [u8; MAC_BYTES] {
        let whole = self.of(purpose, content).finalize().into_bytes();
        *whole
            .first_chunk()
            .expect("SHA-256 has more bytes than a MAC")
    }
}

/// The key that seals, and the one before it, which still opens.
#[derive(Clone)]
pub struct QuoteKeys {
    current: QuoteKey,
    previous: Option<QuoteKey>,
}

impl fmt::Debug for QuoteKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = 1 + u8::from(self.previous.is_some());
        write!(formatter, "QuoteKeys({keys})")
    }
}

impl fmt::Debug for QuoteKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("QuoteKey")
    }
}

impl QuoteKeys {
    /// `previous` opens quotes that were sealed before the keys changed.
    pub const fn new(current: QuoteKey, previous: Option<QuoteKey>) -> Self {
        Self { current, previous }
    }

    /// The digest of a code, for the terms of a quote.
    pub fn digest(&self, code: &[u8]) -> CodeDigest {
        CodeDigest {
            key: self.current.id,
            bytes: self.current.tag(FOR_CODE, code),
        }
    }

    /// Whether `digest` is that of `code`, in a time that does not depend on either's content.
    pub fn is_code(&self, digest: &CodeDigest, code: &[u8]) -> bool {
        self.key(digest.key).is_some_and(|key| {
            key.of(FOR_CODE, code)
                .verify_truncated_left(&digest.bytes)
                .is_ok()
        })
    }

    /// Writes the token for `terms`, whose digest is [`Self::digest`]'s, and gives its characters.
    pub fn seal<'b>(
        &self,
        terms: &QuoteTerms,
        into: &'b mut [u8; QUOTE_CHARACTERS_MAX],
    ) -> &'b [u8] {
        assert_eq!(
            terms.code.key, self.current.id,
            "digest and quote have one key"
        );
        let mut writer = Writer::new();
        writer.put(&[VERSION]);
        writer.put(&self.current.id.to_le_bytes());
        writer.terms(terms);
        let tag = self.current.tag(FOR_QUOTE, writer.written());
        writer.put(&tag);
        let text = Base64UrlUnpadded::encode(writer.written(), into);
        text.expect("the buffer holds the longest quote").as_bytes()
    }

    /// What `token` promises at `now`.
    pub fn open(&self, token: &[u8], now: Wall) -> Result<QuoteTerms, QuoteFault> {
        let mut bytes = [0; QUOTE_BYTES_MAX];
        if token.len() > QUOTE_CHARACTERS_MAX {
            return Err(QuoteFault::Malformed);
        }
        let bytes = Base64UrlUnpadded::decode(token, &mut bytes).ok();
        let bytes = bytes.ok_or(QuoteFault::Malformed)?;
        let (sealed, tag) = bytes
            .split_last_chunk::<MAC_BYTES>()
            .ok_or(QuoteFault::Malformed)?;
        let mut reader = Reader(sealed);
        let (version, id) = reader.head().ok_or(QuoteFault::Malformed)?;
        if version != VERSION {
            return Err(QuoteFault::Malformed);
        }
        let key = self.key(id).ok_or(QuoteFault::UnknownKey)?;
        key.of(FOR_QUOTE, sealed)
            .verify_truncated_left(tag)
            .map_err(|_| QuoteFault::Forged)?;
        let terms = reader.terms(id).ok_or(QuoteFault::Malformed)?;
        if now >= terms.expiry {
            return Err(QuoteFault::Expired);
        }
        Ok(terms)
    }

    /// Whether a token says that it is for one order: a look at its first bytes, which proves
    /// nothing.
    pub fn is_of_order(&self, token: &[u8]) -> bool {
        let mut bytes = [0; 6];
        let head = token.first_chunk::<8>();
        let head = head.and_then(|head| Base64UrlUnpadded::decode(head, &mut bytes).ok());
        head.is_some_and(|head| matches!(head, [VERSION, .., flags] if flags & ORDER != 0))
    }

    fn key(&self, id: u32) -> Option<&QuoteKey> {
        if self.current.id == id {
            return Some(&self.current);
        }
        self.previous.as_ref().filter(|previous| previous.id == id)
    }
}

const AMOUNT_FIXED: u8 = 1;
const BILLING_FIXED: u8 = 1 << 1;
const SETTLEMENT: u8 = 1 << 2;
const ROUNDING_SHIFT: u8 = 3;
const SETTLEMENT_ROUNDING_SHIFT: u8 = 5;
const ORDER: u8 = 1 << 7;
const SECOND_NS: u64 = 1_000_000_000;

/// A quote while it is written.
struct Writer {
    bytes: [u8; QUOTE_BYTES_MAX],
    length: usize,
}

impl Writer {
    const fn new() -> Self {
        Self {
            bytes: [0; QUOTE_BYTES_MAX],
            length: 0,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes
            .get_mut(self.length..end)
            .expect("the longest quote fits")
            .copy_from_slice(bytes);
        self.length = end;
    }

    fn written(&self) -> &[u8] {
        self.bytes.get(..self.length).expect("it was written")
    }

    /// The low five bytes.
    fn five(&mut self, number: u64) {
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        assert_eq!(
            [f, g, h],
            [0; 3],
            "amounts, institutions and seconds have 40 bits"
        );
        self.put(&[a, b, c, d, e]);
    }

    fn minor(&mut self, minor: i64) {
        self.five(u64::try_from(minor).expect("amounts are never negative"));
    }

    fn rate(&mut self, rate: Rate) {
        self.put(&rate.mantissa.to_le_bytes());
        self.put(&rate.exponent.to_le_bytes());
    }

    fn terms(&mut self, terms: &QuoteTerms) {
        let mut flags = terms.amount_minor.map_or(0, |_| AMOUNT_FIXED)
            | terms.billing_minor.map_or(0, |_| BILLING_FIXED)
            | code_of(terms.rounding) << ROUNDING_SHIFT;
        if let Some(settlement) = &terms.settlement {
            flags |= SETTLEMENT | code_of(settlement.rounding) << SETTLEMENT_ROUNDING_SHIFT;
        }
        flags |= terms.order.map_or(0, |_| ORDER);
        self.put(&[flags]);
        self.put(&terms.table.0.to_le_bytes());
        self.five(terms.wallet.code());
        self.five(terms.destination.code());
        self.put(&terms.code.bytes);
        self.put(&terms.amount_currency.numeric().to_le_bytes());
        if let Some(minor) = terms.amount_minor {
            self.minor(minor);
        }
        self.put(&terms.billing_currency.numeric().to_le_bytes());
        if let Some(minor) = terms.billing_minor {
            self.minor(minor);
        }
        self.rate(terms.rate);
        self.five(terms.expiry.0 / SECOND_NS);
        if let Some(settlement) = &terms.settlement {
            self.put(&settlement.currency.numeric().to_le_bytes());
            self.rate(settlement.rate);
        }
        if let Some(order) = terms.order {
            self.put(&order.0);
        }
    }
}

/// What is left of a quote that is read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn head(&mut self) -> Option<(u8, u32)> {
        let [version] = self.take()?;
        Some((version, u32::from_le_bytes(self.take()?)))
    }

    fn five(&mut self) -> Option<u64> {
        let [a, b, c, d, e] = self.take()?;
        Some(u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]))
    }

    fn minor(&mut self) -> Option<i64> {
        let minor = i64::try_from(self.five()?).ok()?;
        (minor <= MINOR_UNITS_MAX).then_some(minor)
    }

    fn currency(&mut self) -> Option<Currency> {
        Currency::new(u16::from_le_bytes(self.take()?))
    }

    fn rate(&mut self) -> Option<Rate> {
        Some(Rate {
            mantissa: i64::from_le_bytes(self.take()?),
            exponent: i8::from_le_bytes(self.take()?),
        })
    }

    /// All of it, and nothing more.
    fn terms(&mut self, key: u32) -> Option<QuoteTerms> {
        let [flags] = self.take()?;
        let is = |flag| flags & flag != 0;
        let settles = is(SETTLEMENT);
        let settlement_rounding = (flags & !ORDER) >> SETTLEMENT_ROUNDING_SHIFT;
        if settlement_rounding > 3 || (!settles && settlement_rounding != 0) {
            return None;
        }
        let terms = QuoteTerms {
            table: TableVersion(u32::from_le_bytes(self.take()?)),
            wallet: Institution::new(self.five()?)?,
            destination: Institution::new(self.five()?)?,
            code: CodeDigest {
                key,
                bytes: self.take()?,
            },
            amount_currency: self.currency()?,
            amount_minor: if is(AMOUNT_FIXED) {
                Some(self.minor()?)
            } else {
                None
            },
            billing_currency: self.currency()?,
            billing_minor: if is(BILLING_FIXED) {
                Some(self.minor()?)
            } else {
                None
            },
            rate: self.rate()?,
            rounding: rounding_of(flags >> ROUNDING_SHIFT & 3)?,
            expiry: Wall(self.five()?.checked_mul(SECOND_NS)?),
            settlement: if settles {
                Some(SettlementTerms {
                    currency: self.currency()?,
                    rate: self.rate()?,
                    rounding: rounding_of(settlement_rounding)?,
                })
            } else {
                None
            },
            order: if is(ORDER) {
                Some(OrderHash(self.take()?))
            } else {
                None
            },
        };
        self.0.is_empty().then_some(terms)
    }
}

/// How a rounding is written; pinned, because quotes outlive a build.
const fn code_of(rounding: Rounding) -> u8 {
    match rounding {
        Rounding::HalfUp => 0,
        Rounding::HalfEven => 1,
        Rounding::Up => 2,
        Rounding::Down => 3,
    }
}

fn rounding_of(code: u8) -> Option<Rounding> {
    Rounding::ALL.into_iter().find(|it| code_of(*it) == code)
}
