//! What of a head may pass: one table for each direction.

pub(crate) mod cookies;
mod links;
mod names;
pub(crate) mod request;
pub(crate) mod response;
