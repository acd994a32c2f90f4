//! Pflaster ("plaster"): looks after what a task needs, before and after each attempt.
//!
//! `table` says what is checked, what is done about it, and why; `checks` looks; `heal`
//! does; `hook` is what the dispatcher is given. Every round is kept in the database. One
//! thing is done for each check and attempt, and so often an hour; beyond that a person
//! is told.

mod checks;
mod heal;
mod hook;
pub mod table;

pub use checks::{Finding, Pflaster};
pub use hook::PflasterHook;
