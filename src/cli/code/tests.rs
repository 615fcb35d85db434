//! Codes, as a person would type them: what is printed, what is not, and how it ends.

use serde_json::Value as Json;

use crate::cli::exit::Exit;
use crate::cli::tests::run;

const UNIONPAY: &str = "0002010102121531480007024800070200000000000TEST5204541153031565406215.00\
    5802CN5909TEST SHOP6008SHANGHAI64200002zh0104测试商户0202上海6304DE14";
const PROMPTPAY: &str =
    "00020101021129370016A000000677010111011300668012345675802TH530376463046197";
const CONSUMER: &str = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8=";
const NUMBER: &str = "281045123456789012345678";

fn inspected(payload: &str, words: &[&str]) -> (Exit, Json, String) {
    let given = ["code", "inspect", payload, "--json"];
    let (exit, json, error) = run(&[&given, words].concat(), b"");
    (exit, serde_json::from_str(&json).unwrap(), error)
}

#[test]
fn a_good_code_is_a_tree_of_fields_with_owners_and_exit_code_zero() {
    let (exit, json, error) = inspected(UNIONPAY, &[]);
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    assert_eq!(json["kind"], "mpm");
    assert_eq!(json["initiation"], "dynamic");
    assert_eq!(json["good"], true);
    assert_eq!(json["schemes"], serde_json::json!(["unionpay"]));
    assert_eq!(json["owners"][0]["by"], "network");
    assert_eq!(json["owners"][0]["mark"], "15");
    assert_eq!(json["owners"][0]["institution"], "48000702");
    assert_eq!(json["amount"], "215.00");
    assert_eq!(json["currency"], "156");
    assert_eq!(json["merchant_name"], "TEST SHOP");
    let fields = json["fields"].as_array().unwrap();
    let account = fields.iter().find(|field| field["id"] == "15").unwrap();
    let parts = account["parts"].as_array().unwrap();
    let parts: Vec<_> = parts
        .iter()
        .map(|part| part["value"].as_str().unwrap())
        .collect();
    // Acquirer, forwarder, merchant: 8, 8 and 15 characters.
    assert_eq!(parts, ["48000702", "48000702", "00000000000TEST"]);
    let language = fields.iter().find(|field| field["id"] == "64").unwrap();
    assert_eq!(language["fields"][1]["value"], "测试商户");
    assert_eq!(language["fields"][1]["name"], "merchant name");
    assert!(
        language["value"].is_null(),
        "a template has fields, and no value"
    );
    assert_eq!(json["faults"], serde_json::json!([]));
}

#[test]
fn a_bad_code_is_told_with_place_found_and_expected_and_exit_code_one() {
    let bad = UNIONPAY.replace("DE14", "DE15");
    let (exit, json, error) = inspected(&bad, &[]);
    assert_eq!(exit, Exit::Failed);
    let fault = &json["faults"][0];
    assert_eq!(fault["problem"], "checksum");
    assert_eq!(fault["field"], "63");
    assert_eq!(fault["found"], "DE15");
    assert_eq!(fault["expected"], "DE14");
    let byte = bad.find("DE15").unwrap();
    assert_eq!(fault["byte"], byte);
    // Six characters of three bytes come before.
    assert_eq!(fault["character"], byte - 12);
    assert!(
        error.contains("the code is bad: field 63 at byte"),
        "{error}"
    );
    assert!(error.contains("hint:"), "{error}");
    assert_eq!(json["good"], false);
}

#[test]
fn what_is_sensitive_is_masked_unless_a_person_asks() {
    for (payload, secret) in [
        (PROMPTPAY, "0066801234567"),
        (CONSUMER, "1234567890123458"),
        (NUMBER, "3456789012345678"),
        (
            "https://qr.alipay.com/bax03190uxd47wbekffy6033",
            "bax03190uxd47wbekffy6033",
        ),
    ] {
        for command in ["inspect", "explain"] {
            for form in [&[][..], &["--json"]] {
                let words = [&["code", command, payload], form].concat();
                let (exit, masked, error) = run(&words, b"");
                assert_eq!((exit, error.as_str()), (Exit::Good, ""), "{payload}");
                assert!(!masked.contains(secret), "{words:?}: {masked}");
                let (_, shown, _) = run(&[&words[..], &["--unmask"]].concat(), b"");
                // What is packed in bytes is shown in hexadecimal.
                assert!(shown.contains(secret), "{words:?}: {shown}");
            }
        }
    }
    let account = "00020101021230350009shop@devb01061234560208Dev Bank5204599953031165802KH5910\
                   John Smith6009Siem Reap6304";
    let (_, said, _) = run(&["code", "inspect", account], b"");
    assert!(
        said.contains("institution devb") && !said.contains("shop@"),
        "{said}"
    );
}

#[test]
fn the_words_have_kind_owner_fields_and_findings() {
    let (exit, said, error) = run(&["code", "inspect", PROMPTPAY], b"");
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    for expected in [
        "mpm static (EMV, merchant-presented): good\n",
        "  owner  PromptPay transfer, by guid A000000677010111\n",
        " 29.01  mobile number ",
        "****4567",
        "  warning: field 52 at byte 74: found nothing, expected field 52; seen with PromptPay",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }
}

#[test]
fn a_code_is_read_from_standard_input_without_its_line_feed() {
    for end in ["", "\n", "\r\n"] {
        let input = format!("{UNIONPAY}{end}");
        let (exit, said, _) = run(&["code", "inspect", "-"], input.as_bytes());
        assert_eq!(exit, Exit::Good, "{said}");
    }
    let (exit, _, error) = run(&["code", "inspect", "-"], b"");
    assert_eq!(exit, Exit::Usage);
    assert!(error.contains("standard input is empty"), "{error}");
    let long = "9".repeat(100_000);
    let (exit, said, error) = run(&["code", "inspect", "-"], long.as_bytes());
    assert_eq!(exit, Exit::Failed, "{said}");
    assert!(error.contains("expected at most 1998 bytes"), "{error}");
}

#[test]
fn an_explanation_says_why_and_where_it_goes() {
    let (exit, said, error) = run(&["code", "explain", NUMBER], b"");
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    for expected in [
        "A payer's payment code of digits, good for one payment.",
        "Alipay+, by prefix 28, institution 045",
        "Alipay, by prefix 28\n      its codes begin so and may have 24 digits",
        "Route, by the embedded sandbox (tables 1):",
        "goes to touch-n-go (45800001), prefix 281045",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }
    let (_, said, _) = run(&["code", "explain", UNIONPAY], b"");
    for expected in [
        "dynamic: for one payment.\nIt asks for 215.00 in currency 156, for TEST SHOP, ",
        "EMVCo has given it fields 15 to 16",
        "Nothing is wrong with it.",
        "goes to alipay-acceptance (15600021), network 15",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }
    let (exit, said, _) = run(&["code", "explain", "13475049511846348"], b"");
    assert_eq!(exit, Exit::Failed);
    for expected in [
        "fault: at byte 17: found 17 digits",
        "right at character 17: 18 digits",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }
}

#[test]
fn an_explanation_takes_the_participants_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switch.toml");
    let sandbox = crate::control::configuration::SANDBOX;
    let changed = sandbox.replace("\"281045\"", "\"28104\", \"2\"");
    assert_ne!(changed, sandbox);
    std::fs::write(&path, changed).unwrap();
    let path = path.to_str().unwrap();
    let words = ["code", "explain", NUMBER, "--json", "--config", path];
    let (exit, json, error) = run(&words, b"");
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    let json: Json = serde_json::from_str(&json).unwrap();
    let participants = json["route"]["participants"].as_array().unwrap();
    let told: Vec<_> = participants
        .iter()
        .map(|it| {
            (
                it["prefix"].as_str().unwrap(),
                it["chosen"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("28104", true), ("2", false)]);
    assert_eq!(json["route"]["configuration"], path);

    let (exit, _, error) = run(
        &["code", "explain", NUMBER, "--config", "no-such.toml"],
        b"",
    );
    assert_eq!(exit, Exit::Usage);
    assert!(error.contains("no-such.toml"), "{error}");
}
