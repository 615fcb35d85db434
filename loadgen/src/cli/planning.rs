//! What `demo` and `run` share: which profile is played, how it is stretched, and what becomes of
//! the overdue.

use clap::{Args, ValueEnum};
use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;

use crate::cast::Cast;
use crate::cli::exit::Failure;
use crate::drive::{Course, Pace};
use crate::mix::{Mix, PLAIN};
use crate::plan::design::{Design, IN_FLIGHT_MAX, LATE_AFTER_MS};
use crate::plan::{Late, Source};
use crate::play::{self, Piece};
use crate::profile::section::decimal;
use crate::profile::{Profile, Stretching};
use crate::target::Ready;

/// Options of the plan.
#[derive(Args, Debug)]
pub(crate) struct Planning {
    /// Play this profile: a name of `cpg-loadgen profile list`, or a file. --rate then scales all
    /// of its rates so that the highest is this one, and --duration stretches its time
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Multiply the profile's rates by this, such as 0.01
    #[arg(
        long,
        requires = "profile",
        conflicts_with = "rate",
        value_name = "FACTOR"
    )]
    #[arg(value_parser = factor)]
    pub(crate) scale: Option<u64>,
    /// What becomes of a payment that is overdue
    #[arg(long, value_enum, default_value_t = Overdue::Send)]
    pub(crate) late: Overdue,
    /// A payment is overdue so long after its instant
    #[arg(long, value_name = "MS", default_value_t = LATE_AFTER_MS)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub(crate) late_after: u64,
    /// Payments in flight at once: the next one waits, which counts as start lag, and --late says
    /// what becomes of it when it is overdue
    #[arg(long, value_name = "N", default_value_t = IN_FLIGHT_MAX)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) in_flight_max: u32,
}

/// What becomes of a payment that is overdue.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum Overdue {
    /// It is sent at once, and its response time counts from its instant
    Send,
    /// It is left out and counted as missed
    Skip,
    /// It ends the run, which is INVALID
    Abort,
}

impl From<Overdue> for Late {
    fn from(overdue: Overdue) -> Self {
        match overdue {
            Overdue::Send => Self::Send,
            Overdue::Skip => Self::Skip,
            Overdue::Abort => Self::Abort,
        }
    }
}

/// Who plays a profile, what, and when.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) cast: Cast,
    pub(crate) mix: Mix,
    pub(crate) piece: Piece,
    pub(crate) course: Course,
    pub(crate) design: Design,
}

impl Planning {
    /// The profile that is named.
    pub(crate) fn profile(&self) -> Result<Option<Profile>, Failure> {
        Ok(self.profile.as_deref().map(Profile::find).transpose()?)
    }

    /// `design` with what the command line says about the overdue.
    pub(crate) fn apply(&self, design: Design) -> Design {
        Design {
            late: self.late.into(),
            late_after_ns: self.late_after * 1_000_000,
            in_flight_max: self.in_flight_max,
            ..design
        }
    }

    /// The profile on a switch that is there. `course` says what the profile does not.
    pub(crate) fn prepare(
        &self,
        profile: &Profile,
        configuration: &Configuration,
        ready: &Ready,
        by: &Stretching,
        course: Course,
        plain: bool,
    ) -> Result<Prepared, Failure> {
        let mut profile = profile.clone();
        if plain {
            profile.shares = PLAIN.to_vec();
        }
        let (cast, mix) = play::cast_of(&profile, configuration, ready, course.seed)?;
        let design = self.apply(profile.design(by)?);
        let (warm_up_ms, peak) = match &design.source {
            Source::Curve(curve, _) => (by.warm_up_ms, curve.peak_milli() / 1_000),
            Source::Trace(_) => (0, 0),
        };
        let course = Course {
            pace: Pace::Rate(peak, profile.spacing),
            warm_up_ms,
            duration_ms: design.duration_ms,
            ..course
        };
        let piece = Piece {
            protocols: Protocol::ALL.to_vec(),
            presentations: Presentation::ALL.to_vec(),
            links: profile.links,
            destination_links: profile.links.min(8),
            core: None,
            spin: false,
        };
        Ok(Prepared {
            cast,
            mix,
            piece,
            course,
            design,
        })
    }
}

/// `0.01` in millionths.
fn factor(text: &str) -> Result<u64, String> {
    decimal(text, 6)
        .filter(|millionths| (1..=MOST).contains(millionths))
        .ok_or_else(|| format!("{text} is not a factor from 0.000001 to 1000000"))
}

const MOST: u64 = 1_000_000_000_000;
