//! TICKET: a ticket is opened for an incident.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenTicket {
    /// The incident's key.
    pub incident: String,
}

steps! { OpenTicket:
    OPEN = "open",
}

impl OpenTicket {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // With the back-off between them about two hours.
        max_attempts: 30,
        first_delay: SECOND,
        // Paced by the vendor's quota.
        max_concurrency: 1,
        timeout: MINUTE.saturating_mul(2),
        has_own_promise: true,
        called_off: "the ticket is not opened",
    };
}
