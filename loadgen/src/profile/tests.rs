//! Profiles in the box are good; wrong ones are refused where they are wrong.

use cpg_switch::control::configuration::Diagnostics;

use super::*;
use crate::plan::Schedule;

const GOOD: &str = include_str!("../../profiles/everyday.toml");

fn refused(text: &str) -> Diagnostics {
    match Profile::from_text("test", "test.toml", text, None) {
        Err(ProfileError::Invalid(diagnostics)) => diagnostics,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn every_profile_in_the_box_is_one_that_a_switch_can_play() {
    for (name, text) in BUILT_IN {
        let profile = Profile::find(name).unwrap();
        assert_eq!(profile.name, name);
        profile.check().unwrap();
        let design = profile.design(&Stretching::default()).unwrap();
        let about = design.about.unwrap();
        let planned: u64 = about.phases.iter().map(|phase| phase.payments).sum();
        assert!(planned > 0, "{name}");
        assert_eq!(about.scale_millionths, MILLION);
        // A figure has its source beside it, and what is guessed is said to be.
        let comments: String = text.lines().filter(|line| line.starts_with('#')).collect();
        assert!(
            comments.contains("source") && comments.contains("uess"),
            "{name}"
        );
        assert!(!text.contains('\t'));
    }
}

/// What is replaced, by what, where the error points, and what it says and advises.
const WRONG: [(&str, &str, &str, &str, &str); 13] = [
    (
        "skew = 1.0",
        "skwe = 1.0",
        "skwe",
        "unknown key `skwe`",
        "did you mean `skew`?",
    ),
    (
        "skew = 1.0",
        "skew = -1",
        "-1",
        "cannot be -1",
        "from 0 to 5",
    ),
    (
        "decline = 200",
        "decline = 20000",
        "20000",
        "cannot be 20000",
        "to 10000",
    ),
    (
        "quote = 2000",
        "qoute = 2000",
        "qoute",
        "unknown key `qoute`",
        "`quote`",
    ),
    (
        "decline = 200",
        "decline = 8200",
        "[mix]",
        "add up to 10633",
        "of 10,000",
    ),
    (
        "rate = 10000",
        "rate = \"fast\"",
        "\"fast\"",
        "cannot be \"fast\"",
        "a number",
    ),
    (
        "seconds = 10",
        "shape = \"rampe\"\nseconds = 10",
        "\"rampe\"",
        "rampe",
        "`ramp`",
    ),
    (
        "country = \"MY\"",
        "country = \"XY\"",
        "\"XY\"",
        "no country",
        "ISO 3166-1",
    ),
    (
        "currency = \"MYR\"",
        "currency = \"RM\"",
        "\"RM\"",
        "no currency",
        "ISO 4217",
    ),
    (
        "payer = \"kakao-pay\"",
        "payer = \"kakaopay\"",
        "\"kakaopay\"",
        "no part",
        "`kakao-pay`",
    ),
    (
        "\"18.00 SGD\"",
        "\"18.00 CNY\"",
        "\"18.00 CNY\"",
        "cannot be",
        "50 SGD",
    ),
    (
        "\"60.00 CNY\"",
        "\"60.001 CNY\"",
        "\"60.001 CNY\"",
        "cannot be",
        "2 decimals",
    ),
    (
        "title =",
        "titel =",
        "titel",
        "unknown key `titel`",
        "`title`",
    ),
];

#[test]
fn what_is_wrong_is_placed_and_the_next_best_word_is_named() {
    for (from, to, marked, problem, remedy) in WRONG {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let found = refused(&text);
        let error = found
            .errors()
            .iter()
            .find(|error| error.problem.contains(problem))
            .unwrap_or_else(|| unreachable!("{to}: {found}"));
        let (before, _) = text.split_once(marked).unwrap();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        assert_eq!((error.line, error.column), (line, column), "{to}: {found}");
        assert!(error.remedy.contains(remedy), "{to}: {found}");
    }
}

#[test]
fn weights_that_add_up_to_nothing_and_missing_tables_are_refused() {
    let mut weightless = String::new();
    for line in GOOD.lines() {
        let line = if line.starts_with("weight = ") {
            "weight = 0"
        } else {
            line
        };
        weightless.push_str(line);
        weightless.push('\n');
    }
    assert!(refused(&weightless).to_string().contains("add up to zero"));
    let empty = refused("title = \"nothing\"").to_string();
    for problem in ["no [[corridors]]", "no [[phases]]"] {
        assert!(empty.contains(problem), "{empty}");
    }
    assert!(refused("title = ").to_string().contains("not TOML"));
    let unknown = Profile::find("everday").unwrap_err().to_string();
    assert!(unknown.contains("did you mean `everyday`?"), "{unknown}");
}

#[test]
fn rates_are_scaled_and_time_is_stretched_without_moving_the_counts() {
    let profile = Profile::find("everyday").unwrap();
    let design = |by: Stretching| profile.design(&by).unwrap();
    let by = Stretching {
        peak_milli: Some(500_000),
        duration_ms: Some(2_000),
        warm_up_ms: 300,
        ..Stretching::default()
    };
    let half = design(by);
    let about = half.about.unwrap();
    assert_eq!((about.peak_per_second, about.duration_ms), (500, 2_000));
    assert_eq!(about.phases[0].payments, 1_000);
    assert_eq!(about.scale_millionths, 50_000);
    let Source::Curve(curve, _) = &half.source else {
        unreachable!("no trace");
    };
    assert_eq!(curve.duration_ms(), 2_300);
    let schedule = Schedule::new(0, Source::Curve(Arc::clone(curve), Spacing::Constant), 1);
    assert_eq!(schedule.left_until(299_999_999), 150);
    assert_eq!(schedule.left_until(u64::MAX), 1_150);
    let scaled = design(Stretching {
        scale_millionths: Some(250_000),
        ..Stretching::default()
    });
    assert_eq!(scaled.about.unwrap().peak_per_second, 2_500);
}

#[test]
fn a_trace_beside_the_profile_is_played_and_its_time_is_stretched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("day.txt"), "0 1\n0.5 2\n1s 1\n").unwrap();
    let (head, _) = GOOD.split_once("[[phases]]").unwrap();
    let text = head.replacen("spacing", "trace = \"day.txt\"\nspacing", 1);
    let path = folder.path().join("recorded.toml");
    fs::write(&path, &text).unwrap();
    let profile = Profile::find(path.to_str().unwrap()).unwrap();
    assert_eq!(profile.name, "recorded");
    assert_eq!(profile.trace.as_ref().unwrap().corridors, [0, 1, 0]);
    let by = |duration_ms, peak_milli| Stretching {
        duration_ms,
        peak_milli,
        ..Stretching::default()
    };
    let design = profile.design(&by(Some(2_002), None)).unwrap();
    let Source::Trace(instants) = &design.source else {
        unreachable!("a trace");
    };
    assert_eq!(**instants, [0, 1_000_000_000, 2_000_000_000]);
    let refused_rate = profile.design(&by(None, Some(1))).unwrap_err().to_string();
    assert!(refused_rate.contains("--duration does"), "{refused_rate}");
    let phases = text + "[[phases]]\nseconds = 1\nrate = 1\n";
    assert!(refused(&phases).to_string().contains("a trace and phases"));
}

#[test]
fn faults_and_answer_times_are_read_stretched_and_refused_where_they_cannot_be() {
    let fault = |participant: &str, kind: &str, at: &str, lasts: &str| {
        format!(
            "\n[[faults]]\nparticipant = \"{participant}\"\nkind = \"{kind}\"\n\
             at_seconds = {at}\nfor_seconds = {lasts}\n"
        )
    };
    let with = |more: &str| Profile::from_text("t", "t", &format!("{GOOD}{more}"), None);
    let profile = with(&fault("sgqr", "cut", "2", "4")).unwrap();
    let by = Stretching {
        duration_ms: Some(1_000),
        warm_up_ms: 500,
        ..Stretching::default()
    };
    let design = profile.design(&by).unwrap();
    assert_eq!(
        (design.faults[0].at_ms, design.faults[0].for_ms),
        (700, 400)
    );
    assert_eq!(design.about.unwrap().faults[0].at_ms, 200);
    let twice = fault("sgqr", "cut", "2", "4") + &fault("sgqr", "signed-off", "5", "1");
    for (more, problem) in [
        (fault("sgqr", "cut", "8", "3"), "ends after the plan"),
        (fault("sgq", "cut", "1", "1"), "did you mean `sgqr`?"),
        (fault("sgqr", "cutt", "1", "1"), "did you mean `cut`?"),
        (fault("sgqr", "slow", "1", "1"), "`delay_ms` is missing"),
        (twice, "already has such a fault"),
    ] {
        let refused = with(&more).unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
    let answers = |answers: &str| {
        let text = GOOD.replacen(
            "role = \"wallet\"",
            &format!("role = \"wallet\"\n{answers}"),
            1,
        );
        Profile::from_text("t", "t", &text, None)
    };
    let profile = answers("answers = { kind = \"fixed\", ms = 2.5 }").unwrap();
    assert_eq!(
        profile.people[0].answers,
        Some(AnswerTimes::Fixed { us: 2_500 })
    );
    let wrong = "answers = { kind = \"log-normal\", p50_ms = 9, p99_ms = 5 }";
    let refused = answers(wrong).unwrap_err().to_string();
    assert!(refused.contains("out of order"), "{refused}");
}
