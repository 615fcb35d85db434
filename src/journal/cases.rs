//! What recovery decides, as two tables. Every combination of what can be found has exactly one
//! row; the test walks them all.
//!
//! The first table judges the first block on the disk that does not continue the journal. The
//! *watermark* is the highest number found anywhere (in any whole block of this journal, in the
//! tail's header) up to which the stream is known to have been on the disk. Above it, such a block
//! is where writing stopped, and the journal is cut there. Below it something is lost that was
//! committed, and nothing is cut, ever: a person decides.
//!
//! The second table judges the tail. What it holds beyond the cut was appended by the process
//! before and is taken over where its chain of checksums goes on.

use crate::journal::layout::FORMAT_VERSION;

/// What stands on the disk where the journal's next block would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A whole block of this journal, but of another place or an older epoch, or one that does not
    /// follow what comes before it: left from before the segment was recycled, or beyond a hole.
    Stale,
    /// Zeros: never written.
    Blank,
    /// A check fails: torn by a power loss, or rotten.
    Damaged,
    /// No file, or it ends before.
    Absent,
    /// A whole block of another journal or shard.
    Foreign,
    /// A block of a later format.
    Newer,
    /// The block is whole and continues the journal, but a record in it cannot be decoded.
    Unreadable,
}

/// Where that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Something at or after it was committed to the disk.
    BelowWatermark,
    /// Nothing at or after it is known to have been.
    AboveWatermark,
}

/// What else lies further on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beyond {
    /// Blocks of this journal, damage, nothing: all of no consequence but for the watermark.
    Nothing,
    /// A whole block of another journal or shard.
    Foreign,
    /// A block of a later format.
    Newer,
}

/// Why a journal is not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A committed block is not what was written.
    Rot,
    /// A committed block was never written, or something else stands in its place.
    LostWrite,
    /// A segment with committed blocks is missing or too short.
    MissingSegment,
    /// A segment of another journal or shard.
    Foreign,
    /// A tail of another journal or shard.
    ForeignTail,
    /// Written by a later build.
    NewerFormat,
    /// A whole block holds a record that this build cannot decode.
    UnreadableRecord,
    /// The tail lacks what it says was committed.
    TailDamaged,
}

impl Fault {
    /// What is wrong.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Rot => "a committed block fails its checksum",
            Self::LostWrite => "a committed block is not there",
            Self::MissingSegment => "a segment with committed blocks is missing or too short",
            Self::Foreign => "a block belongs to another journal or shard",
            Self::ForeignTail => "the tail belongs to another journal or shard",
            Self::NewerFormat => "a block was written by a later version of this program",
            Self::UnreadableRecord => "a record is whole but unknown to this program",
            Self::TailDamaged => "the tail lacks records that were committed in it",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Rot | Self::LostWrite | Self::MissingSegment => {
                "nothing was changed; restore the segment from a copy, \
                 then check with `cpg-switch journal verify DIR`"
            }
            Self::Foreign => {
                "remove the file that does not belong here, \
                 then check with `cpg-switch journal verify DIR`"
            }
            Self::ForeignTail => "give each switch its own `journal.tail_dir`; nothing was changed",
            Self::NewerFormat | Self::UnreadableRecord => {
                "start the version that wrote it, \
                 or check with `cpg-switch journal verify DIR`"
            }
            Self::TailDamaged => {
                "nothing was changed; see what is left with `cpg-switch journal verify DIR`; \
                 removing the tail gives up what was committed in memory alone"
            }
        }
    }
}

/// What becomes of the stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The journal ends here; what follows on the disk is void.
    Cut,
    /// The journal is not opened.
    Refuse(Fault),
}

struct Case {
    found: &'static [Found],
    place: &'static [Place],
    beyond: &'static [Beyond],
    verdict: Verdict,
}

const ANYWHERE: &[Place] = &[Place::BelowWatermark, Place::AboveWatermark];
const ANYTHING: &[Beyond] = &[Beyond::Nothing, Beyond::Foreign, Beyond::Newer];
const ORDINARY: &[Found] = &[Found::Stale, Found::Blank, Found::Damaged, Found::Absent];

const fn case(
    found: &'static [Found],
    place: &'static [Place],
    beyond: &'static [Beyond],
    verdict: Verdict,
) -> Case {
    Case {
        found,
        place,
        beyond,
        verdict,
    }
}

/// What stops the journal, where, and what lies beyond.
const CASES: &[Case] = &{
    use Place::{AboveWatermark, BelowWatermark};
    use Verdict::{Cut, Refuse};
    [
        // Whatever the watermark: such blocks never come from us.
        case(
            &[Found::Foreign],
            ANYWHERE,
            ANYTHING,
            Refuse(Fault::Foreign),
        ),
        case(
            &[Found::Newer],
            ANYWHERE,
            ANYTHING,
            Refuse(Fault::NewerFormat),
        ),
        case(
            &[Found::Unreadable],
            ANYWHERE,
            ANYTHING,
            Refuse(Fault::UnreadableRecord),
        ),
        // Committed, and gone.
        case(
            &[Found::Damaged],
            &[BelowWatermark],
            ANYTHING,
            Refuse(Fault::Rot),
        ),
        case(
            &[Found::Stale, Found::Blank],
            &[BelowWatermark],
            ANYTHING,
            Refuse(Fault::LostWrite),
        ),
        case(
            &[Found::Absent],
            &[BelowWatermark],
            ANYTHING,
            Refuse(Fault::MissingSegment),
        ),
        // Never committed: torn, a hole, or simply the end. But a folder with strange files in it
        // is not written to.
        case(ORDINARY, &[AboveWatermark], &[Beyond::Nothing], Cut),
        case(
            ORDINARY,
            &[AboveWatermark],
            &[Beyond::Foreign],
            Refuse(Fault::Foreign),
        ),
        case(
            ORDINARY,
            &[AboveWatermark],
            &[Beyond::Newer],
            Refuse(Fault::NewerFormat),
        ),
    ]
};

/// The verdict on the first block that does not continue the journal.
pub fn judge_stop(found: Found, place: Place, beyond: Beyond) -> Verdict {
    CASES
        .iter()
        .find(|case| {
            case.found.contains(&found)
                && case.place.contains(&place)
                && case.beyond.contains(&beyond)
        })
        .map(|case| case.verdict)
        .expect("the table is complete: the test walks it")
}

/// What became of the tail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TailFound {
    /// No file.
    Absent,
    /// A file whose header has no whole copy.
    Damaged,
    /// Another journal's or shard's.
    Foreign,
    /// Ours, but of an epoch before the last one on the disk.
    Stale,
    /// Ours and the last, but the machine was restarted since: what was not yet on the disk then
    /// may be missing.
    OtherBoot,
    /// Ours, the last, and since this start of the machine: complete.
    Surviving,
}

/// How the journal on the disk ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// There is no block.
    New,
    /// In commit mode `disk`.
    Disk,
    /// In commit mode `memory`.
    Memory,
    /// With the block that says that all is written.
    Closed,
}

/// What is done with the tail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TailUse {
    /// There is nothing in it that is missed.
    Ignore,
    /// What continues the journal is taken over; what it says was committed must be there.
    Extend,
    /// What continues the journal is taken over, as far as it is there.
    ExtendAsFarAsItGoes {
        /// Committed records may be lost: for the window's length, keys that look new are inquired
        /// about before they are forwarded, and unknown reversals are forwarded.
        loss_window: bool,
    },
    /// Committed records may be lost, as above.
    LossWindow,
    /// The journal is not opened.
    Refuse(Fault),
}

struct TailCase {
    tail: &'static [TailFound],
    ending: &'static [Ending],
    verdict: TailUse,
}

const fn tail_case(
    tail: &'static [TailFound],
    ending: &'static [Ending],
    verdict: TailUse,
) -> TailCase {
    TailCase {
        tail,
        ending,
        verdict,
    }
}

const TAIL_CASES: &[TailCase] = &{
    use Ending::{Closed, Disk, Memory, New};
    use TailFound::{Absent, Damaged, Foreign, OtherBoot, Stale, Surviving};
    const ANY: &[Ending] = &[New, Disk, Memory, Closed];
    [
        tail_case(&[Surviving], ANY, TailUse::Extend),
        tail_case(
            &[OtherBoot],
            &[New, Disk, Closed],
            TailUse::ExtendAsFarAsItGoes { loss_window: false },
        ),
        tail_case(
            &[OtherBoot],
            &[Memory],
            TailUse::ExtendAsFarAsItGoes { loss_window: true },
        ),
        // In mode `disk` what is missing was never committed; a closed journal misses nothing.
        tail_case(
            &[Absent, Damaged, Stale],
            &[New, Disk, Closed],
            TailUse::Ignore,
        ),
        tail_case(&[Absent, Damaged, Stale], &[Memory], TailUse::LossWindow),
        // Two journals share a place: neither may overwrite the other.
        tail_case(&[Foreign], ANY, TailUse::Refuse(Fault::ForeignTail)),
    ]
};

/// The verdict on the tail.
pub fn judge_tail(tail: TailFound, ending: Ending) -> TailUse {
    TAIL_CASES
        .iter()
        .find(|case| case.tail.contains(&tail) && case.ending.contains(&ending))
        .map(|case| case.verdict)
        .expect("the table is complete: the test walks it")
}

/// What stands beside a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestFound {
    /// No digest: the segment is not sealed, or nobody has made one yet.
    Absent,
    /// It cannot be read, or a check fails.
    Damaged,
    /// Made by an earlier or a later build.
    OtherVersion,
    /// A whole digest.
    Whole,
}

/// How a digest fits: into the journal as it was read so far, and to the segment it stands beside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestFit {
    /// It goes on where the journal ends, and the segment's first and last block are those that it
    /// was made of.
    Fits,
    /// Another journal, shard, segment or size; or its chain or epoch is not what comes next.
    OtherPlace,
    /// The segment is not the one that it was made of: too short, or its first or last block is
    /// another, or none.
    OtherSegment,
    /// The journal has ended before it.
    AfterStop,
}

/// What is done with a digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestUse {
    /// It stands for the segment's records.
    Use,
    /// The records are read.
    Read,
    /// The records are read, and people are told: making it anew is worth their while.
    ReadAndTell,
}

struct DigestCase {
    found: &'static [DigestFound],
    fit: &'static [DigestFit],
    verdict: DigestUse,
}

const DIGEST_CASES: &[DigestCase] = &{
    use DigestFit::{AfterStop, Fits, OtherPlace, OtherSegment};
    use DigestFound::{Absent, Damaged, OtherVersion, Whole};
    const ANY: &[DigestFit] = &[Fits, OtherPlace, OtherSegment, AfterStop];
    [
        DigestCase {
            found: &[Whole],
            fit: &[Fits],
            verdict: DigestUse::Use,
        },
        // It may be the segment that is wrong: reading it will tell.
        DigestCase {
            found: &[Whole],
            fit: &[OtherPlace, OtherSegment],
            verdict: DigestUse::ReadAndTell,
        },
        // What comes after the end of the journal is read for evidence alone.
        DigestCase {
            found: &[Whole],
            fit: &[AfterStop],
            verdict: DigestUse::Read,
        },
        DigestCase {
            found: &[Absent],
            fit: ANY,
            verdict: DigestUse::Read,
        },
        DigestCase {
            found: &[Damaged, OtherVersion],
            fit: ANY,
            verdict: DigestUse::ReadAndTell,
        },
    ]
};

/// The verdict on a digest.
pub fn judge_digest(found: DigestFound, fit: DigestFit) -> DigestUse {
    DIGEST_CASES
        .iter()
        .find(|case| case.found.contains(&found) && case.fit.contains(&fit))
        .map(|case| case.verdict)
        .expect("the table is complete: the test walks it")
}

const _: () = assert!(
    FORMAT_VERSION == 1,
    "a new format needs a look at these tables"
);

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: [Found; 7] = [
        Found::Stale,
        Found::Blank,
        Found::Damaged,
        Found::Absent,
        Found::Foreign,
        Found::Newer,
        Found::Unreadable,
    ];
    const TAILS: [TailFound; 6] = [
        TailFound::Absent,
        TailFound::Damaged,
        TailFound::Foreign,
        TailFound::Stale,
        TailFound::OtherBoot,
        TailFound::Surviving,
    ];
    const ENDINGS: [Ending; 4] = [Ending::New, Ending::Disk, Ending::Memory, Ending::Closed];

    #[test]
    fn every_stop_has_one_row_and_what_was_committed_is_never_cut() {
        for found in FOUND {
            for place in ANYWHERE {
                for beyond in ANYTHING {
                    let rows = CASES.iter().filter(|case| {
                        case.found.contains(&found)
                            && case.place.contains(place)
                            && case.beyond.contains(beyond)
                    });
                    assert_eq!(rows.count(), 1, "{found:?} {place:?} {beyond:?}");
                    let cut = judge_stop(found, *place, *beyond) == Verdict::Cut;
                    let harmless = ORDINARY.contains(&found)
                        && *place == Place::AboveWatermark
                        && *beyond == Beyond::Nothing;
                    assert_eq!(cut, harmless, "{found:?} {place:?} {beyond:?}");
                }
            }
        }
    }

    #[test]
    fn every_tail_has_one_row_and_a_loss_is_never_silent() {
        for tail in TAILS {
            for ending in ENDINGS {
                let rows = TAIL_CASES
                    .iter()
                    .filter(|case| case.tail.contains(&tail) && case.ending.contains(&ending));
                assert_eq!(rows.count(), 1, "{tail:?} {ending:?}");
                let verdict = judge_tail(tail, ending);
                let told = matches!(
                    verdict,
                    TailUse::LossWindow
                        | TailUse::ExtendAsFarAsItGoes { loss_window: true }
                        | TailUse::Refuse(_)
                );
                let complete = tail == TailFound::Surviving;
                let foreign = tail == TailFound::Foreign;
                assert_eq!(told, foreign || (ending == Ending::Memory && !complete));
            }
        }
    }

    #[test]
    fn every_digest_has_one_row_and_only_a_whole_one_that_fits_is_used() {
        let found = [
            DigestFound::Absent,
            DigestFound::Damaged,
            DigestFound::OtherVersion,
            DigestFound::Whole,
        ];
        let fits = [
            DigestFit::Fits,
            DigestFit::OtherPlace,
            DigestFit::OtherSegment,
            DigestFit::AfterStop,
        ];
        for found in found {
            for fit in fits {
                let rows = DIGEST_CASES
                    .iter()
                    .filter(|case| case.found.contains(&found) && case.fit.contains(&fit));
                assert_eq!(rows.count(), 1, "{found:?} {fit:?}");
                let verdict = judge_digest(found, fit);
                let good = found == DigestFound::Whole && fit == DigestFit::Fits;
                assert_eq!(verdict == DigestUse::Use, good, "{found:?} {fit:?}");
                let quiet = found == DigestFound::Absent
                    || (found == DigestFound::Whole && fit == DigestFit::AfterStop);
                let told = verdict == DigestUse::ReadAndTell;
                assert_eq!(told, !good && !quiet, "{found:?} {fit:?}");
            }
        }
    }
}
