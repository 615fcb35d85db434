//! What is in one shard's part of an archive, and the way from a key to all its records.
//!
//! The headers of all indexes are kept in memory, so that a look-up opens only those that may have
//! what it wants: a key is looked for where keys of its day were claimed, a number where records
//! name numbers as old. Everything that was found is compared with what was wanted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::{
    OpenDigest, archive_directory, damaged, index_name, list, look_up, read_digest, read_index,
    read_index_header,
};
use super::index::{self, IndexHeader, Spot};
use super::{By, refunded};
use crate::journal::Entry;
use crate::journal::digest::files::digest_name;
use crate::journal::digest::{Digest, Item, Settled};
use crate::journal::layout::JournalIdentity;
use crate::journal::segments::segment_start;
use crate::journal::store::StoreError;
use crate::model::ids::{Lsn, MatchKey, Reference, TransactionNumber};
use crate::model::keys::{BusinessKey, Class};
use crate::model::record::Record;

/// One shard's part of an archive.
#[derive(Debug)]
pub struct Catalogue {
    directory: PathBuf,
    identity: JournalIdentity,
    segment_bytes: u64,
    /// In order of their segments.
    headers: Vec<IndexHeader>,
    /// Segments whose index or digest cannot be used.
    unusable: BTreeSet<u64>,
}

/// Where something is: segment, and offset in its digest.
type Place = (u64, u64);
/// A record of the archive, and where it is.
type Found = (Place, Entry);
/// An item of a digest, and where it is.
type PlacedItem = (Place, Item);

impl Catalogue {
    /// Reads the headers of all indexes.
    pub fn open(
        archive: &Path,
        identity: JournalIdentity,
        segment_bytes: u64,
    ) -> Result<Self, StoreError> {
        let mut catalogue = Self::empty(archive, identity, segment_bytes);
        for segment in list(&catalogue.directory)? {
            catalogue.take_in(segment);
        }
        Ok(catalogue)
    }

    /// Of no segments, so far.
    pub fn empty(archive: &Path, identity: JournalIdentity, segment_bytes: u64) -> Self {
        Self {
            directory: archive_directory(archive, identity.shard),
            identity,
            segment_bytes,
            headers: Vec::new(),
            unusable: BTreeSet::new(),
        }
    }

    /// Takes in what was archived since, up to a segment: what is beyond it may be at work.
    pub fn refresh(&mut self, through: u64) {
        let known = self.headers.last().map_or(0, |header| header.segment);
        for segment in known + 1..=through {
            self.take_in(segment);
        }
    }

    /// Segments come in order.
    fn take_in(&mut self, segment: u64) {
        self.unusable.remove(&segment);
        match read_index_header(&self.directory.join(index_name(segment))) {
            Ok(Ok(header)) if self.is_ours(&header) && header.segment == segment => {
                self.headers.push(header);
            }
            Ok(_) | Err(_) => {
                self.unusable.insert(segment);
            }
        }
    }

    fn is_ours(&self, header: &IndexHeader) -> bool {
        header.uuid == self.identity.uuid && header.shard == self.identity.shard
    }

    /// What is in it, by segment.
    pub fn headers(&self) -> &[IndexHeader] {
        &self.headers
    }

    /// Whether something is missing: a segment between the first and the last one, or something
    /// that cannot be used. What is not found then may be there.
    pub fn has_holes(&self) -> bool {
        let numbers = self.headers.iter().map(|header| header.segment);
        let holes = numbers
            .clone()
            .zip(numbers.skip(1))
            .any(|(one, next)| one + 1 != next);
        holes || !self.unusable.is_empty()
    }

    /// The first segment up to `through` that is missing or cannot be used. What is found while
    /// there is one may not be all: a later refund of a payment may be in it.
    pub fn first_hole(&self, through: u64) -> Option<u64> {
        let mut usable = self.headers.iter().map(|header| header.segment);
        (1..=through).find(|segment| usable.next() != Some(*segment))
    }

    /// All records of a transaction, under every number that its key has claimed, and of the
    /// refunds of a payment, in order. Empty: no such key.
    pub fn records_of(&self, key: &BusinessKey) -> Result<Vec<Entry>, StoreError> {
        let claims = self.claims_of(key)?;
        let mut found = Vec::new();
        for (place, claim) in &claims {
            self.take(*place, claim, &mut found);
            self.follow(number_of(claim), *place, &mut found)?;
        }
        let first = claims.first().map_or(u64::MAX, |(place, _)| place.0);
        let later = self.headers.iter().filter(|header| header.segment >= first);
        for header in later.filter(|header| header.refunds > 0) {
            for (place, item) in self.items(header, By::Root(key.key.reference))? {
                if key.class == Class::Payment && refunded(&record_of(&item)) == Some(key.key) {
                    self.take(place, &item, &mut found);
                    self.follow(number_of(&item), place, &mut found)?;
                }
            }
        }
        found.sort_by_key(|(place, _)| *place);
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The keys with a reference, oldest claim first; each once.
    pub fn keys_of(&self, reference: Reference) -> Result<Vec<BusinessKey>, StoreError> {
        self.keys_by(By::Claim(reference), |record| {
            record
                .claimed()
                .filter(|key| key.key.reference == reference)
        })
    }

    /// The keys whose destination knows them under a match key.
    pub fn keys_of_match_key(&self, match_key: MatchKey) -> Result<Vec<BusinessKey>, StoreError> {
        self.keys_by(By::MatchKey(match_key), |record| {
            let same = super::destination_key(record) == Some(match_key);
            record.claimed().filter(|_| same)
        })
    }

    fn keys_by(
        &self,
        by: By,
        key_of: impl Fn(&Record) -> Option<BusinessKey>,
    ) -> Result<Vec<BusinessKey>, StoreError> {
        let mut keys = Vec::new();
        for header in &self.headers {
            for (_, item) in self.items(header, by)? {
                match key_of(&record_of(&item)) {
                    Some(key) if !keys.contains(&key) => keys.push(key),
                    Some(_) | None => {}
                }
            }
        }
        Ok(keys)
    }

    /// Where a key was claimed: once, and again whenever it was recalled.
    fn claims_of(&self, key: &BusinessKey) -> Result<Vec<PlacedItem>, StoreError> {
        let dated = |header: &&IndexHeader| header.has_day(key.key.local_date);
        let mut claims = Vec::new();
        for header in self.headers.iter().filter(dated) {
            let items = self.items(header, By::Claim(key.key.reference))?;
            let mine = items
                .into_iter()
                .filter(|(_, item)| record_of(item).claimed() == Some(*key));
            claims.extend(mine);
        }
        Ok(claims)
    }

    /// The records after `since` that only name a number.
    fn follow(
        &self,
        number: TransactionNumber,
        since: Place,
        found: &mut Vec<Found>,
    ) -> Result<(), StoreError> {
        let later = self
            .headers
            .iter()
            .filter(|header| header.segment >= since.0);
        for header in later.filter(|header| header.may_name(number)) {
            for (place, item) in self.items(header, By::Number(number))? {
                if number_of(&item) == number && place > since {
                    self.take(place, &item, found);
                }
            }
        }
        Ok(())
    }

    /// The items of a segment that may bear a reference, with their places.
    fn items(&self, header: &IndexHeader, by: By) -> Result<Vec<PlacedItem>, StoreError> {
        let mut spots = look_up(&self.directory, header, by)?;
        if spots.is_empty() {
            return Ok(Vec::new());
        }
        spots.dedup();
        let digest = OpenDigest::open(&self.directory, header)?;
        let item = |spot: Spot| Ok(((header.segment, spot.offset), digest.item(spot)?));
        spots.into_iter().map(item).collect()
    }

    fn take(&self, place: Place, item: &Item, found: &mut Vec<Found>) {
        each_entry(item, segment_start(place.0, self.segment_bytes), |entry| {
            found.push((place, entry));
        });
    }

    /// Reads everything, and says what is not as it was written. `told` hears of each segment.
    pub fn verify(&self, mut told: impl FnMut(u64, &Verified)) -> Result<(), StoreError> {
        let mut before: Option<(u64, u32)> = None;
        for segment in list(&self.directory)? {
            let verdict = match read_digest(&self.directory, segment) {
                Err(error) => Verified::Bad(error.to_string()),
                Ok(digest) => {
                    let verdict = self.judge(segment, &digest, before)?;
                    before = Some((segment, digest.header().chain_after));
                    verdict
                }
            };
            told(segment, &verdict);
        }
        Ok(())
    }

    fn judge(
        &self,
        segment: u64,
        digest: &Digest,
        before: Option<(u64, u32)>,
    ) -> Result<Verified, StoreError> {
        let header = digest.header();
        let ours = header.uuid == self.identity.uuid && header.shard == self.identity.shard;
        let whose = (header.segment, header.segment_bytes);
        if !ours || whose != (segment, self.segment_bytes) {
            let path = self.directory.join(digest_name(segment));
            let what = "is of another journal, shard or segment";
            return Ok(Verified::Bad(format!("{} {what}", path.display())));
        }
        match before {
            Some((last, _)) if last + 1 != segment => {
                return Ok(Verified::Bad(format!(
                    "segments {} to {} are missing before it",
                    last + 1,
                    segment - 1
                )));
            }
            Some((_, chain)) if chain != header.chain_before => {
                return Ok(Verified::Bad(
                    "it does not go on where the one before ended".into(),
                ));
            }
            Some(_) | None => {}
        }
        let path = self.directory.join(index_name(segment));
        let Some(index) = read_index(&self.directory, segment)? else {
            return Ok(Verified::Bad(format!("{} is missing", path.display())));
        };
        let expected = index::build(digest).map_err(|_| damaged(&path))?;
        Ok(if index == expected {
            Verified::Good {
                records: header.records,
            }
        } else {
            Verified::Bad(format!("{} is not what its digest says", path.display()))
        })
    }
}

/// What a segment of the archive turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verified {
    /// Digest and index are what they must be, and go on where the segment before ended.
    Good {
        /// Records.
        records: u64,
    },
    /// It cannot be relied on, for this reason.
    Bad(String),
}

/// The records of an item. Of a pair only the segment is known: its records are said to be at
/// `start`.
pub(in crate::journal) fn each_entry(item: &Item, start: Lsn, mut visit: impl FnMut(Entry)) {
    match item {
        Item::Loose(entry) => visit(*entry),
        Item::Settled(Settled {
            wall,
            payment,
            answer,
        }) => {
            let record = Record::Payment(*payment);
            visit(Entry {
                lsn: start,
                wall: *wall,
                record,
            });
            if let Some((wall, answer)) = answer {
                visit(Entry {
                    lsn: start,
                    wall: *wall,
                    record: Record::Answer(*answer),
                });
            }
        }
    }
}

fn record_of(item: &Item) -> Record {
    match item {
        Item::Settled(settled) => Record::Payment(settled.payment),
        Item::Loose(entry) => entry.record,
    }
}

fn number_of(item: &Item) -> TransactionNumber {
    record_of(item).number()
}
