//! UPDATE: a workspace's machine is brought to another base, or back to what it had.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, SECOND, Spec, StepName};
use crate::model::task::kind::Kind;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateWorkspace {
    pub base: String,
}

impl Payload for UpdateWorkspace {
    const KIND: Kind = Kind::Update;
}

impl UpdateWorkspace {
    pub const IDLE: StepName = StepName::new("idle");
    pub const STOP: StepName = StepName::new("stop");
    pub const CHECKPOINT: StepName = StepName::new("checkpoint");
    pub const INSTALL: StepName = StepName::new("install");
    pub const READY: StepName = StepName::new("ready");
    pub const BACK: StepName = StepName::new("back");
    pub const NOTE: StepName = StepName::new("note");
}

pub(super) const UPDATE: Spec = Spec {
    steps: &[
        UpdateWorkspace::IDLE,
        UpdateWorkspace::STOP,
        UpdateWorkspace::CHECKPOINT,
        UpdateWorkspace::INSTALL,
        UpdateWorkspace::READY,
        UpdateWorkspace::BACK,
        UpdateWorkspace::NOTE,
    ],
    // A provider that is away for an hour is waited for: the workspace stands still meanwhile.
    max_attempts: 30,
    first_delay: SECOND,
    // A tenth of the largest fleet that one process looks after without delay.
    max_concurrency: 10,
    timeout: MINUTE.saturating_mul(25),
};
