//! Spans of requests for a collector of OpenTelemetry: OTLP over HTTP, as JSON.
//!
//! On a thread of its own, so that no request waits for a collector, or for the text that
//! it is sent. A batch that a collector does not take is dropped and counted.

mod config;
mod exporter;
mod message;

pub(crate) use config::OtlpConfig;
pub(crate) use exporter::Exporter;
