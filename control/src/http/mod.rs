//! What both listeners have in common: connections, arrivals, bodies, errors.

pub mod arrival;
pub mod body;
pub mod listener;
pub mod parameters;
pub mod problem;
pub mod sse_connections;

pub use arrival::Visitor;
pub use body::{Form, Json};
pub use parameters::{Path, Query};
pub use problem::Problem;
