//! One immutable generation of all tables that decide: participants and routes, rates, limits and
//! lists. Built and checked elsewhere; a shard swaps its whole snapshot, never a part of it.

use core::ops::Deref;
use std::sync::Arc;

use crate::guard::Guard;
use crate::route::Tables;

/// All tables of one version.
#[derive(Debug)]
pub struct Snapshot {
    routes: Tables,
    guard: Arc<Guard>,
}

impl Snapshot {
    /// Participants and routes alone: nothing is converted, and nothing is limited.
    pub fn new(routes: Tables) -> Self {
        Self {
            routes,
            guard: Arc::default(),
        }
    }

    /// The same with limits and lists.
    #[must_use]
    pub fn with_guard(self, guard: impl Into<Arc<Guard>>) -> Self {
        let guard = guard.into();
        Self { guard, ..self }
    }

    /// What is allowed.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

impl From<Tables> for Snapshot {
    fn from(routes: Tables) -> Self {
        Self::new(routes)
    }
}

/// Participants and routes are what nearly everybody asks for.
impl Deref for Snapshot {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.routes
    }
}
