//! `message decode`: bytes to JSON. Secrets are masked unless a person asks for them.

use super::json::{self, Object};
use super::unframe::{self, Unframed, to_hex};
use super::{field_name, read_named};
use crate::cli::arguments::Decode;
use crate::cli::console::Console;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::control::ready_file::framing_name;
use crate::model::participant::Protocol;
use crate::model::refusal::Refused;
use crate::model::time::Date;
use crate::sys::clock::Clock;
use crate::wire::redact::mask_named;

pub(super) fn execute(arguments: &Decode, console: &mut Console<'_>) -> Ended {
    let given = super::input(console)?;
    let bytes = if arguments.hex {
        unframe::from_hex(&given).map_err(|problem| {
            Failure::new(
                Exit::Usage,
                format!("standard input is not hexadecimal: {problem}"),
            )
            .hint("leave out --hex where the input is bytes")
        })?
    } else {
        given
    };
    let protocol = arguments.protocol;
    let unframed = unframe::unframe(protocol, &bytes)?;
    let body = bytes
        .get(unframed.body.clone())
        .expect("the body is a part of the bytes");
    let mut object = head(protocol, &unframed);
    let refused = super::refusal(protocol, body, arguments.today());
    if let Ok(mut named) = read_named(protocol, body) {
        let masked = !arguments.unmask && mask_named(&mut named);
        object.put(json::message_key(protocol), named.message.clone());
        if masked {
            object.put("masked", true);
        }
        object.put_object("fields", json::fields(&named));
    }
    if let Some(refused) = &refused {
        object.put_object("refused", refusal(protocol, refused));
    }
    console.print_line(&object.pretty())?;
    match refused {
        None => Ok(Exit::Good),
        Some(refused) => Err(Failure::new(Exit::Failed, in_words(protocol, &refused))
            .hint(unframe::hint(protocol, &bytes, arguments.hex))),
    }
}

fn head(protocol: Protocol, unframed: &Unframed) -> Object {
    let mut object = Object::default();
    object.put("protocol", protocol.name());
    object.put("framing", unframed.framing.map(framing_name));
    if let Some(tpdu) = unframed.tpdu {
        object.put("tpdu", to_hex(&tpdu));
    }
    object
}

/// What a participant would be told.
fn refusal(protocol: Protocol, refused: &Refused) -> Object {
    let refusal = refused.refusal;
    let mut object = Object::default();
    object.put("fault", refusal.fault.name());
    object.put("reason", refusal.fault as u16);
    object.put("response_code", refusal.fault.response_code().to_string());
    object.put("field", refusal.field_id);
    if let Some(name) = field_name(protocol, refusal.field_id) {
        object.put("field_name", name);
    }
    object.put("offset", refusal.offset);
    object
}

fn in_words(protocol: Protocol, refused: &Refused) -> String {
    let refusal = refused.refusal;
    let field = match (refusal.field_id, field_name(protocol, refusal.field_id)) {
        (0, _) => "the message".to_owned(),
        (field, Some(name)) if protocol == Protocol::Sbe => format!("field {field} ({name})"),
        (field, Some(name)) => format!("DE {field} ({name})"),
        (field, None) => format!("field {field}"),
    };
    format!(
        "the message is refused with {}: {} in {field} at offset {} of the body",
        refusal.fault.response_code(),
        refusal.fault.name(),
        refusal.offset,
    )
}

impl Decode {
    /// The date of receipt: ISO 8583 dates have no year.
    fn today(&self) -> Date {
        self.date.unwrap_or_else(|| Clock.now().wall.date())
    }
}
