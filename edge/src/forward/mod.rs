//! Sends requests on to sprites and to control, and brings their answers back.

mod awake;
mod body_framing;
mod downstream;
mod error;
mod forwarder;
mod response_head;
mod site;
mod upgrade;
mod upload;
mod upstream_request;

pub(crate) use error::{ForwardError, Malformed};
pub(crate) use forwarder::{Forwarder, Switched};
pub(crate) use upgrade::Offer;
pub(crate) use upstream_request::{TargetKind, UpstreamRequest};
