//! The private API.

mod api;
mod changes;
mod health;
mod reply;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub use api::{Metrics, State, router, serve};
