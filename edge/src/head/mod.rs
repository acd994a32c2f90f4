//! The head of an HTTP/1 request: read under one deadline, parsed strictly.

mod error;
mod parse;
mod read;

pub(crate) use error::HeadError;
pub(crate) use parse::Body;
pub use parse::{Head, NO_HEADERS};
pub use read::HeadReader;
pub(crate) use read::ReadEnd;
