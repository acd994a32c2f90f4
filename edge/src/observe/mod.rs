//! What is counted and logged. Nothing here decides anything.

pub(crate) mod access_log;
pub(crate) mod labels;
mod log_line;
pub(crate) mod metrics;
mod request_id;
mod spans;
mod telemetry;
mod trace;

pub(crate) use request_id::random_request_id;
pub(crate) use spans::{Span, SpanQueue, Spans};
pub(crate) use telemetry::{RequestRecord, Telemetry};
pub(crate) use trace::span_digits;
