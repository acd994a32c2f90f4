//! What of a head may pass, in either direction.

pub(crate) mod cookies;
pub(crate) mod headers;
