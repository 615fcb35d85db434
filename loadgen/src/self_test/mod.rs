//! THE GENERATOR MEASURES ITSELF: what it costs by itself, and whether it reads a known delay and a
//! target that stands still for what they are.
//!
//! There is no switch in this: an acquirer's requests go to its wallet directly or through a relay,
//! both played here.

mod theory;

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::{Protocol, Role};
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::machine::Idle;

pub(crate) use self::theory::Finding;
use self::theory::ms;
use crate::cast::Cast;
use crate::cli::exit::Failure;
use crate::drive::{Course, Pace, drive};
use crate::health::Health;
use crate::judge::journal::Journal;
use crate::mix::{Lane, Mix, PLAIN};
use crate::plan::Spacing;
use crate::players::{self, PlayersError};
use crate::record::Whole;
use crate::relay::{self, Treatment};
use crate::send::{Sizes, Stage};
use crate::target::Ready;

/// Runs every check; `tell` hears of each as soon as it is known.
pub(crate) fn all(tell: &mut dyn FnMut(&Finding)) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut note = |found: Vec<Finding>| {
        found.iter().for_each(&mut *tell);
        findings.extend(found);
    };
    let floor = play(None, RATE, FLOOR_MS)?;
    let p99_ns = floor.whole.response.quantile_ns(0.99).unwrap_or(u64::MAX);
    note(floor.findings("null server", RATE, FLOOR_MS));
    note(vec![floor.floor()]);
    let slack_ns = SLACK_NS_MIN.max(p99_ns.saturating_mul(2));
    let delayed = Treatment {
        delay_ns: DELAY_NS,
        ..Treatment::default()
    };
    let delayed = play(Some(delayed), RATE, DELAYED_MS)?;
    note(delayed.findings("known delay", RATE, DELAYED_MS));
    let response = &delayed.whole.response;
    note(theory::known_delay(response, DELAY_NS, slack_ns));
    let median_ns = response.quantile_ns(0.5).unwrap_or(0);
    let law = delayed.health.littles_law;
    let counted = law.map_or(0.0, |law| law.in_flight_mean);
    note(vec![
        theory::in_flight(counted, RATE, median_ns),
        Finding {
            check: "Little's law, counted against summed",
            expected: "within 1 %".to_owned(),
            measured: law.map_or_else(
                || "nothing".to_owned(),
                |law| format!("{:+.3} %", law.apart_percent),
            ),
            holds: law.is_some_and(|law| law.holds),
        },
    ]);
    let from_ns = Clock.monotonic().0 + FREEZE_AFTER_NS;
    let frozen = Treatment::default();
    frozen.stills.are(vec![(from_ns, from_ns + STILL_NS)]);
    let frozen = play(Some(frozen), FREEZE_RATE, FREEZE_MS)?;
    note(frozen.findings("freeze", FREEZE_RATE, FREEZE_MS));
    let whole_ns = FREEZE_MS * NS_PER_MS;
    note(theory::freeze(
        &frozen.whole.response,
        STILL_NS,
        whole_ns,
        slack_ns,
    ));
    Ok(findings)
}

/// What a run without a switch came to.
struct Played {
    whole: Whole,
    health: Health,
    broken: u64,
    settled: bool,
}

impl Played {
    /// Whether everything was sent, answered and right.
    fn findings(&self, name: &'static str, rate: u64, duration_ms: u64) -> Vec<Finding> {
        let planned = rate * (WARM_UP_MS + duration_ms) / 1_000;
        vec![Finding {
            check: name,
            expected: format!("{planned} payments sent and answered as the judge wants it"),
            measured: format!(
                "{} sent, {} broken rules{}",
                self.health.started,
                self.broken,
                if self.settled {
                    ""
                } else {
                    ", not all answered"
                }
            ),
            holds: self.health.started == planned && self.broken == 0 && self.settled,
        }]
    }

    /// What the generator itself costs: nobody else was there.
    fn floor(&self) -> Finding {
        let quantile = |share| self.whole.response.quantile_ns(share);
        let shown = |ns: Option<u64>| ns.map_or_else(|| "n/a".to_owned(), ms);
        let lag = self.whole.lag.quantile_ns(0.99);
        Finding {
            check: "null server, the generator's own times",
            expected: format!("a median of at most {}", ms(FLOOR_NS_MAX)),
            measured: format!(
                "p50 {}, p99 {}, start lag p99 {}",
                shown(quantile(0.5)),
                shown(quantile(0.99)),
                shown(lag)
            ),
            holds: quantile(0.5).is_some_and(|ns| ns <= FLOOR_NS_MAX),
        }
    }
}

/// `rate` payments a second for so long, through a relay or directly.
fn play(treatment: Option<Treatment>, rate: u64, duration_ms: u64) -> Result<Played, Failure> {
    let cast = cast()?;
    let lane = *cast.lane(0);
    let mix = Mix::new(SEED, cast.lanes().to_vec(), &PLAIN);
    let course = Course {
        pace: Pace::Rate(rate, Spacing::Constant),
        warm_up_ms: WARM_UP_MS,
        duration_ms,
        settle_seconds: SETTLE_SECONDS,
        pid: None,
        seed: SEED,
    };
    let payments = rate * (WARM_UP_MS + duration_ms) / 1_000;
    let sizes = Sizes {
        links: 2 * LINKS,
        open_max: OPEN_MAX,
        payments: usize::try_from(payments).expect("addresses have 64 bits"),
    };
    let mut stage = Stage::new(&cast, &mix, sizes, Idle::Park)?;
    let hosted = stage.host(lane.destination)?;
    let address = match treatment {
        None => hosted,
        Some(treatment) => {
            relay::start(hosted, LINKS, treatment).map_err(Failure::file("start the relay"))?
        }
    };
    stage.dial_unsigned(address, lane.originator, LINKS)?;
    let everybody = usize::try_from(2 * LINKS).expect("addresses have 64 bits");
    if !stage.turn_until(CONNECT_SECONDS, |floor| floor.links() == everybody)? {
        let why = "the generator could not connect to itself over loopback TCP";
        return Err(Failure::Missing(why.to_owned()));
    }
    stage.floor.record.series.prepare(duration_ms * NS_PER_MS);
    let driven = drive(&mut stage, &course, &mut |_| {})?;
    let (judge, record, _) = stage.floor.into_judge();
    let verdict = judge.settle(&cast, &Journal::NotRead);
    Ok(Played {
        whole: record.whole(),
        health: driven.health,
        broken: verdict.violations.total(),
        settled: driven.settled,
    })
}

/// One acquirer and one wallet, whose payers show their codes.
fn cast() -> Result<Cast, Failure> {
    let configuration = Configuration::sandbox();
    let players = players::players(&configuration, &Ready::nowhere(), &[Protocol::Sbe])?;
    let first = |role| players.iter().find(|player| player.role == role).cloned();
    let (Some(wallet), Some(acquirer)) = (first(Role::Wallet), first(Role::Acquirer)) else {
        return Err(PlayersError::Nobody.into());
    };
    let lane = Lane {
        originator: 1,
        destination: 0,
        presentation: Presentation::Cpm,
    };
    let now = Clock.now().wall;
    let cast = Cast::with_lanes(vec![lane], vec![wallet, acquirer], now);
    Ok(cast.ok_or(PlayersError::Nobody)?)
}

const SEED: u64 = 1;
const LINKS: u32 = 4;
const OPEN_MAX: u32 = 8_192;
const WARM_UP_MS: u64 = 500;
const SETTLE_SECONDS: u64 = 20;
const CONNECT_SECONDS: u64 = 5;
const NS_PER_MS: u64 = 1_000_000;
const RATE: u64 = 1_000;
const FLOOR_MS: u64 = 2_000;
const DELAYED_MS: u64 = 3_000;
const DELAY_NS: u64 = 50 * NS_PER_MS;
/// PerfCake's issue 258 has 15 s of 30; the half of something is a half. So few payments wait at
/// its end that to answer them takes no time to speak of, and enough that p99 has ten above it.
const FREEZE_MS: u64 = 6_000;
const FREEZE_RATE: u64 = 200;
const STILL_NS: u64 = 3_000 * NS_PER_MS;
/// After the warm-up, whatever connecting takes.
const FREEZE_AFTER_NS: u64 = 2_000 * NS_PER_MS;
/// What a machine may add to a known time, at least.
const SLACK_NS_MIN: u64 = 2 * NS_PER_MS;
const FLOOR_NS_MAX: u64 = 5 * NS_PER_MS;
