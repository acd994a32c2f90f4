//! The parts of the edge, in the order in which a request meets them: `request`
//! with `head` and `policy`, then `respond`, `forward` or `tunnel` by way of
//! `upstream`. `routes` and `connections` are what `admin` changes meanwhile;
//! `observe` counts, `otlp` exports, `limits` bounds. Which may use which: `ARCHITECTURE.md`.

mod admin;
mod alarm;
mod client_stream;
pub mod config;
mod connections;
#[cfg(test)]
mod corpus;
mod digits;
mod domains;
mod forward;
mod head;
mod http2;
pub mod join;
mod keys;
mod lifecycle;
mod limits;
mod observe;
mod otlp;
mod policy;
mod proxies;
mod request;
mod respond;
mod routes;
pub mod server;
mod sockets;
mod tls;
mod tunnel;
mod upstream;
mod waking;

/// The parts whose cost the benches measure in a process of their own.
pub mod measured {
    pub use crate::alarm::Alarm;
    pub use crate::head::{Head, HeadReader, NO_HEADERS};
    pub use crate::limits::Deadlines;
    pub use crate::policy::request::{Credential, Forwarded, forward};
    pub use crate::request::{LastToken, RequestFacts, Workspace, check_session, decide};
    pub use crate::routes::Tables;
}
