//! Records -> entries of a digest.
//!
//! What many payments of a segment have in common (parties, dates, currencies, tables) stands once,
//! in a *context* of 64 bytes; an entry names it. Then follow what every payment has, and what the
//! entry's flags say is there:
//!
//! ```text
//! entry   0       2         6         10         18          30            38          46     54
//!         +-------+---------+---------+----------+-----------+-------------+-----------+--------+
//!         | flags | context | number  | wall, ns | reference | fingerprint | match key | amount |
//!         +-------+---------+---------+----------+-----------+-------------+-----------+--------+
//!         | match key, deadline: or the code of a decline, its check by flag                    |
//!         | billing, settlement: minor units, where the context has a currency                  |
//!         | rates (9 each), local time 4, MCC 2, terminal 8, merchant 15: by flag               |
//!         | answer: by, outcome, code 2, wall 8, approval code 6 by flag; or a record, by flag  |
//!         +-------------------------------------------------------------------------------------+
//! loose   | flags | where it ends in the segment, / 8 | the record, as it is there              |
//! ```
//!
//! `number` is counted from the header's; an answer is a record where it has a text or other
//! amounts than its payment.
#![deny(clippy::indexing_slicing)]

use arrayvec::ArrayVec;

use crate::journal::codec::raw::{AMOUNTS_BYTES, RawAnswer, RawDecision, RawPayment};
use crate::journal::layout::Writer;

pub(super) const CONTEXT_BYTES: usize = 64;
pub(super) const PAYMENT_BYTES: usize = 54;
const FLAGS_BYTES: usize = 2;

pub(super) const LOOSE: u16 = 1;
pub(super) const DECLINED: u16 = 1 << 1;
pub(super) const BILLING_RATE: u16 = 1 << 2;
pub(super) const SETTLEMENT_RATE: u16 = 1 << 3;
pub(super) const LOCAL_TIME: u16 = 1 << 4;
pub(super) const MCC: u16 = 1 << 5;
pub(super) const TERMINAL: u16 = 1 << 6;
pub(super) const MERCHANT: u16 = 1 << 7;
pub(super) const ANSWERED: u16 = 1 << 8;
pub(super) const APPROVAL_CODE: u16 = 1 << 9;
pub(super) const ANSWER_RECORD: u16 = 1 << 10;
pub(super) const CHECK: u16 = 1 << 11;
pub(super) const KNOWN: u16 = (1 << 12) - 1;

/// The longest entry: everything is there, and the answer is no record.
const ENTRY_BYTES_MAX: usize =
    PAYMENT_BYTES + 16 + (2 * 8 + 2 * 9) + (4 + 2 + 8 + 15) + (2 + 2 + 8 + 6);

/// The context of a payment.
#[inline]
pub(super) fn context_of(payment: &RawPayment) -> [u8; CONTEXT_BYTES] {
    let destination = match payment.decision {
        RawDecision::Forward { destination, .. } => destination,
        RawDecision::Decline { .. } => [0; 8],
    };
    let mut bytes = [0; CONTEXT_BYTES];
    let mut writer = Writer::new(&mut bytes);
    writer.put(payment.key_originator);
    writer.put(payment.originator);
    writer.put(payment.named_destination);
    writer.put(payment.forwarder);
    writer.put(destination);
    writer.put(payment.key_date);
    writer.put(payment.settlement_date);
    writer.put(payment.table);
    writer.put(payment.amount.currency);
    writer.put(payment.billing.currency);
    writer.put(payment.settlement.currency);
    writer.put(payment.presentation);
    writer.put(payment.scenario);
    writer.put(payment.echoed_presentation);
    bytes
}

/// A payment as it is written, with its answer once that is known.
pub(super) struct SettledEntry {
    flags: u16,
    /// All after the flags.
    bytes: ArrayVec<u8, ENTRY_BYTES_MAX>,
    /// The amounts, to see whether the answer has others.
    paid: [u8; AMOUNTS_BYTES],
    /// An answer that is kept as the record it is.
    answer: Option<Box<[u8]>>,
}

impl SettledEntry {
    /// A payment without its answer. `number` is counted from the header's.
    #[inline]
    pub(super) fn new((context, number): (u32, u32), payment: &RawPayment) -> Self {
        let mut entry = Self {
            flags: 0,
            bytes: ArrayVec::new(),
            paid: payment.amounts,
            answer: None,
        };
        entry.put(context.to_le_bytes());
        entry.put(number.to_le_bytes());
        entry.put(payment.wall);
        entry.put(payment.key_reference);
        entry.put(payment.fingerprint);
        entry.put(payment.match_key);
        entry.put(payment.amount.minor);
        debug_assert_eq!(FLAGS_BYTES + entry.bytes.len(), PAYMENT_BYTES);
        match payment.decision {
            RawDecision::Forward {
                destination: _,
                match_key,
                deadline,
            } => {
                entry.put(match_key);
                entry.put(deadline);
            }
            RawDecision::Decline {
                response_code,
                check,
            } => {
                entry.flags |= DECLINED;
                entry.put(response_code);
                entry.put_if(CHECK, unless_zero(check));
            }
        }
        for money in [payment.billing, payment.settlement] {
            if money.currency != [0; 2] {
                entry.put(money.minor);
            }
        }
        entry.put_if(BILLING_RATE, payment.billing_rate);
        entry.put_if(SETTLEMENT_RATE, payment.settlement_rate);
        entry.put_if(LOCAL_TIME, payment.local_time);
        entry.put_if(MCC, payment.mcc);
        entry.put_if(TERMINAL, unless_zero(payment.terminal));
        entry.put_if(MERCHANT, unless_zero(payment.merchant_id));
        entry
    }

    /// Its answer, and the record that it stands in.
    #[inline]
    pub(super) fn put_answer(&mut self, answer: &RawAnswer, record: &[u8]) {
        self.flags |= ANSWERED;
        if answer.amounts != self.paid || answer.has_text {
            self.flags |= ANSWER_RECORD;
            self.answer = Some(record.into());
            return;
        }
        self.put(answer.by);
        self.put(answer.outcome);
        self.put(answer.response_code);
        self.put(answer.wall);
        self.put_if(APPROVAL_CODE, unless_zero(answer.approval_code));
    }

    /// Writes it.
    #[inline]
    pub(super) fn append_to(&self, items: &mut Vec<u8>) {
        items.extend_from_slice(&self.flags.to_le_bytes());
        items.extend_from_slice(&self.bytes);
        if let Some(answer) = &self.answer {
            items.extend_from_slice(answer);
        }
    }

    #[inline]
    fn put<const N: usize>(&mut self, part: [u8; N]) {
        let put = self.bytes.try_extend_from_slice(&part);
        put.expect("ENTRY_BYTES_MAX is the sum of all parts");
    }

    #[inline]
    fn put_if<const N: usize>(&mut self, flag: u16, part: Option<[u8; N]>) {
        if let Some(part) = part {
            self.flags |= flag;
            self.put(part);
        }
    }
}

#[inline]
fn unless_zero<const N: usize>(part: [u8; N]) -> Option<[u8; N]> {
    (part != [0; N]).then_some(part)
}

/// Writes a record that is kept as it is; it ends at 8 x `end` in its segment.
pub(super) fn put_loose(items: &mut Vec<u8>, end: u32, record: &[u8]) {
    items.extend_from_slice(&LOOSE.to_le_bytes());
    items.extend_from_slice(&end.to_le_bytes());
    items.extend_from_slice(record);
}
