//! What of a head may pass, in either direction.

pub mod cookies;
pub mod headers;
