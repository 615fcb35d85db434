//! What is wrong with what: every fault with its place, what was found in kind, what was expected.

use super::*;

/// A good code: 00, 01, 26, 52, 53, 54, 58, 59, 60, 62.
const BODY: &str = "00020101021226160012D1560000000052044111530315654045.505802CN\
                    5904SHOP6007BEIJING62080304S001";

/// Faults of a payload: the field and the byte, the name, what was found.
fn faults(payload: &[u8]) -> String {
    let code = Code::read(payload);
    let told = code.faults().iter().map(|fault| {
        let (path, byte, name) = (fault.path, fault.byte, fault.problem.name());
        format!("{path}@{byte} {name}: {}", fault.problem.found())
    });
    told.collect::<Vec<_>>().join(", ")
}

/// [`BODY`] with a piece of it replaced, and the checksum made anew.
fn changed(from: &str, to: &str) -> String {
    assert!(BODY.contains(from), "{from}");
    with_checksum(&BODY.replacen(from, to, 1))
}

/// What is replaced, by what, and what is said then.
const BREACHES: &[(&str, &str, &str)] = &[
    ("", "", ""),
    ("5802CN", "58x2CN", "@57 header: a lower-case letter"),
    ("5802CN", "5800", "58@57 value-empty: a length of 00"),
    (
        "0012D1",
        "0013D1",
        "26.00@18 value-cut: a length of 13 where 12 are left",
    ),
    (
        "16001",
        "1700 ",
        "26@18 header: a space, 20@83 value-cut: a length of 80 where 15 are left",
    ),
    ("0304S001", "0303S001", "62@91 header-cut: 1 left"),
    (
        "5802CN",
        "5802CN5802CN",
        "58@61 twice: the same id as at character 55",
    ),
    (
        "000201",
        "",
        "01@0 not-first: another field, 00@94 missing: nothing",
    ),
    ("000201", "000203", "00@4 value: another value"),
    ("52044111", "5203411", "52@34 length: 3 characters"),
    ("52044111", "520441A1", "52@38 form: an upper-case letter"),
    (
        "54045.50",
        "54045,50",
        "54@52 form: a punctuation character",
    ),
    ("54045.50", "54040.00", "54@55 form: only zeros"),
    (
        "54045.50",
        "541400000000000001",
        "54@49 length: 14 characters",
    ),
    ("5802CN", "5802cn", "58@59 form: a lower-case letter"),
    (
        "5904SHOP",
        "5926ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "59@63 length: 26 characters",
    ),
    (
        "5904SHOP",
        "5904SH\u{7}P",
        "59@67 form: a control character",
    ),
    ("5802CN", "", "58@94 missing: nothing"),
    ("5802CN", "5502075802CN", "55@59 value: another value"),
    ("5802CN", "5502025802CN", "56@106 missing: nothing"),
    (
        "5802CN",
        "5502025603-505802CN",
        "56@65 form: a punctuation character",
    ),
    ("5802CN", "56035005802CN", "56@55 unwanted: a field"),
    ("5802CN", "55020357055.0005802CN", "57@69 form: a digit"),
    ("26160012D15600000000", "", "@80 no-account: nothing"),
    (
        "26160012D15600000000",
        "26080104ABCD",
        "26.00@16 missing: nothing",
    ),
    (
        "26160012D15600000000",
        "15311234567890123456789012345678901",
        "",
    ),
    (
        "26160012D15600000000",
        "15311234567x90123456789012345678901",
        "15@23 form: a lower-case letter",
    ),
    (
        "26160012D15600000000",
        "1530123456789012345678901234567890",
        "15@14 length: 30 characters",
    ),
    (
        "26160012D15600000000",
        "29370016A0000006770101110213006681234567",
        "20@103 value-cut: a length of 80 where 15 are left",
    ),
    (
        "26160012D15600000000",
        "38240010A0000007270106000297",
        "38.01.01@34 missing: nothing, 38.01.00@36 length: 2 characters",
    ),
    (
        "26160012D15600000000",
        "38260010A0000007270108000497AB",
        "38.01.01@34 missing: nothing, 38.01.00@36 length: 4 characters, \
         38.01.00@40 form: an upper-case letter",
    ),
    (
        "62080304S001",
        "62080304S00164060002ZH",
        "64.01@96 missing: nothing",
    ),
    (
        "62080304S001",
        "62330129ABCDEFGHIJKLMNOPQRSTUVWXYZABC",
        "62.01@86 length: 29 characters",
    ),
    ("62080304S001", "64200002zh0104测试商户0202上海", ""),
    (
        "62080304S001",
        "64320002zh0112测试商户0206上海",
        "64@82 value-cut: a length of 32 where 28 are left (it counts bytes)",
    ),
    (
        "26160012D15600000000",
        "29360016A0000006770101110212006681234567",
        "29.02@38 length: 12 characters",
    ),
    (
        "26160012D15600000000",
        "26360016A000000677010111011300668123456780",
        "26.01@38 value-cut: a length of 13 where 12 are left, @110 header: an upper-case letter",
    ),
    ("26160012D15600000000", "06040000", ""),
    (
        "62080304S001",
        "62080304S0016104AB\n1",
        "61@98 form: a control character",
    ),
    ("62080304S001", "80040000", ""),
];

#[test]
fn each_breach_is_named_with_its_place_and_what_is_there() {
    for (from, to, expected) in BREACHES.iter().copied() {
        let payload = changed(from, to);
        assert_eq!(faults(payload.as_bytes()), expected, "{from} -> {to}");
    }
}

#[test]
fn a_code_that_is_cut_longer_damaged_or_none_is_named_so() {
    let good = changed("", "");
    let without = |count: usize| good.chars().take(good.len() - count).collect::<String>();
    for (payload, expected) in [
        (String::new(), "@0 empty: nothing"),
        (" 000201".to_owned(), "@0 unrecognised: a space"),
        ("abc".to_owned(), "@0 unrecognised: a lower-case letter"),
        (
            format!("000201{}", "x".repeat(507)),
            "@512 too-long: 513 characters",
        ),
        (
            format!("000201{}", "\u{5317}".repeat(507)),
            "@1524 too-long: 513 characters",
        ),
        ("x".repeat(1_999), "@1998 too-long: 1999 bytes"),
        (
            "0002".to_owned(),
            "00@2 value-cut: a length of 2 where 0 are left",
        ),
        (
            without(1),
            "63@94 value-cut: a length of 4 where 3 are left",
        ),
        (
            without(4),
            "63@94 value-cut: a length of 4 where 0 are left",
        ),
        (without(8), "63@92 missing: nothing"),
        (
            format!("{good}0"),
            "@100 header-cut: 1 left, 63@100 not-last: 1 left",
        ),
        (without(4) + "0000", "63@96 checksum: 0000"),
        (without(4) + "00x0", "63@98 form: a lower-case letter"),
        (good.replace("D156", "D157"), "63@96 checksum: 157E"),
        (
            good.replace("6304", "6305"),
            "63@94 value-cut: a length of 5 where 4 are left",
        ),
        (
            good.replacen("000201", "", 1),
            "01@0 not-first: another field, 63@90 checksum: 157E, 00@94 missing: nothing",
        ),
        (
            good.replace("5802", "58x2"),
            "@57 header: a lower-case letter, 63@96 checksum: 157E",
        ),
    ] {
        assert_eq!(faults(payload.as_bytes()), expected, "{payload}");
    }
    assert_eq!(
        faults(b"0002\xff"),
        "@4 not-utf8: bytes that are no character"
    );
}

#[test]
fn a_checksum_in_lower_case_is_taken_with_a_warning() {
    let payload = changed("S001", "S002");
    let (start, crc) = payload.split_at(payload.len() - 4);
    let payload = format!("{start}{}", crc.to_lowercase());
    assert_ne!(payload, format!("{start}{crc}"), "a checksum with a letter");
    let code = Code::read(payload.as_bytes());
    assert!(code.is_good(), "{:?}", code.faults());
    let names: Vec<_> = code
        .warnings()
        .iter()
        .map(|warning| warning.problem.name())
        .collect();
    assert_eq!(names, ["unknown-scheme", "checksum-lower-case"]);
}

#[test]
fn what_is_unusual_is_a_warning_with_its_place() {
    let account = "26160012D15600000000";
    for (from, to, expected) in [
        (
            account,
            "28300012hk.com.hkicl02100000000012",
            "28 misplaced 12",
        ),
        (account, "26330012hk.com.hkicl0313+852-91234567", ""),
        (
            account,
            "31290012hk.com.hkicl0209000000001",
            "31 misplaced 12",
        ),
        (
            account,
            "27220010A0000005240104ABCD",
            "53 currency 50, 58 country 65",
        ),
        (
            account,
            "33410037A111278300000000.alipayplus.v20250513",
            "33.00 length 18",
        ),
        ("5303156", "5303999", ""),
        ("010212", "010213", "01 value 10"),
        ("5904SHOP", "5902\u{5317}\u{4eac}", "59 form 65"),
    ] {
        let payload = changed(from, to);
        let code = Code::read(payload.as_bytes());
        let told = code
            .warnings()
            .iter()
            .map(|it| format!("{} {} {}", it.path, it.problem.name(), it.byte));
        let told: Vec<_> = told
            .filter(|line| !line.contains("unknown-scheme"))
            .collect();
        assert_eq!(
            told.join(", "),
            expected,
            "{from} -> {to}: {:?}",
            code.faults()
        );
    }
}

#[test]
fn a_leniency_is_its_own_scheme_s_alone() {
    let body = |account: &str| format!("000201{account}53037645802TH");
    for (account, said) in [
        ("29370016A000000677010111011300668123456780", "fault"),
        (
            "29370016A00000067701011101130066812345678",
            "mpm static promptpay-transfer",
        ),
        (
            "29370016A00000067701019901130066812345678",
            "mpm static promptpay",
        ),
        (
            "29370016A00000067801011101130066812345678",
            "fault missing at 68",
        ),
    ] {
        let payload = with_checksum(&body(account));
        let outcome = outcome(&Code::read(payload.as_bytes()));
        assert!(outcome.starts_with(said), "{account}: {outcome}");
    }
    for (length, said) in [(25, ""), (28, "62.01 length"), (29, "fault")] {
        let bill = "B".repeat(length);
        let body = format!(
            "00020126300009SG.PAYNOW01012020810000000520400005303702\
             5802SG5904SHOP6002SG62{:02}01{length}{bill}",
            length + 4
        );
        let payload = with_checksum(&body);
        let code = Code::read(payload.as_bytes());
        let warnings = code.warnings().iter();
        let told = warnings.map(|it| format!("{} {}", it.path, it.problem.name()));
        let told = if code.is_good() {
            told.collect()
        } else {
            "fault".to_owned()
        };
        assert_eq!(told, said, "{length}: {:?}", code.faults());
    }
    for indicator in ["01", "02"] {
        let body = format!(
            "0002{indicator}26440014A0000006150001010689000002120000000001235204000053034585802MY\
             5905KEDAI6002MY"
        );
        let payload = with_checksum(&body);
        assert_eq!(
            outcome(&Code::read(payload.as_bytes())),
            "mpm static duitnow"
        );
        let payload = with_checksum(&body.replace("A0000006150001", "A0000006150002"));
        let good = outcome(&Code::read(payload.as_bytes())) == "mpm static other";
        assert_eq!(good, indicator == "01");
    }
}

/// What comes after tag 85, in hexadecimal, and what is said of it.
const CONSUMERS: &[(&str, &str)] = &[
    ("054350563031 6102 4F00", "61.4F@14 length: 0 bytes"),
    ("", "@1 header-cut: 1 left"),
    ("05", "85@0 value-cut: a length of 5 where 0 are left"),
    (
        "054350563032",
        "85@2 value: another value, 61@9 missing: nothing",
    ),
    ("054350563031", "61@9 missing: nothing"),
    ("054350563031 61", "@10 header-cut: 1 left"),
    (
        "054350563031 6100",
        "61@12 length: 0 bytes, 61.4F@12 missing: nothing",
    ),
    (
        "054350563031 610280",
        "61@9 value-cut: a length of 2 where 1 are left",
    ),
    ("054350563031 6109 4F07A0000003330101", ""),
    ("054350563031 618109 4F07A0000003330101", ""),
    ("054350563031 61820009 4F07A0000003330101", ""),
    (
        "054350563031 6183000009 4F07A0000003330101",
        "@10 length-form: no length of one to three bytes",
    ),
    (
        "054350563031 6180 4F07A0000003330101",
        "@10 length-form: no length of one to three bytes",
    ),
    (
        "054350563031 610B 4F07A0000003330101 9F81",
        "61@25 tag: no tag of one or two bytes",
    ),
    (
        "054350563031 610B 4F07A0000003330101 0000",
        "61@24 tag: no tag of one or two bytes",
    ),
    (
        "054350563031 6112 4F07A0000003330101 4F07A0000003330101",
        "61.4F@24 twice: the same id as at character 12",
    ),
    ("054350563031 610D 4F07A0000003330101 5A021234", ""),
    (
        "054350563031 610D 4F07A0000003330101 5A0212F4",
        "61.5A@26 value: another value",
    ),
    (
        "054350563031 610D 4F07A0000003330101 5702123F",
        "61.57@26 value: another value",
    ),
    (
        "054350563031 610C 4F07A0000003330101 500107",
        "61.50@26 form: a control character",
    ),
    (
        "054350563031 6109 4F07A0000003330101 6109 4F07A0000000031010 6200",
        "62@41 length: 0 bytes",
    ),
];

#[test]
fn consumers_codes_are_held_against_their_grammar_and_table() {
    for (hex, expected) in CONSUMERS {
        let payload = base64(&unhex(&format!("85{hex}")));
        assert_eq!(faults(payload.as_bytes()), *expected, "{hex}");
    }
    for (text, expected) in [
        (
            "hQ",
            "@2 base64-cut: an incomplete group of four characters",
        ),
        ("hQVDUFYwM-==", "@9 base64: a punctuation character"),
    ] {
        assert_eq!(faults(text.as_bytes()), expected);
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| *c != ' ').collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

/// Base64 as the RFC has it, for tests alone.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

#[test]
fn a_finding_is_a_sentence_with_all_that_helps() {
    let payload = changed("5802CN", "5802cn");
    let code = Code::read(payload.as_bytes());
    assert_eq!(
        code.faults()[0].to_string(),
        "field 58 at byte 59: found a lower-case letter, expected two upper-case letters, as in \
         CN (ISO 3166-1)"
    );
    let payload = changed("5904SHOP", "5905\u{5317}SHOP").replace("BEIJING", "beijing");
    let code = Code::read(payload.as_bytes());
    let told = code.faults()[0].to_string();
    assert!(
        told.starts_with("field 63 at byte 99 (character 97): found "),
        "{told}"
    );
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let body: String = (0..30).map(|id| format!("{:02}01\u{7}", id + 65)).collect();
    let payload = with_checksum(&format!("000201{body}"));
    let code = Code::read(payload.as_bytes());
    assert_eq!(code.faults().len(), finding::FINDINGS_MAX);
    let left_out = usize::from(code.findings_left_out());
    // Fifteen control characters, five fields and an account that are missing.
    assert_eq!(left_out, 15 + 5 + 1 - finding::FINDINGS_MAX);
}
