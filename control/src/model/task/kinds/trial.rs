//! TRIAL: a base is tried on one machine before anybody gets it.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TryBase {
    pub base: String,
}

steps! { TryBase:
    TAKE = "take",
    START = "start",
    READY = "ready",
    TALK = "talk",
    JUDGE = "judge",
}

impl TryBase {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        max_attempts: 6,
        first_delay: SECOND.saturating_mul(5),
        max_concurrency: 1,
        timeout: MINUTE.saturating_mul(20),
        has_own_promise: false,
        called_off: "the new version is refused",
    };
}
