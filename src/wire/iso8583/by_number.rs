//! A body as a list of values by DE number, and back: for tools, from the same plans as the codec.
//!
//! Checks lengths and characters, never what values mean: `decode` does that. Numbers are digits,
//! bytes are hexadecimal digits, texts of a fixed length lose their padding; DE 48 is a list of
//! tags where it is one, and a text where it is not. Texts in another character set than ours are
//! bytes.

use crate::model::refusal::{Fault, Refused};
use crate::wire::iso8583::dialect::{Coding, Dialect, Form};
use crate::wire::iso8583::fields::{FIELD_MAX, FieldSet};
use crate::wire::iso8583::plan::{Check, FieldPlan, Prefix};
use crate::wire::iso8583::scan::{View, scan};
use crate::wire::iso8583::tags::{TAG_HEADER_BYTES, Tags};
use crate::wire::named::{Named, Unwritable, Value};

/// The field that is a list of tags.
const TAG_LIST: u8 = 48;

/// The values of a body.
pub fn read_named(dialect: &Dialect, body: &[u8]) -> Result<Named, Refused> {
    let (view, result) = scan(dialect, body);
    result.map_err(|refusal| Refused {
        refusal,
        match_key: view.match_key(),
        regarding: view.mti.unwrap_or(0),
        kind: None,
    })?;
    let mut named = Named {
        message: format!("{:04}", view.mti.unwrap_or(0)),
        fields: Vec::new(),
    };
    for field in (2..=FIELD_MAX).filter(|field| view.has(*field)) {
        named
            .fields
            .push((field.to_string(), read(dialect, &view, field)));
    }
    Ok(named)
}

/// The body that these values make: inverse of [`read_named`].
pub fn write_named(dialect: &Dialect, named: &Named) -> Result<Vec<u8>, Unwritable> {
    let mti = named.message.as_bytes();
    if mti.len() != 4 || !mti.iter().all(u8::is_ascii_digit) {
        return Err(Unwritable::new("mti", "use four digits, such as \"0200\""));
    }
    let mut fields = Vec::new();
    let mut present = FieldSet::default();
    for (name, value) in &named.fields {
        let field = (2..=FIELD_MAX)
            .find(|field| *name == field.to_string() && dialect.present().contains(*field))
            .ok_or_else(|| Unwritable::new(name, "the dialect has no such data element"))?;
        fields.push((field, value));
        present = present.with(field);
    }
    fields.sort_by_key(|(field, _)| *field);

    let mut body = Vec::new();
    match dialect.form() {
        Form::Ascii => body.extend(mti),
        Form::Binary => body.extend(packed(mti)),
    }
    let secondary = present.needs_secondary();
    let first = if secondary { 1 << 127 } else { 0 };
    let bitmap_bytes = if secondary { 16 } else { 8 };
    for byte in (present.0 | first).to_be_bytes().iter().take(bitmap_bytes) {
        match dialect.bitmap() {
            Coding::Ascii => body.extend(format!("{byte:02X}").bytes()),
            Coding::Binary => body.push(*byte),
        }
    }
    for (field, value) in fields {
        let plan = plan_of(dialect, field);
        write(plan, value, &mut body)
            .map_err(|problem| Unwritable::new(format!("DE {field}"), problem))?;
    }
    match scan(dialect, &body).1 {
        Ok(()) => Ok(body),
        Err(refusal) => Err(Unwritable::new(
            format!("DE {}", refusal.field_id),
            match refusal.fault {
                Fault::BadLength | Fault::Truncated => "the value has a length that it cannot have",
                Fault::BadBitmap => "a message has one data element at least",
                _ => "a character cannot be in this data element",
            },
        )),
    }
}

fn plan_of(dialect: &Dialect, field: u8) -> FieldPlan {
    let plan = dialect.plans().get(usize::from(field));
    plan.copied().unwrap_or(FieldPlan::ABSENT)
}

fn read(dialect: &Dialect, view: &View<'_, '_>, field: u8) -> Value {
    let plan = plan_of(dialect, field);
    let (bytes, count) = (view.bytes(field), view.count(field));
    let nibbles = || hex(bytes);
    let text = match plan.check {
        Check::BcdLeft => nibbles().split_off(count % 2),
        Check::BcdRight | Check::TrackBcd => {
            let mut digits = nibbles();
            digits.truncate(count);
            digits
        }
        Check::SignedBcd => {
            let (sign, digits) = bytes.split_at_checked(1).unwrap_or_default();
            format!("{}{}", String::from_utf8_lossy(sign), hex(digits))
        }
        Check::Bytes => nibbles(),
        Check::Chinese(_) if !bytes.is_ascii() => return Value::Bytes(bytes.to_vec()),
        Check::Code | Check::Utf8 if core::str::from_utf8(bytes).is_err() => {
            return Value::Bytes(bytes.to_vec());
        }
        Check::Digits
        | Check::Signed
        | Check::Track
        | Check::Letters
        | Check::Printable
        | Check::Utf8
        | Check::Code
        | Check::Chinese(_)
        | Check::Hex => String::from_utf8_lossy(bytes).into_owned(),
    };
    if field == TAG_LIST
        && let Some(tags) = tags_of(&text)
    {
        return Value::Tags(tags);
    }
    if plan.prefix == Prefix::None && is_padded(plan) {
        return Value::Text(text.trim_end_matches(' ').to_owned());
    }
    Value::Text(text)
}

/// The tags of a list, where writing them in order makes the same list again.
fn tags_of(list: &str) -> Option<Vec<(String, String)>> {
    Tags::parse(list.as_bytes(), 0).ok()?;
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(TAG_HEADER_BYTES)?;
        let (tag, length) = header.split_at_checked(2)?;
        let (value, after) = after.split_at_checked(length.parse().ok()?)?;
        if tags.last().is_some_and(|(last, _)| last.as_str() >= tag) {
            return None;
        }
        tags.push((tag.to_owned(), value.to_owned()));
        rest = after;
    }
    (!tags.is_empty()).then_some(tags)
}

/// Appends a field, its length first.
fn write(plan: FieldPlan, value: &Value, body: &mut Vec<u8>) -> Result<(), &'static str> {
    let text = match value {
        Value::Text(text) => text.clone().into_bytes(),
        Value::Number(number) => number.to_string().into_bytes(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Tags(tags) => list_of(tags)?,
        Value::Instant(_) | Value::Flag(_) | Value::Money { .. } | Value::Rate { .. } => {
            return Err("write it as text");
        }
    };
    let text = padded(plan, text);
    let is_hexadecimal = text.iter().all(u8::is_ascii_hexdigit);
    let (count, bytes) = match plan.check {
        Check::BcdLeft => (text.len(), packed(&led(&text))),
        Check::BcdRight => (text.len(), packed(&trailed(&text))),
        Check::TrackBcd => {
            let nibbles = text.iter().map(|b| if *b == b'=' { b'D' } else { *b });
            (text.len(), packed(&trailed(&nibbles.collect::<Vec<u8>>())))
        }
        Check::SignedBcd => {
            let (sign, digits) = text.split_at_checked(1).unwrap_or_default();
            (text.len(), [sign, &packed(&led(digits))].concat())
        }
        Check::Bytes if !is_hexadecimal || !text.len().is_multiple_of(2) => {
            return Err("write it as an even number of hexadecimal digits");
        }
        Check::Bytes => (text.len() / 2, packed(&text)),
        Check::Digits
        | Check::Signed
        | Check::Track
        | Check::Letters
        | Check::Printable
        | Check::Utf8
        | Check::Code
        | Check::Chinese(_)
        | Check::Hex => (text.len(), text.clone()),
    };
    let packs = matches!(
        plan.check,
        Check::BcdLeft | Check::BcdRight | Check::SignedBcd
    );
    if packs
        && !text
            .iter()
            .skip(usize::from(plan.check == Check::SignedBcd))
            .all(u8::is_ascii_digit)
        || plan.check == Check::TrackBcd
            && !text
                .iter()
                .all(|b| b.is_ascii_digit() || matches!(b, b'=' | b'D'))
    {
        return Err("a character cannot be in this data element");
    }
    if count > usize::from(plan.max)
        || (plan.prefix == Prefix::None && count != usize::from(plan.max))
    {
        return Err("the value has a length that it cannot have");
    }
    let length = format!("{count:04}").into_bytes();
    let digits = |skip: usize| length.get(skip..).unwrap_or_default().to_vec();
    match plan.prefix {
        Prefix::Absent | Prefix::None => {}
        Prefix::Ascii2 => body.extend(digits(2)),
        Prefix::Ascii3 => body.extend(digits(1)),
        Prefix::Bcd1 => body.extend(packed(&digits(2))),
        Prefix::Bcd2 => body.extend(packed(&digits(0))),
    }
    body.extend(bytes);
    Ok(())
}

/// Fixed texts are padded with spaces behind, fixed numbers with zeros in front.
fn padded(plan: FieldPlan, mut text: Vec<u8>) -> Vec<u8> {
    let missing = usize::from(plan.max).saturating_sub(text.len());
    if plan.prefix != Prefix::None {
        return text;
    }
    if is_padded(plan) {
        text.extend(core::iter::repeat_n(b' ', missing));
    } else if matches!(plan.check, Check::Digits | Check::BcdLeft) {
        text.splice(..0, core::iter::repeat_n(b'0', missing));
    }
    text
}

const fn is_padded(plan: FieldPlan) -> bool {
    matches!(
        plan.check,
        Check::Letters | Check::Printable | Check::Utf8 | Check::Chinese(_) | Check::Code
    )
}

fn list_of(tags: &[(String, String)]) -> Result<Vec<u8>, &'static str> {
    let mut list = String::new();
    for (tag, value) in tags {
        if tag.len() != 2 || !tag.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a tag has two digits");
        }
        if value.len() > 999 {
            return Err("a tag has 999 bytes at most");
        }
        list.push_str(&format!("{tag}{:03}{value}", value.len()));
    }
    Ok(list.into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// An even number of digits, with a zero in front if need be.
fn led(digits: &[u8]) -> Vec<u8> {
    let lead = if digits.len().is_multiple_of(2) {
        &[][..]
    } else {
        b"0"
    };
    [lead, digits].concat()
}

/// An even number of digits, with a zero behind if need be.
fn trailed(digits: &[u8]) -> Vec<u8> {
    let trail = if digits.len().is_multiple_of(2) {
        &[][..]
    } else {
        b"0"
    };
    [digits, trail].concat()
}

/// Two hexadecimal digits to a byte; other characters count as zero.
fn packed(digits: &[u8]) -> Vec<u8> {
    let nibble = |digit: u8| {
        let value = char::from(digit).to_digit(16).unwrap_or(0);
        u8::try_from(value).unwrap_or(0)
    };
    digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| (nibble(*high) << 4) | nibble(*low))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::message::Kind;
    use crate::wire::iso8583::dialect::Charset;
    use crate::wire::iso8583::encode;
    use crate::wire::sbe::samples::{self, Draw};

    fn dialects() -> [Dialect; 4] {
        let utf8 = Dialect::ascii().with_charset(Charset::Utf8).unwrap();
        let bitmap = Dialect::ascii().with_binary_bitmap().unwrap();
        [Dialect::ascii(), Dialect::binary(), utf8, bitmap]
    }

    #[test]
    fn messages_come_back_byte_for_byte() {
        let mut written = 0;
        let mut out = vec![0; 16 * 1024];
        for dialect in dialects() {
            for kind in Kind::ALL {
                for seed in 0..100 {
                    let message = samples::message(kind, &mut Draw(seed));
                    let Ok(encoded) = encode(&dialect, &message, &mut out) else {
                        continue;
                    };
                    let body = &out[..encoded.bytes];
                    let named = read_named(&dialect, body).unwrap();
                    assert_eq!(
                        write_named(&dialect, &named).as_deref(),
                        Ok(body),
                        "{named:?}"
                    );
                    written += 1;
                }
            }
        }
        assert!(written > 400, "only {written} were written");
    }

    /// A value of `count` digits, characters or bytes.
    fn sample(check: Check, count: usize) -> String {
        let repeat = |text: &str| text.chars().cycle().take(count).collect::<String>();
        match check {
            Check::Digits | Check::BcdLeft | Check::BcdRight => repeat("1234567890"),
            Check::Signed | Check::SignedBcd => repeat("123").replacen('1', "C", 1),
            Check::Track => repeat("12=34"),
            Check::TrackBcd => repeat("12D34"),
            Check::Letters | Check::Printable | Check::Utf8 | Check::Code => repeat("aB1"),
            Check::Hex => repeat("0A"),
            Check::Bytes => repeat("0A") + &repeat("0A"),
            Check::Chinese(_) => repeat("~"),
        }
    }

    #[test]
    fn every_field_of_every_dialect_comes_back() {
        for dialect in dialects() {
            for field in (2..=FIELD_MAX).filter(|field| *field != 65) {
                let plan = plan_of(&dialect, field);
                let most = usize::from(plan.max);
                let least = match (plan.prefix, plan.check) {
                    (Prefix::None, _) => most,
                    (_, Check::Hex) => 2,
                    (_, Check::SignedBcd) => 3,
                    _ => 1,
                };
                for count in [least, most] {
                    let named = Named {
                        message: "0200".to_owned(),
                        fields: vec![(field.to_string(), Value::Text(sample(plan.check, count)))],
                    };
                    let body = write_named(&dialect, &named);
                    let body = body.unwrap_or_else(|error| panic!("{field} {count}: {error}"));
                    assert_eq!(read_named(&dialect, &body), Ok(named), "{dialect:?}");
                }
            }
        }
    }

    #[test]
    fn short_numbers_and_texts_are_padded_and_tags_are_a_list() {
        let tags = [("01", "C"), ("07", "Caf\u{e9}")];
        let tags = tags.map(|(tag, text)| (tag.to_owned(), text.to_owned()));
        let named = Named {
            message: "0200".to_owned(),
            fields: vec![
                ("48".to_owned(), Value::Tags(tags.to_vec())),
                ("41".to_owned(), Value::Text("T1".to_owned())),
                ("4".to_owned(), Value::Number(1_234)),
            ],
        };
        let body = write_named(&Dialect::ascii(), &named).unwrap();
        let text = String::from_utf8(body).unwrap();
        assert_eq!(
            text,
            "02001000000000810000000000001234T1      01601001C07005Caf\u{e9}"
        );
        let read = read_named(&Dialect::ascii(), text.as_bytes()).unwrap();
        let value = |name: &str| read.value(name).cloned().unwrap();
        assert_eq!(value("4"), Value::Text("000000001234".to_owned()));
        assert_eq!(value("41"), Value::Text("T1".to_owned()));
        assert_eq!(value("48"), Value::Tags(tags.to_vec()));
        // A list out of order would not come back: it stays a text.
        assert_eq!(tags_of("02001101001C"), None);
    }

    #[test]
    fn what_is_no_value_of_a_field_is_refused_by_its_number() {
        for (mti, field, value, expected) in [
            ("200", "3", "0", "mti: use four digits"),
            ("0200", "1", "0", "1: the dialect has no such data element"),
            (
                "0200",
                "129",
                "0",
                "129: the dialect has no such data element",
            ),
            (
                "0200",
                "03",
                "0",
                "03: the dialect has no such data element",
            ),
            ("0200", "3", "0000000", "DE 3: the value has a length"),
            ("0200", "3", "00x000", "DE 3: a character"),
            ("0200", "2", "", "DE 2: the value has a length"),
            (
                "0200",
                "2",
                "12345678901234567890",
                "DE 2: the value has a length",
            ),
            ("0200", "64", "abc", "DE 64: "),
            ("0200", "37", "a\nb", "DE 37: a character"),
        ] {
            for dialect in [Dialect::ascii(), Dialect::binary()] {
                let named = Named {
                    message: mti.to_owned(),
                    fields: vec![(field.to_owned(), Value::Text(value.to_owned()))],
                };
                let error = write_named(&dialect, &named).unwrap_err().to_string();
                assert!(error.starts_with(expected), "{error}");
            }
        }
    }
}
