//! Codes at the door: read once, for what they say, before the engine hears of them; and the
//! engine's answers about them.

use crate::engine::{CodeTerms, Scanned, Sender, Snapshot, Token};
use crate::fx::quotes::QUOTE_CHARACTERS_MAX;
use crate::model::mark::CodeMarks;
use crate::model::message::{CodeInquiry, CodeResult};
use crate::model::money::Money;
use crate::model::outcome::CodeKind;
use crate::qr::{Code, Initiation, Kind};
use crate::shard::{Pass, Shard};

/// Reads a code, and hands on what it says. Of a payment code of digits that is little, and soon
/// read.
#[inline]
pub(super) fn scan<R>(
    payload: &[u8],
    tables: &Snapshot,
    then: impl FnOnce(&Scanned<'_>) -> R,
) -> R {
    let mut of_digits = Scanned {
        marks: CodeMarks::default(),
        terms: CodeTerms {
            kind: Some(CodeKind::Digits),
            ..CodeTerms::default()
        },
    };
    if Code::marks_of_digits(payload, &mut of_digits.marks) {
        return then(&of_digits);
    }
    Code::look(payload, |code| then(&scanned(code, tables)))
}

/// What a code is known by, and what it says of the payment.
pub(super) fn scanned<'c>(code: &'c Code<'_>, tables: &Snapshot) -> Scanned<'c> {
    let marks = code.marks();
    let terms = terms(code, tables);
    Scanned { marks, terms }
}

fn terms(code: &Code<'_>, tables: &Snapshot) -> CodeTerms {
    let kind = match code.kind() {
        Kind::Merchant(_) => Some(CodeKind::EmvMpm),
        Kind::Consumer => Some(CodeKind::EmvCpm),
        Kind::Url => Some(CodeKind::Url),
        Kind::Number => Some(CodeKind::Digits),
        Kind::Unknown => None,
    };
    let currency = code.currency();
    let amount = currency.and_then(|currency| {
        let minor = code.amount()?.minor_units(tables.exponent(currency)?)?;
        Money::new(i64::try_from(minor).ok()?, currency)
    });
    CodeTerms {
        kind,
        currency,
        amount,
        is_order: amount.is_some() && code.kind() == Kind::Merchant(Initiation::Dynamic),
    }
}

impl Shard {
    /// A wallet asks about a code.
    pub(super) fn hand_code_inquiry(
        &mut self,
        sender: Sender,
        inquiry: &CodeInquiry<'_>,
        pass: &mut Pass<'_>,
    ) {
        self.engage(pass, |engine, context, effects| {
            scan(inquiry.code.expose(), context.tables, |scanned| {
                engine.handle_code_inquiry((inquiry, scanned), sender, context, effects);
            });
        });
    }

    /// A code's owner answers.
    pub(super) fn hand_code_result(
        &mut self,
        sender: Sender,
        result: &CodeResult<'_>,
        pass: &mut Pass<'_>,
    ) {
        let mut token: Token = [0; QUOTE_CHARACTERS_MAX];
        self.engage(pass, |engine, context, effects| {
            engine.handle_code_result(result, &mut token, sender, context, effects);
        });
    }
}
