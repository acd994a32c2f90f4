//! PAYER: who pays at Stripe gets the address that they have here.

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};

/// Whose it is stands beside it, and the address in the customer's row: it may have changed again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TellPayer {}

steps! { TellPayer:
    TELL = "tell",
}

impl TellPayer {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // With the back-off between them about two hours.
        max_attempts: 30,
        first_delay: SECOND,
        max_concurrency: 2,
        timeout: MINUTE.saturating_mul(2),
        has_own_promise: false,
        called_off: "receipts go on to the address they had before",
    };
}
