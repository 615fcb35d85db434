//! The line that moves while a run runs: on a terminal only, and never on standard output.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::drive::Progress;

/// A progress line, or nothing where nobody watches.
#[derive(Debug)]
pub(crate) struct Line(Option<ProgressBar>);

impl Line {
    /// Shown on a terminal, unless `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:30} {msg}")
            .expect("the template is checked by every run on a terminal");
        Self(Some(bar.with_style(style)))
    }

    /// Moves it.
    pub(crate) fn show(&self, progress: Progress) {
        let Some(bar) = &self.0 else { return };
        bar.set_length(progress.whole_ms);
        bar.set_position(progress.elapsed_ms);
        bar.set_message(format!(
            "{}.{} s  {} payments sent, {} in flight",
            progress.elapsed_ms / 1_000,
            progress.elapsed_ms / 100 % 10,
            progress.sent,
            progress.in_flight,
        ));
    }

    /// Takes it away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
