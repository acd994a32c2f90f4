//! Between the page and the gateway: who may say what, and what happens when
//! the gateway goes away.
//!
//! `visit` is one page's socket; it outlives any number of `link`s to the
//! gateway. `ledger`, `request`, `hello` and `peek` decide; they do no I/O.

pub mod control_ui;
pub mod dial;
pub mod hello;
pub mod http;
pub mod ledger;
pub mod link;
pub mod methods;
pub mod notice;
pub mod peek;
pub mod request;
pub mod status;
pub mod visit;
