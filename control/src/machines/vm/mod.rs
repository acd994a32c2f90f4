//! One machine from inside: what is installed in it, written into it, started in it,
//! and how it is asked whether it lives.

pub mod agent_config;
pub mod base;
pub mod failure;
pub mod gateway_config;
pub mod health;
pub mod layout;
pub mod liveness;
pub mod machine;

pub use base::Base;
