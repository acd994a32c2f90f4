//! What both listeners have in common: connections, the context of a request, bodies, errors.

pub mod body;
pub(crate) mod error_responses;
pub mod fields;
mod input_fault;
pub mod listener;
pub mod parameters;
pub mod problem;
pub mod request_context;
pub mod sse_connections;

pub use body::{Fields, Form, Json, Whole};
pub use parameters::{Path, Query};
pub use problem::Problem;
pub use request_context::RequestContext;
