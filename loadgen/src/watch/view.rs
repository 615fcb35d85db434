//! What people see while a run runs: on a terminal one block that is painted again each second,
//! elsewhere a line now and then. Never on standard output.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::drive::Progress;
use crate::report::table::grouped;

/// How to show it.
#[derive(Debug)]
pub(super) enum View {
    /// Not at all.
    Quiet,
    /// A line every few seconds; when the last one was, and whether it said that the run waits.
    Lines(u64, bool),
    /// A block that is painted again, and what it said last.
    Block(ProgressBar, String),
}

impl View {
    pub(super) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines(0, false);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg}")
            .expect("the template is checked by every run on a terminal");
        Self::Block(bar.with_style(style), String::new())
    }

    #[expect(clippy::print_stderr, reason = "this is where people are told")]
    pub(super) fn show(&mut self, progress: &Progress) {
        match self {
            Self::Quiet => {}
            Self::Lines(last_ms, _) => {
                if progress.elapsed_ms >= *last_ms + LINES_MS {
                    *last_ms = progress.elapsed_ms;
                    eprintln!("{}", line(progress));
                }
            }
            Self::Block(bar, said) => {
                *said = block(progress);
                bar.set_message(said.clone());
            }
        }
    }

    /// Nothing has been heard for so long: the plan is over, and answers are outstanding.
    #[expect(clippy::print_stderr, reason = "this is where people are told")]
    pub(super) fn wait(&mut self, seconds: u64) {
        match self {
            Self::Quiet => {}
            Self::Lines(_, waits) => {
                if !core::mem::replace(waits, true) {
                    eprintln!("waiting for the last answers");
                }
            }
            Self::Block(bar, said) => {
                let waiting = format!("waiting for the last answers, {seconds} s");
                bar.set_message(format!("{said}\n  {waiting}"));
            }
        }
    }

    pub(super) fn end(&self) {
        if let Self::Block(bar, _) = self {
            bar.finish_and_clear();
        }
    }
}

fn per_second(progress: &Progress) -> u64 {
    let answered = u128::from(progress.glance.answered) * 1_000_000_000;
    let since_ns = u128::from(progress.glance_ns.max(1));
    u64::try_from(answered / since_ns).unwrap_or(u64::MAX)
}

fn ms(ns: Option<u64>) -> String {
    ns.map_or_else(
        || "n/a".to_owned(),
        |ns| format!("{}.{:02} ms", ns / 1_000_000, ns / 10_000 % 100),
    )
}

fn block(progress: &Progress) -> String {
    let glance = &progress.glance;
    format!(
        "[{}] {} of {} s\n  {:>10} payments/s    p50 {}    p99 {}    in the last second\n  \
         {:>10} in flight     start lag {} at most\n  \
         {:>10} sent          {} declined    {} shed or refused",
        bar(progress),
        progress.elapsed_ms / 1_000,
        progress.whole_ms.div_ceil(1_000),
        grouped(per_second(progress)),
        ms(glance.p50_ns),
        ms(glance.p99_ns),
        grouped(progress.in_flight.into()),
        ms(Some(glance.lag_max_ns)),
        grouped(progress.sent),
        grouped(glance.declined),
        grouped(glance.refused),
    )
}

/// How much of the plan is over, as a bar.
fn bar(progress: &Progress) -> String {
    let done = progress.elapsed_ms.min(progress.whole_ms) * BAR / progress.whole_ms.max(1);
    let cell = |place| match place {
        place if place < done => '=',
        place if place == done => '>',
        _ => ' ',
    };
    (0..BAR).map(cell).collect()
}

fn line(progress: &Progress) -> String {
    let glance = &progress.glance;
    format!(
        "{} of {} s: {} payments/s, p50 {}, p99 {}, {} in flight, start lag {} at most, {} \
         declined, {} shed or refused",
        progress.elapsed_ms / 1_000,
        progress.whole_ms.div_ceil(1_000),
        grouped(per_second(progress)),
        ms(glance.p50_ns),
        ms(glance.p99_ns),
        progress.in_flight,
        ms(Some(glance.lag_max_ns)),
        grouped(glance.declined),
        grouped(glance.refused),
    )
}

const LINES_MS: u64 = 5_000;
/// Characters.
const BAR: u64 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Glance;

    #[test]
    fn both_forms_say_the_same() {
        let progress = Progress {
            elapsed_ms: 12_040,
            whole_ms: 60_500,
            sent: 240_000,
            in_flight: 1_012,
            glance_ns: 500_000_000,
            glance: Glance {
                answered: 10_000,
                declined: 400,
                refused: 0,
                p50_ns: Some(310_000),
                p99_ns: None,
                lag_max_ns: 80_000,
            },
        };
        assert_eq!(
            line(&progress),
            "12 of 61 s: 20,000 payments/s, p50 0.31 ms, p99 n/a, 1012 in flight, start lag \
             0.08 ms at most, 400 declined, 0 shed or refused"
        );
        let block = block(&progress);
        assert!(
            block.starts_with("[=======>                                ] 12"),
            "{block}"
        );
        for part in ["12 of 61 s", "20,000 payments/s", "p99 n/a", "240,000 sent"] {
            assert!(block.contains(part), "{part} in {block}");
        }
        assert_eq!(block.lines().count(), 4);
    }
}
