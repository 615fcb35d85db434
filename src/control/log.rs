//! Where events go: standard error, for people on a terminal, as JSON lines elsewhere.
//!
//! Never set up twice in one process, and never by a library's caller without asking.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

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

/// Starts logging. Says nothing where the process already logs, as tests do.
pub fn start(filter: LogFilter) {
    let LogFilter(filter) = filter;
    let terminal = std::io::stderr().is_terminal();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal);
    let started = if terminal {
        subscriber.with_target(false).try_init()
    } else {
        subscriber.json().flatten_event(true).try_init()
    };
    drop(started);
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
}
