//! PREPARE: a sprite is made ready before a customer needs it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Spec, steps};

/// The sprite's name follows from the task's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PrepareSprite {}

steps! { PrepareSprite:
    CREATE = "create",
    WAKE = "wake",
    INSTALL = "install",
    SEAL = "seal",
    OFFER = "offer",
}

impl PrepareSprite {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // What fails three times is given up: another sprite costs less than patience.
        max_attempts: 3,
        // Two delays are all it has: a hiccup of the provider must fit into them.
        first_delay: Duration::from_secs(20),
        // Without `[pool] at_once`, which says it otherwise.
        max_concurrency: 3,
        timeout: MINUTE.saturating_mul(30),
        has_own_promise: true,
        called_off: "the machine is not prepared",
    };
}
