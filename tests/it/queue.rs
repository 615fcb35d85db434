//! The operator queue of a running switch: listed, decided about by one person or by two, and told
//! to the originator.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;

use cpg_switch::model::limits::FRAME_BYTES_DEFAULT;
use cpg_switch::model::message::Message;
use cpg_switch::model::outcome::{Outcome, ResponseCode};
use cpg_switch::model::participant::Protocol;
use cpg_switch::wire::Dialect;
use cpg_switch::wire::frame::{Framing, Split};
use serde_json::Value as Json;

use super::cli::{FAILED, GOOD, PATIENCE_TICKS, Switch, output, small_sandbox, wait};
use super::operate::{ACQUIRER, Desk, pay};
use super::shards::{listener, sign_on, sign_on_as, today};

/// Whoever is asked in vain once is a person's business.
fn impatient(folder: &Path) -> String {
    let quick = "\nrepeat_ms = 100\nresolver = { mpm = \"inquire-only\", inquiries_max = 1, \
                 inquiry_first_ms = 0 }\n";
    let acquirer = "name = \"alipay-acceptance\"";
    let wallet = "name = \"touch-n-go\"";
    small_sandbox(folder)
        .replacen(acquirer, &format!("{acquirer}{quick}"), 1)
        .replacen(wallet, &format!("{wallet}\nanswer_timeout_ms = 300"), 1)
}

/// A switch, a wallet's link, and an acquirer's on which nobody says anything.
fn started(folder: &Path, config: &str) -> (Switch, Desk, TcpStream, TcpStream) {
    let switch = Switch::start_as(folder, config);
    let socket = switch.ready["socket"].as_str().unwrap().to_owned();
    let (silent, ..) = sign_on_as(listener(&switch), ACQUIRER);
    let (wallet, ..) = sign_on(listener(&switch));
    (switch, Desk { socket }, wallet, silent)
}

/// What waits, once something does.
fn waiting(desk: &Desk) -> Json {
    for _ in 0..PATIENCE_TICKS {
        let list: Json = serde_json::from_str(&desk.good(&["queue", "list", "--json"])).unwrap();
        assert_eq!(list["shards_unheard"], serde_json::json!([]));
        if list["all"] == 1 {
            return list["waiting"][0].clone();
        }
        wait();
    }
    panic!("nothing waits");
}

/// The outcome that a wallet is advised of.
fn advised(link: &mut TcpStream) -> (ResponseCode, Option<Outcome>) {
    let mut heard = Vec::new();
    loop {
        let mut bytes = [0; 1_024];
        let count = link.read(&mut bytes).unwrap();
        assert!(count > 0, "the link was closed");
        heard.extend_from_slice(&bytes[..count]);
        while let Split::Frame { body, total, .. } =
            Framing::Sofh.split(&heard, FRAME_BYTES_DEFAULT)
        {
            let dialect = Dialect::plain(Protocol::Sbe);
            let message = dialect.decode(&heard[body], today()).unwrap();
            if let Message::PaymentAdvice(advice) = message {
                return (advice.response_code, advice.outcome);
            }
            heard.drain(..total);
        }
    }
}

#[test]
fn an_operator_settles_what_waits_on_record_and_the_originator_hears_of_it() {
    let folder = super::cli::folder();
    let (switch, desk, mut wallet, _silent) = started(folder.path(), &impatient(folder.path()));
    assert_eq!(pay(&mut wallet, 1), "68");
    let one = waiting(&desk);
    assert_eq!(
        (&one["reason"], &one["phase"]),
        (&"outcome-unknown".into(), &"inquiring".into())
    );
    assert_eq!(
        one["decisions"],
        serde_json::json!(["approved", "declined", "reversed", "send-again"])
    );
    let number = one["number"].to_string();
    let settle = |words: &[&str]| {
        desk.ctl(
            &[
                &["queue", "settle", "0", &number, "--reason", "a test"],
                words,
            ]
            .concat(),
        )
    };
    for (words, wrong) in [
        (
            &["--decision", "told", "--evidence", "x"][..],
            "it waits, and not for such a decision",
        ),
        (&["--decision", "approved"][..], "needs evidence"),
    ] {
        let (code, _, said) = settle(words);
        assert_eq!(code, FAILED, "{said}");
        assert!(said.contains(wrong), "{said}");
    }
    let approved = [
        "--decision",
        "approved",
        "--evidence",
        "their books of today",
    ];
    let (code, said, wrong) = settle(&approved);
    assert_eq!(code, GOOD, "{wrong}");
    assert!(said.contains("settled"), "{said}");
    assert_eq!(
        advised(&mut wallet),
        (ResponseCode::APPROVED, Some(Outcome::Approved))
    );
    let (code, _, wrong) = settle(&approved);
    assert_eq!(code, FAILED);
    assert!(wrong.contains("no such transaction waits"), "{wrong}");
    desk.good(&["drain", "--reason", "the end"]);
    assert_eq!(switch.end(), GOOD);

    // Who decided stands in the record of actions, by the number that the journal has.
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let dump = output(&["journal", "dump", data], b"");
    let dump = String::from_utf8(dump.stdout).unwrap();
    let mut lines = dump
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let ruled = lines.find(|line| line["record"] == "ruled").unwrap();
    assert_eq!(ruled["decision"], "approved");
    let record = fs::read_to_string(Path::new(data).join("admin.journal")).unwrap();
    let mut acted = record
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let action = acted
        .find(|line| line["number"] == ruled["action"])
        .unwrap();
    assert_eq!(action["details"]["evidence"], "their books of today");
    assert_eq!(action["details"]["waits"]["key"], one["key"]);
    assert_eq!(output(&["audit", data], b"").status.code(), GOOD);
}

#[test]
fn settling_takes_two_people_where_two_are_asked_for() {
    let folder = super::cli::folder();
    // What `printf %s operate-token | sha256sum` says, and of `second-token`.
    let tokens = "operate bob 2de8e6cbdda43d8f8c4f33e79b7296ad4159d03cf42dbdf39c1e48ba6547fc61\n\
                  operate eve 7a35833597e6687c599a0988b7a53b9b6a7ec18b88ca2a8e60f3265c8be6d527\n";
    fs::write(folder.path().join("tokens"), tokens).unwrap();
    for (name, token) in [("bob", "operate-token"), ("eve", "second-token")] {
        fs::write(folder.path().join(name), token).unwrap();
    }
    let config = impatient(folder.path()).replacen("[admin]", "[admin]\ntokens = \"tokens\"", 1);
    let (switch, desk, mut wallet, _silent) = started(folder.path(), &config);
    assert_eq!(pay(&mut wallet, 1), "68");
    let number = waiting(&desk)["number"].to_string();
    let as_who = |who: &str, words: &[&str]| {
        let file = folder.path().join(who);
        let words = [words, &["--json", "--token-file", file.to_str().unwrap()]].concat();
        let (code, said, wrong) = desk.ctl(&words);
        assert!(code == GOOD || said.is_empty(), "{words:?}: {wrong}");
        (
            code,
            serde_json::from_str::<Json>(&said).unwrap_or_default(),
        )
    };
    let settle = ["queue", "settle", "0", &number, "--reason", "a test"];
    let declined = ["--decision", "declined", "--evidence", "their letter"];
    let (code, proposed) = as_who("bob", &[&settle[..], &declined].concat());
    assert_eq!(code, GOOD);
    let proposal = proposed["proposal"].to_string();
    let approve = ["approve", &proposal, "--reason", "as the letter says"];
    assert_eq!(
        as_who("bob", &approve).0,
        FAILED,
        "who proposes does not approve"
    );
    assert_eq!(waiting(&desk)["number"].to_string(), number, "it waits yet");
    let (code, done) = as_who("eve", &approve);
    assert_eq!((code, &done["outcome"]), (GOOD, &"settled".into()));
    assert_eq!(advised(&mut wallet).1, Some(Outcome::Declined));
    assert_eq!(as_who("eve", &approve).0, FAILED, "once");
    let (code, _) = as_who("bob", &["drain", "--reason", "the end"]);
    assert_eq!(code, GOOD);
    assert_eq!(switch.end(), GOOD);
}
