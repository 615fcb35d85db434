//! A message as JSON: the fields in the order of the wire, and what is needed to write it again.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value as Json, json};

use super::unframe::{from_hex, to_hex};
use crate::model::participant::Protocol;
use crate::model::time::{DAY_NS, Date, LocalTime, Wall};
use crate::wire::named::{Named, Unwritable, Value};

/// An object whose keys keep their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(Vec<(String, Node)>);

#[derive(Clone, Debug)]
enum Node {
    Leaf(Json),
    Object(Object),
}

impl Object {
    pub(super) fn put(&mut self, name: &str, value: impl Into<Json>) {
        self.0.push((name.to_owned(), Node::Leaf(value.into())));
    }

    pub(super) fn put_object(&mut self, name: &str, value: Self) {
        self.0.push((name.to_owned(), Node::Object(value)));
    }

    /// Over several lines.
    pub(super) fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).expect("a JSON value is always written")
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, node) in &self.0 {
            match node {
                Node::Leaf(value) => map.serialize_entry(name, value)?,
                Node::Object(object) => map.serialize_entry(name, object)?,
            }
        }
        map.end()
    }
}

/// SBE fields that JSON shows as a date and a time.
const INSTANTS: [&str; 2] = ["transmitTime", "quoteExpiry"];

/// What a message's kind is called in JSON: an SBE template or an MTI.
pub(super) const fn message_key(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Sbe => "message",
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => "mti",
    }
}

/// The fields as an object.
pub(super) fn fields(named: &Named) -> Object {
    let mut object = Object::default();
    for (name, value) in &named.fields {
        match value {
            Value::Tags(tags) => {
                let mut inner = Object::default();
                for (tag, text) in tags {
                    inner.put(tag, text.clone());
                }
                object.put_object(name, inner);
            }
            other => object.put(name, leaf(other)),
        }
    }
    object
}

fn leaf(value: &Value) -> Json {
    match value {
        Value::Number(number) => json!(number),
        Value::Instant(ns) => json!(Wall(*ns).to_string()),
        Value::Flag(flag) => json!(flag),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({ "hex": to_hex(bytes) }),
        Value::Money { minor, currency } => json!({ "minor": minor, "currency": currency }),
        Value::Rate { mantissa, exponent } => {
            json!({ "mantissa": mantissa, "exponent": exponent })
        }
        Value::Tags(_) => unreachable!("an object of its own"),
    }
}

/// The fields of an object; nulls are left out.
pub(super) fn named(protocol: Protocol, message: &str, fields: &Json) -> Result<Named, Unwritable> {
    let object = fields
        .as_object()
        .ok_or_else(|| Unwritable::new("fields", "it must be an object"))?;
    let mut named = Named {
        message: message.to_owned(),
        fields: Vec::new(),
    };
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let instant = protocol == Protocol::Sbe && INSTANTS.contains(&name.as_str());
        let value = value_of(value, instant)
            .ok_or_else(|| Unwritable::new(name.clone(), "no field has such a value"))?;
        named.fields.push((name.clone(), value));
    }
    Ok(named)
}

fn value_of(value: &Json, is_instant: bool) -> Option<Value> {
    match value {
        Json::Bool(flag) => Some(Value::Flag(*flag)),
        Json::Number(number) => number.as_u64().map(Value::Number),
        Json::String(text) if is_instant => instant(text).map(Value::Instant),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Object(object) => {
            let number = |name: &str| object.get(name)?.as_i64();
            if let Some(hex) = object.get("hex") {
                from_hex(hex.as_str()?.as_bytes()).ok().map(Value::Bytes)
            } else if let (Some(minor), Some(currency)) = (number("minor"), number("currency")) {
                let currency = currency.try_into().ok()?;
                Some(Value::Money { minor, currency })
            } else if let (Some(mantissa), Some(exponent)) =
                (number("mantissa"), number("exponent"))
            {
                let exponent = exponent.try_into().ok()?;
                Some(Value::Rate { mantissa, exponent })
            } else {
                let tags = object.iter().map(|(tag, text)| {
                    let text = text.as_str()?.to_owned();
                    Some((tag.clone(), text))
                });
                tags.collect::<Option<_>>().map(Value::Tags)
            }
        }
        Json::Null | Json::Array(_) => None,
    }
}

/// Nanoseconds since 1970 of `2026-11-21T22:05:05.000000123Z`, as [`Wall`] is printed.
fn instant(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let date = Date::from_yyyymmdd(number(0, 4)? * 10_000 + number(5, 7)? * 100 + number(8, 10)?)?;
    let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    LocalTime::from_hhmmss(hours * 10_000 + minutes * 100 + seconds)?;
    let seconds = u64::from(hours * 3_600 + minutes * 60 + seconds);
    let days = u64::try_from(date.days()).ok()?;
    let ns = days
        .checked_mul(DAY_NS)?
        .checked_add(seconds * 1_000_000_000 + u64::from(number(20, 29)?))?;
    (Wall(ns).to_string() == text).then_some(ns)
}
