//! The agent in a workspace's VM: serves the chat page, lets in whom the edge
//! vouches for, speaks with the gateway in their place, keeps the gateway running.
//!
//! `run` puts it together; `guard`, `gateway::pending_requests` and `supervisor::state`
//! are where things are decided.

pub mod agent;
pub mod answer;
pub mod backoff;
pub mod config;
pub mod gateway;
pub mod guard;
pub mod health;
pub mod identity_keys;
pub mod memory;
pub mod metrics;
pub mod public_facts;
pub mod router;
pub mod run;
pub mod server;
pub mod stopping;
pub mod supervisor;
pub mod ui;
pub mod upgrade;
