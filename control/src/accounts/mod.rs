//! Customers: how they sign in, set a password, and are handed over to their workspace.

pub mod keys;
pub mod links;
pub mod passwords;
mod session_times;
pub mod sign_in;

pub use session_times::SessionTimes;
