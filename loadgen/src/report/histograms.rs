//! Histograms as files that the public HdrHistogram tools read: an interval log (format 1.3, tags
//! by corridor) and percentile distributions (`.hgrm`).

use core::time::Duration;
use std::io::{self, Write};
use std::time::SystemTime;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use crate::record::Record;
use crate::record::latency::Latency;
use crate::record::series::Cell;

/// Each interval three times over: response times of everything without a tag, those of each
/// corridor under its name, and service times of everything under `service`. Values are
/// nanoseconds; the column of maxima, for people, is in milliseconds.
pub(crate) fn write_log(record: &Record, began_s: f64, out: &mut dyn Write) -> io::Result<()> {
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(began_s);
    let mut serializer = V2DeflateSerializer::new();
    let mut file = out;
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("[Response times by the interval that payments were intended for]")
        .with_start_time(began)
        .with_base_time(began)
        .with_max_value_divisor(NS_PER_MS)
        .begin_log_with(&mut file, &mut serializer)?;
    let series = &record.series;
    let tags: Vec<String> = series.corridors().iter().map(|name| tag(name)).collect();
    for (place, interval) in series.intervals().iter().enumerate() {
        let (start_ns, end_ns) = series.span_ns(place);
        let start = Duration::from_nanos(start_ns);
        let length = Duration::from_nanos(end_ns - start_ns);
        let (mut response, mut service) = (Latency::new(), Latency::new());
        let mut write = |histogram: &hdrhistogram::Histogram<u64>, tag: Option<&str>| {
            let tag = tag.map(|tag| Tag::new(tag).expect("tags have no blank and no comma"));
            log.write_histogram(histogram, start, length, tag)
                .map_err(failed)
        };
        let corridor = |cell: &Cell| {
            let mut latency = Latency::new();
            latency.merge(&cell.response);
            latency
        };
        for cell in &interval.cells {
            response.merge(&cell.response);
            service.merge(&cell.service);
        }
        write(response.histogram(), None)?;
        write(service.histogram(), Some("service"))?;
        for (cell, tag) in interval.cells.iter().zip(&tags) {
            write(corridor(cell).histogram(), Some(tag))?;
        }
    }
    Ok(())
}

/// What a corridor is called in the log, where blanks and commas have a meaning.
fn tag(corridor: &str) -> String {
    corridor.replace([' ', ','], "_")
}

fn failed<E: core::fmt::Display>(error: IntervalLogWriterError<E>) -> io::Error {
    match error {
        IntervalLogWriterError::IoError(cause) => cause,
        IntervalLogWriterError::SerializeError(cause) => io::Error::other(cause.to_string()),
    }
}

/// The distribution as the tools' `outputPercentileDistribution` writes it, in milliseconds.
pub(crate) fn write_distribution(latency: &Latency, out: &mut dyn Write) -> io::Result<()> {
    let histogram = latency.histogram();
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut total = 0;
    for point in histogram.iter_quantiles(TICKS_PER_HALF) {
        total += point.count_since_last_iteration();
        let ms = ms(point.value_iterated_to());
        let share = point.quantile_iterated_to();
        write!(out, "{ms:12.3} {share:2.12} {total:10}")?;
        if share < 1.0 {
            writeln!(out, " {:14.2}", 1.0 / (1.0 - share))?;
        } else {
            writeln!(out)?;
        }
    }
    let (mean, deviation) = (histogram.mean() / NS_PER_MS, histogram.stdev() / NS_PER_MS);
    writeln!(
        out,
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"
    )?;
    writeln!(
        out,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        ms(histogram.max()),
        histogram.len()
    )?;
    writeln!(
        out,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram.buckets(),
        SUB_BUCKETS
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "below 2^53: a minute in nanoseconds"
)]
fn ms(ns: u64) -> f64 {
    ns as f64 / NS_PER_MS
}

const NS_PER_MS: f64 = 1e6;
const TICKS_PER_HALF: u32 = 5;
/// Of three digits: the least power of two above 2,000.
const SUB_BUCKETS: u32 = 2_048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::books::Standing;
    use crate::record::corridors::Corridors;
    use crate::record::series::Answered;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD as STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    const SECOND_NS: u64 = 1_000_000_000;

    fn record() -> Record {
        let mut record = Record::new(Corridors::one(1));
        record.series.measure_between(SECOND_NS, 3 * SECOND_NS);
        for sample in 0..2_000_u64 {
            let intended_ns = SECOND_NS + sample * 1_000_000;
            record.answered(&Answered {
                lane: 0,
                standing: Standing::Approved,
                intended_ns,
                sent_ns: intended_ns + 1_000,
                now_ns: intended_ns + 100_000 + sample * 1_000,
            });
        }
        record
    }

    #[test]
    fn the_log_gives_back_what_was_recorded() {
        let record = record();
        let mut bytes = Vec::new();
        write_log(&record, 1_795_298_705.25, &mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(
            text.starts_with("#[Histogram log format version 1.3]\n"),
            "{text}"
        );
        assert!(text.contains("#[StartTime: 1795298705.250 (seconds since epoch)]\n"));
        let mut merged = Histogram::<u64>::new(3).unwrap();
        let (mut untagged, mut by_corridor) = (0, 0);
        for entry in IntervalLogIterator::new(&bytes) {
            let LogEntry::Interval(interval) = entry.unwrap() else {
                continue;
            };
            let encoded = STANDARD.decode(interval.encoded_histogram()).unwrap();
            let found: Histogram<u64> = Deserializer::new()
                .deserialize(&mut encoded.as_slice())
                .unwrap();
            assert_eq!(interval.duration(), Duration::from_millis(500));
            match interval.tag().map(|tag| tag.as_str()) {
                None => {
                    untagged += found.len();
                    merged.add(found).unwrap();
                }
                Some("all") => by_corridor += found.len(),
                Some(other) => assert_eq!(other, "service"),
            }
        }
        assert_eq!((untagged, by_corridor), (2_000, 2_000));
        let whole = record.whole().response;
        for share in [0.5, 0.9, 0.99] {
            assert_eq!(
                Some(merged.value_at_quantile(share)),
                whole.quantile_ns(share)
            );
        }
    }

    #[test]
    fn a_distribution_ends_with_everything() {
        let mut bytes = Vec::new();
        write_distribution(&record().whole().response, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let last = text.lines().rfind(|line| !line.starts_with('#')).unwrap();
        let words: Vec<&str> = last.split_whitespace().collect();
        assert_eq!(words, ["2.099", "1.000000000000", "2000"]);
        assert!(text.contains("Total count    =         2000]"), "{text}");
    }
}
