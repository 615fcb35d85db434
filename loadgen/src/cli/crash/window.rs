//! THE LOSS WINDOW: the power is cut under a journal in commit mode `memory`. What was committed in
//! memory alone may be gone, and the start must say so; what the disk had must all be there.

use cpg_switch::journal::reader;
use cpg_switch::journal::{Entry, store::StoreError};
use cpg_switch::model::ids::Lsn;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::power::{self, Lost};
use super::sandbox::SEGMENT_BYTES;
use crate::cli::exit::Failure;
use crate::mix::random::Draw;
use crate::target::Launch;

/// What the power took.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) blocks: Lost,
    /// Records after the last word on what is on the disk.
    pub(super) records_in_window: u64,
    /// Records before it: must be none.
    pub(super) records_before_it: u64,
    /// The start did not say that something may be missing.
    pub(super) finding: Option<String>,
}

/// All records, by shard and place.
type Records = HashMap<(u16, Lsn), Entry, FixedState>;

/// Cuts the power under the journal of a switch that was killed, starts it again, kills it, and
/// compares.
pub(super) fn cut_and_compare(launch: &Launch, draw: &mut Draw) -> Result<Window, Failure> {
    let before = read(launch)?;
    let mut durable = Vec::new();
    for shard in power::shards(&launch.data)? {
        durable.push(power::tail_of(&shard)?.map_or(Lsn(0), |(_, durable)| durable));
    }
    let blocks = power::cut(&launch.data, SEGMENT_BYTES, draw)?;
    let target = launch.start()?;
    let told = target.said().contains("loss window");
    target.kill()?;
    let after = read(launch)?;
    let mut window = Window {
        blocks,
        records_in_window: 0,
        records_before_it: 0,
        finding: (!told).then(|| "power: the start does not name the loss window".to_owned()),
    };
    for (place, entry) in &before {
        if after.get(place) == Some(entry) {
            continue;
        }
        let (shard, lsn) = *place;
        if lsn <= durable[usize::from(shard)] {
            window.records_before_it += 1;
        } else {
            window.records_in_window += 1;
        }
    }
    Ok(window)
}

fn read(launch: &Launch) -> Result<Records, Failure> {
    let mut records = Records::default();
    let read = reader::dump(&launch.data, |shard, entry| {
        records.insert((shard.0, entry.lsn), *entry);
    });
    read.map_err(|error: StoreError| {
        Failure::Missing(format!("the journal cannot be read: {error}"))
    })?;
    Ok(records)
}
