//! Masking of values by name or number: the same rules as for messages, over what tools read.

use super::{Secrets, Text, mask};
use crate::wire::named::{Named, Value};

/// How much of a value may be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// All of it.
    Open,
    /// Free text: its runs of digits may be account numbers.
    Free,
    /// The last four characters.
    Token,
    /// Its length.
    Withheld,
}

/// Masks what may not be seen, and says whether anything was.
pub fn mask_named(named: &mut Named) -> bool {
    let mut masked = false;
    for (name, value) in &mut named.fields {
        if let Value::Tags(tags) = value {
            for (tag, text) in tags {
                masked |= mask_text(rule_of_tag(tag), text);
            }
            continue;
        }
        let rule = rule_of(name);
        match (rule, &mut *value) {
            (Rule::Open, _) => {}
            (_, Value::Text(text)) => masked |= mask_text(rule, text),
            (_, Value::Bytes(bytes)) => {
                *value = Value::Text(withheld(bytes.len()));
                masked = true;
            }
            (_, other) => {
                *other = Value::Text(withheld(0));
                masked = true;
            }
        }
    }
    masked
}

/// Whether a text looks as masking leaves it.
pub fn is_masked(text: &str) -> bool {
    text.starts_with("****") || (text.starts_with('[') && text.ends_with("withheld]"))
}

fn mask_text(rule: Rule, text: &mut String) -> bool {
    let shown = match rule {
        Rule::Open => return false,
        Rule::Free => Text::new(text.as_bytes(), Secrets::Masked).to_string(),
        Rule::Token => mask(text.as_bytes()).to_string(),
        Rule::Withheld => withheld(text.len()),
    };
    let changed = shown != *text;
    *text = shown;
    changed
}

fn withheld(bytes: usize) -> String {
    format!("[{bytes} bytes withheld]")
}

/// By the SBE schema's names and the ISO 8583:1987 numbers of data elements.
fn rule_of(name: &str) -> Rule {
    match name {
        "code" | "quote" | "mac" | "wrappedKey" => Rule::Withheld,
        "payerToken" => Rule::Token,
        "text" | "merchantName" => Rule::Free,
        // Account numbers and what identifies an account.
        "2" | "34" | "102" | "103" => Rule::Token,
        // Expiry, tracks, PIN data, chip data, payment codes, MACs.
        "14" | "35" | "36" | "45" | "52" | "53" | "55" | "62" | "63" | "64" | "128" => {
            Rule::Withheld
        }
        // Free text and private data that none of our messages explains.
        "43" | "44" | "46" | "47" | "48" | "54" => Rule::Free,
        number => match number.parse() {
            Ok(56..=61_u8 | 104..=127) => Rule::Free,
            Ok(_) | Err(_) => Rule::Open,
        },
    }
}

/// By the tags of DE 48: 04 payer token, 05 quote, 07 merchant's name, 27 wrapped key.
fn rule_of_tag(tag: &str) -> Rule {
    match tag {
        "04" => Rule::Token,
        "05" | "27" => Rule::Withheld,
        "01" | "02" | "03" | "06" | "08" | "09" | "10" | "11" | "12" | "13" | "14" | "15" => {
            Rule::Open
        }
        "20" | "21" | "22" | "23" | "24" | "25" | "26" => Rule::Open,
        _ => Rule::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_by_name_number_and_tag() {
        let text = |text: &str| Value::Text(text.to_owned());
        let tag = |tag: &str, text: &str| (tag.to_owned(), text.to_owned());
        let tags = |token: &str, quote: &str| {
            let known = [tag("01", "C"), tag("04", token), tag("05", quote)];
            let unknown = [tag("77", "call 12345678901234")];
            Value::Tags(known.into_iter().chain(unknown).collect())
        };
        for (name, value, expected) in [
            (
                "code",
                text("281234567890123456"),
                text("[18 bytes withheld]"),
            ),
            ("payerToken", text("tok_0123456789abcdef"), text("****cdef")),
            (
                "mac",
                Value::Bytes(vec![1, 2, 3]),
                text("[3 bytes withheld]"),
            ),
            ("text", text("acct 123456789012"), text("acct ****9012")),
            (
                "62",
                text("281234567890123456"),
                text("[18 bytes withheld]"),
            ),
            ("2", text("62220212345678"), text("****5678")),
            ("120", text("acct 123456789012"), text("acct ****9012")),
        ] {
            let mut named = Named {
                message: String::new(),
                fields: vec![(name.to_owned(), value)],
            };
            assert!(mask_named(&mut named), "{name}");
            assert_eq!(named.value(name), Some(&expected), "{name}");
        }
        let mut named = Named {
            message: "0200".to_owned(),
            fields: vec![("48".to_owned(), tags("tok_0123456789abcdef", "AQIDBA"))],
        };
        assert!(mask_named(&mut named));
        let Some(Value::Tags(masked)) = named.value("48") else {
            unreachable!("as it was");
        };
        let shown: Vec<_> = masked.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            shown,
            ["C", "****cdef", "[6 bytes withheld]", "call ****1234"]
        );
    }

    #[test]
    fn what_is_nobodys_secret_stays() {
        let mut named = Named {
            message: "PaymentResult".to_owned(),
            fields: vec![
                ("linkRef".to_owned(), Value::Number(12_345_678_901_234)),
                (
                    "reference".to_owned(),
                    Value::Text("123456789012".to_owned()),
                ),
                ("37".to_owned(), Value::Text("123456789012".to_owned())),
                ("text".to_owned(), Value::Text("good".to_owned())),
            ],
        };
        let before = named.clone();
        assert!(!mask_named(&mut named));
        assert_eq!(named, before);
        assert!(is_masked("[18 bytes withheld]") && is_masked("****cdef") && !is_masked("x"));
    }
}
