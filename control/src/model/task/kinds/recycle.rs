//! RECYCLE: a workspace that ended is taken down, and its machine given back.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, SECOND, Spec, StepName};
use crate::model::sign_up::SignUpId;
use crate::model::task::kind::Kind;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecycleWorkspace {
    pub signup: SignUpId,
}

impl Payload for RecycleWorkspace {
    const KIND: Kind = Kind::Recycle;
}

impl RecycleWorkspace {
    pub const CUT: StepName = StepName::new("cut");
    pub const STOP: StepName = StepName::new("stop");
    pub const WIPE: StepName = StepName::new("wipe");
    pub const DESTROY: StepName = StepName::new("destroy");
    pub const FREE: StepName = StepName::new("free");
}

pub(super) const RECYCLE: Spec = Spec {
    steps: &[
        RecycleWorkspace::CUT,
        RecycleWorkspace::STOP,
        RecycleWorkspace::WIPE,
        RecycleWorkspace::DESTROY,
        RecycleWorkspace::FREE,
    ],
    // With the back-off between them about two hours.
    max_attempts: 30,
    first_delay: SECOND,
    max_concurrency: 4,
    timeout: MINUTE.saturating_mul(10),
};
