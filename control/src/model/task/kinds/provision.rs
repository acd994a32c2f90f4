//! PROV: a payment becomes a workspace.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};
use crate::model::sign_up::SignUpId;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProvisionWorkspace {
    pub signup: SignUpId,
}

steps! { ProvisionWorkspace:
    ASSIGN = "assign",
    WAKE = "wake",
    CONFIGURE = "configure",
    START = "start",
    READY = "ready",
    ROUTE = "route",
    MAIL = "mail",
    POOL = "pool",
}

impl ProvisionWorkspace {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // With the back-off between them about an hour.
        max_attempts: 20,
        first_delay: SECOND,
        // Sign-ups wait for sprites, and not for each other.
        max_concurrency: 8,
        timeout: MINUTE.saturating_mul(10),
        has_own_promise: false,
        called_off: "who has paid gets no workspace until somebody has it prepared",
    };
}
