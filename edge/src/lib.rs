//! The parts of the edge, in the order in which a request meets them:
//! [`front_door`], [`head`], [`judge`] and [`decision`], then [`answer`],
//! [`forward`] or [`tunnel`]. [`routes`] and [`live`] are what [`admin`] changes
//! meanwhile.

pub mod access_log;
pub mod admin;
pub mod answer;
pub mod config;
pub mod cookies;
pub mod decision;
pub mod exchange;
pub mod forward;
pub mod front_door;
pub mod guard;
pub mod head;
pub mod headers;
pub mod judge;
pub mod keys;
pub mod live;
pub mod metrics;
pub mod pages;
pub mod routes;
pub mod server;
pub mod session;
pub mod tunnel;
pub mod upstream;
pub mod words;
