//! The types that cross a process boundary: names, routes, tokens, bodies.
//!
//! Nothing here does I/O except the small [`process`] module, which every
//! program uses to read its configuration, log and shut down in the same way.

pub mod address;
pub mod assignment;
pub mod checksum;
pub mod cookies;
pub mod departure;
pub mod domain;
pub mod hex;
pub mod host;
pub mod identity;
pub mod join;
pub mod keyring;
pub mod language;
pub mod navigation;
pub mod owner_tools;
pub mod process;
pub mod request_id;
pub mod retry;
pub mod return_path;
pub mod route;
pub mod sealing_keys;
pub mod secret;
pub mod session;
pub mod site_hop;
pub mod ticket_keys;
pub mod upstream;
pub mod username;
pub mod wire;

mod mac;
mod reserved_names;
mod text;

pub use address::AddressPolicy;
pub use assignment::VmSecret;
pub use checksum::Checksum;
pub use departure::Departure;
pub use domain::Domain;
pub use host::{Host, PublicSite, without_root_dot};
pub use keyring::{KeyId, KeyRing};
pub use language::Language;
pub use request_id::RequestId;
pub use return_path::ReturnPath;
pub use route::{Change, Generation, Lock, LockKey, Route, RouteState, SpriteId};
pub use secret::Secret;
pub use session::{Session, SessionId, SessionKeys};
pub use upstream::Upstream;
pub use username::Username;
