//! What is inside of each scheme's account template: field by field.
//!
//! An identifier of an account, a person or a device is marked as such: nobody sees it in a log.

use crate::qr::format::Format;
use crate::qr::rule::{Inside, Rule, Secrecy};

/// A template of which only the identifier is known.
pub(super) const IDENTIFIED: &[Rule] = &[guid()];

pub(super) const QRIS: &[Rule] = &[
    guid(),
    account(1, "merchant account (PAN)", Format::Digits, (1, 19)),
    open(2, "merchant id (NMID)", Format::Printable, (1, 15)),
    open(3, "merchant criteria", Format::Printable, (3, 3)),
];

pub(super) const PROMPTPAY_TRANSFER: &[Rule] = &[
    guid(),
    account(1, "mobile number", Format::Digits, (13, 13)),
    account(2, "national id or tax id", Format::Digits, (13, 13)),
    account(3, "e-wallet id", Format::Digits, (15, 15)),
    account(4, "bank account", Format::Printable, (1, 43)),
];

pub(super) const PROMPTPAY_BILL: &[Rule] = &[
    guid(),
    account(1, "biller id", Format::Digits, (13, 15)).mandatory(),
    account(2, "reference 1", Format::Printable, (1, 20)),
    account(3, "reference 2", Format::Printable, (1, 20)),
];

pub(super) const DUITNOW: &[Rule] = &[
    guid(),
    open(1, "acquirer (IIN)", Format::Digits, (6, 6)).mandatory(),
    account(2, "merchant id", Format::Printable, (1, 35)).mandatory(),
];

pub(super) const PAYNOW: &[Rule] = &[
    guid(),
    open(
        1,
        "proxy type: 0 mobile number, 2 UEN, 3 VPA",
        Format::Digits,
        (1, 1),
    )
    .mandatory(),
    account(2, "proxy", Format::Printable, (1, 50)).mandatory(),
    open(
        3,
        "whether the amount may be changed: 0 no, 1 yes",
        Format::Digits,
        (1, 1),
    ),
    open(4, "expiry", Format::Digits, (8, 14)),
];

pub(super) const SGQR: &[Rule] = &[
    guid(),
    open(1, "SGQR id", Format::Printable, (1, 12)),
    open(2, "version", Format::Printable, (1, 7)),
    open(3, "postal code", Format::Printable, (1, 6)),
    open(4, "level", Format::Printable, (1, 2)),
    open(5, "unit number", Format::Printable, (1, 5)),
    open(6, "miscellaneous", Format::Printable, (1, 10)),
    open(7, "date of the version", Format::Digits, (8, 8)),
];

pub(super) const KHQR: &[Rule] = &[
    account(0, "account at a bank", Format::Account, (1, 32)).mandatory(),
    account(
        1,
        "merchant id or account information",
        Format::Printable,
        (1, 32),
    ),
    open(2, "acquiring bank", Format::Printable, (1, 32)),
];

pub(super) const LAO_QR: &[Rule] = &[
    guid(),
    open(1, "acquirer (IIN)", Format::Digits, (6, 8)).mandatory(),
    open(2, "payment type", Format::Printable, (3, 3)),
    account(3, "receiver id", Format::Printable, (1, 32)),
];

pub(super) const VIETQR: &[Rule] = &[
    guid(),
    Rule::template(1, "beneficiary", Inside::Template(VIETQR_BENEFICIARY)).mandatory(),
    open(
        2,
        "service: QRIBFTTA account, QRIBFTTC card",
        Format::Printable,
        (8, 10),
    ),
];

const VIETQR_BENEFICIARY: &[Rule] = &[
    open(0, "bank (BIN)", Format::Digits, (6, 6)).mandatory(),
    account(1, "account or card", Format::Printable, (1, 19)).mandatory(),
];

pub(super) const VNPAY: &[Rule] = &[
    guid(),
    account(1, "merchant id", Format::Printable, (1, 20)).mandatory(),
];

pub(super) const QR_PH: &[Rule] = &[
    guid(),
    open(1, "acquirer (BIC)", Format::Printable, (8, 11)).mandatory(),
    account(
        2,
        "payment type or merchant credit account",
        Format::Printable,
        (1, 19),
    ),
    account(3, "merchant id", Format::Printable, (1, 27)),
    account(
        4,
        "merchant credit account or mobile number",
        Format::Printable,
        (1, 27),
    ),
    account(5, "whom to notify", Format::Printable, (1, 20)),
];

pub(super) const UPI: &[Rule] = &[
    guid(),
    account(1, "virtual payment address (VPA)", Format::Account, (3, 75)),
    open(2, "minimum amount", Format::Amount, (1, 13)),
];

pub(super) const UPI_REFERENCE: &[Rule] = &[
    guid(),
    account(1, "transaction reference", Format::Printable, (1, 35)),
    open(2, "address", Format::Printable, (1, 75)).secret(Secrecy::Free),
];

pub(super) const UPI_AADHAAR: &[Rule] = &[
    guid(),
    account(1, "payee's Aadhaar number", Format::Digits, (12, 12)),
];

pub(super) const FPS: &[Rule] = &[
    guid(),
    open(1, "participant (clearing code)", Format::Digits, (3, 3)),
    account(2, "FPS id", Format::Digits, (7, 9)),
    account(3, "mobile number", Format::Printable, (1, 18)),
    account(4, "e-mail address", Format::Printable, (1, 60)),
    open(5, "time-out", Format::Printable, (1, 14)),
];

pub(super) const MONGOLIA: &[Rule] = &[
    guid(),
    open(1, "acquirer (BIC)", Format::Printable, (8, 11)),
    account(2, "merchant id", Format::Printable, (1, 32)),
];

pub(super) const UZBEKISTAN: &[Rule] = &[
    guid(),
    account(1, "merchant id", Format::Printable, (1, 32)).mandatory(),
    open(2, "kind of payment", Format::Printable, (1, 4)),
];

pub(super) const PIX: &[Rule] = &[
    guid(),
    account(1, "Pix key", Format::Text, (1, 77)),
    Rule::new(2, "message to the payer", Format::Text, (1, 72)).secret(Secrecy::Free),
    open(25, "address of the charge", Format::Printable, (1, 77)).secret(Secrecy::Account),
];

const fn guid() -> Rule {
    Rule::new(0, "globally unique identifier", Format::Printable, (1, 32)).mandatory()
}

const fn open(id: u16, name: &'static str, format: Format, lengths: (u16, u16)) -> Rule {
    Rule::new(id, name, format, lengths)
}

const fn account(id: u16, name: &'static str, format: Format, lengths: (u16, u16)) -> Rule {
    Rule::new(id, name, format, lengths).secret(Secrecy::Account)
}
