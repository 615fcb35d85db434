//! The sandbox of crash rounds: small segments, short deadlines and an eager resolver, so that a
//! round takes a second and meets as much of the switch's life as an hour would.

use cpg_switch::control::configuration::{Configuration, SANDBOX};

use crate::cli::arguments::Commit;
use crate::cli::demo;
use crate::cli::exit::Failure;
use crate::scratch::Scratch;
use crate::target::Launch;

/// Size of a segment: several are filled in a second.
pub(super) const SEGMENT_BYTES: u64 = 1024 * 1024;
/// Room that a journal never uses up in its rounds.
pub(super) const ROOMY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Room that is used up in a second; a third of it is kept for what is in flight.
pub(super) const NARROW_BYTES: u64 = 8 * SEGMENT_BYTES;

/// A switch in the folders of `scratch`, with this much room for each shard's journal.
pub(super) fn launch(
    scratch: &Scratch,
    commit: Commit,
    shards: u16,
    bytes_max: u64,
) -> Result<(Launch, Configuration), Failure> {
    demo::launch_text(
        scratch,
        &text(commit, shards, &scratch.tail_line(), bytes_max),
    )
}

fn text(commit: Commit, shards: u16, tail_line: &str, bytes_max: u64) -> String {
    let commit = commit.name();
    let journal = format!(
        "[shard]\ncount = {shards}\n\n[limits]\nremembered_keys_max = 500000\n\
         in_flight_max = 2048\n\n[journal]\ncommit = \"{commit}\"\ntail_bytes = \"16 MiB\"\n\
         segment_bytes = {SEGMENT_BYTES}\nbytes_max = {bytes_max}\n{tail_line}"
    );
    let participant = format!("[[participants]]\n{HURRIED}");
    let text = SANDBOX
        .replacen("bytes_max = \"4 GiB\"\n", "", 1)
        .replacen("[journal]\n", &journal, 1)
        .replace("[[participants]]\n", &participant);
    assert!(text.contains(&journal), "the sandbox has a journal");
    text
}

/// What every participant agrees to in these rounds.
const HURRIED: &str = "\
answer_timeout_ms = 1500
repeat_ms = 300
resolver = { inquiry_first_ms = 20, inquiry_every_ms = 200, window = 2048, per_second = 20000 }
";

#[cfg(test)]
mod tests {
    use super::*;
    use cpg_switch::journal::CommitMode;

    #[test]
    fn it_is_a_configuration_that_the_switch_takes() {
        let text = text(Commit::Memory, 3, "tail_dir = \"/dev/shm\"\n", ROOMY_BYTES);
        let configuration = Configuration::from_text("test", &text).unwrap();
        assert_eq!(configuration.shards, 3);
        assert_eq!(configuration.journal.commit, CommitMode::Memory);
        assert_eq!(configuration.journal.segment_bytes, SEGMENT_BYTES);
        assert_eq!(configuration.journal.bytes_max, ROOMY_BYTES);
    }
}
