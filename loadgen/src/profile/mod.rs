//! PROFILES: who pays whom, how much, when, and what goes wrong, from a TOML file.
//!
//! Some are built in (`loadgen/profiles/`), and any path is read. A profile knows no switch: the
//! participants that it names are found in a configuration, or given to one.

mod misbehaviour;
mod people;
mod phases;
mod read;
pub(crate) mod section;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cpg_switch::control::configuration::{Diagnostics, did_you_mean};
use cpg_switch::model::participant::{Protocol, Role};
use sha2::{Digest, Sha256};

use crate::mix::{Fate, Merchants};
use crate::plan::curve::{Curve, CurveError, Stretch};
use crate::plan::design::{About, Design, PhaseAbout};
use crate::plan::faults::{FaultAbout, PlannedFault};
use crate::plan::trace::{Trace, TraceError};
use crate::plan::{Source, Spacing};

pub(crate) use phases::Phase;

/// A profile, valid by itself.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Built in: its name. From a file: the file's name without its ending.
    pub(crate) name: String,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub(crate) hash: String,
    /// One line for people.
    pub(crate) title: String,
    /// Who plays.
    pub(crate) people: Vec<Person>,
    /// Who pays whom.
    pub(crate) corridors: Vec<Corridor>,
    /// What becomes of payments, of ten thousand; the rest is approved.
    pub(crate) shares: Vec<(Fate, u32)>,
    /// Merchants of each acquirer, and how unevenly they are visited.
    pub(crate) merchants: Merchants,
    /// Links of each participant that pays or is paid by code.
    pub(crate) links: u32,
    /// How instants are spaced.
    pub(crate) spacing: Spacing,
    /// When, unless a trace says it.
    pub(crate) phases: Vec<Phase>,
    /// When, from a recorded day.
    pub(crate) trace: Option<Trace>,
    /// Who misbehaves when, in the time of the phases.
    pub(crate) faults: Vec<PlannedFault>,
}

/// A participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// ISO 3166-1, two letters.
    pub(crate) country: String,
    /// ISO 4217, three letters.
    pub(crate) currency: String,
    pub(crate) protocol: Protocol,
    /// If not as many as the others have.
    pub(crate) links: Option<u32>,
    /// How long it thinks before it answers a payment.
    pub(crate) answers: Option<AnswerTimes>,
}

/// How long a destination thinks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AnswerTimes {
    /// Always as long.
    Fixed { us: u64 },
    /// Anything in between, alike.
    Uniform { least_us: u64, most_us: u64 },
    /// Half of the answers within one time, all but a hundredth within the other.
    LogNormal { p50_us: u64, p99_us: u64 },
}

/// One way for money to go.
#[derive(Clone, Debug)]
pub(crate) struct Corridor {
    /// The wallet: its place among the people.
    pub(crate) payer: usize,
    /// The acquirer.
    pub(crate) merchant: usize,
    /// Of the sum of all.
    pub(crate) weight: u32,
    /// Payments of a hundred in which the payer shows the code.
    pub(crate) cpm_percent: u32,
    /// What is paid, in the merchant's minor units.
    pub(crate) ticket: Ticket,
}

/// Amounts: log-normal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Ticket {
    /// Half of the payments are smaller, in minor units.
    pub(crate) median_minor: i64,
    /// Standard deviation of the exponent.
    pub(crate) spread: f64,
    /// No payment is larger.
    pub(crate) most_minor: i64,
}

/// What a command line says besides the profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stretching {
    /// The highest rate shall be this, in payments a thousand seconds.
    pub(crate) peak_milli: Option<u64>,
    /// All rates are multiplied by this many millionths.
    pub(crate) scale_millionths: Option<u64>,
    /// All of it shall take so long.
    pub(crate) duration_ms: Option<u64>,
    /// At the first rate, before it begins.
    pub(crate) warm_up_ms: u64,
}

/// Why there is no profile, or no plan from it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// No file, and no such name.
    #[error("there is no profile {given}: {remedy}")]
    Unknown {
        /// As it was given.
        given: String,
        /// What to do.
        remedy: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It can be read, and is wrong.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// Its trace is wrong.
    #[error("{}, {cause}", path.display())]
    Trace {
        /// Which file.
        path: PathBuf,
        /// Where, and what.
        cause: TraceError,
    },
    /// Its phases are no plan.
    #[error("the profile {name} is no plan at this scale: {cause}")]
    Curve {
        /// Which.
        name: String,
        /// Why.
        cause: CurveError,
    },
    /// A recorded day has its own rates.
    #[error("the profile {0} plays a trace: --rate and --scale do not apply, --duration does")]
    TraceHasNoRate(String),
    /// A participant of the profile is not in the configuration, or is another one there.
    #[error(
        "the profile's {name} {what} in the switch's configuration; `cpg-loadgen profile \
         configuration` prints one that fits"
    )]
    Absent {
        /// Who.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The configuration that would have them all is refused.
    #[error("no switch would take the profile's participants: {0}")]
    Refused(String),
}

/// The profiles in the box: name and text.
pub(crate) const BUILT_IN: [(&str, &str); 8] = [
    ("everyday", include_str!("../../profiles/everyday.toml")),
    (
        "golden-week-day",
        include_str!("../../profiles/golden-week-day.toml"),
    ),
    (
        "hekou-border-opening",
        include_str!("../../profiles/hekou-border-opening.toml"),
    ),
    (
        "cruise-arrival",
        include_str!("../../profiles/cruise-arrival.toml"),
    ),
    (
        "stadium-letting-out",
        include_str!("../../profiles/stadium-letting-out.toml"),
    ),
    (
        "new-years-eve",
        include_str!("../../profiles/new-years-eve.toml"),
    ),
    ("trial-x100", include_str!("../../profiles/trial-x100.toml")),
    ("bad-day", include_str!("../../profiles/bad-day.toml")),
];

impl Profile {
    /// The built-in one of this name, or the one at this path.
    pub(crate) fn find(given: &str) -> Result<Self, ProfileError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == given) {
            return Self::from_text(name, &format!("{name}.toml"), text, None);
        }
        let path = Path::new(given);
        if !path.is_file() && !given.contains(['/', '.']) {
            let names = || BUILT_IN.iter().map(|(name, _)| *name);
            let remedy = did_you_mean(given, names()).unwrap_or_else(|| {
                let names: Vec<&str> = names().collect();
                format!("name a file, or one of {}", names.join(", "))
            });
            let given = given.to_owned();
            return Err(ProfileError::Unknown { given, remedy });
        }
        let text = fs::read_to_string(path).map_err(|cause| ProfileError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::from_text(&name, given, &text, path.parent())
    }

    /// Reads `text`; `file` is what its errors call it, and its trace lies in `folder`.
    pub(crate) fn from_text(
        name: &str,
        file: &str,
        text: &str,
        folder: Option<&Path>,
    ) -> Result<Self, ProfileError> {
        let (mut profile, trace) = read::profile(file, text).map_err(ProfileError::Invalid)?;
        name.clone_into(&mut profile.name);
        profile.hash = hash(text.as_bytes());
        if let Some(file) = trace {
            let path = folder.unwrap_or_else(|| Path::new("")).join(file);
            let read = fs::read_to_string(&path).map_err(|cause| ProfileError::Unreadable {
                path: path.clone(),
                cause,
            })?;
            let trace = Trace::read(&read, profile.corridors.len());
            profile.trace = Some(trace.map_err(|cause| ProfileError::Trace { path, cause })?);
        }
        Ok(profile)
    }

    /// When its payments are due, stretched as `by` says.
    pub(crate) fn design(&self, by: &Stretching) -> Result<Design, ProfileError> {
        match &self.trace {
            Some(trace) => self.traced(trace, by),
            None => self.curved(by),
        }
    }

    /// Its highest rate, in payments a thousand seconds; none where a trace is played.
    pub(crate) fn peak_milli(&self) -> Option<u64> {
        let stretches = self.phases.iter().flat_map(Phase::stretches);
        stretches.map(|it| it.from_milli.max(it.to_milli)).max()
    }

    fn curved(&self, by: &Stretching) -> Result<Design, ProfileError> {
        let failed = |cause| ProfileError::Curve {
            name: self.name.clone(),
            cause,
        };
        let phases: Vec<Vec<Stretch>> = self.phases.iter().map(Phase::stretches).collect();
        let own = Curve::new(&phases.concat()).map_err(failed)?;
        let duration_ms = by.duration_ms.unwrap_or(own.duration_ms());
        let (rate, rate_of) = match (by.peak_milli, by.scale_millionths) {
            (Some(peak_milli), _) => (peak_milli, own.peak_milli()),
            (None, Some(millionths)) => (millionths, MILLION),
            (None, None) => (1, 1),
        };
        let scaled = |milli| part(milli, rate, rate_of);
        let at = |ms| part(ms, duration_ms, own.duration_ms());
        let first = phases.iter().flatten().find(|it| it.duration_ms > 0);
        let first_milli = scaled(first.map_or(0, |stretch| stretch.from_milli));
        let mut stretches = vec![Stretch::constant(by.warm_up_ms, first_milli)];
        let (mut passed_ms, mut edges) = (0, vec![0]);
        for stretch in phases.iter().flatten() {
            let start_ms = at(passed_ms);
            passed_ms += stretch.duration_ms;
            stretches.push(Stretch {
                duration_ms: at(passed_ms) - start_ms,
                from_milli: scaled(stretch.from_milli),
                to_milli: scaled(stretch.to_milli),
            });
        }
        let mut end_ms = 0;
        for phase in &self.phases {
            end_ms += phase.duration_ms;
            edges.push(at(end_ms));
        }
        let curve = Curve::new(&stretches).map_err(failed)?;
        let abouts = self.phases.iter().zip(edges.windows(2));
        let abouts = abouts.map(|(phase, edge)| {
            let (from_ms, to_ms) = (by.warm_up_ms + edge[0], by.warm_up_ms + edge[1]);
            PhaseAbout {
                name: phase.name.clone(),
                duration_ms: edge[1] - edge[0],
                payments: curve.count(from_ms, to_ms),
            }
        });
        let (faults, fault_abouts) = self.faults(by.warm_up_ms, duration_ms, own.duration_ms());
        let about = About {
            phases: abouts.collect(),
            faults: fault_abouts,
            peak_per_second: scaled(own.peak_milli()) / 1_000,
            ..self.about(rate, rate_of, duration_ms)
        };
        Ok(Design {
            faults: Arc::new(faults),
            about: Some(Arc::new(about)),
            ..Design::of(Source::Curve(Arc::new(curve), self.spacing), duration_ms)
        })
    }

    /// A trace is played as it was; `--duration` stretches its time.
    fn traced(&self, trace: &Trace, by: &Stretching) -> Result<Design, ProfileError> {
        if by.peak_milli.is_some() || by.scale_millionths.is_some() {
            return Err(ProfileError::TraceHasNoRate(self.name.clone()));
        }
        let last_ns = trace.instants_ns.last().copied().unwrap_or(0);
        let own_ms = last_ns / NS_PER_MS + 1;
        let duration_ms = by.duration_ms.unwrap_or(own_ms);
        let instants = trace.instants_ns.iter();
        let instants: Vec<u64> = instants.map(|ns| part(*ns, duration_ms, own_ms)).collect();
        let (faults, fault_abouts) = self.faults(0, duration_ms, own_ms);
        let about = About {
            faults: fault_abouts,
            phases: vec![PhaseAbout {
                name: "trace".to_owned(),
                duration_ms,
                payments: u64::try_from(instants.len()).expect("a length fits"),
            }],
            ..self.about(1, 1, duration_ms)
        };
        Ok(Design {
            faults: Arc::new(faults),
            about: Some(Arc::new(about)),
            ..Design::of(Source::Trace(Arc::new(instants)), duration_ms)
        })
    }

    /// Its faults, stretched with the plan, and what the report says of them.
    fn faults(&self, after_ms: u64, to: u64, from: u64) -> (Vec<PlannedFault>, Vec<FaultAbout>) {
        let stretched = |fault: &PlannedFault| {
            let (at_ms, for_ms) = (part(fault.at_ms, to, from), part(fault.for_ms, to, from));
            let about = FaultAbout {
                participant: fault.participant.clone(),
                kind: fault.kind.word(),
                at_ms,
                for_ms,
            };
            let fault = PlannedFault {
                at_ms: after_ms + at_ms,
                for_ms,
                ..fault.clone()
            };
            (fault, about)
        };
        self.faults.iter().map(stretched).unzip()
    }

    fn about(&self, rate: u64, rate_of: u64, duration_ms: u64) -> About {
        let stands_for_ms = match &self.trace {
            None => self.phases.iter().map(|phase| phase.stands_for_ms).sum(),
            Some(trace) => trace
                .instants_ns
                .last()
                .map_or(0, |last| last / NS_PER_MS + 1),
        };
        About {
            profile: self.name.clone(),
            title: self.title.clone(),
            hash: self.hash.clone(),
            scale_millionths: part(MILLION, rate, rate_of),
            stands_for_ms,
            duration_ms,
            phases: Vec::new(),
            faults: Vec::new(),
            peak_per_second: 0,
        }
    }
}

/// `value * by / of`, to the nearest.
fn part(value: u64, by: u64, of: u64) -> u64 {
    let of = u128::from(of.max(1));
    let whole = (u128::from(value) * u128::from(by) + of / 2) / of;
    u64::try_from(whole).unwrap_or(u64::MAX)
}

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const MILLION: u64 = 1_000_000;
const NS_PER_MS: u64 = 1_000_000;
