//! Why a workspace has ended, as its letters and its receipt tell it. Pure.

use crate::base::text_enum::text_enum;

text_enum! {
    pub enum EndReason or "not a reason for an end" {
        /// Its subscription is over: the customer, Stripe or an operator ended it.
        Subscription = "subscription",
        /// All that was paid for the present period went back.
        Refund = "refund",
        /// The card holder had the payment taken back by their bank.
        Dispute = "dispute",
        /// Nobody paid for it until its time was over.
        Unpaid = "unpaid",
        /// Its customer wants everything about them deleted.
        Erasure = "erasure",
    }
}

impl EndReason {
    /// For an operator.
    pub const fn explained(self) -> &'static str {
        match self {
            Self::Subscription => "its subscription is over",
            Self::Refund => "its payment was given back in full",
            Self::Dispute => "its payment is disputed",
            Self::Erasure => "its customer wants everything deleted",
            Self::Unpaid => "nobody paid for it until its time was over",
        }
    }
}
