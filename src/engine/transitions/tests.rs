//! What must hold in every row, and the drawing in the map.

use super::*;

fn cells() -> impl Iterator<Item = (Resolution, Phase, Event, Step)> {
    Resolution::ALL.iter().flat_map(|resolution| {
        Phase::ALL.into_iter().flat_map(move |phase| {
            Event::ALL.into_iter().map(move |event| {
                let step = step(*resolution, phase, event);
                (*resolution, phase, event, step)
            })
        })
    })
}

/// Walks every resolution, phase and event, and holds each promise against each of them.
#[test]
fn every_state_and_event_keeps_every_promise() {
    for (resolution, phase, event, step) in cells() {
        let place = format!("{resolution:?} {phase:?} {event:?} -> {step:?}");
        let does = |act: Act| step.acts.contains(&act);
        let leaves = step.phase != phase;
        assert!(!step.acts.is_empty(), "{place}");

        // No approval after a negative, and what has ended stays so.
        let negative = matches!(phase, Phase::Declined | Phase::Unknown | Phase::Reversed);
        assert!(!(negative && step.phase == Phase::Approved), "{place}");
        if matches!(phase, Phase::Declined | Phase::Reversed) {
            assert!(!leaves, "{place}");
        }
        // Whoever reverses is answered, or joins whoever asked before.
        if matches!(
            event,
            Event::OriginatorReverses | Event::DestinationReverses
        ) {
            let answered = does(Act::AcknowledgeReversal)
                || does(Act::JoinReversal)
                || does(Act::PassReversalOn);
            assert!(answered, "{place}");
        }
        // An open payment is told something at every end.
        if phase == Phase::Forwarded && leaves && step.phase != Phase::Reversing {
            let told = [
                Act::Answer,
                Act::TellUnknown,
                Act::TellInDoubt,
                Act::TellPending,
            ];
            assert!(told.into_iter().any(does), "{place}");
        }
        // Who was told 68 or 09 learns the outcome.
        let told_before = matches!(
            phase,
            Phase::Pending | Phase::Inquiring | Phase::Unknown | Phase::Reversing
        );
        if told_before && step.phase.is_settled() {
            assert!(does(Act::Advise), "{place}");
        }
        // An unknown outcome is always being found out or undone, or waits for a person.
        if step.phase == Phase::Unknown && leaves {
            assert!(does(Act::Reverse), "{place}");
        }
        if step.phase == Phase::Inquiring && leaves {
            assert!(does(Act::Inquire) && does(Act::TellInDoubt), "{place}");
        }
        // A refund's profile alone never reverses.
        if resolution == Resolution::InquireOnly
            && phase != Phase::Reversing
            && event != Event::Restart
        {
            let switch_reverses = does(Act::Reverse) && phase != Phase::Unknown;
            assert!(!switch_reverses, "{place}");
        }
        // Nothing runs out in silence.
        if matches!(
            event,
            Event::InquiriesExhausted
                | Event::ReversalExhausted
                | Event::AdviceExhausted
                | Event::ParticipantDown
        ) {
            let goes_on = does(Act::Queue) || does(Act::Reverse) || does(Act::Impossible);
            assert!(goes_on, "{place}");
        }
        // What is ignored, awaited or impossible changes nothing.
        if does(Act::Ignore) || does(Act::Impossible) || does(Act::Await) {
            assert!(!leaves && step.acts.len() == 1, "{place}");
        }
    }
}

/// What an operator decides is written down first, changes nothing that is final, and is nobody
/// else's to do.
#[test]
fn operators_write_down_what_they_decide_and_change_nothing_that_is_final() {
    for (resolution, phase, event, step) in cells() {
        let place = format!("{resolution:?} {phase:?} {event:?} -> {step:?}");
        let by_operator = format!("{event:?}").starts_with("Operator");
        let first = step.acts.first() == Some(&Act::Rule);
        let impossible = step.acts == [Act::Impossible];
        assert_eq!(first, by_operator && !impossible, "{place}");
        assert!(!step.acts[1..].contains(&Act::Rule), "{place}");
        let leaves = step.phase != phase;
        assert!(!(by_operator && phase.is_settled() && leaves), "{place}");
    }
}

#[test]
fn a_restart_takes_up_whatever_is_open() {
    for (_, phase, event, step) in cells() {
        if event == Event::Restart {
            let taken_up = !step.acts.contains(&Act::Impossible);
            assert_eq!(taken_up, !phase.is_settled(), "{phase:?}");
        }
    }
}

#[test]
fn indexes_are_what_the_table_is_built_with() {
    for (place, phase) in Phase::ALL.into_iter().enumerate() {
        assert_eq!(phase as usize, place);
    }
    for (place, event) in Event::ALL.into_iter().enumerate() {
        assert_eq!(event as usize, place);
    }
    for (place, resolution) in Resolution::ALL.iter().enumerate() {
        assert_eq!(*resolution as usize, place + 1);
    }
}

const MAP: &str = include_str!("../../ARCHITECTURE.md");
const BEGIN: &str = "<!-- transition table: begin -->\n";
const END: &str = "<!-- transition table: end -->";

/// Every row as a line of the map.
fn drawing() -> String {
    let mut text = String::from("| in | at | then | do |\n|---|---|---|---|\n");
    for row in ROWS {
        let events: Vec<String> = row.events.iter().map(words).collect();
        let acts: Vec<String> = row.acts.iter().map(words).collect();
        let ways: Vec<&str> = row.resolutions.iter().map(|way| way.name()).collect();
        let ways = if row.resolutions.len() == Resolution::ALL.len() {
            String::new()
        } else {
            format!(" ({})", ways.join(" or "))
        };
        let (from, to) = (words(&row.from), words(&row.to));
        let (events, acts) = (events.join(", "), acts.join(", then "));
        text.push_str(&format!("| {from} | {events}{ways} | {to} | {acts} |\n"));
    }
    text
}

/// `InquiryNotFound` -> `inquiry not found`.
fn words(name: &impl core::fmt::Debug) -> String {
    let mut text = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[test]
fn the_drawing_in_the_map_is_the_table() {
    let (_, rest) = MAP
        .split_once(BEGIN)
        .expect("the map has the table's place");
    let (found, _) = rest.split_once(END).expect("and its end");
    let expected = drawing();
    assert!(
        found == expected,
        "put this between the marks in src/ARCHITECTURE.md:\n{expected}"
    );
}
