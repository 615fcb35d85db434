//! `journal archive`: what the archive holds, whether it is whole, and what became of a reference.
//! Reads; changes nothing.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::arguments::{Archive, FindArchived, JournalFolder};
use super::check::pretty;
use super::console::Console;
use super::exit::{Ended, Exit, Failure, environment};
use super::journal::store_failure;
use crate::control::story;
use crate::journal::Entry;
use crate::journal::archive::catalogue::{Catalogue, Verified};
use crate::journal::archive::files::{archive_path, file_bytes};
use crate::journal::archive::index::IndexHeader;
use crate::journal::json::entry as record_json;
use crate::journal::read_only::ReadOnlyFolder;
use crate::model::ids::{MatchKey, Reference, ShardId};
use crate::model::keys::BusinessKey;
use crate::model::time::{Date, Wall};

pub(super) fn execute(command: &Archive, console: &mut Console<'_>) -> Ended {
    match command {
        Archive::List(arguments) => listed(arguments, console),
        Archive::Verify(arguments) => verified(arguments, console),
        Archive::Find(arguments) => found(arguments, console),
    }
}

/// The parts of a journal's archive, by shard.
fn catalogues(data: &Path) -> Result<Vec<(ShardId, Catalogue)>, Failure> {
    let folder = ReadOnlyFolder::open(data).map_err(|error| store_failure(&error))?;
    let archive = archive_path(data).map_err(|error| environment(&error))?;
    let identity = folder.identity();
    (0..identity.shards)
        .map(ShardId)
        .map(|shard| {
            let part = Catalogue::open(&archive, identity.shard(shard), identity.segment_bytes);
            Ok((shard, part.map_err(|error| store_failure(&error))?))
        })
        .collect()
}

fn listed(arguments: &JournalFolder, console: &mut Console<'_>) -> Ended {
    let archive = archive_path(&arguments.data).map_err(|error| environment(&error))?;
    let mut list = Vec::new();
    for (shard, catalogue) in catalogues(&arguments.data)? {
        for header in catalogue.headers() {
            let sizes = file_bytes(&archive, shard, header.segment);
            let (digest_bytes, index_bytes) = sizes.map_err(|error| environment(&error))?;
            let one = listed_json(shard, header, digest_bytes, index_bytes);
            if !arguments.json {
                let (first, last) = header.walls;
                console.print_line(&format!(
                    "shard {}  segment {:>6}  {}  {}  {:>8} keys  {:>10} bytes + {:>9} of index",
                    shard.0, header.segment, first, last, header.claims, digest_bytes, index_bytes
                ))?;
            }
            list.push(one);
        }
    }
    if arguments.json {
        console.print_line(&pretty(&json!({ "archive": archive, "segments": list })))?;
    } else if list.is_empty() {
        console.print_line(&format!("nothing is archived in {}", archive.display()))?;
    }
    Ok(Exit::Good)
}

fn listed_json(shard: ShardId, header: &IndexHeader, digest_bytes: u64, index_bytes: u64) -> Json {
    let day = |days: i32| Date::from_days(i64::from(days)).to_string();
    let days = (header.claims > 0).then(|| [day(header.days.0), day(header.days.1)]);
    let time = |wall: Wall| wall.to_string();
    json!({
        "shard": shard.0,
        "segment": header.segment,
        "first_time": time(header.walls.0),
        "last_time": time(header.walls.1),
        "keys": header.claims,
        "refunds": header.refunds,
        "local_dates": days,
        "last_number": header.claimed.1.0,
        "digest_bytes": digest_bytes,
        "index_bytes": index_bytes,
    })
}

fn verified(arguments: &JournalFolder, console: &mut Console<'_>) -> Ended {
    let (mut good, mut records) = (0, 0);
    let (mut bad, mut lines) = (Vec::new(), Vec::new());
    for (shard, catalogue) in catalogues(&arguments.data)? {
        catalogue
            .verify(|segment, verdict| match verdict {
                Verified::Good { records: found } => {
                    good += 1;
                    records += found;
                }
                Verified::Bad(what) => {
                    lines.push(format!("shard {}, segment {segment}: {what}", shard.0));
                    bad.push(json!({ "shard": shard.0, "segment": segment, "problem": what }));
                }
            })
            .map_err(|error| store_failure(&error))?;
    }
    if arguments.json {
        console.print_line(&pretty(&json!({
            "good": bad.is_empty(),
            "segments": good,
            "records": records,
            "bad": bad,
        })))?;
    } else {
        console.print_line(&format!("good: {records} records in {good} segment(s)"))?;
    }
    match lines.first() {
        None => Ok(Exit::Good),
        Some(first) => Err(Failure::new(Exit::Integrity, first)
            .hint("restore it from a copy; of an index, removing it is enough: it is made anew")),
    }
}

fn found(arguments: &FindArchived, console: &mut Console<'_>) -> Ended {
    let mut stories: Vec<(BusinessKey, Vec<(ShardId, Entry)>)> = Vec::new();
    for (shard, catalogue) in catalogues(&arguments.data)? {
        let keys = keys(arguments, &catalogue)?;
        for key in keys {
            let records = catalogue.records_of(&key);
            let records = records.map_err(|error| store_failure(&error))?;
            let steps = records.into_iter().map(|entry| (shard, entry));
            stories.push((key, steps.collect()));
        }
    }
    if arguments.json {
        let steps = stories.iter().flat_map(|(_, steps)| steps);
        let list = steps.map(|(shard, entry)| record_json(*shard, entry));
        console.print_line(&pretty(&Json::Array(list.collect())))?;
    } else {
        for (key, steps) in &stories {
            console.print(&story::tell(key, steps))?;
        }
    }
    if stories.is_empty() {
        let problem = "the archive has no such reference";
        return Err(Failure::new(Exit::Failed, problem)
            .hint("what was written last is in the journal: `cpg-switch journal explain`"));
    }
    Ok(Exit::Good)
}

fn keys(arguments: &FindArchived, catalogue: &Catalogue) -> Result<Vec<BusinessKey>, Failure> {
    let wanted = &arguments.reference;
    let usage = |problem: &str| Failure::new(Exit::Usage, format!("{wanted}: {problem}"));
    let keys = if arguments.match_key {
        let number = wanted
            .parse()
            .map_err(|_| usage("a match key is a whole number"))?;
        catalogue.keys_of_match_key(MatchKey(number))
    } else {
        let bytes = wanted.as_bytes().try_into().ok();
        let reference = bytes
            .and_then(Reference::new)
            .ok_or_else(|| usage("a reference has exactly 12 letters and digits"))?;
        catalogue.keys_of(reference)
    };
    keys.map_err(|error| store_failure(&error))
}
