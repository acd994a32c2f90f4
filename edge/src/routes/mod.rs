//! Which workspace is where: served from memory, kept on disk, changed while running.
pub mod locks;
pub mod table;
pub mod tables;

use std::sync::Arc;

use arc_swap::ArcSwap;
use shared::{Route, SessionId, Username};

use tables::Tables;

/// The route table of this edge. Shared by `Arc`.
pub struct Routes {
    tables: ArcSwap<Tables>,
}

impl Routes {
    /// Where `username` is served. Never waits.
    pub fn find(&self, username: &Username) -> Option<Arc<Route>> {
        self.tables.load().route(username)
    }

    /// Is the workspace, or this session of it, locked at `now` (unix seconds)? Never waits.
    pub fn is_locked(&self, username: &Username, session: Option<&SessionId>, now: u64) -> bool {
        self.tables.load().is_locked(username, session, now)
    }
}
