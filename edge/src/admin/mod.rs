//! The private API.

mod api;
mod changes;
mod health;
mod reply;
mod state;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use api::{router, serve};
pub(crate) use state::State;
