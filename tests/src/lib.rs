//! The harness: a whole Arcamatrix on loopback, and the ways to look at it.
//!
//! [`World`] starts control, edges and sprites as real processes out of
//! freshly built programs and ends them without a trace. [`Visitor`] is a
//! browser's HTTP, [`Chat`] its WebSocket, [`chrome`] a real one. The stories
//! are in `tests/`, the demo in `bin/demo.rs`.

pub mod audit;
pub mod axe;
pub mod binaries;
pub mod browser;
pub mod census;
pub mod chat;
pub mod chrome;
pub mod control;
pub mod edge;
pub mod firefox;
pub mod form;
pub mod http;
pub mod jar;
pub mod leak;
pub mod mirror;
pub mod openclaw;
pub mod payer;
pub mod pebble;
pub mod port;
pub mod postgres;
pub mod program;
pub mod prometheus;
pub mod recorder;
pub mod secrets_file;
pub mod shared_world;
pub mod sprite;
pub mod vendors;
pub mod visitor;
pub mod wait;
pub mod wire;
pub mod world;

pub use axe::Axe;
pub use browser::Browser;
pub use chat::{Chat, Opening, Refusal};
pub use chrome::{Chrome, Screen};
pub use firefox::Firefox;
pub use mirror::Mirror;
pub use payer::{Payer, Payment};
pub use port::Port;
pub use postgres::Database;
pub use program::Program;
pub use recorder::Recorder;
pub use shared_world::{SharedWorld, WorldGuard};
pub use vendors::{Pace, Vendor, VendorFakes, Vendors};
pub use visitor::{Page, Visitor};
pub use wait::{wait_until, wait_until_within};
pub use wire::Wire;
pub use world::{BASE_DOMAIN, Plan, World};
