//! Reaching sprites and control: names to addresses, and connections of our own.

mod connector;
mod controls;
pub(crate) mod pool;
mod resolver;

pub(crate) use connector::{ConnectError, Connector, Duplex, Purpose};
pub(crate) use controls::Controls;
pub(crate) use resolver::{ResolveError, Resolver};
