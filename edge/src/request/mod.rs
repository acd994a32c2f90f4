//! One request: who asks, what may become of it, and the connection it came on.

pub mod connection;
pub mod decision;
pub mod handler;
pub mod session;
