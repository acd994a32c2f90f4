//! Why a workspace has ended, as its letters and its receipt tell it. Pure.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its subscription is over: the customer, Stripe or an operator ended it.
    Subscription,
    /// All that was paid for the present period went back.
    Refund,
    /// The card holder had the payment taken back by their bank.
    Dispute,
    /// Nobody paid for it until its time was over.
    Unpaid,
    /// Its customer wants everything about them deleted.
    Erasure,
}

impl EndReason {
    const ALL: [Self; 5] =
        [Self::Subscription, Self::Refund, Self::Dispute, Self::Unpaid, Self::Erasure];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Unpaid => "unpaid",
            Self::Erasure => "erasure",
        }
    }

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

    /// # Errors
    /// `text` is none of the reasons.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or("not a reason for an end")
    }
}
