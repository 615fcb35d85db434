//! Where events go: standard error, for people on a terminal, as JSON lines elsewhere; and the last
//! of them stay in memory, for an operator who asks.
//!
//! How much is logged can be changed while the switch works, for a while. Never set up twice in one
//! process, and never by a library's caller without asking.

#![expect(
    clippy::disallowed_types,
    reason = "the office may lock: no shard logs while it works"
)]

use core::fmt;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::model::time::Monotonic;

/// Lines that are kept, and bytes of them.
const LINES_MAX: usize = 2_000;
const BYTES_MAX: usize = 512 * 1024;

/// How much is logged, as in `info` or `warn,cpg_switch::shard=debug`.
#[derive(Clone, Debug)]
pub struct LogFilter(EnvFilter);

/// What is wrong with a filter.
#[derive(thiserror::Error, Debug)]
#[error("\"{text}\" is not a log filter: {cause}")]
pub struct BadFilter {
    text: String,
    cause: String,
}

impl std::str::FromStr for LogFilter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, BadFilter> {
        EnvFilter::try_new(text)
            .map(Self)
            .map_err(|cause| BadFilter {
                text: text.to_owned(),
                cause: cause.to_string(),
            })
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The log of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    /// Changes the filter; none where the process logs elsewhere.
    handle: Option<reload::Handle<EnvFilter, Registry>>,
    usual: Option<LogFilter>,
    now: Option<LogFilter>,
    until: Option<Monotonic>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} lines", self.lines.len())
    }
}

impl Kept {
    fn keep(&mut self, line: &str) {
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= oldest.len();
        }
    }

    fn set(&mut self, filter: LogFilter) -> Result<(), String> {
        let handle = self.handle.as_ref().ok_or("this process does not log")?;
        let LogFilter(inner) = filter.clone();
        handle.reload(inner).map_err(|error| error.to_string())?;
        self.now = Some(filter);
        Ok(())
    }
}

impl Log {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whatever panicked left it whole: a line more or less.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines, oldest first, each an object of JSON.
    pub fn lines(&self, count: usize) -> Vec<String> {
        let kept = self.kept();
        let skipped = kept.lines.len().saturating_sub(count);
        kept.lines.iter().skip(skipped).cloned().collect()
    }

    /// How much is logged now, and until when if that is not the usual.
    pub fn filter(&self) -> (String, Option<Monotonic>) {
        let kept = self.kept();
        let now = kept.now.as_ref().map(ToString::to_string);
        (now.unwrap_or_default(), kept.until)
    }

    /// Logs so much until then, or for as long as the process lives.
    ///
    /// # Errors
    /// The process does not log.
    pub fn change(&self, filter: LogFilter, until: Option<Monotonic>) -> Result<(), String> {
        let mut kept = self.kept();
        kept.set(filter)?;
        kept.until = until;
        Ok(())
    }

    /// Goes back to the usual once the time is over. Returns whether it did.
    pub fn tend(&self, now: Monotonic) -> bool {
        let mut kept = self.kept();
        if kept.until.is_none_or(|until| now < until) {
            return false;
        }
        kept.until = None;
        let usual = kept.usual.clone();
        usual.is_some_and(|usual| kept.set(usual).is_ok())
    }
}

/// One event, kept when it is whole.
#[derive(Debug)]
pub struct KeptLine {
    log: Log,
    text: Vec<u8>,
}

impl Write for KeptLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for KeptLine {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let text = text.trim_end();
        if !text.is_empty() {
            self.log.kept().keep(text);
        }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = KeptLine;

    fn make_writer(&'a self) -> KeptLine {
        KeptLine {
            log: self.clone(),
            text: Vec::new(),
        }
    }
}

/// Starts logging. Where the process already logs, as tests do, nothing is kept.
pub fn start(filter: LogFilter) -> Log {
    let log = Log::default();
    let (reloadable, handle) = reload::Layer::new(filter.0.clone());
    let terminal = io::stderr().is_terminal();
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(terminal);
    let shown = if terminal {
        shown.with_target(false).boxed()
    } else {
        shown.json().flatten_event(true).boxed()
    };
    let kept = tracing_subscriber::fmt::layer().with_writer(log.clone());
    let started = tracing_subscriber::registry()
        .with(reloadable)
        .with(shown)
        .with(kept.json().flatten_event(true))
        .try_init();
    if started.is_ok() {
        let mut kept = log.kept();
        kept.handle = Some(handle);
        kept.usual = Some(filter.clone());
        kept.now = Some(filter);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_a_level_for_each_room() {
        for good in ["info", "warn,cpg_switch::shard=debug", "off"] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
        let error = "shard=loud".parse::<LogFilter>().unwrap_err().to_string();
        assert!(error.contains("shard=loud"), "{error}");
    }

    #[test]
    fn the_last_lines_are_kept_and_no_more_than_fit() {
        let log = Log::default();
        for number in 0..3_000 {
            let mut line = log.make_writer();
            writeln!(line, "{{\"line\":{number}}}").unwrap();
        }
        let lines = log.lines(2);
        assert_eq!(lines, [r#"{"line":2998}"#, r#"{"line":2999}"#]);
        assert_eq!(log.lines(usize::MAX).len(), LINES_MAX);
        write!(log.make_writer(), "{}", "x".repeat(BYTES_MAX - 5)).unwrap();
        assert_eq!(log.lines(usize::MAX).len(), 1);
        assert!(log.kept().bytes <= BYTES_MAX);
    }

    #[test]
    fn more_is_logged_for_a_while_and_then_as_before() {
        let (reloadable, handle) = reload::Layer::new(EnvFilter::new("warn"));
        let log = Log::default();
        {
            let mut kept = log.kept();
            kept.handle = Some(handle);
            kept.usual = Some("warn".parse().unwrap());
            kept.now = kept.usual.clone();
        }
        let kept = tracing_subscriber::fmt::layer().with_writer(log.clone());
        let subscriber = tracing_subscriber::registry()
            .with(reloadable)
            .with(kept.json().flatten_event(true));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("not yet");
            log.change("info".parse().unwrap(), Some(Monotonic(50)))
                .unwrap();
            assert_eq!(log.filter(), ("info".to_owned(), Some(Monotonic(50))));
            tracing::info!(participant = "wallet", "now");
            assert!(!log.tend(Monotonic(49)));
            assert!(log.tend(Monotonic(50)) && !log.tend(Monotonic(51)));
            tracing::info!("no more");
            assert_eq!(log.filter(), ("warn".to_owned(), None));
        });
        let lines = log.lines(usize::MAX);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(r#""participant":"wallet""#), "{lines:?}");
    }
}
