//! A body as a list of values by field name, and back: for tools, from the layout of the codec.
//!
//! Checks lengths and forms, never what values mean: `decode` does that.

use crate::model::chars::Chars;
use crate::model::keys::Class;
use crate::model::message::Kind;
use crate::model::outcome::{CodeKind, KycLevel, Outcome, Presentation, Reason, Scenario, State};
use crate::model::refusal::Refused;
use crate::wire::named::{Named, Unwritable, Value};
use crate::wire::sbe::layout::{self, DATA_BYTES_MAX, Field, Form, HEADER_BYTES, Template};
use crate::wire::sbe::view::{View, split_data};

/// The values of a body, nulls left out.
pub fn read_named(body: &[u8]) -> Result<Named, Refused> {
    let view = View::of(body)?;
    let template = view.template;
    let mut named = Named {
        message: format!("{:?}", template.kind),
        fields: Vec::new(),
    };
    let mut block = body.get(HEADER_BYTES..).unwrap_or_default();
    for field in template.fields {
        let Some((bytes, rest)) = block.split_at_checked(field.bytes()) else {
            break;
        };
        if let Some(value) = read(*field, bytes) {
            named.fields.push((field.name.to_owned(), value));
        }
        block = rest;
    }
    let mut data = view.data();
    for field in template.data {
        let Some((bytes, rest)) = split_data(data) else {
            break;
        };
        if !bytes.is_empty() {
            let value = read_data(*field, bytes);
            named.fields.push((field.name.to_owned(), value));
        }
        data = rest;
    }
    Ok(named)
}

/// The body that these values make: inverse of [`read_named`].
pub fn write_named(named: &Named) -> Result<Vec<u8>, Unwritable> {
    let template = Kind::ALL
        .into_iter()
        .find(|kind| format!("{kind:?}") == named.message)
        .and_then(|kind| layout::template(kind.template_id()))
        .ok_or_else(|| Unwritable::new("message", format!("no template `{}`", named.message)))?;
    if let Some((name, _)) = named.fields.iter().find(|(name, _)| !knows(template, name)) {
        let problem = format!("{} has no such field", named.message);
        return Err(Unwritable::new(name.clone(), problem));
    }
    let block_bytes = u16::try_from(template.block_bytes).expect("a block is shorter than 64 KiB");
    let id = template.kind.template_id();
    let mut body = Vec::new();
    for number in [block_bytes, id, layout::SCHEMA_ID, layout::VERSION] {
        body.extend(number.to_le_bytes());
    }
    for field in template.fields {
        let value = named.value(field.name);
        let written = write(*field, value, &mut body);
        written.ok_or_else(|| Unwritable::new(field.name, expected(*field)))?;
    }
    for field in template.data {
        let bytes = match named.value(field.name) {
            None => &[][..],
            Some(Value::Text(text)) => text.as_bytes(),
            Some(Value::Bytes(bytes)) => bytes,
            Some(_) => return Err(Unwritable::new(field.name, "write it as text")),
        };
        let length = u16::try_from(bytes.len())
            .ok()
            .filter(|_| bytes.len() <= DATA_BYTES_MAX)
            .ok_or_else(|| Unwritable::new(field.name, "it is too long"))?;
        body.extend(length.to_le_bytes());
        body.extend(bytes);
    }
    Ok(body)
}

fn knows(template: &Template, name: &str) -> bool {
    template
        .fields
        .iter()
        .chain(template.data)
        .any(|field| field.name == name)
}

/// What JSON holds for a field, for people who got it wrong.
fn expected(field: Field) -> String {
    let words = words(field);
    match field.form {
        _ if field == layout::REPEAT => "use true or false".to_owned(),
        Form::U8 if !words.is_empty() => {
            let words: Vec<_> = words.iter().map(|(_, word)| *word).collect();
            format!("use one of {}", words.join(", "))
        }
        Form::U8 | Form::U16 | Form::U32 | Form::U64 => {
            format!(
                "use a number of {} bytes that is not its null",
                field.bytes()
            )
        }
        Form::Chars(length) => format!("use up to {length} printable ASCII characters"),
        Form::Money => r#"use {"minor": 1234, "currency": 156}"#.to_owned(),
        Form::Rate => r#"use {"mantissa": 71234, "exponent": -4}"#.to_owned(),
        Form::Data => "use text".to_owned(),
    }
}

/// The enumerators of a field, with their words; none where it has no enumerators.
fn words(field: Field) -> Vec<(u8, &'static str)> {
    macro_rules! of {
        ($type:ty) => {
            <$type>::ALL
                .iter()
                .map(|it| (*it as u8, it.name()))
                .collect()
        };
    }
    match field {
        layout::OUTCOME => of!(Outcome),
        layout::STATE => of!(State),
        layout::PRESENTATION => of!(Presentation),
        layout::SCENARIO => of!(Scenario),
        layout::CODE_KIND => of!(CodeKind),
        layout::KYC_LEVEL => of!(KycLevel),
        layout::REASON => of!(Reason),
        layout::TARGET_CLASS => vec![
            (Class::Payment as u8, "payment"),
            (Class::Refund as u8, "refund"),
            (Class::CodeInquiry as u8, "code-inquiry"),
        ],
        _ => Vec::new(),
    }
}

fn is_instant(field: Field) -> bool {
    field == layout::TRANSMIT_TIME || field == layout::QUOTE_EXPIRY
}

/// A field of the block; `None` where it is null.
fn read(field: Field, bytes: &[u8]) -> Option<Value> {
    let number = bytes
        .iter()
        .rev()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte));
    match field.form {
        Form::U8 => (number != u64::from(u8::MAX)).then(|| {
            let words = words(field);
            let word = words.iter().find(|(value, _)| u64::from(*value) == number);
            match (word, number) {
                (Some((_, word)), _) => Value::Text((*word).to_owned()),
                (None, 0 | 1) if field == layout::REPEAT => Value::Flag(number == 1),
                (None, _) => Value::Number(number),
            }
        }),
        Form::U16 => (number != u64::from(u16::MAX)).then_some(Value::Number(number)),
        Form::U32 => (number != u64::from(u32::MAX)).then_some(Value::Number(number)),
        Form::U64 if is_instant(field) => (number != u64::MAX).then_some(Value::Instant(number)),
        Form::U64 => (number != u64::MAX).then_some(Value::Number(number)),
        Form::Chars(_) => (bytes.first() != Some(&0)).then(|| {
            let text = String::from_utf8_lossy(bytes.trim_ascii_end());
            Value::Text(text.into_owned())
        }),
        Form::Money => {
            let (minor, rest) = bytes.split_first_chunk()?;
            let minor = i64::from_le_bytes(*minor);
            let currency = u16::from_le_bytes(*rest.first_chunk()?);
            (minor != i64::MIN).then_some(Value::Money { minor, currency })
        }
        Form::Rate => {
            let (mantissa, rest) = bytes.split_first_chunk()?;
            let mantissa = i64::from_le_bytes(*mantissa);
            let exponent = i8::from_le_bytes(*rest.first_chunk()?);
            (mantissa != i64::MIN).then_some(Value::Rate { mantissa, exponent })
        }
        Form::Data => None,
    }
}

fn read_data(field: Field, bytes: &[u8]) -> Value {
    match core::str::from_utf8(bytes) {
        Ok(text) if field != layout::MAC && field != layout::WRAPPED_KEY => {
            Value::Text(text.to_owned())
        }
        Ok(_) | Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// Appends a field of the block; `None` where the value is not one of the field's.
fn write(field: Field, value: Option<&Value>, body: &mut Vec<u8>) -> Option<()> {
    match (field.form, value) {
        (Form::Money, None) => {
            body.extend(i64::MIN.to_le_bytes());
            body.extend(u16::MAX.to_le_bytes());
        }
        (Form::Rate, None) => {
            body.extend(i64::MIN.to_le_bytes());
            body.extend(i8::MIN.to_le_bytes());
        }
        (Form::Chars(length), None) => body.extend(core::iter::repeat_n(0, length)),
        (_, None) => body.extend(core::iter::repeat_n(0xff, field.bytes())),
        (Form::Chars(length), Some(Value::Text(text))) => {
            // Of any width: the longest field is a payer token.
            let padded = Chars::<32>::padded(text.as_bytes())?;
            let (kept, beyond) = padded.bytes().split_at_checked(length)?;
            body.extend(kept);
            return beyond.iter().all(|byte| *byte == b' ').then_some(());
        }
        (Form::Money, Some(Value::Money { minor, currency })) => {
            body.extend(minor.to_le_bytes());
            body.extend(currency.to_le_bytes());
        }
        (Form::Rate, Some(Value::Rate { mantissa, exponent })) => {
            body.extend(mantissa.to_le_bytes());
            body.extend(exponent.to_le_bytes());
        }
        (Form::U8, Some(Value::Flag(flag))) if field == layout::REPEAT => {
            body.push(u8::from(*flag));
        }
        (Form::U8, Some(Value::Text(text))) => {
            let words = words(field);
            let (number, _) = words.iter().find(|(_, word)| word == text)?;
            body.push(*number);
        }
        (
            Form::U8 | Form::U16 | Form::U32 | Form::U64,
            Some(Value::Number(number) | Value::Instant(number)),
        ) => {
            let bytes = number.to_le_bytes();
            let (kept, beyond) = bytes.split_at_checked(field.bytes())?;
            let null = kept.iter().all(|byte| *byte == 0xff);
            body.extend(kept);
            return (!null && beyond.iter().all(|byte| *byte == 0)).then_some(());
        }
        (_, Some(_)) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::FRAME_BYTES_MAX;
    use crate::wire::sbe::samples::{self, Draw};

    #[test]
    fn what_is_read_by_name_is_written_again_byte_for_byte() {
        let mut out = vec![0; FRAME_BYTES_MAX];
        for kind in Kind::ALL {
            for seed in 0..200 {
                let message = samples::message(kind, &mut Draw(seed));
                let bytes = crate::wire::sbe::encode(&message, &mut out).unwrap().bytes;
                let body = &out[..bytes];
                let named = read_named(body).unwrap();
                assert_eq!(write_named(&named).as_deref(), Ok(body), "{named:?}");
            }
        }
    }

    #[test]
    fn what_is_no_value_of_a_field_is_refused_by_its_name() {
        let value = |value: &str| Value::Text(value.to_owned());
        for (name, value, expected) in [
            (
                "linkRef",
                value("x"),
                "linkRef: use a number of 8 bytes that is not its null",
            ),
            (
                "linkRef",
                Value::Number(u64::MAX),
                "linkRef: use a number of 8 bytes",
            ),
            (
                "nothing",
                value("x"),
                "nothing: StatusResult has no such field",
            ),
            (
                "outcome",
                value("good"),
                "outcome: use one of approved, declined, reversed",
            ),
            (
                "reference",
                value("ABC\n"),
                "reference: use up to 12 printable",
            ),
            (
                "approvalCode",
                value("1234567"),
                "approvalCode: use up to 6 printable",
            ),
            (
                "amount",
                Value::Number(1),
                "amount: use {\"minor\": 1234, \"currency\": 156}",
            ),
            (
                "localDate",
                Value::Number(1 << 32),
                "localDate: use a number of 4 bytes",
            ),
        ] {
            let named = Named {
                message: "StatusResult".to_owned(),
                fields: vec![(name.to_owned(), value)],
            };
            let error = write_named(&named).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = write_named(&Named::default()).unwrap_err();
        assert_eq!(error.to_string(), "message: no template ``");
    }
}
