//! The route table as the edges are told it: routes, locks, and the log of its changes.

mod lock_rows;
mod locks;
mod log;
mod recount;
mod route_rows;
mod snapshot;
mod table;
mod workspace_routes;

pub use log::LoggedChange;
pub use snapshot::Snapshot;

pub(super) use lock_rows::{
    count_sessions, find as find_lock, of_sessions, of_workspace as locks_of,
};
pub(super) use route_rows::{
    all as all_routes, find as find_route, find_handout, parse_state, upsert_handout,
};
