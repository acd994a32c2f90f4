//! The database itself: how it is opened, who has a connection, and one transaction
//! that all that belongs together passes through.

mod change_notifier;
mod columns;
mod database;
mod dialect;
mod error;
mod event_batch;
mod file;
mod listener;
mod migrations;
mod pool;
mod probe;
mod transaction;
mod unreadable;
mod unreadable_rows;
mod write_health;

pub use change_notifier::{ChangeNotifier, Topic};
pub use database::{LOG_CHANGES, Store};
pub use dialect::Dialect;
pub use error::StoreError;
pub use listener::Listener;
pub use probe::{Schema, disk_of, examine};
pub use transaction::{TableState, Write};
pub use unreadable::UnreadableRow;

pub(super) use columns::{Columns, bigint, json, millis, shortened, valid};
pub(super) use error::Attempt;
pub(super) use event_batch::Arrived;
pub(super) use migrations::{NEWEST as NEWEST_MIGRATION, migrate_to};
pub(super) use pool::Connection;
pub(super) use probe::{connect, connect_anew, connect_to_existing, path_of, schema_version};
