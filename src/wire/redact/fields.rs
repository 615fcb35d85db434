//! Every field of every message, by its name in the SBE schema.

use super::{Masked, Secrets, Text, Value};
use crate::model::chars::Chars;
use crate::model::ids::Institution;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, Echoed, Header, Message};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::ResponseCode;
use crate::model::time::{Date, LocalTime};

/// Shows each field that is not null to `visit`, in the order of the schema. What only ISO 8583
/// carries comes last: `repeat` of advices, `amount` of reversal results, what answers echo.
#[expect(
    clippy::too_many_lines,
    reason = "a flat table: one message after the other"
)]
pub fn each_field(
    message: &Message<'_>,
    secrets: Secrets,
    visit: &mut dyn FnMut(&'static str, Value<'_>),
) {
    let mut to = Fields { secrets, visit };
    to.header(message.header());
    let mac = match message {
        Message::SignOn(it) => {
            to.institution("institution", Some(it.institution));
            to.number("protocolVersion", it.protocol_version);
            to.date("businessDate", it.business_date);
            to.number("nonce", it.nonce);
            it.mac
        }
        Message::SignOnAck(it) => {
            to.response_code(it.response_code);
            to.number("shards", it.shards);
            to.number("shard", it.shard);
            to.number("heartbeatSeconds", it.heartbeat_seconds);
            to.date("businessDate", it.business_date);
            it.mac
        }
        Message::SignOff(it) | Message::Echo(it) => {
            to.institution("institution", it.institution);
            it.mac
        }
        Message::SignOffAck(it)
        | Message::EchoAck(it)
        | Message::KeyChangeAck(it)
        | Message::CutoverAck(it) => {
            to.response_code(it.response_code);
            it.mac
        }
        Message::KeyChange(it) => {
            to.institution("institution", it.institution);
            to.number("keyId", Some(it.key_id));
            to.chars("checkValue", Some(it.check_value));
            to.bytes("wrappedKey", it.wrapped_key.expose());
            it.mac
        }
        Message::Cutover(it) => {
            to.date("businessDate", Some(it.business_date));
            it.mac
        }
        Message::CodeInquiry(it) => {
            to.key(&it.key);
            to.time(it.local_time);
            to.word("presentation", it.presentation.map(|it| it.name()));
            to.currency("walletCurrency", it.wallet_currency);
            to.token("payerToken", it.payer_token);
            to.withheld("code", it.code.expose());
            it.mac
        }
        Message::CodeResult(it) => {
            to.key(&it.key);
            to.response_code(it.response_code);
            to.word("codeKind", it.code_kind.map(|it| it.name()));
            to.institution("owner", it.owner);
            to.money("amount", it.amount);
            to.money("billing", it.billing);
            to.rate("billingRate", it.billing_rate);
            to.some("quoteExpiry", it.quote_expiry.map(Value::Wall));
            to.number("mcc", it.mcc);
            to.number("country", it.country);
            to.chars("merchantId", it.merchant_id);
            to.text("merchantName", it.merchant_name);
            to.withheld("quote", it.quote);
            to.text("text", it.text);
            it.mac
        }
        Message::PaymentRequest(it) => {
            to.key(&it.key);
            to.time(it.local_time);
            to.institution("destination", it.destination);
            to.institution("forwarder", it.forwarder);
            to.word("presentation", Some(it.presentation.name()));
            to.word("scenario", it.scenario.map(|it| it.name()));
            to.amounts(&it.amounts);
            to.number("mcc", it.mcc);
            to.number("country", it.country);
            to.chars("terminal", it.terminal);
            to.chars("merchantId", it.merchant_id);
            to.token("payerToken", it.payer_token);
            to.word("kycLevel", it.kyc_level.map(|it| it.name()));
            to.withheld("code", it.code.expose());
            to.text("merchantName", it.merchant_name);
            to.withheld("quote", it.quote);
            it.mac
        }
        Message::PaymentResult(it) => {
            to.key(&it.key);
            to.response_code(it.response_code);
            to.word("outcome", it.outcome.map(|it| it.name()));
            to.chars("approvalCode", it.approval_code);
            to.amounts(&it.amounts);
            to.date("settlementDate", it.settlement_date);
            to.text("text", it.text);
            to.echoed(&it.echoed);
            it.mac
        }
        Message::PaymentAdvice(it) => {
            to.target(&it.target);
            to.root(&it.root);
            to.response_code(it.response_code);
            to.word("outcome", it.outcome.map(|it| it.name()));
            to.chars("approvalCode", it.approval_code);
            to.amounts(&it.amounts);
            to.date("settlementDate", it.settlement_date);
            to.text("text", it.text);
            to.some("repeat", it.repeat.then_some(Value::Flag(true)));
            it.mac
        }
        Message::PaymentAdviceAck(it) => {
            to.target(&it.target);
            to.response_code(it.response_code);
            to.text("text", it.text);
            it.mac
        }
        Message::ReversalRequest(it) | Message::ReversalAdvice(it) => {
            to.target(&it.target);
            to.root(&it.root);
            to.money("amount", Some(it.amount));
            to.word("reason", it.reason.map(|it| it.name()));
            to.some("repeat", Some(Value::Flag(it.repeat)));
            to.number("original", it.original.map(|original| original.0));
            it.mac
        }
        Message::ReversalResult(it) | Message::ReversalAdviceAck(it) => {
            to.target(&it.target);
            to.response_code(it.response_code);
            to.word("outcome", it.outcome.map(|it| it.name()));
            to.money("amount", it.amount);
            it.mac
        }
        Message::RefundRequest(it) => {
            to.key(&it.key);
            to.time(it.local_time);
            to.root(&it.root);
            to.institution("destination", it.destination);
            to.institution("forwarder", it.forwarder);
            to.word("presentation", it.presentation.map(|it| it.name()));
            to.amounts(&it.amounts);
            to.number("mcc", it.mcc);
            to.number("country", it.country);
            to.chars("terminal", it.terminal);
            to.chars("merchantId", it.merchant_id);
            to.word("reason", it.reason.map(|it| it.name()));
            it.mac
        }
        Message::RefundResult(it) => {
            to.key(&it.key);
            to.response_code(it.response_code);
            to.word("outcome", it.outcome.map(|it| it.name()));
            to.amounts(&it.amounts);
            to.date("settlementDate", it.settlement_date);
            to.money("refundedSoFar", it.refunded_so_far);
            to.text("text", it.text);
            to.echoed(&it.echoed);
            it.mac
        }
        Message::StatusInquiry(it) => {
            to.target(&it.target);
            to.root(&it.root);
            it.mac
        }
        Message::StatusResult(it) => {
            to.target(&it.target);
            to.response_code(it.response_code);
            to.word("state", it.state.map(|it| it.name()));
            to.word("outcome", it.outcome.map(|it| it.name()));
            to.chars("approvalCode", it.approval_code);
            to.money("amount", it.amount);
            to.money("billing", it.billing);
            to.money("settlement", it.settlement);
            to.money("refundedSoFar", it.refunded_so_far);
            to.text("text", it.text);
            it.mac
        }
        Message::Reject(it) => {
            to.number("templateId", Some(it.regarding));
            to.response_code(it.response_code);
            to.number("reason", Some(it.reason));
            to.number("fieldId", Some(it.field_id));
            to.number("offset", Some(it.offset));
            to.text("text", it.text);
            it.mac
        }
    };
    to.bytes("mac", mac);
}

/// Turns what a field is into what may be shown of it.
struct Fields<'v> {
    secrets: Secrets,
    visit: &'v mut dyn FnMut(&'static str, Value<'_>),
}

impl Fields<'_> {
    fn some(&mut self, name: &'static str, value: Option<Value<'_>>) {
        if let Some(value) = value {
            (self.visit)(name, value);
        }
    }

    fn header(&mut self, header: &Header) {
        self.number("linkRef", Some(header.match_key.0));
        let time = Some(header.transmit_time).filter(|time| time.0 != 0);
        self.some("transmitTime", time.map(Value::Wall));
    }

    fn number(&mut self, name: &'static str, value: Option<impl Into<u64>>) {
        self.some(name, value.map(|value| Value::Number(value.into())));
    }

    fn institution(&mut self, name: &'static str, value: Option<Institution>) {
        self.number(name, value.map(Institution::code));
    }

    fn currency(&mut self, name: &'static str, value: Option<Currency>) {
        self.number(name, value.map(Currency::numeric));
    }

    fn word(&mut self, name: &'static str, value: Option<&'static str>) {
        self.some(name, value.map(Value::Word));
    }

    fn date(&mut self, name: &'static str, value: Option<Date>) {
        self.some(name, value.map(Value::Date));
    }

    fn time(&mut self, value: Option<LocalTime>) {
        self.some("localTime", value.map(Value::Time));
    }

    fn money(&mut self, name: &'static str, value: Option<Money>) {
        self.some(name, value.map(Value::Money));
    }

    fn rate(&mut self, name: &'static str, value: Option<Rate>) {
        self.some(name, value.map(Value::Rate));
    }

    fn response_code(&mut self, code: ResponseCode) {
        self.some("responseCode", Some(Value::Code(code)));
    }

    fn amounts(&mut self, amounts: &Amounts) {
        self.money("amount", Some(amounts.amount));
        self.money("billing", amounts.billing);
        self.money("settlement", amounts.settlement);
        self.rate("billingRate", amounts.billing_rate);
        self.rate("settlementRate", amounts.settlement_rate);
    }

    fn echoed(&mut self, echoed: &Echoed) {
        self.time(echoed.local_time);
        self.word("presentation", echoed.presentation.map(|it| it.name()));
        self.number("mcc", echoed.mcc);
        self.chars("terminal", echoed.terminal);
        self.chars("merchantId", echoed.merchant_id);
    }

    fn key(&mut self, key: &Key) {
        self.institution("originator", Some(key.originator));
        self.date("localDate", Some(key.local_date));
        self.fixed("reference", key.reference.bytes());
    }

    fn target(&mut self, target: &BusinessKey) {
        self.key(&target.key);
        let class = match target.class {
            Class::Payment => "payment",
            Class::Refund => "refund",
            Class::CodeInquiry => "code-inquiry",
        };
        self.word("targetClass", Some(class));
    }

    fn root(&mut self, root: &Key) {
        self.institution("rootOriginator", Some(root.originator));
        self.date("rootLocalDate", Some(root.local_date));
        self.fixed("rootReference", root.reference.bytes());
    }

    fn chars<const N: usize>(&mut self, name: &'static str, value: Option<Chars<N>>) {
        if let Some(value) = value {
            self.fixed(name, value.trimmed());
        }
    }

    /// Fields of a fixed width are names, not free text: all of it is shown.
    fn fixed(&mut self, name: &'static str, text: &[u8]) {
        self.some(name, Some(Value::Text(Text::new(text, Secrets::Shown))));
    }

    fn text(&mut self, name: &'static str, text: &[u8]) {
        let value = (!text.is_empty()).then_some(Value::Text(Text::new(text, self.secrets)));
        self.some(name, value);
    }

    fn token<const N: usize>(&mut self, name: &'static str, token: Option<Chars<N>>) {
        match (self.secrets, token) {
            (Secrets::Masked, Some(token)) => {
                self.some(name, Some(Value::Masked(Masked(token.trimmed()))));
            }
            (_, token) => self.chars(name, token),
        }
    }

    /// Text of which not even the end may be seen.
    fn withheld(&mut self, name: &'static str, text: &[u8]) {
        let value = match self.secrets {
            Secrets::Masked => Value::Withheld(text.len()),
            Secrets::Shown => Value::Text(Text::new(text, Secrets::Shown)),
        };
        self.some(name, (!text.is_empty()).then_some(value));
    }

    fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        let value = match self.secrets {
            Secrets::Masked => Value::Withheld(bytes.len()),
            Secrets::Shown => Value::Bytes(bytes),
        };
        self.some(name, (!bytes.is_empty()).then_some(value));
    }
}
