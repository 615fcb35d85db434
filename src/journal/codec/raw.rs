//! Payments and answers by their parts, undecoded: for whoever copies them and looks at few.
//!
//! Decoding a record costs several times what copying it does, because every value is judged. What
//! is copied from here is judged by whoever reads it; sizes, flags and what must be zero are judged
//! here. Never changes a byte.
#![deny(clippy::indexing_slicing)]

pub use super::AMOUNTS_BYTES;
use super::{
    BILLING_RATE, DECISION_BYTES, LOCAL_TIME, MCC, RATE_BYTES, RECORD_VERSION, SETTLEMENT_RATE,
    TEXT_BYTES, size,
};
use crate::journal::layout::{RECORD_HEADER_BYTES, Reader};

/// A record's kind, where its parts can be told without decoding.
#[derive(Clone, Copy, Debug)]
pub enum Raw {
    /// A payment.
    Payment(RawPayment),
    /// An answer.
    Answer(RawAnswer),
    /// Another kind, or not a record of ours: whoever wants to know decodes it.
    Other,
}

/// A payment's parts, each as it is written.
#[derive(Clone, Copy, Debug)]
pub struct RawPayment {
    /// When it was written.
    pub wall: [u8; 8],
    /// Its number.
    pub number: u64,
    /// Its key.
    pub key_originator: [u8; 8],
    pub key_date: [u8; 4],
    pub key_reference: [u8; 12],
    pub fingerprint: [u8; 8],
    pub originator: [u8; 8],
    pub match_key: [u8; 8],
    pub named_destination: [u8; 8],
    pub forwarder: [u8; 8],
    /// What was decided.
    pub decision: RawDecision,
    pub presentation: [u8; 1],
    pub scenario: [u8; 1],
    pub settlement_date: [u8; 4],
    pub table: [u8; 4],
    /// What it is about, whole; and by its parts.
    pub amounts: [u8; AMOUNTS_BYTES],
    pub amount: RawMoney,
    /// All zero where there is none.
    pub billing: RawMoney,
    pub settlement: RawMoney,
    /// The rates that there are.
    pub billing_rate: Option<[u8; RATE_BYTES]>,
    pub settlement_rate: Option<[u8; RATE_BYTES]>,
    /// What the answer repeats, where it is there.
    pub local_time: Option<[u8; 4]>,
    pub echoed_presentation: [u8; 1],
    pub mcc: Option<[u8; 2]>,
    /// All zero where there is none.
    pub terminal: [u8; 8],
    pub merchant_id: [u8; 15],
}

/// Minor units and currency; both zero where there is no money.
#[derive(Clone, Copy, Debug)]
pub struct RawMoney {
    pub minor: [u8; 8],
    pub currency: [u8; 2],
}

/// What was decided of a payment.
#[derive(Clone, Copy, Debug)]
pub enum RawDecision {
    /// It went there.
    Forward {
        destination: [u8; 8],
        match_key: [u8; 8],
        deadline: [u8; 8],
    },
    /// It was declined.
    Decline {
        response_code: [u8; 2],
        /// Zero where no check did it.
        check: [u8; 1],
    },
}

/// An answer's parts.
#[derive(Clone, Copy, Debug)]
pub struct RawAnswer {
    /// When it was written.
    pub wall: [u8; 8],
    /// Whose answer it is.
    pub number: u64,
    pub by: [u8; 1],
    pub response_code: [u8; 2],
    pub outcome: [u8; 1],
    /// All zero where there is none.
    pub approval_code: [u8; 6],
    /// To compare with the payment's.
    pub amounts: [u8; AMOUNTS_BYTES],
    /// Whether it has a text.
    pub has_text: bool,
}

/// Reads the parts of `record`, which has its header and passed its check.
#[inline]
pub fn read(record: &[u8]) -> Option<Raw> {
    let (header, _) = record.split_first_chunk::<RECORD_HEADER_BYTES>()?;
    let mut header = Reader::new(header);
    let _check_and_length: [u8; 6] = header.take();
    let [kind, version] = header.take();
    let wall = header.take();
    if version != RECORD_VERSION {
        return Some(Raw::Other);
    }
    match kind {
        2 => read_payment(record.try_into().ok()?, wall).map(Raw::Payment),
        3 => read_answer(record.try_into().ok()?, wall).map(Raw::Answer),
        _ => Some(Raw::Other),
    }
}

#[inline]
fn read_payment(record: &[u8; size::PAYMENT], wall: [u8; 8]) -> Option<RawPayment> {
    let (_, payload) = record.split_first_chunk::<RECORD_HEADER_BYTES>()?;
    let mut reader = Reader::new(payload);
    let number = u64::from_le_bytes(reader.take());
    let (key_originator, key_date, key_reference) = (reader.take(), reader.take(), reader.take());
    let (fingerprint, originator, match_key) = (reader.take(), reader.take(), reader.take());
    let (named_destination, forwarder) = (reader.take(), reader.take());
    let decision = read_decision(&reader.take())?;
    let (presentation, scenario) = (reader.take(), reader.take());
    let (settlement_date, table) = (reader.take(), reader.take());
    let amounts: [u8; AMOUNTS_BYTES] = reader.take();
    let mut parts = Reader::new(&amounts);
    let [flags] = parts.take();
    let mut money = || RawMoney {
        minor: parts.take(),
        currency: parts.take(),
    };
    let (amount, billing, settlement) = (money(), money(), money());
    let (billing_rate, settlement_rate) = (parts.take(), parts.take());
    let [echoed_flags] = reader.take();
    let (local_time, echoed_presentation) = (reader.take(), reader.take());
    let (mcc, terminal, merchant_id) = (reader.take(), reader.take(), reader.take());
    let known = flags & !(BILLING_RATE | SETTLEMENT_RATE) == 0
        && echoed_flags & !(LOCAL_TIME | MCC) == 0
        && reader.finish();
    known.then_some(RawPayment {
        wall,
        number,
        key_originator,
        key_date,
        key_reference,
        fingerprint,
        originator,
        match_key,
        named_destination,
        forwarder,
        decision,
        presentation,
        scenario,
        settlement_date,
        table,
        amounts,
        amount,
        billing,
        settlement,
        billing_rate: optional(flags & BILLING_RATE, billing_rate)?,
        settlement_rate: optional(flags & SETTLEMENT_RATE, settlement_rate)?,
        local_time: optional(echoed_flags & LOCAL_TIME, local_time)?,
        echoed_presentation,
        mcc: optional(echoed_flags & MCC, mcc)?,
        terminal,
        merchant_id,
    })
}

#[inline]
fn read_decision(decision: &[u8; DECISION_BYTES]) -> Option<RawDecision> {
    let mut reader = Reader::new(decision);
    let [kind] = reader.take();
    match kind {
        1 => Some(RawDecision::Forward {
            destination: reader.take(),
            match_key: reader.take(),
            deadline: reader.take(),
        }),
        2 => {
            let (response_code, check) = (reader.take(), reader.take());
            let rest: [u8; DECISION_BYTES - 4] = reader.take();
            (rest == [0; DECISION_BYTES - 4]).then_some(RawDecision::Decline {
                response_code,
                check,
            })
        }
        _ => None,
    }
}

#[inline]
fn read_answer(record: &[u8; size::ANSWER], wall: [u8; 8]) -> Option<RawAnswer> {
    let (_, payload) = record.split_first_chunk::<RECORD_HEADER_BYTES>()?;
    let mut reader = Reader::new(payload);
    let number = u64::from_le_bytes(reader.take());
    let (by, response_code, outcome) = (reader.take(), reader.take(), reader.take());
    let (approval_code, amounts) = (reader.take(), reader.take());
    let text: [u8; TEXT_BYTES] = reader.take();
    reader.finish().then_some(RawAnswer {
        wall,
        number,
        by,
        response_code,
        outcome,
        approval_code,
        amounts,
        has_text: text != [0; TEXT_BYTES],
    })
}

/// A part that a flag says is there; one that is not there is zero.
#[inline]
fn optional<const N: usize>(flag: u8, part: [u8; N]) -> Option<Option<[u8; N]>> {
    if flag != 0 {
        Some(Some(part))
    } else {
        (part == [0; N]).then_some(None)
    }
}
