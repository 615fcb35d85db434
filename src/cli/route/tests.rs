//! `route explain`, as a person would type it: what each rule is told, and how it ends.

use serde_json::Value as Json;

use crate::cli::exit::Exit;
use crate::cli::tests::run;

const ALIPAY: &str = "https://qr.alipay.com/bax0TEST";
const UNIONPAY: &str = "https://qr.95516.com/00010000/62218665561638921293902872223251";
const NUMBER: &str = "281045123456789012345678";
/// PayNow of a UEN, with its checksum.
const PAYNOW: &str = "00020101021126320009SG.PAYNOW010120210200000000T5204000053037025802SG\
    5904TEST6009SINGAPORE6304";

/// With a checksum of its own, by the definition: bit by bit.
fn with_checksum(body: &str) -> String {
    let crc = body.bytes().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            (crc << 1) ^ ((crc >> 15) * 0x1021)
        })
    });
    format!("{body}{crc:04X}")
}

fn told(words: &[&str]) -> (Exit, String, String) {
    run(&[&["route", "explain"], words].concat(), b"")
}

fn json(words: &[&str]) -> (Exit, Json) {
    let (exit, json, error) = told(&[words, &["--json"]].concat());
    let json = serde_json::from_str(&json);
    (exit, json.unwrap_or_else(|_| panic!("no JSON: {error}")))
}

#[test]
fn real_codes_find_their_owners_in_the_sandbox() {
    let paynow = with_checksum(PAYNOW);
    for (code, from, destination, scenario) in [
        (ALIPAY, "touch-n-go", "alipay-acceptance", "inbound-mpm"),
        (
            "weixin://wxpay/bizpayurl?pr=siTOb",
            "kakao-pay",
            "weixin-pay-acceptance",
            "inbound-mpm",
        ),
        (
            "wxp://f2f0TEST",
            "alipayhk",
            "weixin-pay-acceptance",
            "inbound-mpm",
        ),
        (paynow.as_str(), "weixin-pay-wallet", "sgqr", "outbound-mpm"),
        (NUMBER, "alipay-acceptance", "touch-n-go", "inbound-cpm"),
        (
            "134567890123456789",
            "sgqr",
            "weixin-pay-wallet",
            "outbound-cpm",
        ),
    ] {
        let (exit, json) = json(&[code, "--from", from]);
        assert_eq!(exit, Exit::Good, "{json}");
        let route = &json["route"];
        assert_eq!(route["destination"], destination, "{json}");
        assert_eq!(route["scenario"], scenario, "{json}");
        assert_eq!(route["from"], from);
        // Nobody is named: the first that finds a way.
        assert_eq!(self::json(&[code]).1["route"]["destination"], destination);
    }
}

#[test]
fn every_rule_is_told_with_its_reason_and_nothing_of_the_code() {
    let (exit, said, error) = told(&[NUMBER]);
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    for expected in [
        "number (a payment code of digits): good",
        "Route, by the embedded sandbox (tables 1):",
        "a payment of alipay-acceptance, cpm, inbound-cpm",
        "goes to touch-n-go (45800001), prefix 281045",
        "code_prefixes, priority 1000: it counts",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }
    assert!(!said.contains("123456789012"), "{said}");
    let (exit, said, _) = told(&[ALIPAY, "--from", "weixin-pay-wallet"]);
    assert_eq!(exit, Exit::Failed);
    for expected in [
        "passed over: alipay-acceptance (15600021), host https://qr.alipay.com",
        "priority 1000: it is for other payments: inbound-mpm",
        "refused with 92: no rule leads to anybody who could be asked",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }
}

#[test]
fn who_is_down_is_told_and_equals_are_drawn_by_the_key() {
    let (exit, json) = json(&[UNIONPAY, "--down", "alipay-acceptance"]);
    assert_eq!(exit, Exit::Good);
    assert_eq!(json["route"]["destination"], "weixin-pay-acceptance");
    let both = [
        "--down",
        "alipay-acceptance",
        "--down",
        "weixin-pay-acceptance",
    ];
    let (exit, json) = self::json(&[&[UNIONPAY], both.as_slice()].concat());
    assert_eq!(exit, Exit::Failed);
    assert_eq!(json["route"]["response_code"], "91");
    let drawn = (0..40).map(|number| {
        let key = format!("45800001/20261122/TNG{number:09}");
        let (_, json) = self::json(&[UNIONPAY, "--key", &key]);
        json["route"]["destination"].as_str().unwrap().to_owned()
    });
    let drawn: std::collections::BTreeSet<_> = drawn.collect();
    assert_eq!(drawn.len(), 2, "{drawn:?}");
}

#[test]
fn a_bad_code_and_a_strange_name_are_refused() {
    let bad = format!("{PAYNOW}0000");
    let (exit, json) = json(&[&bad]);
    assert_eq!(exit, Exit::Failed);
    assert_eq!(json["route"]["response_code"], "14");
    assert_eq!(json["code"]["good"], false);
    for (words, expected) in [
        (
            vec![ALIPAY, "--from", "nobody"],
            "no participant is called \"nobody\"",
        ),
        (vec![ALIPAY, "--down", "nobody"], "use one of: touch-n-go, "),
        (
            vec![ALIPAY, "--currency", "SGT"],
            "--currency: \"SGT\" is no currency",
        ),
        (
            vec![ALIPAY, "--currency", "KRW", "--amount", "1.5"],
            "and 0 decimals at most",
        ),
        (vec![ALIPAY, "--amount", "1.5"], "--currency"),
        (vec![ALIPAY, "--at", "24:00"], "write the time as 22:00"),
    ] {
        let (exit, _, error) = told(&words);
        assert_eq!(exit, Exit::Usage, "{error}");
        assert!(error.contains(expected), "{expected:?} not in {error}");
    }
}

#[test]
fn amounts_and_times_decide_by_a_file_of_routes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switch.toml");
    let sandbox = crate::control::configuration::SANDBOX;
    let changed = sandbox.replace("\"sandbox:routes\"", "\"routes.tsv\"");
    assert_ne!(changed, sandbox);
    std::fs::write(&path, changed).unwrap();
    let rows = "priority\tby\tmark\tcurrency\tamount_to\ttime\tdestination\n\
        1\thost\tqr.alipay.com\tCNY\t50\t-\tweixin-pay-acceptance\n\
        2\thost\tqr.alipay.com\t-\t-\t22:00-06:00\tsgqr\n\
        3\thost\tqr.alipay.com\t-\t-\t-\talipay-acceptance\n\
        3\tany\t-\t-\t-\t-\tsgqr\n";
    std::fs::write(folder.path().join("routes.tsv"), rows).unwrap();
    let path = path.to_str().unwrap();
    let goes = |words: &[&str]| {
        let given = [ALIPAY, "--config", path, "--from", "touch-n-go"];
        let (_, json) = json(&[&given, words].concat());
        json["route"]["destination"].as_str().unwrap().to_owned()
    };
    let noon = ["--at", "12:00", "--currency", "CNY", "--amount"];
    assert_eq!(
        goes(&[noon.as_slice(), &["50"]].concat()),
        "weixin-pay-acceptance"
    );
    assert_eq!(
        goes(&[noon.as_slice(), &["50.01"]].concat()),
        "alipay-acceptance"
    );
    let night = ["--at", "23:00", "--currency", "CNY", "--amount", "51"];
    assert_eq!(goes(&night), "sgqr");
    let (_, said, _) = told(&[
        ALIPAY,
        "--config",
        path,
        "--at",
        "12:00",
        "--currency",
        "SGD",
    ]);
    for expected in [
        "line 2, priority 1: it is for another currency, or for other amounts",
        "line 3, priority 2: it holds at 22:00-06:00 UTC",
        "goes to alipay-acceptance (15600021), host https://qr.alipay.com\n      line 4",
        "line 5, priority 3: a rule that names more of the code counts",
    ] {
        assert!(said.contains(expected), "{expected:?} not in\n{said}");
    }

    std::fs::write(
        folder.path().join("routes.tsv"),
        rows.replace("sgqr", "sgrq"),
    )
    .unwrap();
    let (exit, _, error) = told(&[ALIPAY, "--config", path]);
    assert_eq!(exit, Exit::Usage);
    for expected in ["routes.tsv:3", "routes.tsv:5", "did you mean `sgqr`?"] {
        assert!(error.contains(expected), "{expected:?} not in {error}");
    }
}
