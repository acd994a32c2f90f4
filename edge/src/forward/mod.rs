//! Sends requests on to sprites and to control, and brings their answers back.

mod body_framing;
mod error;
mod forwarder;
mod response_head;
mod upload;
mod upstream_request;

pub(crate) use error::ForwardError;
pub(crate) use forwarder::Forwarder;
pub(crate) use upstream_request::{TargetKind, UpstreamRequest};
