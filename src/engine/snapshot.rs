//! One immutable generation of all tables that decide: participants and routes, rates, limits and
//! lists. Built and checked elsewhere; a shard swaps its whole snapshot, never a part of it.

use core::ops::Deref;

use crate::route::Tables;

/// All tables of one version.
#[derive(Debug)]
pub struct Snapshot {
    routes: Tables,
}

impl Snapshot {
    /// Participants and routes alone: nothing is converted, and nothing is limited.
    pub const fn new(routes: Tables) -> Self {
        Self { routes }
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
