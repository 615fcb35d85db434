//! Generates a codec from our schema with `sbe_gen`, and a driver that writes the documented values
//! with it. Knows nothing of our own codec: names, types and nulls come from the schema.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use roxmltree::{Document, Node};
use serde_json::Value;

const SCHEMA: &str = "../../../src/wire/sbe/schema.xml";
const VALUES: &str = "../sbe_values.json";

fn main() {
    println!("cargo:rerun-if-changed={SCHEMA}");
    println!("cargo:rerun-if-changed={VALUES}");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let schema = fs::read_to_string(SCHEMA).expect("the schema");
    // The standard's attribute is `id`; sbe_gen reads `schemaId`.
    let for_tool = schema.replacen("id=\"17232\"", "id=\"17232\" schemaId=\"17232\"", 1);
    sbe_gen::generate_to(&for_tool, &out.join("sbe"), &Default::default()).expect("generated");

    let document = Document::parse(&schema).expect("XML");
    let values: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(VALUES).expect("the values")).expect("JSON");
    let mut driver = format!(
        "#[path = {:?}]\nmod sbe;\nuse sbe::types::*;\nuse zerocopy::byteorder::little_endian::*;\n\
         pub fn cases() -> Vec<(&'static str, Vec<u8>)> {{\nlet mut cases = Vec::new();\n",
        out.join("sbe/mod.rs")
    );
    for case in &values {
        let (name, template) = (text(&case["name"]), text(&case["template"]));
        let message = document
            .descendants()
            .find(|node| {
                node.tag_name().name() == "message" && node.attribute("name") == Some(template)
            })
            .unwrap_or_else(|| panic!("{template} is not in the schema"));
        driver += &builder(&document, message, name, case);
    }
    driver += "cases\n}\n";
    fs::write(out.join("driver.rs"), driver).expect("written");
}

/// The statements that write one case.
fn builder(document: &Document<'_>, message: Node<'_, '_>, name: &str, case: &Value) -> String {
    let template = text(&case["template"]);
    let mut left: HashMap<&str, &Value> = case["fields"]
        .as_object()
        .expect("fields")
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    let mut code = format!(
        "let mut b = sbe::{}::{template}Builder::new();\n",
        snake(template)
    );
    for node in message.children().filter(Node::is_element) {
        let field = node.attribute("name").expect("a name");
        let value = left.remove(field);
        let written = match node.tag_name().name() {
            "data" => format!("{}).expect(\"fits\")", data(field, value)),
            _ => format!(
                "{})",
                fixed(document, node.attribute("type").expect("a type"), value)
            ),
        };
        writeln!(code, "b.{}({written};", snake(field)).expect("a string");
    }
    assert!(left.is_empty(), "{name}: {left:?} is not in {template}");
    code + &format!("cases.push(({name:?}, b.finish_with_header()));\n")
}

/// Var data: text, or bytes in hexadecimal.
fn data(field: &str, value: Option<&Value>) -> String {
    let value = value.map_or("", text);
    let bytes = match field {
        "mac" | "wrappedKey" => (0..value.len() / 2)
            .map(|n| u8::from_str_radix(&value[2 * n..2 * n + 2], 16).expect("hexadecimal"))
            .collect(),
        _ => value.as_bytes().to_vec(),
    };
    format!("&{bytes:?}")
}

/// The Rust expression of a fixed field, with the null that the schema declares.
fn fixed(document: &Document<'_>, name: &str, value: Option<&Value>) -> String {
    let node = document
        .descendants()
        .find(|node| {
            node.parent()
                .is_some_and(|parent| parent.has_tag_name("types"))
                && node.attribute("name") == Some(name)
        })
        .unwrap_or_else(|| panic!("{name} is not declared"));
    match node.tag_name().name() {
        "enum" => match value {
            None => format!("{name}({})", number(declared(document, node), None)),
            Some(value) => {
                let text = text(value);
                let number = node
                    .children()
                    .find(|choice| choice.attribute("name") == Some(text))
                    .and_then(|choice| choice.text())
                    .unwrap_or_else(|| panic!("{text} is no {name}"));
                format!("{name}({number})")
            }
        },
        "composite" => {
            let parts: Vec<String> = node
                .children()
                .filter(Node::is_element)
                .map(|part| {
                    let field = part.attribute("name").expect("a name");
                    let value = value.map(|value| &value[field]);
                    format!("{field}: {}", number(part, value))
                })
                .collect();
            format!("{name} {{ {} }}", parts.join(", "))
        }
        _ => number(node, value),
    }
}

fn declared<'a>(document: &'a Document<'a>, node: Node<'_, '_>) -> Node<'a, 'a> {
    let name = node.attribute("encodingType");
    document
        .descendants()
        .find(|node| node.has_tag_name("type") && node.attribute("name") == name)
        .expect("the encoding is declared")
}

/// A primitive; `char` arrays are padded with spaces.
fn number(node: Node<'_, '_>, value: Option<&Value>) -> String {
    let null = node.attribute("nullValue").expect("a null");
    let number = value.map_or_else(|| null.to_owned(), Value::to_string);
    match node.attribute("primitiveType").expect("a primitive") {
        "char" => {
            let length: usize = node
                .attribute("length")
                .expect("a length")
                .parse()
                .expect("one");
            match value {
                None => format!("[{null}; {length}]"),
                Some(value) => format!("*b\"{:length$}\"", text(value)),
            }
        }
        "uint8" | "int8" => number,
        "uint16" => format!("U16::new({number})"),
        "uint32" => format!("U32::new({number})"),
        "uint64" => format!("U64::new({number})"),
        "int64" => format!("I64::new({number})"),
        other => panic!("{other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, character) in name.char_indices() {
        if character.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
