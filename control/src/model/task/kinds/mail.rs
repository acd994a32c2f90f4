//! MAIL: a letter is sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Spec, steps};

/// The letter itself may hold a secret, and stays in its own table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendMail {
    /// The letter's id.
    pub mail: String,
    /// Its kind, for the operator.
    #[serde(default)]
    pub letter: String,
}

steps! { SendMail:
    SEND = "send",
}

impl SendMail {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // As promised to customers.
        max_attempts: 3,
        // Two delays are all it has: a hiccup of the vendor must fit into them.
        first_delay: Duration::from_secs(20),
        // Paced by the vendor's quota.
        max_concurrency: 2,
        timeout: MINUTE.saturating_mul(2),
        has_own_promise: true,
        called_off: "the letter is not sent",
    };
}
