//! How a command ends: the exit codes, and what is said where it did not end well.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::sys::error::MachineError;

/// The exit codes. Scripts rely on them: never renumber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// It did what it was asked.
    Good = 0,
    /// It did, and the answer is no: a message that cannot be decoded, a payment not found.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The machine does not let it: a busy port, a full disk, a missing core.
    Environment = 3,
    /// The journal is not what it must be.
    Integrity = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How a command ends.
pub(super) type Ended = Result<Exit, Failure>;

/// It did not end well: the thing and the place, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            hint: None,
        }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What the machine said no to.
pub(super) fn environment(error: &MachineError) -> Failure {
    let message = format!("{}: {}", error.doing(), error.cause());
    Failure::new(Exit::Environment, message).hint(error.remedy())
}

impl From<io::Error> for Failure {
    /// Of writing to the console. A reader that has gone (`| head`) is not a failure.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self {
                exit: Exit::Good,
                message: String::new(),
                hint: None,
            },
            _ => Self::new(
                Exit::Environment,
                format!("cannot write the output: {error}"),
            ),
        }
    }
}
