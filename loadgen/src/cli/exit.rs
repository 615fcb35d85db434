//! How a command ends. Other programs rely on these numbers.

use std::process::ExitCode;

use cpg_switch::sys::error::MachineError;

use crate::players::PlayersError;
use crate::profile::ProfileError;
use crate::send::StageError;
use crate::target::TargetError;

/// Exit codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Every promise held.
    Good = 0,
    /// A service level that was asked for was missed.
    Missed = 1,
    /// A promise was broken. (Also what clap uses for a wrong command line.)
    Broken = 2,
    /// The generator was the bottleneck: the numbers are its own.
    Invalid = 3,
    /// The machine, or the switch, did not let it.
    Environment = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do its work: always exit code 4.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The ring, a core, a socket.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The links.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The switch.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Who plays.
    #[error(transparent)]
    Players(#[from] PlayersError),
    /// What is played.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A file or folder.
    #[error("cannot {doing}: {cause}")]
    File {
        /// What we tried.
        doing: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The switch's configuration.
    #[error("{0}")]
    Configuration(String),
    /// Service levels that cannot be read.
    #[error("the service levels in {} cannot be used: {why}", path.display())]
    Slo {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        why: String,
    },
    /// Something else that must be there first.
    #[error("{0}")]
    Missing(String),
}

impl Failure {
    /// For `map_err` on files.
    pub(crate) fn file(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::File { doing, cause }
    }
}
