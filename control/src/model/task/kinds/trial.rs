//! TRIAL: a base is tried on one machine before anybody gets it.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, SECOND, Spec, StepName};
use crate::model::task::kind::Kind;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TryBase {
    pub base: String,
}

impl Payload for TryBase {
    const KIND: Kind = Kind::Trial;
}

impl TryBase {
    pub const TAKE: StepName = StepName::new("take");
    pub const START: StepName = StepName::new("start");
    pub const READY: StepName = StepName::new("ready");
    pub const TALK: StepName = StepName::new("talk");
    pub const JUDGE: StepName = StepName::new("judge");
}

pub(super) const TRIAL: Spec = Spec {
    steps: &[TryBase::TAKE, TryBase::START, TryBase::READY, TryBase::TALK, TryBase::JUDGE],
    max_attempts: 6,
    first_delay: SECOND.saturating_mul(5),
    max_concurrency: 1,
    timeout: MINUTE.saturating_mul(20),
};
