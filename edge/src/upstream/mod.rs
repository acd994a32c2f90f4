//! Reaching sprites and control: names to addresses, and connections of our own.

mod connector;
pub mod pool;
mod resolver;

pub use connector::{DialError, Dialler, Duplex};
pub use resolver::{ResolveError, Resolver};
