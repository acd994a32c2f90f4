//! UPDATE: a workspace's machine is brought to another base, or back to what it had.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateWorkspace {
    pub base: String,
}

steps! { UpdateWorkspace:
    IDLE = "idle",
    STOP = "stop",
    CHECKPOINT = "checkpoint",
    INSTALL = "install",
    READY = "ready",
    BACK = "back",
    NOTE = "note",
}

impl UpdateWorkspace {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // A provider that is away for an hour is waited for: the workspace stands still meanwhile.
        max_attempts: 30,
        first_delay: SECOND,
        // A tenth of the largest fleet that one process looks after without delay.
        max_concurrency: 10,
        timeout: MINUTE.saturating_mul(25),
        has_own_promise: false,
        called_off: "it cannot be, as the machine may stand still: it goes back by itself",
    };
}
