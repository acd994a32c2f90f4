//! Long-running processes that the sprite starts by itself.
//!
//! [`definition`] says what a service is and which may stand beside which;
//! [`supervisor`] keeps one running; [`book`] holds them all and the file
//! they come back from after a cold start; [`api`] speaks HTTP.

pub mod api;
pub mod book;
pub mod definition;
pub mod log;
pub mod supervisor;

pub use book::Services;
