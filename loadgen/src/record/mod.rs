//! WHAT TOOK HOW LONG: response time, service time and start lag, each in its own histograms.
//!
//! - *Response time* runs from the intended instant of the plan to the answer.
//! - *Service time* runs from the instant at which the bytes were handed to the kernel.
//! - *Start lag* runs from the intended instant to that one.
//!
//! They are never mixed and never corrected afterwards. In a closed loop the intended instant is
//! the one at which the window opened.

pub(crate) mod corridors;
pub(crate) mod latency;
pub(crate) mod series;

use hdrhistogram::Histogram;

use crate::judge::books::Standing;
use crate::record::corridors::Corridors;
use crate::record::latency::Latency;
use crate::record::series::{Answered, Series};

/// The clocks of one run.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// By interval and corridor; payments that their destination answered, and start lag.
    pub(crate) series: Series,
    /// Payments that were answered 68 because their destination said nothing. Their time is the
    /// switch's deadline, so they are kept apart.
    pub(crate) unanswered: Latency,
    /// What is shown while the run runs; none where nobody watches, because it is the fourth
    /// histogram entry of a payment.
    recent: Option<Recent>,
}

/// The clocks of a whole run: merged from its intervals.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    /// Payments that their destination answered: from the intended instant.
    pub(crate) response: Latency,
    /// The same payments: from the real send.
    pub(crate) service: Latency,
    /// Every payment: how late it was sent.
    pub(crate) lag: Latency,
}

impl Record {
    /// Empty.
    pub(crate) fn new(corridors: Corridors) -> Self {
        Self {
            series: Series::new(corridors),
            unanswered: Latency::new(),
            recent: None,
        }
    }

    /// Somebody watches from now on.
    pub(crate) fn be_watched(&mut self) {
        self.recent = Some(Recent::new());
    }

    /// What happened since the last look; nothing where nobody watches.
    pub(crate) fn glance(&mut self) -> Glance {
        let recent = self.recent.as_mut();
        recent.map_or(Glance::NOTHING, Recent::glance)
    }

    /// A payment was really sent.
    pub(crate) fn sent(&mut self, intended_ns: u64, now_ns: u64) {
        self.series.sent(intended_ns, now_ns);
        if let Some(recent) = &mut self.recent {
            let lag_ns = now_ns.saturating_sub(intended_ns);
            recent.lag_max_ns = recent.lag_max_ns.max(lag_ns);
        }
    }

    /// A payment was answered.
    pub(crate) fn answered(&mut self, answered: &Answered) {
        let response_ns = answered.now_ns.saturating_sub(answered.intended_ns);
        self.series.answered(answered);
        if let Some(recent) = &mut self.recent {
            recent.answered(answered.standing, response_ns);
        }
        if answered.standing == Standing::Unresolved && self.series.contains(answered.intended_ns) {
            self.unanswered.add(response_ns);
        }
    }

    /// All intervals together.
    pub(crate) fn whole(&self) -> Whole {
        Whole {
            response: self.series.merged(|_| true, |cell| &cell.response),
            service: self.series.merged(|_| true, |cell| &cell.service),
            lag: self.series.lag(),
        }
    }
}

impl Whole {
    /// Whether the generator itself was late so often that the response times are its own and not
    /// the switch's: the 99th percentile of start lag is more than a fifth of that of response
    /// time, and more than a millisecond.
    pub(crate) fn generator_was_late(&self) -> bool {
        match (self.lag.quantile_ns(0.99), self.response.quantile_ns(0.99)) {
            (Some(lag), Some(response)) => lag > LAG_NS_MAX && lag > response / LAG_SHARE_MAX,
            (None, _) | (_, None) => false,
        }
    }
}

/// What happened since somebody last looked: for people who watch, with two digits.
#[derive(Clone, Debug)]
struct Recent {
    response: Histogram<u32>,
    answered: u64,
    declined: u64,
    refused: u64,
    lag_max_ns: u64,
}

/// One look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Glance {
    /// Payments answered since the last look; what was refused is no throughput.
    pub(crate) answered: u64,
    /// Declined, since the start.
    pub(crate) declined: u64,
    /// Shed or refused, since the start.
    pub(crate) refused: u64,
    /// Half the response times since the last look were at most this; `None`: there were none.
    pub(crate) p50_ns: Option<u64>,
    /// And 99 of 100.
    pub(crate) p99_ns: Option<u64>,
    /// The latest send since the last look.
    pub(crate) lag_max_ns: u64,
}

impl Glance {
    /// Nobody looked.
    const NOTHING: Self = Self {
        answered: 0,
        declined: 0,
        refused: 0,
        p50_ns: None,
        p99_ns: None,
        lag_max_ns: 0,
    };
}

impl Recent {
    fn new() -> Self {
        let response = Histogram::new_with_bounds(1_000, 60_000_000_000, 2)
            .expect("the bounds are valid for every histogram");
        Self {
            response,
            answered: 0,
            declined: 0,
            refused: 0,
            lag_max_ns: 0,
        }
    }

    fn answered(&mut self, standing: Standing, response_ns: u64) {
        match standing {
            Standing::Refused => self.refused += 1,
            Standing::Declined => self.declined += 1,
            Standing::Unanswered
            | Standing::Approved
            | Standing::Reversed
            | Standing::Unresolved => {}
        }
        if standing != Standing::Refused {
            self.answered += 1;
            self.response.saturating_record(response_ns);
        }
    }

    fn glance(&mut self) -> Glance {
        let quantile = |share| {
            let found = !self.response.is_empty();
            found.then(|| self.response.value_at_quantile(share))
        };
        let glance = Glance {
            answered: self.answered,
            declined: self.declined,
            refused: self.refused,
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            lag_max_ns: self.lag_max_ns,
        };
        self.response.reset();
        (self.answered, self.lag_max_ns) = (0, 0);
        glance
    }
}

const LAG_NS_MAX: u64 = 1_000_000;
const LAG_SHARE_MAX: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_generator_is_found_out_and_a_slow_switch_is_not_blamed_on_it() {
        let run = |lag_ns: u64, response_ns: u64| {
            let mut whole = Whole {
                response: Latency::new(),
                service: Latency::new(),
                lag: Latency::new(),
            };
            for _ in 0..10_000 {
                whole.lag.add(lag_ns);
                whole.response.add(response_ns);
            }
            whole.generator_was_late()
        };
        assert!(run(30_000_000, 31_000_000));
        assert!(!run(100_000, 120_000));
        assert!(!run(1_500_000, 900_000_000));
    }

    #[test]
    fn a_look_sees_what_happened_since_the_last_one() {
        let mut record = Record::new(Corridors::one(1));
        let answered = |standing, response_ns| Answered {
            lane: 0,
            standing,
            intended_ns: 0,
            sent_ns: 0,
            now_ns: response_ns,
        };
        record.answered(&answered(Standing::Approved, 1_000_000));
        assert_eq!(record.glance(), Glance::NOTHING, "nobody watches");
        record.be_watched();
        record.answered(&answered(Standing::Approved, 1_000_000));
        record.answered(&answered(Standing::Declined, 1_000_000));
        record.answered(&answered(Standing::Refused, 5));
        record.sent(0, 70_000);
        let glance = record.glance();
        assert_eq!(
            (glance.answered, glance.declined, glance.refused),
            (2, 1, 1)
        );
        assert!(glance.p99_ns.unwrap().abs_diff(1_000_000) < 10_000);
        assert_eq!(glance.lag_max_ns, 70_000);
        let glance = record.glance();
        assert_eq!(
            (glance.answered, glance.declined, glance.p50_ns),
            (0, 1, None)
        );
    }
}
