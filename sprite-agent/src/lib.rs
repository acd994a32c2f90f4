//! The agent in a workspace's VM: serves the chat page, lets in whom the edge
//! vouches for, speaks with the gateway in their place, keeps the gateway running.
//!
//! Arrows, downward only, kept by the map in `ARCHITECTURE.md`:
//! `run` → `serve`, `supervisor` → `gateway` → `agent` → `http`, `config`, `metrics`, …
//! What is decided is decided purely, in `http::guard`, `gateway` (see there) and
//! `supervisor::state`.

pub mod agent;
pub mod awake_status;
pub mod check;
pub mod config;
pub mod export;
pub mod gateway;
pub mod gateway_status;
pub mod http;
pub mod identity_keys;
pub mod memory;
pub mod metrics;
pub mod rate;
pub mod run;
pub mod serve;
pub mod settings;
pub mod stopping;
pub mod supervisor;
pub mod trial;
