//! Reaching sprites and control: names to addresses, and connections of our own.

mod dial;
mod resolver;

pub use dial::{DialError, Dialler, Duplex};
pub use resolver::{ResolveError, Resolver};
