//! PROV: a payment becomes a workspace.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, SECOND, Spec, StepName};
use crate::model::sign_up::SignUpId;
use crate::model::task::kind::Kind;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProvisionWorkspace {
    pub signup: SignUpId,
}

impl Payload for ProvisionWorkspace {
    const KIND: Kind = Kind::Provision;
}

impl ProvisionWorkspace {
    pub const ASSIGN: StepName = StepName::new("assign");
    pub const WAKE: StepName = StepName::new("wake");
    pub const CONFIGURE: StepName = StepName::new("configure");
    pub const START: StepName = StepName::new("start");
    pub const READY: StepName = StepName::new("ready");
    pub const ROUTE: StepName = StepName::new("route");
    pub const MAIL: StepName = StepName::new("mail");
    pub const POOL: StepName = StepName::new("pool");
}

pub(super) const PROVISION: Spec = Spec {
    steps: &[
        ProvisionWorkspace::ASSIGN,
        ProvisionWorkspace::WAKE,
        ProvisionWorkspace::CONFIGURE,
        ProvisionWorkspace::START,
        ProvisionWorkspace::READY,
        ProvisionWorkspace::ROUTE,
        ProvisionWorkspace::MAIL,
        ProvisionWorkspace::POOL,
    ],
    // With the back-off between them about an hour.
    max_attempts: 20,
    first_delay: SECOND,
    // Sign-ups wait for sprites, and not for each other.
    max_concurrency: 8,
    timeout: MINUTE.saturating_mul(10),
};
