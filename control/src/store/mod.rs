//! Everything that is durable, and all SQL.
//!
//! One text for SQLite and PostgreSQL: `$1` placeholders, columns of `TEXT` and
//! `BIGINT` only, unix milliseconds. A write that depends on what it read does
//! both in one transaction, [`Write`], which the feature opens. A folder for each
//! group of tables reads and writes their rows; none of them knows why.

pub mod accounts;
mod archive;
pub mod billing;
mod certificates;
mod connection;
pub mod edges;
pub mod journal;
pub mod machines;
pub mod messages;
mod operators;
mod retention;
mod routes;
mod support;
pub mod tasks;

pub use accounts::{AccountSession, Credentials, Customer, NewCustomer, Redeemed, SessionsEnded};
pub use archive::{Cells, Dump, Dumped, Occupied, Restoring, TableShape};
pub use billing::{Reserved, WorkspaceOrder};
pub use connection::{
    ChangeNotifier, Dialect, LOG_CHANGES, Listener, Schema, Store, StoreError, TableState, Topic,
    UnreadableRow, Write, disk_of, examine,
};
pub use journal::{ActBegun, Actor, ActorKind, JournalEntry, JournalFilter};
pub use machines::{Examined, Given, Prepared, SetAside, Settled};
pub use messages::mails::MailFilter;
pub use operators::OperatorSession;
pub use retention::{Keep, RETENTION, RetentionRule, RetentionTimes};
pub use routes::{LoggedChange, Snapshot};
pub use support::WorkspaceFilter;
pub use tasks::{Claimed, LeaseError, TaskCount, TaskFilter};
