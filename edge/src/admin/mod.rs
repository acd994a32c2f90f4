//! The private API.

mod api;
mod certificates;
mod challenges;
mod changes;
mod domains;
mod health;
mod reply;
mod serve;
mod state;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use api::router;
pub(crate) use serve::serve;
pub(crate) use state::{Served, State};
