//! The head of an HTTP/1 request: read under one deadline, parsed strictly.

mod body;
mod end;
mod error;
mod fields;
mod parse;
mod read;
mod target;

pub(crate) use body::Body;
pub(crate) use end::HeadEnd;
pub(crate) use error::HeadError;
pub(crate) use fields::Connection;
pub(crate) use parse::has_strict_line_endings;
pub use parse::{Head, NO_HEADERS};
pub use read::HeadReader;
pub(crate) use read::{ReadEnd, is_token};
