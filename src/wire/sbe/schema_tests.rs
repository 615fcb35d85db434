//! The code is what the schema says: ids, names, order, offsets, lengths, nulls, enumerators.

use roxmltree::{Document, Node};

use crate::model::keys::Class;
use crate::model::message::Kind;
use crate::model::outcome::{CodeKind, KycLevel, Outcome, Presentation, Reason, Scenario, State};
use crate::wire::sbe::layout::{self, Field, Form};
use crate::wire::sbe::{SCHEMA_XML, field_name};

fn schema() -> Document<'static> {
    Document::parse(SCHEMA_XML).unwrap()
}

fn elements<'a>(node: Node<'a, 'a>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.has_tag_name(tag))
}

fn messages<'a>(document: &'a Document<'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    let root = document.root_element();
    root.children()
        .filter(|node| node.tag_name().name() == "message")
}

fn number(node: Node<'_, '_>, attribute: &str) -> usize {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// The declaration of a type: `<type>`, `<composite>` or `<enum>`.
fn declared<'a>(document: &'a Document<'a>, name: &str) -> Node<'a, 'a> {
    let types = elements(document.root_element(), "types").next().unwrap();
    let mut found = types
        .children()
        .filter(|node| node.attribute("name") == Some(name));
    let node = found
        .next()
        .unwrap_or_else(|| panic!("{name} is not declared"));
    assert!(found.next().is_none(), "{name} is declared twice");
    node
}

/// How a type of the schema is read by us, told from its declaration with all nulls.
fn form<'a>(document: &'a Document<'a>, name: &str) -> Form {
    let node = declared(document, name);
    if node.has_tag_name("enum") {
        return form(document, node.attribute("encodingType").unwrap());
    }
    if node.has_tag_name("composite") {
        let parts: Vec<_> = elements(node, "type")
            .map(|part| {
                (
                    part.attribute("primitiveType").unwrap(),
                    part.attribute("nullValue"),
                )
            })
            .collect();
        let least = Some("-9223372036854775808");
        return match parts[..] {
            [("int64", i64), ("uint16", Some("65535"))] if i64 == least => Form::Money,
            [("int64", i64), ("int8", Some("-128"))] if i64 == least => Form::Rate,
            [("uint16", None), ("uint8", None)] => Form::Data,
            _ => panic!("{name}: {parts:?}"),
        };
    }
    let null = node.attribute("nullValue").unwrap();
    match (node.attribute("primitiveType").unwrap(), null) {
        ("uint8", "255") => Form::U8,
        ("uint16", "65535") => Form::U16,
        ("uint32", "4294967295") => Form::U32,
        ("uint64", "18446744073709551615") => Form::U64,
        ("char", "0") => Form::Chars(number(node, "length")),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_schema_is_the_one_that_the_code_names() {
    let document = schema();
    let root = document.root_element();
    assert_eq!(root.attribute("package"), Some("cpg"));
    assert_eq!(root.attribute("byteOrder"), Some("littleEndian"));
    assert_eq!(number(root, "id"), usize::from(layout::SCHEMA_ID));
    assert_eq!(number(root, "version"), usize::from(layout::VERSION));
    for (name, fields) in [
        (
            "messageHeader",
            &["blockLength", "templateId", "schemaId", "version"][..],
        ),
        ("groupSizeEncoding", &["blockLength", "numInGroup"]),
    ] {
        let parts: Vec<_> = elements(declared(&document, name), "type")
            .map(|part| {
                (
                    part.attribute("name").unwrap(),
                    part.attribute("primitiveType"),
                )
            })
            .collect();
        let expected: Vec<_> = fields
            .iter()
            .map(|field| (*field, Some("uint16")))
            .collect();
        assert_eq!(parts, expected);
    }
    for name in ["varDataEncoding", "varTextEncoding"] {
        let length = elements(declared(&document, name), "type").next().unwrap();
        assert_eq!(number(length, "maxValue"), layout::DATA_BYTES_MAX);
    }
}

#[test]
fn every_template_is_the_schema_s() {
    let document = schema();
    let mut kinds = Vec::new();
    for message in messages(&document) {
        let name = message.attribute("name").unwrap();
        let id = u16::try_from(number(message, "id")).unwrap();
        let template = layout::template(id).unwrap_or_else(|| panic!("{name} is unknown"));
        assert_eq!(format!("{:?}", template.kind), name);
        assert_eq!(template.kind.template_id(), id);
        assert_eq!(
            template.block_bytes,
            number(message, "blockLength"),
            "{name}"
        );
        kinds.push(template.kind);

        let field = |node: Node<'_, '_>| {
            let name = node.attribute("name").unwrap();
            let form = form(&document, node.attribute("type").unwrap());
            (
                u16::try_from(number(node, "id")).unwrap(),
                name.to_owned(),
                form,
            )
        };
        let ours = |field: &Field| (field.id, field.name.to_owned(), field.form);
        let fields: Vec<_> = elements(message, "field").map(field).collect();
        assert_eq!(
            template.fields.iter().map(ours).collect::<Vec<_>>(),
            fields,
            "{name}"
        );
        let data: Vec<_> = elements(message, "data").map(field).collect();
        assert_eq!(
            template.data.iter().map(ours).collect::<Vec<_>>(),
            data,
            "{name}"
        );
        assert!(data.last().is_some_and(|(_, name, _)| name == "mac"));

        for (n, node) in elements(message, "field").enumerate() {
            assert_eq!(template.offset(n), number(node, "offset"), "{name} {n}");
            assert!(matches!(
                node.attribute("presence"),
                Some("required" | "optional")
            ));
        }
    }
    assert_eq!(kinds, Kind::ALL);
    assert!((0..=u16::MAX).filter_map(layout::template).count() == kinds.len());
}

#[test]
fn participants_read_the_same_tables() {
    let page = include_str!("../PROTOCOL-sbe.md");
    let document = schema();
    for message in messages(&document) {
        let of = |node: Node<'_, '_>, attribute| node.attribute(attribute).unwrap().to_owned();
        let template = layout::template(u16::try_from(number(message, "id")).unwrap()).unwrap();
        let mut table = format!(
            "\n### {} {}, block {}\n\n\
             | field | id | offset | bytes | type | |\n|---|---|---|---|---|---|\n",
            of(message, "id"),
            of(message, "name"),
            of(message, "blockLength"),
        );
        for (node, field) in elements(message, "field").zip(template.fields) {
            let [name, id, offset, kind] = ["name", "id", "offset", "type"].map(|it| of(node, it));
            let null = match node.attribute("presence") {
                Some("optional") => " null",
                _ => "",
            };
            let bytes = field.bytes();
            table += &format!("| {name} | {id} | {offset} | {bytes} | {kind} |{null} |\n");
        }
        let data: Vec<_> = elements(message, "data")
            .map(|node| format!("{} ({})", of(node, "name"), of(node, "id")))
            .collect();
        table += &format!("\nVar data: {}\n", data.join(", "));
        assert!(page.contains(&table), "{table}");
    }
}

#[test]
fn a_field_keeps_one_id_and_an_id_one_form() {
    let templates = || Kind::ALL.map(|kind| layout::template(kind.template_id()).unwrap());
    let all: Vec<Field> = templates()
        .iter()
        .flat_map(|template| template.fields.iter().chain(template.data).copied())
        .collect();
    for field in &all {
        for other in &all {
            assert_eq!(field.id == other.id, field == other, "{field:?} {other:?}");
        }
        assert_eq!(field_name(field.id), Some(field.name));
    }
    for template in templates() {
        let mut ids: Vec<u16> = template
            .fields
            .iter()
            .chain(template.data)
            .map(|it| it.id)
            .collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            ids.len(),
            count,
            "a field appears twice in {:?}",
            template.kind
        );
    }
}

#[test]
fn every_enumerator_is_the_schema_s() {
    // The house's words have hyphens, the schema's have humps.
    fn humped(name: &str) -> String {
        let mut words = name.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |sum, word| {
            let (head, tail) = word.split_at(1);
            sum + &head.to_uppercase() + tail
        })
    }
    fn ours<T: Copy>(
        all: &[T],
        value: fn(T) -> u8,
        name: fn(T) -> &'static str,
    ) -> Vec<(u8, String)> {
        all.iter()
            .map(|it| (value(*it), humped(name(*it))))
            .collect()
    }
    let classes = [
        (Class::Payment as u8, "payment".to_owned()),
        (Class::Refund as u8, "refund".to_owned()),
        (Class::CodeInquiry as u8, "codeInquiry".to_owned()),
    ];
    let document = schema();
    for (name, ours) in [
        ("TargetClass", classes.to_vec()),
        (
            "Presentation",
            ours(Presentation::ALL, |it| it as u8, Presentation::name),
        ),
        (
            "Scenario",
            ours(Scenario::ALL, |it| it as u8, Scenario::name),
        ),
        ("Outcome", ours(Outcome::ALL, |it| it as u8, Outcome::name)),
        ("State", ours(State::ALL, |it| it as u8, State::name)),
        (
            "KycLevel",
            ours(KycLevel::ALL, |it| it as u8, KycLevel::name),
        ),
        ("Reason", ours(Reason::ALL, |it| it as u8, Reason::name)),
        (
            "CodeKind",
            ours(CodeKind::ALL, |it| it as u8, CodeKind::name),
        ),
    ] {
        let theirs: Vec<_> = elements(declared(&document, name), "validValue")
            .map(|node| {
                let value: u8 = node.text().unwrap().trim().parse().unwrap();
                (value, node.attribute("name").unwrap().to_owned())
            })
            .collect();
        assert_eq!(ours, theirs, "{name}");
    }
}
