//! RECYCLE: a workspace that ended is taken down, and its machine given back.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};
use crate::model::sign_up::SignUpId;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecycleWorkspace {
    pub signup: SignUpId,
}

steps! { RecycleWorkspace:
    CUT = "cut",
    STOP = "stop",
    WIPE = "wipe",
    DESTROY = "destroy",
    FREE = "free",
}

impl RecycleWorkspace {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // With the back-off between them about two hours.
        max_attempts: 30,
        first_delay: SECOND,
        max_concurrency: 4,
        timeout: MINUTE.saturating_mul(10),
        has_own_promise: false,
        called_off: "the machine stays, and costs money, until somebody has it taken down",
    };
}
