//! Sends requests on to sprites and to control, and brings their answers back.

mod answer_head;
mod body_framing;
mod forwarder;
mod upload;

pub use answer_head::Malformed;
pub use forwarder::{ForwardError, Forwarder, Order, TargetKind};
