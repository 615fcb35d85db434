//! The folders of one command, gone with it: one on disk, and one in memory for the journal's tail,
//! so that a switch that was killed leaves nothing behind.

use std::path::Path;

use tempfile::{Builder, TempDir};

use crate::cli::exit::Failure;

/// Both folders.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    /// None where this machine has no such memory: the journal chooses then.
    tail: Option<TempDir>,
}

impl Scratch {
    /// Fresh ones, named after `command`.
    pub(crate) fn new(command: &str) -> Result<Self, Failure> {
        let prefix = format!("cpg-{command}-");
        let folder = Builder::new()
            .prefix(&prefix)
            .tempdir()
            .map_err(Failure::file("make a folder"))?;
        let tail = Builder::new()
            .prefix(&prefix)
            .tempdir_in(SHARED_MEMORY)
            .ok();
        Ok(Self { folder, tail })
    }

    /// The folder on disk.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The line of the section `[journal]` that puts the tail into its folder.
    pub(crate) fn tail_line(&self) -> String {
        self.tail.as_ref().map_or_else(String::new, |tail| {
            format!("tail_dir = \"{}\"\n", tail.path().display())
        })
    }
}

/// tmpfs(5) on every Linux that has POSIX shared memory.
const SHARED_MEMORY: &str = "/dev/shm";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_folders_go_with_it() {
        let scratch = Scratch::new("test").unwrap();
        let paths: Vec<_> = [Some(&scratch.folder), scratch.tail.as_ref()]
            .into_iter()
            .flatten()
            .map(|folder| folder.path().to_owned())
            .collect();
        assert!(paths.iter().all(|path| path.is_dir()));
        drop(scratch);
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
