//! `message encode`: the JSON that `decode` writes, back to bytes.

use serde_json::Value as Json;

use super::unframe::{from_hex, to_hex};
use super::{json, write_named};
use crate::cli::arguments::Encode;
use crate::cli::console::Console;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::control::ready_file::framing_name;
use crate::model::participant::Protocol;
use crate::wire::frame::{Framing, Tpdu};
use crate::wire::named::{Named, Unwritable, Value};
use crate::wire::redact::is_masked;

pub(super) fn execute(arguments: &Encode, console: &mut Console<'_>) -> Ended {
    let given = super::input(console)?;
    let document: Json = serde_json::from_slice(&given).map_err(|error| {
        Failure::new(Exit::Failed, format!("standard input is not JSON: {error}"))
            .hint("`message decode` shows what is expected")
    })?;
    let protocol = arguments.protocol;
    let framing = framing(&document)?;
    let named = named(protocol, &document)?;
    let body = write_named(protocol, &named).map_err(unwritable)?;
    let bytes = match framing {
        None => body,
        Some((framing, tpdu)) => framed(framing, tpdu, &body)?,
    };
    if arguments.hex {
        console.print_line(&to_hex(&bytes))?;
    } else {
        console.write(&bytes)?;
    }
    Ok(Exit::Good)
}

fn named(protocol: Protocol, document: &Json) -> Result<Named, Failure> {
    if let Some(other) = document.get("protocol").and_then(Json::as_str)
        && other != protocol.name()
    {
        let problem = format!("the JSON is of protocol {other}, and --protocol says otherwise");
        return Err(Failure::new(Exit::Failed, problem)
            .hint("fields have other names in other protocols: a message is not translated here"));
    }
    let key = json::message_key(protocol);
    let message = document.get(key).and_then(Json::as_str).ok_or_else(|| {
        let example = if key == "mti" {
            "\"0200\""
        } else {
            "\"PaymentRequest\""
        };
        Failure::new(Exit::Failed, format!("`{key}` is missing"))
            .hint(format!("write \"{key}\": {example}"))
    })?;
    let fields = document.get("fields").cloned().unwrap_or_default();
    let named = json::named(protocol, message, &fields).map_err(unwritable)?;
    let masked = document.get("masked") == Some(&Json::Bool(true));
    let secret = named.fields.iter().find(|(_, value)| has_masked(value));
    if masked || secret.is_some() {
        let field = secret.map_or_else(String::new, |(name, _)| format!(", such as `{name}`"));
        let problem = format!("the JSON has masked fields{field}");
        return Err(Failure::new(Exit::Failed, problem)
            .hint("decode with --unmask, or give values of your own and remove \"masked\""));
    }
    Ok(named)
}

fn has_masked(value: &Value) -> bool {
    match value {
        Value::Text(text) => is_masked(text),
        Value::Tags(tags) => tags.iter().any(|(_, text)| is_masked(text)),
        Value::Number(_)
        | Value::Instant(_)
        | Value::Flag(_)
        | Value::Bytes(_)
        | Value::Money { .. }
        | Value::Rate { .. } => false,
    }
}

fn unwritable(error: Unwritable) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("the message cannot be written: {error}"),
    )
    .hint("`message decode` shows how each field is written")
}

/// Every framing that JSON may name.
const FRAMINGS: [Framing; 5] = [
    Framing::Sofh,
    Framing::LEN2,
    Framing::LEN2.with_tpdu(),
    Framing::LEN4,
    Framing::LEN4.with_tpdu(),
];

/// The framing that the JSON names; `None`: bare.
fn framing(document: &Json) -> Result<Option<(Framing, Option<Tpdu>)>, Failure> {
    let Some(name) = document.get("framing").filter(|name| !name.is_null()) else {
        return Ok(None);
    };
    let known = |framing: &Framing| Some(framing_name(*framing)) == name.as_str();
    let framing = FRAMINGS.into_iter().find(known).ok_or_else(|| {
        let names = FRAMINGS.map(framing_name).join(", ");
        Failure::new(Exit::Failed, format!("no framing is called {name}"))
            .hint(format!("use one of {names}, or null"))
    })?;
    let tpdu = document
        .get("tpdu")
        .map(|tpdu| {
            let bytes = tpdu
                .as_str()
                .and_then(|text| from_hex(text.as_bytes()).ok());
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| {
                    Failure::new(Exit::Failed, "`tpdu` is not ten hexadecimal digits")
                        .hint("write \"tpdu\": \"6000000000\", or leave it out")
                })
        })
        .transpose()?;
    Ok(Some((framing, tpdu)))
}

fn framed(framing: Framing, tpdu: Option<Tpdu>, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut frame = vec![0; framing.header_bytes() + body.len()];
    let header_bytes = framing
        .write_header(&mut frame, body.len(), tpdu)
        .ok_or_else(|| {
            let name = framing_name(framing);
            Failure::new(
                Exit::Failed,
                format!("{} bytes do not fit a {name} frame", body.len()),
            )
        })?;
    frame.truncate(header_bytes);
    frame.extend(body);
    Ok(frame)
}
