//! The librarian of a shard: looks old keys up in the archive, on a thread of its own, and never
//! makes the shard wait. Bounded queues both ways; each holds all look-ups that can be under way.

use core::sync::atomic::{AtomicBool, Ordering};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_queue::ArrayQueue;

use crate::engine::{Aged, LOOK_UPS_MAX, LookUp, LookedUp, Snapshot};
use crate::journal::archive::catalogue::Catalogue;
use crate::journal::archive::files::archive_path;
use crate::journal::layout::JournalIdentity;
use crate::journal::store::StoreError;
use crate::model::keys::{BusinessKey, Class};
use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::threads;
use crate::sys::wake::Waker;

/// Whose archive, and where.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) data: PathBuf,
    pub(super) identity: JournalIdentity,
    pub(super) segment_bytes: u64,
    /// Segments up to this one were in the archive alone at the start.
    pub(super) given_up: u64,
    pub(super) tables: Arc<Snapshot>,
}

/// The shard's end.
#[derive(Debug)]
pub(super) struct Librarian {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    wanted: ArrayQueue<LookUp>,
    found: ArrayQueue<(u64, LookedUp)>,
    stop: AtomicBool,
}

impl Librarian {
    pub(super) fn start(shelf: Shelf, waker: Waker) -> Result<Self, MachineError> {
        let shared = Arc::new(Shared {
            wanted: ArrayQueue::new(LOOK_UPS_MAX),
            found: ArrayQueue::new(LOOK_UPS_MAX),
            stop: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = threads::spawn("cpg-librarian", move || {
            theirs.serve(&shelf, &waker);
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Asks. What finds no room is answered as overdue in its time.
    pub(super) fn ask(&self, wanted: LookUp) {
        if self.shared.wanted.push(wanted).is_err() {
            return;
        }
        self.thread
            .as_ref()
            .expect("it runs until drop")
            .thread()
            .unpark();
    }

    /// The next answer.
    pub(super) fn found(&self) -> Option<(u64, LookedUp)> {
        self.shared.found.pop()
    }
}

impl Shared {
    fn serve(&self, shelf: &Shelf, waker: &Waker) {
        let mut catalogue = None;
        while !self.stop.load(Ordering::Acquire) {
            let Some(wanted) = self.wanted.pop() else {
                // A request or stop that came just before leaves a token: no wake-up is lost.
                std::thread::park();
                continue;
            };
            // It was answered for: whoever reads for nobody keeps others waiting until they, too,
            // are overdue.
            if wanted.due <= Clock.monotonic() {
                continue;
            }
            let found = shelf.look_up(&mut catalogue, &wanted).unwrap_or_else(|error| {
                tracing::error!(%error, "the archive cannot be read: an old key was not looked up");
                LookedUp::Unavailable
            });
            if matches!(found, LookedUp::Unavailable) {
                // By the next time it may have been mended.
                catalogue = None;
            }
            // Full only when the shard takes no answers any more: then nobody waits for one.
            if self.found.push((wanted.id, found)).is_ok() {
                waker.wake();
            }
        }
    }
}

impl Shelf {
    /// What the archive tells: where any segment that may matter cannot be read, nothing. Who asks
    /// would act on half of what is known.
    pub(super) fn look_up(
        &self,
        catalogue: &mut Option<Catalogue>,
        wanted: &LookUp,
    ) -> Result<LookedUp, StoreError> {
        let open = match catalogue {
            Some(known) => known,
            None => {
                let archive = archive_path(&self.data)?;
                catalogue.insert(Catalogue::empty(
                    &archive,
                    self.identity,
                    self.segment_bytes,
                ))
            }
        };
        let archived = wanted.archived.max(self.given_up);
        open.refresh(archived);
        if let Some(segment) = open.first_hole(archived) {
            tracing::error!(
                segment,
                "the archive lacks a segment, or its index is unusable: no old key was looked up"
            );
            return Ok(LookedUp::Unavailable);
        }
        let root = BusinessKey {
            key: wanted.root,
            class: Class::Payment,
        };
        // The payment's records tell of its refunds too; a refund that never had one is alone.
        for key in [root, wanted.target] {
            let records: Vec<_> = open
                .records_of(&key)?
                .into_iter()
                .map(|entry| (entry.wall, entry.record))
                .collect();
            let targets = [Some(wanted.target), wanted.or_root.then_some(root)];
            for target in targets.into_iter().flatten() {
                match Aged::of(&target, &records, &self.tables) {
                    Ok(Some(aged)) => return Ok(LookedUp::Found(aged)),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(%error, "records in the archive contradict each other");
                        return Ok(LookedUp::Unavailable);
                    }
                }
            }
        }
        Ok(LookedUp::Absent)
    }
}

impl Drop for Librarian {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            assert!(
                thread.join().is_ok(),
                "reading an archive returns its errors"
            );
        }
    }
}
