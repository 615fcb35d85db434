//! Records as JSON, for people and their scripts: every field under its plain name, times as
//! RFC 3339, amounts as minor units with their currency. No record holds a code or a token.

use serde_json::{Map, Value, json};

use crate::journal::Entry;
use crate::model::chars::Chars;
use crate::model::hold::Hold;
use crate::model::ids::{Institution, ShardId};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, Echoed};
use crate::model::money::{Money, Rate};
use crate::model::record::{
    Answer, Decision, Finding, Opened, Payment, Recalled, Record, Refund, Reversal,
};
use crate::model::time::Date;

/// One record: where and when it was written, its kind, and its fields.
pub fn entry(shard: ShardId, entry: &Entry) -> Value {
    let mut object = Map::new();
    object.insert("shard".to_owned(), json!(shard.0));
    object.insert("lsn".to_owned(), json!(entry.lsn.0));
    object.insert("time".to_owned(), json!(entry.wall.to_string()));
    object.insert("record".to_owned(), json!(entry.record.name()));
    if let Value::Object(fields) = record(&entry.record) {
        object.extend(fields);
    }
    Value::Object(object)
}

/// A record's own fields.
pub fn record(record: &Record) -> Value {
    match record {
        Record::Opened(it) => opened(it),
        Record::Payment(it) => payment(it),
        Record::Answer(it) => answer(it),
        Record::Unknown(it) => json!({ "number": it.number.0, "reason": it.reason.name() }),
        Record::Reversal(it) => reversal(it),
        Record::ReversalAnswer(it) => json!({
            "number": it.number.0,
            "response_code": it.response_code.to_string(),
            "reversed": it.reversed,
        }),
        Record::ReversalEscalation(it) => {
            json!({ "number": it.number.0, "match_key": it.match_key.0 })
        }
        Record::Advice(it) => json!({ "number": it.number.0, "match_key": it.match_key.0 }),
        Record::AdviceAnswer(it) => json!({
            "number": it.number.0,
            "response_code": it.response_code.to_string(),
        }),
        Record::LateAnswer(it) => json!({
            "number": it.number.0,
            "response_code": it.response_code.to_string(),
        }),
        Record::InDoubt(it) => json!({
            "number": it.number.0,
            "reason": it.reason.name(),
            "resolution": it.resolution.name(),
        }),
        Record::Inquiry(it) => json!({ "number": it.number.0, "match_key": it.match_key.0 }),
        Record::InquiryEnd(it) => json!({
            "number": it.number.0,
            "response_code": it.response_code.to_string(),
        }),
        Record::Finding(it) => finding(it),
        Record::Pending(it) => json!({ "number": it.number.0, "until": it.until.to_string() }),
        Record::Ruled(it) => json!({
            "number": it.number.0,
            "decision": it.ruling.name(),
            "action": it.action,
        }),
        Record::Queued(it) => json!({
            "number": it.number.0,
            "reason": it.reason.name(),
            "with": it.with.code(),
        }),
        Record::Refund(it) => refund(it),
        Record::Recalled(it) => recalled(it),
        Record::Held(it) | Record::Released(it) => hold(it),
        Record::Total(it) => json!({
            "payer": it.payer.to_string(),
            "year": it.year,
            "amount": money(&it.amount),
        }),
    }
}

fn hold(it: &Hold) -> Value {
    json!({
        "number": it.number.0,
        "payer": it.payer.map(|payer| payer.to_string()),
        "date": date(it.date),
        "amount": it.amount.as_ref().map(money),
        "year_most_minor": it.year_most_minor,
        "day_count_most": it.day_count_most,
        "order": it.order.map(|order| order.to_string()),
    })
}

fn opened(it: &Opened) -> Value {
    json!({
        "epoch": it.epoch.0,
        "of_shard": it.shard.0,
        "shards": it.shards,
        "table": it.table.0,
        "table_hash": format!("{:016x}", it.table_hash),
    })
}

fn payment(it: &Payment) -> Value {
    json!({
        "number": it.number.0,
        "key": key(&it.key),
        "fingerprint": format!("{:016x}", it.fingerprint.0),
        "originator": it.originator.code(),
        "match_key": it.match_key.0,
        "named_destination": it.named_destination.map(Institution::code),
        "forwarder": it.forwarder.map(Institution::code),
        "presentation": it.presentation.name(),
        "scenario": it.scenario.map(|scenario| scenario.name()),
        "amounts": amounts(&it.amounts),
        "echoed": echoed(&it.echoed),
        "settlement_date": date(it.settlement_date),
        "table": it.table.0,
        "decision": decision(&it.decision),
    })
}

fn refund(it: &Refund) -> Value {
    json!({
        "number": it.number.0,
        "key": key(&it.key),
        "root": key(&it.root),
        "fingerprint": format!("{:016x}", it.fingerprint.0),
        "originator": it.originator.code(),
        "match_key": it.match_key.0,
        "presentation": it.presentation.map(|presentation| presentation.name()),
        "reason": it.reason.map(|reason| reason.name()),
        "amounts": amounts(&it.amounts),
        "echoed": echoed(&it.echoed),
        "settlement_date": date(it.settlement_date),
        "table": it.table.0,
        "decision": decision(&it.decision),
    })
}

fn recalled(it: &Recalled) -> Value {
    json!({
        "number": it.number.0,
        "key": key(&it.key),
        "fingerprint": format!("{:016x}", it.fingerprint.0),
        "received": it.received.to_string(),
        "originator": it.originator.map(Institution::code),
        "destination": it.destination.map(Institution::code),
        "match_key": it.match_key.0,
        "settlement_date": date(it.settlement_date),
        "approval_code": it.approval_code.map(text),
        "amounts": amounts(&it.amounts),
        "echoed": echoed(&it.echoed),
        "text": String::from_utf8_lossy(it.text.bytes()),
        "refunds": it.refunded.count,
        "refunded_minor": it.refunded.amount_minor,
        "refunded_billing_minor": it.refunded.billing_minor,
        "refunded_settlement_minor": it.refunded.settlement_minor,
    })
}

fn finding(it: &Finding) -> Value {
    json!({
        "number": it.number.0,
        "source": it.source.name(),
        "response_code": it.response_code.to_string(),
        "outcome": it.outcome.name(),
        "approval_code": it.approval_code.map(text),
        "amounts": amounts(&it.amounts),
        "text": String::from_utf8_lossy(it.text.bytes()),
    })
}

fn decision(it: &Decision) -> Value {
    match it {
        Decision::Forward {
            destination,
            match_key,
            deadline,
        } => json!({
            "forward": {
                "destination": destination.code(),
                "match_key": match_key.0,
                "deadline": deadline.to_string(),
            }
        }),
        Decision::Decline {
            response_code,
            check,
        } => {
            let mut decline = json!({ "response_code": response_code.to_string() });
            if let Some(check) = check {
                decline["check"] = check.name().into();
            }
            json!({ "decline": decline })
        }
    }
}

fn answer(it: &Answer) -> Value {
    json!({
        "number": it.number.0,
        "by": it.by.name(),
        "response_code": it.response_code.to_string(),
        "outcome": it.outcome.name(),
        "approval_code": it.approval_code.map(text),
        "amounts": amounts(&it.amounts),
        "text": String::from_utf8_lossy(it.text.bytes()),
    })
}

fn reversal(it: &Reversal) -> Value {
    json!({
        "number": it.number.0,
        "target": business_key(&it.target),
        "root": key(&it.root),
        "claims": it.claims,
        "by": it.by.name(),
        "participant": it.participant.map(Institution::code),
        "advice": it.advice,
        "reason": it.reason.map(|reason| reason.name()),
        "amount": money(&it.amount),
        "match_key": it.match_key.map(|match_key| match_key.0),
    })
}

fn key(it: &Key) -> Value {
    json!({
        "originator": it.originator.code(),
        "local_date": date(it.local_date),
        "reference": it.reference.to_string(),
    })
}

fn business_key(it: &BusinessKey) -> Value {
    let class = match it.class {
        Class::Payment => "payment",
        Class::Refund => "refund",
        Class::CodeInquiry => "code-inquiry",
    };
    json!({ "class": class, "key": key(&it.key) })
}

fn amounts(it: &Amounts) -> Value {
    json!({
        "amount": money(&it.amount),
        "billing": it.billing.as_ref().map(money),
        "settlement": it.settlement.as_ref().map(money),
        "billing_rate": it.billing_rate.map(rate),
        "settlement_rate": it.settlement_rate.map(rate),
    })
}

fn money(it: &Money) -> Value {
    json!({ "minor": it.minor, "currency": it.currency.to_string() })
}

fn rate(it: Rate) -> Value {
    json!({ "mantissa": it.mantissa, "exponent": it.exponent })
}

fn echoed(it: &Echoed) -> Value {
    json!({
        "local_time": it.local_time.map(|time| format!("{:06}", time.hhmmss())),
        "presentation": it.presentation.map(|presentation| presentation.name()),
        "mcc": it.mcc.map(|mcc| format!("{mcc:04}")),
        "terminal": it.terminal.map(text),
        "merchant_id": it.merchant_id.map(text),
    })
}

fn text<const N: usize>(it: Chars<N>) -> String {
    it.to_string()
}

/// RFC 3339 full-date.
fn date(it: Date) -> String {
    let number = it.yyyymmdd();
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixtures;
    use crate::model::ids::Lsn;
    use crate::model::time::Wall;

    #[test]
    fn a_payment_reads_as_people_write() {
        let value = entry(
            ShardId(2),
            &Entry {
                lsn: Lsn(272),
                wall: Wall(1_795_298_705_000_000_123),
                record: fixtures::full_payment(7),
            },
        );
        for (pointer, expected) in [
            ("/record", json!("payment")),
            ("/time", json!("2026-11-21T22:05:05.000000123Z")),
            ("/key/local_date", json!("2026-11-21")),
            (
                "/amounts/billing",
                json!({ "minor": 2_345, "currency": "702" }),
            ),
            ("/decision/forward/destination", json!(48_000_344)),
            ("/echoed/local_time", json!("235959")),
        ] {
            assert_eq!(value.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn every_kind_has_fields() {
        let value = record(&fixtures::opened(3, 4));
        assert_eq!(
            value.pointer("/table_hash"),
            Some(&json!("0000000000000004"))
        );
    }
}
