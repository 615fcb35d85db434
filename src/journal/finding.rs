//! Finds payments and refunds by any of their references, beside a live switch.
//!
//! ```text
//! archive, by its indexes -> segments that are not archived yet, and the tail, read in order
//! ```
//!
//! It takes no lock, asks no shard and changes nothing. What it reads is bounded: few buckets of
//! each index, and the segments that the keeper has not archived yet.

use std::path::Path;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::journal::Entry;
use crate::journal::archive::catalogue::Catalogue;
use crate::journal::archive::files::archive_path;
use crate::journal::archive::{destination_key, refunded};
use crate::journal::read_only::ReadOnlyFolder;
use crate::journal::store::StoreError;
use crate::model::ids::{Institution, MatchKey, Reference, ShardId, TransactionNumber};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::record::Record;
use crate::model::time::Date;

/// What somebody may know of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Its whole key.
    pub key: Option<Key>,
    /// Its reference alone, as in field 37 of ISO 8583.
    pub reference: Option<Reference>,
    /// The match key of its request, on either side.
    pub match_key: Option<MatchKey>,
}

/// How much is read and told, at most.
#[derive(Clone, Copy, Debug)]
pub struct FindBounds {
    /// Payments and refunds.
    pub stories_max: usize,
    /// Records of each.
    pub steps_max: usize,
    /// Bytes of segments that are not archived yet, of one shard.
    pub bytes_max: u64,
}

/// One payment with its refunds, or one refund.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// Where it is.
    pub shard: ShardId,
    /// Its key.
    pub key: BusinessKey,
    /// What was recorded about it, in order.
    pub steps: Vec<Entry>,
}

/// What was found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Findings {
    /// By shard, oldest first.
    pub stories: Vec<Story>,
    /// There is more than the bounds allow to be told.
    pub cut: bool,
    /// A part of the archive cannot be read: what is in it is not among these.
    pub holes: bool,
}

impl Wanted {
    /// `INSTITUTION/YYYYMMDD/REFERENCE`, a reference of 12 letters and digits, or a match key: a
    /// number. Twelve digits may be either. None: it is nothing of these.
    pub fn parse(text: &str) -> Option<Self> {
        let reference = |text: &str| text.as_bytes().try_into().ok().and_then(Reference::new);
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| digits)
        };
        let text = text.trim();
        if let Some((institution, rest)) = text.split_once('/') {
            let (date, last) = rest.split_once('/')?;
            let key = Key {
                originator: Institution::new(number(institution)?)?,
                local_date: Date::from_yyyymmdd(u32::try_from(number(date)?).ok()?)?,
                reference: reference(last)?,
            };
            return Some(Self {
                key: Some(key),
                ..Self::default()
            });
        }
        let wanted = Self {
            key: None,
            reference: reference(text),
            match_key: number(text).map(MatchKey),
        };
        (wanted != Self::default()).then_some(wanted)
    }

    /// Whether a record begins, or tells of, what is wanted; then its key.
    fn names(&self, record: &Record) -> Option<BusinessKey> {
        let target = match record {
            Record::Reversal(reversal) => Some(reversal.target),
            _ => record.claimed(),
        }?;
        let by_key = self.key == Some(target.key);
        let by_reference = self.reference == Some(target.key.reference);
        let by_match_key = self.match_key.is_some() && {
            let asked = match record {
                Record::Payment(payment) => Some(payment.match_key),
                Record::Refund(refund) => Some(refund.match_key),
                _ => None,
            };
            asked == self.match_key || destination_key(record) == self.match_key
        };
        (by_key || by_reference || by_match_key).then_some(target)
    }

    /// The keys that an archive has of it.
    fn archived(&self, catalogue: &Catalogue) -> Result<Vec<BusinessKey>, StoreError> {
        let mut keys = Vec::new();
        if let Some(key) = self.key {
            let of = |class| BusinessKey { key, class };
            keys.extend([of(Class::Payment), of(Class::Refund)]);
        }
        if let Some(reference) = self.reference {
            keys.extend(catalogue.keys_of(reference)?);
        }
        if let Some(match_key) = self.match_key {
            keys.extend(catalogue.keys_of_match_key(match_key)?);
        }
        Ok(keys)
    }
}

/// Looks through the archive and what is not in it yet, shard by shard.
pub fn find(data: &Path, wanted: &Wanted, bounds: &FindBounds) -> Result<Findings, StoreError> {
    let folder = ReadOnlyFolder::open(data)?;
    let archive = archive_path(data)?;
    let identity = folder.identity();
    let mut findings = Findings::default();
    for shard in (0..identity.shards).map(ShardId) {
        let part = identity.shard(shard);
        let catalogue = Catalogue::open(&archive, part, identity.segment_bytes)?;
        findings.holes |= catalogue.has_holes();
        let mut search = Search {
            shard,
            wanted,
            bounds,
            numbers: HashMap::default(),
            findings: &mut findings,
        };
        for key in wanted.archived(&catalogue)? {
            for entry in catalogue.records_of(&key)? {
                search.take(Some(key), entry);
            }
        }
        let last = catalogue
            .headers()
            .last()
            .map_or(0, |header| header.segment);
        folder.read_unarchived(shard, last, bounds.bytes_max, &mut |entry| {
            search.look_at(entry);
        })?;
    }
    Ok(findings)
}

/// One shard being looked through.
struct Search<'s> {
    shard: ShardId,
    wanted: &'s Wanted,
    bounds: &'s FindBounds,
    /// Which story a transaction belongs to. A number is claimed before anything is said of it.
    numbers: HashMap<TransactionNumber, usize, FixedState>,
    findings: &'s mut Findings,
}

impl Search<'_> {
    fn look_at(&mut self, entry: Entry) {
        if self.numbers.contains_key(&entry.record.number()) {
            return self.take(None, entry);
        }
        let root = refunded(&entry.record);
        let stories = &self.findings.stories;
        let of_payment = root.and_then(|root| {
            let is = |story: &&Story| story.key.class == Class::Payment && story.key.key == root;
            let mine = stories.iter().filter(|story| story.shard == self.shard);
            mine.clone().find(is).map(|story| story.key)
        });
        if let Some(key) = self.wanted.names(&entry.record).or(of_payment) {
            self.take(Some(key), entry);
        }
    }

    /// Keeps a record, of a key or of a number that is known.
    fn take(&mut self, key: Option<BusinessKey>, entry: Entry) {
        let number = entry.record.number();
        let stories = &mut self.findings.stories;
        let known = key.and_then(|key| {
            let is = |story: &Story| story.shard == self.shard && story.key == key;
            stories.iter().position(is)
        });
        let place = match (self.numbers.get(&number).copied().or(known), key) {
            (Some(place), _) => place,
            (None, Some(key)) if stories.len() < self.bounds.stories_max => {
                stories.push(Story {
                    shard: self.shard,
                    key,
                    steps: Vec::new(),
                });
                stories.len() - 1
            }
            (None, _) => return self.findings.cut = true,
        };
        self.numbers.insert(number, place);
        let steps = &mut stories[place].steps;
        // One record may be found by two references.
        if steps.iter().any(|step| step.lsn == entry.lsn) {
            return;
        }
        if steps.len() < self.bounds.steps_max {
            steps.push(entry);
        } else {
            self.findings.cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_a_key_a_reference_or_a_match_key() {
        let key = Wanted::parse(" 15600021/20261121/WX2026112101 ").unwrap();
        assert!(key.key.is_some() && key.reference.is_none() && key.match_key.is_none());
        let reference = Wanted::parse("WX2026112101").unwrap();
        assert!(reference.reference.is_some() && reference.match_key.is_none());
        let both = Wanted::parse("202611210001").unwrap();
        assert!(both.reference.is_some() && both.match_key == Some(MatchKey(202_611_210_001)));
        let number = Wanted::parse("17").unwrap();
        assert!(number.reference.is_none() && number.match_key == Some(MatchKey(17)));
        for bad in [
            "",
            "abc",
            "+17",
            "1/2",
            "a/20261121/WX2026112101",
            "15600021/2026/WX2026112101",
        ] {
            assert_eq!(Wanted::parse(bad), None, "{bad}");
        }
    }
}
