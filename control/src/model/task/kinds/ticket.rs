//! TICKET: a ticket is opened for an incident.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, SECOND, Spec, StepName};
use crate::model::task::kind::Kind;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenTicket {
    /// The incident's key.
    pub incident: String,
}

impl Payload for OpenTicket {
    const KIND: Kind = Kind::Ticket;
}

impl OpenTicket {
    pub const OPEN: StepName = StepName::new("open");
}

pub(super) const TICKET: Spec = Spec {
    steps: &[OpenTicket::OPEN],
    // With the back-off between them about two hours.
    max_attempts: 30,
    first_delay: SECOND,
    // Paced by the vendor's quota.
    max_concurrency: 1,
    timeout: MINUTE.saturating_mul(2),
};
