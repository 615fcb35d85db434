//! `journal`: what a journal holds, for people and their scripts. Reads; changes nothing but
//! digests, which are made from segments.

use std::io;

use serde_json::{Value as Json, json};

use super::archive;
use super::arguments::{Explain, Journal, JournalFolder, Reshard};
use super::check::pretty;
use super::console::Console;
use super::exit::{Ended, Exit, Failure, environment};
use crate::control::story;
use crate::journal::digest::maker::{Made, make_all};
use crate::journal::json::entry as record_json;
use crate::journal::reader::{ShardSummary, VerifyReport, dump, explain, verify};
use crate::journal::store::StoreError;
use crate::journal::waiting::{Waiting, operator_queue};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::shard::reshard::{ReshardError, reshard};

pub(super) fn execute(command: &Journal, console: &mut Console<'_>) -> Ended {
    match command {
        Journal::Verify(arguments) => verified(arguments, console),
        Journal::Dump(arguments) => dumped(arguments, console),
        Journal::Digest(arguments) => digested(arguments, console),
        Journal::Explain(arguments) => explained(arguments, console),
        Journal::Reshard(arguments) => resharded(arguments, console),
        Journal::Queue(arguments) => queued(arguments, console),
        Journal::Archive(command) => archive::execute(command, console),
    }
}

/// What is said where a journal cannot be opened or read.
pub(super) fn store_failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Machine(error) => environment(error),
        StoreError::Damaged { path, damage } => {
            let place = format!(
                "segment {}, offset {}, LSN {}, committed up to {}",
                damage.segment, damage.offset, damage.lsn.0, damage.watermark.0
            );
            let message = format!("{}: {} ({place})", path.display(), damage.fault.text());
            Failure::new(Exit::Integrity, message).hint(damage.fault.remedy())
        }
        StoreError::OtherShards { path, wanted, .. } => {
            let data = path.parent().unwrap_or(path).display();
            Failure::new(Exit::Usage, error).hint(format!(
                "set `shard.count` back, or make a journal for the new number: \
                 cpg-switch journal reshard {data} --shards {wanted} --out NEWDIR"
            ))
        }
        StoreError::Refused { path, what, remedy } => {
            Failure::new(Exit::Environment, format!("{}: {what}", path.display())).hint(*remedy)
        }
    }
}

fn verified(arguments: &JournalFolder, console: &mut Console<'_>) -> Ended {
    let report = verify(&arguments.data).map_err(|error| store_failure(&error))?;
    if arguments.json {
        console.print_line(&pretty(&verified_json(&report)))?;
    } else {
        let live = if report.live {
            ", beside a running switch"
        } else {
            ""
        };
        console.print_line(&format!("{}{live}", report.data.display()))?;
    }
    let mut failed = None;
    for shard in &report.shards {
        match &shard.result {
            Ok(summary) => {
                if !arguments.json {
                    console.print_line(&format!(
                        "shard {}: {}",
                        shard.shard.0,
                        in_words(summary)
                    ))?;
                }
                failed = failed.or_else(|| digest_failure(summary));
            }
            Err(error) => failed = failed.or_else(|| Some(store_failure(error))),
        }
    }
    match failed {
        None => Ok(Exit::Good),
        Some(failure) => Err(failure),
    }
}

/// What is said where a start would remember something else than the segment says.
fn digest_failure(summary: &ShardSummary) -> Option<Failure> {
    let path = summary.digests.different.first()?;
    let message = format!(
        "{}: the digest is not what its segment says",
        path.display()
    );
    let hint = "remove it: the segment is whole, and the next start reads it";
    Some(Failure::new(Exit::Integrity, message).hint(hint))
}

fn in_words(summary: &ShardSummary) -> String {
    let report = &summary.report;
    let mut words = format!(
        "good: {} records ({} bytes) in {} segment(s), up to LSN {}",
        report.records, report.record_bytes, summary.segments, summary.end.0
    );
    let (segments, records) = summary.archived;
    if segments > 0 {
        words.push_str(&format!(
            ", after {records} records in {segments} segment(s) that are in the archive alone"
        ));
    }
    if report.tail_records > 0 {
        words.push_str(&format!(
            ", {} of them in the tail alone",
            report.tail_records
        ));
    }
    let digests = &summary.digests;
    if digests.same + digests.other_version > 0 {
        words.push_str(&format!(
            "; {} good digest(s), {} of another version",
            digests.same, digests.other_version
        ));
    }
    if report.loss_window {
        words.push_str("; what was committed in memory alone may be lost");
    }
    words
}

fn verified_json(report: &VerifyReport) -> Json {
    let shards = report.shards.iter().map(|shard| match &shard.result {
        Ok(summary) => json!({
            "shard": shard.shard.0,
            "good": summary.digests.different.is_empty(),
            "segments": summary.segments,
            "archived_segments": summary.archived.0,
            "archived_records": summary.archived.1,
            "end_lsn": summary.end.0,
            "blocks": summary.report.blocks,
            "tail_blocks": summary.report.tail_blocks,
            "records": summary.report.records,
            "tail_records": summary.report.tail_records,
            "record_bytes": summary.report.record_bytes,
            "watermark": summary.report.watermark.0,
            "void_blocks": summary.report.void_blocks,
            "loss_window": summary.report.loss_window,
            "live_watermark": summary.live_watermark.map(|lsn| lsn.0),
            "digests": {
                "good": summary.digests.same,
                "absent": summary.digests.absent,
                "other_version": summary.digests.other_version,
                "different": summary.digests.different,
            },
        }),
        Err(error) => {
            let failure = store_failure(error);
            json!({
                "shard": shard.shard.0,
                "good": false,
                "problem": failure.message,
                "remedy": failure.hint,
            })
        }
    });
    json!({
        "data": report.data,
        "good": report.is_good(),
        "live": report.live,
        "shards": shards.collect::<Vec<_>>(),
    })
}

fn dumped(arguments: &JournalFolder, console: &mut Console<'_>) -> Ended {
    // After the first error of the console, the rest is read and not written.
    let mut written: io::Result<()> = Ok(());
    let read = dump(&arguments.data, |shard, entry| {
        if written.is_ok() {
            written = console.buffer_line(&record_json(shard, entry).to_string());
        }
    });
    written.and_then(|()| console.flush())?;
    match read {
        Ok(()) => Ok(Exit::Good),
        Err(error) => Err(store_failure(&error)),
    }
}

fn resharded(arguments: &Reshard, console: &mut Console<'_>) -> Ended {
    let done = reshard(&arguments.data, &arguments.out, arguments.shards);
    let done = done.map_err(|error| match &error {
        ReshardError::Store(error) => store_failure(error),
        ReshardError::Machine(error) => environment(error),
        ReshardError::Unclaimed { .. } => Failure::new(Exit::Integrity, &error)
            .hint("run `cpg-switch journal verify` on it, and keep a copy"),
        ReshardError::Differs(_) => Failure::new(Exit::Integrity, &error)
            .hint("remove the new folder, keep the old journal, and report this"),
        ReshardError::Unwritten(_) => Failure::new(Exit::Environment, &error)
            .hint("remove the new folder, free space, and try again"),
    })?;
    console.print_line(&format!(
        "good: {} transactions ({} records) of {} shard(s) are now those of {} in {}",
        done.transactions,
        done.records,
        done.before,
        done.after,
        arguments.out.display()
    ))?;
    Ok(Exit::Good)
}

/// Makes what is missing; a segment that is not whole ends it with the journal's own exit code.
fn digested(arguments: &JournalFolder, console: &mut Console<'_>) -> Ended {
    let (mut made, mut there) = (Vec::new(), 0);
    let mut broken = None;
    make_all(&arguments.data, |shard, segment, result| match result {
        Made::Made { bytes, records } => made.push(json!({
            "shard": shard.0,
            "segment": segment,
            "records": records,
            "bytes": bytes,
        })),
        Made::There => there += 1,
        Made::NotWhole { offset } => broken = broken.or(Some((shard, segment, *offset))),
    })
    .map_err(|error| store_failure(&error))?;
    if arguments.json {
        console.print_line(&pretty(&json!({ "made": made, "there": there })))?;
    } else {
        console.print_line(&format!(
            "{} digest(s) made, {there} were there",
            made.len()
        ))?;
    }
    match broken {
        None => Ok(Exit::Good),
        Some((shard, segment, offset)) => {
            let problem = format!(
                "shard {}, segment {segment}, offset {offset}: a block is not what was written",
                shard.0
            );
            let hint = "check with `cpg-switch journal verify DIR`, and restore the segment";
            Err(Failure::new(Exit::Integrity, problem).hint(hint))
        }
    }
}

fn explained(arguments: &Explain, console: &mut Console<'_>) -> Ended {
    let key = BusinessKey {
        class: if arguments.refund {
            Class::Refund
        } else {
            Class::Payment
        },
        key: arguments.key,
    };
    let steps = explain(&arguments.data, &key).map_err(|error| store_failure(&error))?;
    if steps.is_empty() {
        let problem = format!("{} has no record of this key", arguments.data.display());
        return Err(Failure::new(Exit::Failed, problem).hint(
            "the key is the originator's institution, its own local date and its reference",
        ));
    }
    if arguments.json {
        let steps = steps
            .iter()
            .map(|(shard, entry)| record_json(*shard, entry));
        console.print_line(&pretty(&Json::Array(steps.collect())))?;
    } else {
        console.print(&story::tell(&key, &steps))?;
    }
    Ok(Exit::Good)
}

fn queued(arguments: &JournalFolder, console: &mut Console<'_>) -> Ended {
    let waiting = operator_queue(&arguments.data).map_err(|error| store_failure(&error))?;
    if arguments.json {
        let list: Vec<Json> = waiting.iter().map(waiting_json).collect();
        console.print_line(&pretty(&json!({ "depth": list.len(), "waiting": list })))?;
        return Ok(Exit::Good);
    }
    if waiting.is_empty() {
        console.print_line("nothing waits for an operator")?;
    }
    for one in &waiting {
        let key = one.key.map_or_else(
            || format!("transaction {}", one.number.0),
            |key| story::title(&key),
        );
        let (since, reason) = (one.since, one.reason.name());
        console.print_line(&format!(
            "{since}  {key}  {reason}, waiting for {}",
            one.with
        ))?;
    }
    Ok(Exit::Good)
}

fn waiting_json(one: &Waiting) -> Json {
    let key = one.key.map(|key| {
        let Key {
            originator,
            local_date,
            reference,
        } = key.key;
        format!("{originator}/{local_date}/{reference}")
    });
    json!({
        "shard": one.shard.0,
        "number": one.number.0,
        "class": one.key.map(|key| story::class(&key)),
        "key": key,
        "reason": one.reason.name(),
        "with": one.with.code(),
        "since": one.since.to_string(),
    })
}
