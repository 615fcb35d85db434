//! A TRACE: instants of a recorded day, one a line, read before the run.
//!
//! ```text
//!   # nanoseconds from the start, or seconds with a decimal point or an `s`; a corridor's place
//!   # from 1 may follow
//!   0
//!   1500000
//!   0.002     3
//!   1s
//! ```

/// What a trace plans.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Trace {
    /// From the start, never earlier than the one before.
    pub(crate) instants_ns: Vec<u64>,
    /// The corridor of each, from 0; empty where the trace names none.
    pub(crate) corridors: Vec<u16>,
}

/// A line that is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct TraceError {
    /// From 1.
    pub(crate) line: usize,
    /// What is wrong, and what should stand there.
    pub(crate) what: &'static str,
}

impl Trace {
    /// Reads `text`, in which corridors are numbered from 1 to `corridors`.
    pub(crate) fn read(text: &str, corridors: usize) -> Result<Self, TraceError> {
        let mut trace = Self::default();
        for (line, words) in text.lines().enumerate() {
            let line = line + 1;
            let wrong = |what| TraceError { line, what };
            let words = words.split('#').next().unwrap_or_default();
            let mut words = words
                .split([' ', '\t', ','])
                .filter(|word| !word.is_empty());
            let Some(instant) = words.next() else {
                continue;
            };
            let instant_ns = instant_ns(instant).ok_or_else(|| wrong(NO_INSTANT))?;
            if trace
                .instants_ns
                .last()
                .is_some_and(|last| instant_ns < *last)
            {
                return Err(wrong("it is earlier than the line before; sort the file"));
            }
            let corridor = words.next();
            let is_named = corridor.is_some();
            if !trace.instants_ns.is_empty() && is_named == trace.corridors.is_empty() {
                return Err(wrong("either every line names a corridor, or none does"));
            }
            if let Some(corridor) = corridor {
                let place = corridor
                    .parse::<u16>()
                    .ok()
                    .filter(|place| (1..=corridors).contains(&usize::from(*place)));
                trace
                    .corridors
                    .push(place.ok_or_else(|| wrong(NO_CORRIDOR))? - 1);
            }
            if words.next().is_some() {
                return Err(wrong("an instant and a corridor at most"));
            }
            if trace.instants_ns.len() == INSTANTS_MAX {
                return Err(wrong("a trace has at most 50,000,000 instants"));
            }
            trace.instants_ns.push(instant_ns);
        }
        if trace.instants_ns.is_empty() {
            return Err(TraceError {
                line: 1,
                what: "the trace is empty",
            });
        }
        Ok(trace)
    }
}

/// `1500`, `0.25`, `3s`.
fn instant_ns(text: &str) -> Option<u64> {
    let (digits, seconds) = match text.strip_suffix('s') {
        Some(digits) => (digits, true),
        None => (text, text.contains('.')),
    };
    if !seconds {
        return digits.parse().ok().filter(|ns| *ns < INSTANT_NS_MAX);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let ns: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole
        .checked_mul(1_000_000_000)?
        .checked_add(ns)
        .filter(|ns| *ns < INSTANT_NS_MAX)
}

const NO_INSTANT: &str =
    "no instant: whole nanoseconds, or seconds such as 0.25 or 3s, less than a week";
const NO_CORRIDOR: &str = "no corridor: its place in the profile, from 1";
const INSTANTS_MAX: usize = 50_000_000;
const INSTANT_NS_MAX: u64 = 7 * 86_400 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_corridors_are_read_and_nonsense_is_placed() {
        let trace = Trace::read("# a day\n0\n1500 # late\n\n0.25\n3s\n", 0).unwrap();
        assert_eq!(trace.instants_ns, [0, 1_500, 250_000_000, 3_000_000_000]);
        assert!(trace.corridors.is_empty());
        let trace = Trace::read("0,2\n5\t1\n", 2).unwrap();
        assert_eq!(trace.corridors, [1, 0]);
        for (text, line, what) in [
            ("", 1, "empty"),
            ("0\nx", 2, "no instant"),
            ("1.", 1, "no instant"),
            ("-1", 1, "no instant"),
            ("604800s", 1, "no instant"),
            ("5\n4", 2, "earlier"),
            ("0 1\n1", 2, "either every line"),
            ("0\n1 1", 2, "either every line"),
            ("0 3", 1, "no corridor"),
            ("0 0", 1, "no corridor"),
            ("0 1 1", 1, "at most"),
        ] {
            let error = Trace::read(text, 2).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.to_string().contains(what), "{text}: {error}");
        }
    }
}
