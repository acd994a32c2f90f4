//! The parts of the edge, in the order in which a request meets them:
//! [`request`] with [`head`] and [`policy`], then [`respond`], [`forward`] or
//! [`tunnel`] by way of [`upstream`]. [`routes`] and [`connections`] are what
//! [`admin`] changes meanwhile; [`observe`] counts, [`limits`] bounds.

pub mod admin;
pub mod config;
pub mod connections;
pub mod forward;
pub mod head;
pub mod keys;
pub mod limits;
pub mod observe;
pub mod policy;
pub mod request;
pub mod respond;
pub mod routes;
pub mod server;
pub mod tunnel;
pub mod upstream;
