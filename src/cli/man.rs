//! `man`: the manual pages of this command line, made from what `--help` says.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::arguments::{Arguments, Man};
use super::console::Console;
use super::exit::{Ended, Exit, Failure};

pub(super) fn execute(arguments: &Man, console: &mut Console<'_>) -> Ended {
    let command = Arguments::command();
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        console.write(&page)?;
        return Ok(Exit::Good);
    };
    write(command, folder).map_err(|error| {
        let problem = format!("cannot write manual pages to {}: {error}", folder.display());
        Failure::new(Exit::Environment, problem)
            .hint("name a folder that is there and that this user may write")
    })?;
    Ok(Exit::Good)
}

/// A page for each command: `cpg-switch.1`, `cpg-switch-run.1` and so on.
fn write(command: clap::Command, folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    clap_mangen::generate_to(command, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write(Arguments::command(), folder.path()).unwrap();
        let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        for subcommand in Arguments::command().get_subcommands() {
            let name = subcommand.get_name();
            assert!(
                page(&format!("cpg-switch-{name}.1")).contains(".TH"),
                "{name}"
            );
        }
        assert!(page("cpg-switch.1").contains("Exit codes"));
        assert!(page("cpg-switch-ctl-publish.1").contains("dry"));
        write(Arguments::command(), &folder.path().join("nowhere")).unwrap_err();
    }
}
