//! Where a shard's live journal begins: the base in its folder, or what the archive proves. Part of
//! [`crate::journal::store`]: knows files; what it decides, it decides by [`crate::journal::base`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::journal::Entry;
use crate::journal::archive::catalogue::{Catalogue, each_entry};
use crate::journal::archive::files::{archive_directory, archive_path, read_digest};
use crate::journal::base::{
    BASE_FILE, BadBase, Base, BaseFound, BaseUse, Carried, FirstFound, judge_base,
};
use crate::journal::codec;
use crate::journal::digest::{BadDigest, Digest, DigestHeader, Skimmed};
use crate::journal::layout::{JournalIdentity, check_records, read_opening};
use crate::journal::segments::segment_start;
use crate::journal::store::{Piece, StoreError, read_file, write_file};
use crate::journal::totals::Totals;
use crate::journal::warning::StoreWarning;
use crate::model::ids::{Lsn, TransactionNumber};
use crate::model::limits::{BLOCK_BYTES, RECORD_BYTES_MAX};
use crate::model::record::Record;
use crate::model::time::Wall;
use crate::sys::error::MachineError;
use crate::sys::segments::SegmentReader;

/// Where a journal begins, and what is known of what lies before.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) base: Base,
    /// Records of transactions that are not over.
    pub(super) carried: Vec<Carried>,
    /// There was no base to tell: only the archive knows what would have been carried.
    pub(super) warning: Option<StoreWarning>,
}

impl Beginning {
    /// Hands out what a journal begins with. Without a base everything in the archive is read: what
    /// would have been carried is nowhere else.
    pub(super) fn hand_out(
        &self,
        data: &Path,
        identity: &JournalIdentity,
        segment_bytes: u64,
        visit: &mut impl FnMut(Piece<'_>),
    ) -> Result<(), StoreError> {
        if self.warning.is_some() {
            visit(Piece::Base(TransactionNumber(0), segment_bytes));
            let mut visit = |entry| visit(Piece::Record(entry));
            read_archived(data, identity, segment_bytes, &self.base, &mut visit)?;
            return Ok(());
        }
        for carried in &self.carried {
            visit(Piece::Carried(*carried));
        }
        visit(Piece::Base(self.base.number, segment_bytes));
        Ok(())
    }
}

/// Finds where the journal in `directory` begins, and takes out of `files` what lies before.
pub(super) fn find_base(
    data: &Path,
    directory: &Path,
    identity: &JournalIdentity,
    segment_bytes: u64,
    files: &mut Vec<(u64, PathBuf)>,
) -> Result<Beginning, StoreError> {
    let path = directory.join(BASE_FILE);
    let decoded = read_file(&path)?.map(|bytes| Base::decode(&bytes, identity));
    let found = match &decoded {
        None => BaseFound::Absent,
        Some(Ok(_)) => BaseFound::Whole,
        Some(Err(BadBase::Damaged)) => BaseFound::Damaged,
        Some(Err(BadBase::Foreign)) => BaseFound::Foreign,
        Some(Err(BadBase::Newer(_))) => BaseFound::Newer,
    };
    let mut proven = None;
    let first = match files.first() {
        None if found == BaseFound::Absent => FirstFound::Beginning,
        Some((1, _)) => FirstFound::Beginning,
        None => FirstFound::Unproven,
        Some((segment, path)) => {
            if found != BaseFound::Whole {
                proven = prove(data, identity, segment_bytes, (*segment, path))?;
            }
            match proven {
                Some(_) => FirstFound::Archived,
                None => FirstFound::Unproven,
            }
        }
    };
    let beginning = Base::beginning(identity);
    let (base, carried, warning) = match (judge_base(found, first), decoded, proven) {
        (BaseUse::Base, Some(Ok((base, carried))), _) => (base, carried, None),
        (BaseUse::Archive, _, Some(base)) => (base, Vec::new(), Some(StoreWarning::BaseGone(path))),
        (BaseUse::Beginning, ..) => (beginning, Vec::new(), None),
        (BaseUse::Refuse, ..) | (BaseUse::Base | BaseUse::Archive, ..) => {
            return Err(refused(path, found));
        }
    };
    files.retain(|(segment, _)| *segment >= base.first);
    Ok(Beginning {
        base,
        carried,
        warning,
    })
}

fn refused(path: PathBuf, found: BaseFound) -> StoreError {
    let (what, remedy) = match found {
        BaseFound::Newer => (
            "it was written by a later version of this program",
            "start the version that wrote it",
        ),
        BaseFound::Foreign => (
            "it belongs to another journal or shard",
            "restore the file that was there; nothing was changed",
        ),
        BaseFound::Absent | BaseFound::Whole | BaseFound::Damaged => (
            "it is damaged, and the archive does not say where the journal begins either",
            "make the archive readable (`journal.archive.path`), or restore the file from a copy; \
             nothing was changed",
        ),
    };
    StoreError::Refused {
        path,
        what: what.to_owned(),
        remedy,
    }
}

/// The base that the archive proves for the first segment that is there: the segment goes on where
/// the archive's last one before it ended.
fn prove(
    data: &Path,
    identity: &JournalIdentity,
    segment_bytes: u64,
    (segment, path): (u64, &Path),
) -> Result<Option<Base>, StoreError> {
    let archive = archive_path(data)?;
    let catalogue = Catalogue::open(&archive, *identity, segment_bytes)?;
    let Ok(digest) = read_digest(&archive_directory(&archive, identity.shard), segment - 1) else {
        return Ok(None);
    };
    let header = *digest.header();
    let mut reader = SegmentReader::open(path)?;
    let opening = match reader.next_blocks()? {
        Some((_, blocks)) => blocks
            .first_chunk::<BLOCK_BYTES>()
            .and_then(|block| read_opening(block).ok()),
        None => None,
    };
    let ours = (header.uuid, header.shard) == (identity.uuid, identity.shard);
    let fits = opening
        .is_some_and(|opening| opening.segment == segment && opening.chain == header.chain_after);
    let before = catalogue
        .headers()
        .iter()
        .filter(|header| header.segment < segment);
    let whole = !catalogue.has_holes();
    Ok((ours && fits && whole).then(|| Base {
        first: segment,
        chain: header.chain_after,
        epoch: header.epoch_last,
        watermark: segment_start(segment, segment_bytes),
        number: before
            .map(|header| header.claimed.1)
            .max()
            .unwrap_or(TransactionNumber(0)),
    }))
}

/// Writes where the journal begins from now on. What lies before is in the archive.
pub(super) fn write_base(
    directory: &Path,
    identity: &JournalIdentity,
    base: &Base,
    carried: &[Carried],
) -> Result<(), MachineError> {
    write_file(directory, BASE_FILE, &base.encode(identity, carried))
}

/// The records of some transactions in an archived segment, but for late answers: those change
/// nothing, and whoever contradicts himself may give any number of them.
pub(super) fn records_of(
    directory: &Path,
    segment: u64,
    numbers: &BTreeSet<TransactionNumber>,
    found: &mut Vec<Carried>,
) -> Result<(), StoreError> {
    let digest = read_digest(directory, segment)?;
    each_record(&digest, Lsn(0), &mut |entry| {
        let changes = !matches!(entry.record, Record::LateAnswer(_));
        if changes && numbers.contains(&entry.record.number()) {
            found.push((entry.wall, entry.record));
        }
    });
    Ok(())
}

/// Adds what the payments of an archived segment count for.
pub(super) fn add_totals(
    directory: &Path,
    segment: u64,
    totals: &mut Totals,
) -> Result<(), StoreError> {
    let digest = read_digest(directory, segment)?;
    let mut first = None;
    let read = digest.each(|skimmed| match skimmed {
        Skimmed::Settled(payment) => first = first.or(Some(payment.walls.0)),
        Skimmed::Loose(entry) => {
            first = first.or(Some(entry.wall));
            totals.hear(&entry.record);
        }
    });
    read.unwrap_or_else(|_: BadDigest| unreachable!("it was read as a whole"));
    totals.leave_out(first.unwrap_or(Wall(0)));
    Ok(())
}

/// Whether two digests tell the same of a segment, however they are packed: the same records,
/// those of each transaction in the same order.
pub(super) fn tell_the_same(one: &Digest, other: &Digest) -> bool {
    one.bytes() == other.bytes()
        || (unpacked(one.header()) == unpacked(other.header())
            && histories(one) == histories(other))
}

/// What a header says of its segment.
fn unpacked(header: &DigestHeader) -> DigestHeader {
    DigestHeader {
        settled: 0,
        loose: 0,
        number_first: 0,
        contexts: 0,
        body_bytes: 0,
        body_check: 0,
        ..*header
    }
}

/// The records of each transaction, as one check; what it counts for by itself, because that may
/// stand before or behind its answer.
fn histories(digest: &Digest) -> HashMap<(TransactionNumber, bool), u32, FixedState> {
    let mut histories: HashMap<_, u32, _> = HashMap::default();
    each_record(digest, Lsn(0), &mut |entry| {
        let mut bytes = [0; RECORD_BYTES_MAX];
        codec::encode(&mut bytes, entry.wall, &entry.record);
        let record = bytes.get_mut(..codec::record_bytes(&entry.record));
        let record = record.expect("no record is larger");
        let counts = matches!(entry.record, Record::Held(_));
        let history = histories.entry((entry.record.number(), counts));
        let history = history.or_default();
        *history = check_records(record, *history);
    });
    histories
}

fn each_record(digest: &Digest, start: Lsn, visit: &mut dyn FnMut(Entry)) {
    let unreadable = |_: BadDigest| unreachable!("it was read as a whole");
    let mut items = digest.items().unwrap_or_else(unreadable);
    while let Ok(Some(item)) = items.next_item() {
        each_entry(&item, start, &mut *visit);
    }
}

/// Shows every record of the segments before `base`, from the archive. Returns how many.
pub(super) fn read_archived(
    data: &Path,
    identity: &JournalIdentity,
    segment_bytes: u64,
    base: &Base,
    visit: &mut dyn FnMut(Entry),
) -> Result<u64, StoreError> {
    let directory = archive_directory(&archive_path(data)?, identity.shard);
    let (mut chain, mut records) = (identity.chain(), 0);
    for segment in 1..base.first {
        let digest = read_digest(&directory, segment)?;
        let header = digest.header();
        let whose = (header.uuid, header.shard, header.segment);
        if whose != (identity.uuid, identity.shard, segment) || header.chain_before != chain {
            return Err(StoreError::Refused {
                path: directory.join(crate::journal::digest::files::digest_name(segment)),
                what: "it does not go on where the one before it ended".to_owned(),
                remedy: "check with `cpg-switch journal archive verify DIR`, and restore it from a \
                         copy",
            });
        }
        chain = header.chain_after;
        records += header.records;
        let start = segment_start(segment, segment_bytes);
        each_record(&digest, start, visit);
    }
    if base.is_late() && chain != base.chain {
        return Err(StoreError::Refused {
            path: directory,
            what: format!(
                "its last segment does not end where segment {} begins",
                base.first
            ),
            remedy: "check with `cpg-switch journal archive verify DIR`: it may be another \
                     journal's",
        });
    }
    Ok(records)
}
