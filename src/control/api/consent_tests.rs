//! Two people from outside: what is proposed, approved, refused, and by whom.

use super::tests::{Served, json, served_to};

/// The same, and of `second-token`.
const TWO: &str = "\
view ann 5e17bb983b1ff3b4acbcaa8451a4173faa5575c682e7cf8615e2ed5e50fad7bd
operate bob 2de8e6cbdda43d8f8c4f33e79b7296ad4159d03cf42dbdf39c1e48ba6547fc61
operate eve 7a35833597e6687c599a0988b7a53b9b6a7ec18b88ca2a8e60f3265c8be6d527
";

#[test]
fn what_moves_money_takes_two_people_and_what_stops_it_takes_one() {
    let served = served_to(Some(TWO), true);
    let (bob, eve) = (Some("operate-token"), Some("second-token"));
    let why = "{\"reason\":\"a test\"}";
    let (_, text) = served.network("GET /v1/tables/rates", bob, "");
    let short = text.trim_end().rsplit_once('\n').unwrap().0;
    let put = "PUT /v1/tables/rates?reason=new%20rates";
    let version = |served: &Served| json(&served.socket("GET /v1/tables", "").1)["version"].clone();

    let (code, body) = served.network(put, bob, short);
    assert_eq!(code, 202, "{body}");
    let proposal = number(&body);
    assert_eq!(json(&body)["changes"]["difference"][0]["removed"], 1);
    assert_eq!(version(&served), 1);
    let (_, body) = served.network("GET /v1/proposals", Some("view-token"), "");
    assert_eq!(json(&body)["proposals"][0]["by"], "bob");
    assert_eq!(json(&body)["proposals"][0]["action"], "publish rates");

    let approve = format!("POST /v1/proposals/{proposal}/approve");
    // Not himself, not without the role, not who merely has the machine, not without a reason.
    for (found, expected) in [
        (served.network(&approve, bob, why), 403),
        (served.network(&approve, Some("view-token"), why), 403),
        (served.socket(&approve, why), 403),
        (served.network(&approve, eve, "{}"), 400),
        (
            served.network("POST /v1/proposals/9999/approve", eve, why),
            404,
        ),
    ] {
        assert_eq!(found.0, expected, "{}", found.1);
    }
    assert_eq!(version(&served), 1);
    let (code, body) = served.network(&approve, eve, why);
    assert_eq!(
        (code, &json(&body)["outcome"]),
        (200, &"published".into()),
        "{body}"
    );
    assert_eq!(version(&served), 2);
    assert_eq!(served.network(&approve, eve, why).0, 404, "approved once");
    let (_, body) = served.network("GET /v1/generations", bob, "");
    assert_eq!(json(&body)["generations"][0]["who"], "bob, approved by eve");
    served.office.close();
}

/// Bob, Eve, and what he says who gives a reason.
const BOB: Option<&str> = Some("operate-token");
const EVE: Option<&str> = Some("second-token");
const WHY: &str = "{\"reason\":\"a test\"}";

fn post(served: &Served, what: &str, token: Option<&str>) -> (u16, String) {
    served.network(&format!("POST /v1/{what}"), token, WHY)
}

fn number(proposed: &str) -> u64 {
    json(proposed)["proposal"].as_u64().unwrap()
}

#[test]
fn one_suspends_and_stops_and_two_resume_and_start() {
    let served = served_to(Some(TWO), true);
    let (bob, eve) = (BOB, EVE);
    let post = |what: &str, token| post(&served, what, token);
    let (_, text) = served.network("GET /v1/tables/rates", bob, "");
    let short = text.trim_end().rsplit_once('\n').unwrap().0;
    let (_, body) = served.network("PUT /v1/tables/rates?reason=new%20rates", bob, short);
    let proposal = number(&body);
    assert_eq!(post(&format!("proposals/{proposal}/approve"), eve).0, 200);
    assert_eq!(post("participants/kakao-pay/suspend", bob).0, 200);
    assert_eq!(post("corridors/stop?corridor=MY-%3ECN", bob).0, 200);
    let (_, body) = served.network("GET /v1/corridors", bob, "");
    assert_eq!(json(&body)["stopped"][0]["corridor"], "MY->CN");
    let state = |name: &str| {
        let (_, body) = served.network("GET /v1/participants", bob, "");
        let participants = json(&body)["participants"].clone();
        let mut all = participants.as_array().unwrap().iter();
        all.find(|one| one["name"] == name).unwrap()["state"].clone()
    };
    assert_eq!(state("kakao-pay"), "suspended");
    let (code, body) = post("participants/kakao-pay/resume", eve);
    assert_eq!(code, 202, "{body}");
    let proposal = number(&body);
    // To go back to the files' rates does not open what was stopped since.
    let (_, body) = post("generations/0/restore", eve);
    let restore = number(&body);
    assert_eq!(post(&format!("proposals/{restore}/approve"), bob).0, 200);
    assert_eq!(state("kakao-pay"), "suspended");
    assert_eq!(post(&format!("proposals/{proposal}/approve"), bob).0, 200);
    assert_eq!(state("kakao-pay"), "open");
    served.office.close();
}

#[test]
fn what_would_change_something_else_by_now_is_not_done_and_who_proposed_may_take_it_back() {
    let served = served_to(Some(TWO), true);
    let (bob, eve) = (BOB, EVE);
    let post = |what: &str, token| post(&served, what, token);
    let put = "PUT /v1/tables/rates?reason=new%20rates";
    let (_, text) = served.network("GET /v1/tables/rates", bob, "");
    let short = text.trim_end().rsplit_once('\n').unwrap().0;
    assert_eq!(post("corridors/stop?corridor=MY-%3ECN", bob).0, 200);
    let (_, body) = served.network(put, bob, short);
    let first = number(&body);
    let (_, body) = served.network(put, bob, short);
    let second = number(&body);
    assert_eq!(post(&format!("proposals/{second}/approve"), eve).0, 200);
    let (code, body) = post(&format!("proposals/{first}/approve"), eve);
    assert_eq!(code, 409, "{body}");
    let (_, body) = post("corridors/start?corridor=MY-%3ECN", bob);
    let proposal = number(&body);
    assert_eq!(post(&format!("proposals/{proposal}/refuse"), bob).0, 200);
    assert_eq!(post(&format!("proposals/{proposal}/approve"), eve).0, 404);
    let record = served.record();
    let acted: Vec<_> = record
        .iter()
        .filter_map(|line| line["action"].as_str())
        .collect();
    for action in ["propose: publish rates", "stop corridor MY->CN"] {
        assert!(acted.contains(&action), "{acted:?}");
    }
    assert!(
        acted.iter().any(|it| it.starts_with("refuse ")),
        "{acted:?}"
    );
    served.office.close();
}

#[test]
fn proposals_are_few_and_their_numbers_are_those_of_the_record() {
    let served = served_to(Some(TWO), true);
    let bob = Some("operate-token");
    let (_, text) = served.network("GET /v1/tables/rates", bob, "");
    let short = text.trim_end().rsplit_once('\n').unwrap().0;
    let mut codes = Vec::new();
    for _ in 0..=super::consent::OPEN_MAX {
        let (code, body) = served.network("PUT /v1/tables/rates?reason=x", bob, short);
        codes.push(code);
        if code == 202 {
            let proposal = &json(&body)["proposal"];
            let record = served.record();
            let line = record
                .iter()
                .find(|line| &line["number"] == proposal)
                .unwrap();
            assert_eq!(line["action"], "propose: publish rates");
        }
    }
    assert_eq!(codes.pop(), Some(409));
    assert!(codes.iter().all(|code| *code == 202), "{codes:?}");
    served.office.close();
}
