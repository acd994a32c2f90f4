//! Links with which a customer sets a password: the first time, or again.
//!
//! A link holds a token, the database only its hash. Looking at it takes nothing:
//! mail programs open links before people do. Setting the password takes it, in
//! one transaction with the password.

mod redeem;
mod request;

pub use redeem::{LinkError, Redeemed, peek, redeem, set_first_password};
pub(crate) use request::AT_ONCE;
pub use request::{Asked, request};
