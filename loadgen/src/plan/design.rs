//! THE DESIGN of a plan: where its instants come from, and what it does with those that it cannot
//! keep. A plan is a design at a start instant.

use std::sync::Arc;

use serde::Serialize;

use crate::plan::faults::{FaultAbout, PlannedFault};
use crate::plan::{Late, Source};
use crate::profile::section::shown;

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    /// The instants, warm-up included.
    pub(crate) source: Source,
    /// How long, warm-up not included.
    pub(crate) duration_ms: u64,
    /// What becomes of the overdue.
    pub(crate) late: Late,
    /// A payment is overdue so long after its instant.
    pub(crate) late_after_ns: u64,
    /// Payments in flight at once; the next one waits, and may become overdue.
    pub(crate) in_flight_max: u32,
    /// Who misbehaves when, and how.
    pub(crate) faults: Arc<Vec<PlannedFault>>,
    /// The profile that it comes from.
    pub(crate) about: Option<Arc<About>>,
}

/// What is done with what cannot be sent when it is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Manner {
    /// What becomes of the overdue.
    pub(crate) late: Late,
    /// A payment is overdue so long after its instant.
    pub(crate) late_after_ns: u64,
    /// Payments in flight at once.
    pub(crate) in_flight_max: u32,
}

impl Manner {
    /// Of a closed loop: nothing is ever overdue, and its window bounds it.
    pub(crate) const UNBOUNDED: Self = Self {
        late: Late::Send,
        late_after_ns: 0,
        in_flight_max: u32::MAX,
    };
}

/// What a plan from a profile is, for the report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct About {
    pub(crate) profile: String,
    pub(crate) title: String,
    /// SHA-256 of the profile's bytes.
    #[serde(rename = "sha256")]
    pub(crate) hash: String,
    /// Rates were multiplied by this many millionths.
    pub(crate) scale_millionths: u64,
    /// How long what the plan stands for takes.
    pub(crate) stands_for_ms: u64,
    /// How long the plan takes.
    pub(crate) duration_ms: u64,
    /// The highest rate, in payments a second.
    pub(crate) peak_per_second: u64,
    pub(crate) phases: Vec<PhaseAbout>,
    pub(crate) faults: Vec<FaultAbout>,
}

/// One phase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct PhaseAbout {
    pub(crate) name: String,
    pub(crate) duration_ms: u64,
    /// Planned; where instants are drawn (Poisson), expected.
    pub(crate) payments: u64,
}

impl Design {
    /// The instants of `source`: everything is sent, however late.
    pub(crate) fn of(source: Source, duration_ms: u64) -> Self {
        Self {
            source,
            duration_ms,
            late: Late::Send,
            late_after_ns: LATE_AFTER_MS * 1_000_000,
            in_flight_max: IN_FLIGHT_MAX,
            faults: Arc::default(),
            about: None,
        }
    }

    /// What is done with what cannot be sent when it is due.
    pub(crate) const fn manner(&self) -> Manner {
        Manner {
            late: self.late,
            late_after_ns: self.late_after_ns,
            in_flight_max: self.in_flight_max,
        }
    }
}

impl About {
    /// How time goes, in words: `24 h in 60 s, 1440 x as fast`.
    pub(crate) fn time(&self) -> String {
        if self.stands_for_ms == self.duration_ms {
            return "time is not compressed".to_owned();
        }
        let hundredths = self.stands_for_ms * 100 / self.duration_ms.max(1);
        format!(
            "time: {} in {}, {} x as fast; payments a second stay as they are",
            span(self.stands_for_ms),
            span(self.duration_ms),
            shown(hundredths, 2)
        )
    }

    /// By how much rates were multiplied.
    pub(crate) fn scale(&self) -> String {
        shown(self.scale_millionths, 6)
    }
}

/// Milliseconds in the largest unit that divides them.
fn span(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(3_600_000) {
        format!("{} h", ms / 3_600_000)
    } else if ms > 0 && ms.is_multiple_of(60_000) && ms > 60_000 {
        format!("{} min", ms / 60_000)
    } else {
        format!("{} s", shown(ms, 3))
    }
}

/// When a payment counts as overdue, where nobody says otherwise: above what a machine that does
/// other things, too, keeps somebody waiting.
pub(crate) const LATE_AFTER_MS: u64 = 50;
/// Payments in flight at once, where nobody says otherwise.
pub(crate) const IN_FLIGHT_MAX: u32 = 32_768;
