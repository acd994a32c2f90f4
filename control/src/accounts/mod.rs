//! Customers: how they sign in, set a password, and are handed over to their workspace.
//!
//! A link holds a token, the database only its hash. Nothing here knows a web page.

mod email_change;
mod link_request;
pub mod operators;
pub mod passwords;
mod service;
mod session_times;
mod set_password;
pub mod sign_in;

pub use email_change::EmailChangeRequested;
pub use link_request::LinkRequested;
pub use service::Accounts;
pub use session_times::SessionTimes;
pub use set_password::{Redeemed, SetPasswordError};
