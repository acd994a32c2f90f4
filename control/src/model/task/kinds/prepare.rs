//! PREPARE: a sprite is made ready before a customer needs it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, Spec, StepName};
use crate::model::task::kind::Kind;

/// The sprite's name follows from the task's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PrepareSprite {}

impl Payload for PrepareSprite {
    const KIND: Kind = Kind::Prepare;
}

impl PrepareSprite {
    pub const CREATE: StepName = StepName::new("create");
    pub const WAKE: StepName = StepName::new("wake");
    pub const INSTALL: StepName = StepName::new("install");
    pub const SEAL: StepName = StepName::new("seal");
    pub const OFFER: StepName = StepName::new("offer");
}

pub(super) const PREPARE: Spec = Spec {
    steps: &[
        PrepareSprite::CREATE,
        PrepareSprite::WAKE,
        PrepareSprite::INSTALL,
        PrepareSprite::SEAL,
        PrepareSprite::OFFER,
    ],
    // What fails three times is given up: another sprite costs less than patience.
    max_attempts: 3,
    // Two delays are all it has: a hiccup of the provider must fit into them.
    first_delay: Duration::from_secs(20),
    // Without `[pool] at_once`, which says it otherwise.
    max_concurrency: 3,
    timeout: MINUTE.saturating_mul(30),
};
