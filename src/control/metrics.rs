//! Numbers as text for Prometheus (OpenMetrics 1.0). Reads what others count; counts nothing.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::model::metric::{BUCKETS, Histogram, Sample, Value, Visit, bound_ns};

/// What [`encode`]'s text is called on the wire.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What every name begins with.
pub const PREFIX: &str = "cpg_switch";

/// Hands every sample to the visitor.
pub type EachSample = Box<dyn Fn(Visit<'_>) + Send + Sync>;

/// The registry of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// With what is read at each scrape.
    pub fn new(samples: Arc<EachSample>) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Samples(samples)));
        Self { registry }
    }

    /// All of them as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all that is written");
        text
    }
}

/// The name and the type under which Prometheus knows a sample.
pub fn exposed(sample: &Sample<'_>) -> (String, &'static str) {
    let name = bare(sample.name);
    match sample.value {
        Value::Counter(_) | Value::Spent(_) => (format!("{PREFIX}_{name}_total"), "counter"),
        Value::Gauge(_) => (format!("{PREFIX}_{name}"), "gauge"),
        Value::Times(_) => (format!("{PREFIX}_{name}"), "histogram"),
    }
}

/// The format appends `_total` to a counter's name.
fn bare(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

struct Samples(Arc<EachSample>);

impl fmt::Debug for Samples {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Samples")
    }
}

/// A sample that outlives its visit.
struct Kept {
    labels: Vec<(&'static str, String)>,
    number: Number,
}

enum Number {
    Counter(u64),
    Spent(f64),
    Gauge(u64),
    Times(Box<Histogram>),
}

struct Family {
    name: String,
    help: String,
    samples: Vec<Kept>,
}

impl Samples {
    /// Values by name, in the order in which names first come.
    fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        (self.0)(&mut |sample| {
            let kept = Kept {
                labels: sample
                    .labels
                    .iter()
                    .map(|(name, value)| (*name, (*value).to_owned()))
                    .collect(),
                number: number(&sample.value),
            };
            match families
                .last_mut()
                .filter(|family| family.name == bare(sample.name))
            {
                Some(family) => family.samples.push(kept),
                None => families.push(Family {
                    name: bare(sample.name).to_owned(),
                    help: sample.help.to_owned(),
                    samples: vec![kept],
                }),
            }
        });
        families
    }
}

fn number(value: &Value<'_>) -> Number {
    match value {
        Value::Counter(count) => Number::Counter(*count),
        Value::Spent(ns) => Number::Spent(seconds(*ns)),
        Value::Gauge(value) => Number::Gauge(*value),
        Value::Times(times) => Number::Times(Box::new(**times)),
    }
}

/// Nanoseconds as seconds, to the precision that people read.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 ns are a hundred days; after that the last nanoseconds are not seen"
)]
pub fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in self.families() {
            let kind = match family.samples.first().map(|sample| &sample.number) {
                Some(Number::Gauge(_)) => MetricType::Gauge,
                Some(Number::Times(_)) => MetricType::Histogram,
                Some(Number::Counter(_) | Number::Spent(_)) | None => MetricType::Counter,
            };
            let (name, help) = (&family.name, &family.help);
            let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
            for sample in &family.samples {
                if sample.labels.is_empty() {
                    write(&sample.number, &mut descriptor)?;
                } else {
                    write(
                        &sample.number,
                        &mut descriptor.encode_family(&sample.labels)?,
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn write(number: &Number, encoder: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
    match number {
        Number::Counter(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
        Number::Spent(seconds) => encoder.encode_counter::<NoLabelSet, _, f64>(seconds, None),
        Number::Gauge(value) => encoder.encode_gauge(&i64::try_from(*value).unwrap_or(i64::MAX)),
        Number::Times(times) => {
            let count = times.count();
            encoder.encode_histogram::<NoLabelSet>(
                seconds(times.sum_ns),
                count,
                &buckets(times),
                None,
            )
        }
    }
}

/// Upper bounds in seconds with what lies between each and the one before. One in each doubling:
/// two would double a page that is fetched every few seconds.
fn buckets(times: &Histogram) -> Vec<(f64, u64)> {
    let mut buckets = Vec::with_capacity(BUCKETS / 2 + 1);
    let mut between = 0;
    for (place, count) in times.counts.iter().enumerate() {
        between += count;
        let bound = match place {
            last if last == BUCKETS - 1 => f64::INFINITY,
            even if even % 2 == 0 => seconds(bound_ns(place)),
            _ => continue,
        };
        buckets.push((bound, core::mem::take(&mut between)));
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_number_is_written_as_the_format_asks() {
        let mut times = Histogram::default();
        times.note(500);
        times.note(3_000);
        times.note(1 << 62);
        let samples: EachSample = Box::new(move |visit| {
            let mut give = |name: &str, labels: &[(&'static str, &str)], value: Value<'_>| {
                visit(&Sample {
                    name,
                    help: "What it is",
                    labels,
                    value,
                });
            };
            give("payments", &[("outcome", "approved")], Value::Counter(3));
            give("payments", &[("outcome", "declined")], Value::Counter(1));
            give("links_now", &[], Value::Gauge(7));
            give("cpu_seconds", &[], Value::Spent(1_500_000_000));
            give(
                "answer_seconds",
                &[("to", "a"), ("x", "y")],
                Value::Times(&times),
            );
        });
        let text = Metrics::new(Arc::new(samples)).text();
        for line in [
            "# TYPE cpg_switch_payments counter",
            "cpg_switch_payments_total{outcome=\"approved\"} 3",
            "cpg_switch_payments_total{outcome=\"declined\"} 1",
            "# TYPE cpg_switch_links_now gauge",
            "cpg_switch_links_now 7",
            "cpg_switch_cpu_seconds_total 1.5",
            "# TYPE cpg_switch_answer_seconds histogram",
            "cpg_switch_answer_seconds_count{to=\"a\",x=\"y\"} 3",
            "cpg_switch_answer_seconds_bucket{le=\"0.000001024\",to=\"a\",x=\"y\"} 1",
            "cpg_switch_answer_seconds_bucket{le=\"0.000002048\",to=\"a\",x=\"y\"} 1",
            "cpg_switch_answer_seconds_bucket{le=\"0.000004096\",to=\"a\",x=\"y\"} 2",
            "cpg_switch_answer_seconds_bucket{le=\"+Inf\",to=\"a\",x=\"y\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        let types = text.lines().filter(|line| line.starts_with("# TYPE"));
        assert_eq!(types.count(), 4);
        assert!(text.ends_with("# EOF\n"));
    }
}
