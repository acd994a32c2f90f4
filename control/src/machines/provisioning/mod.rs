//! A machine of the pool becomes a workspace.
//!
//! `job` is the task; `publish` brings its route to the edges, `welcome` its letter to
//! the customer.

mod job;
pub(super) mod publish;
mod welcome;

pub use job::Provision;
