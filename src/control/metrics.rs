//! Counters as text for Prometheus (OpenMetrics 1.0). Reads what shards count; counts nothing.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// What [`encode`]'s text is called on the wire.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A name that ends so is a gauge: it goes down again. All others are counters.
const GAUGE_SUFFIX: &str = "_now";

/// Receives one value: name, help, label, number. Values of one name follow one another.
pub type Visit<'a> =
    &'a mut dyn FnMut(&'static str, &'static str, Option<(&'static str, &'static str)>, u64);

/// Hands every value to the visitor.
pub type EachCounter = Box<dyn Fn(Visit<'_>) + Send + Sync>;

/// The registry of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// With the counters of a shard, read at each scrape.
    pub fn new(counters: Arc<EachCounter>) -> Self {
        let mut registry = Registry::with_prefix("cpg_switch");
        registry.register_collector(Box::new(ShardCollector(counters)));
        Self { registry }
    }

    /// All of them as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all that is written");
        text
    }
}

struct ShardCollector(Arc<EachCounter>);

impl fmt::Debug for ShardCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ShardCollector")
    }
}

struct Sample {
    label: Option<(&'static str, &'static str)>,
    number: u64,
}

struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<Sample>,
}

impl ShardCollector {
    /// Values by name, in the order in which names first come.
    fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        (self.0)(&mut |name, help, label, number| {
            let sample = Sample { label, number };
            match families.last_mut().filter(|family| family.name == name) {
                Some(family) => family.samples.push(sample),
                None => families.push(Family {
                    name,
                    help,
                    samples: vec![sample],
                }),
            }
        });
        families
    }
}

impl Collector for ShardCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in self.families() {
            let gauge = family.name.ends_with(GAUGE_SUFFIX);
            // The format appends `_total` to a counter's name.
            let name = family.name.strip_suffix("_total").unwrap_or(family.name);
            let kind = if gauge {
                ConstGauge::new(0_i64).metric_type()
            } else {
                ConstCounter::new(0_u64).metric_type()
            };
            let mut descriptor = encoder.encode_descriptor(name, family.help, None, kind)?;
            match family.samples.as_slice() {
                [
                    Sample {
                        label: None,
                        number,
                    },
                ] => write(gauge, *number, descriptor)?,
                samples => {
                    for sample in samples {
                        let labels: Vec<_> = sample.label.into_iter().collect();
                        let encoder = descriptor.encode_family(&labels)?;
                        write(gauge, sample.number, encoder)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn write(gauge: bool, number: u64, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    if gauge {
        ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX)).encode(encoder)
    } else {
        ConstCounter::new(number).encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_written_as_the_format_asks() {
        let counters: EachCounter = Box::new(|visit| {
            visit(
                "payments",
                "Payments by outcome",
                Some(("outcome", "approved")),
                3,
            );
            visit(
                "payments",
                "Payments by outcome",
                Some(("outcome", "declined")),
                1,
            );
            visit("links_now", "Links", None, 7);
            visit("frames_total", "Frames", None, 9);
        });
        let text = Metrics::new(Arc::new(counters)).text();
        let expected = "\
# HELP cpg_switch_payments Payments by outcome.
# TYPE cpg_switch_payments counter
cpg_switch_payments_total{outcome=\"approved\"} 3
cpg_switch_payments_total{outcome=\"declined\"} 1
# HELP cpg_switch_links_now Links.
# TYPE cpg_switch_links_now gauge
cpg_switch_links_now 7
# HELP cpg_switch_frames Frames.
# TYPE cpg_switch_frames counter
cpg_switch_frames_total 9
# EOF
";
        let unmarked = |text: &str| text.replace(".\n#", "\n#");
        assert_eq!(unmarked(&text), unmarked(expected));
    }
}
