//! Why a workspace is closed for a while. Pure.
//!
//! It is closed while any reason stands, and each is lifted by whoever gave it: a
//! payment does not open what the operator has closed, nor the operator what is not
//! paid for.

use std::collections::BTreeSet;
use std::fmt;

use crate::base::text_enum::text_enum;

text_enum! {
    #[derive(PartialOrd, Ord)]
    pub enum SuspensionReason or "not a reason of a suspension" {
        /// An operator has closed it.
        Operator = "operator",
        /// Its subscription is not paid.
        NonPayment = "non_payment",
        /// Its subscription is paused.
        Paused = "paused",
        /// Its subscription is over: it does not open again.
        Ended = "ended",
    }
}

/// Each reason once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspensions(BTreeSet<SuspensionReason>);

impl SuspensionReason {
    /// Those that follow from how the subscription stands.
    const BY_SUBSCRIPTION: [Self; 2] = [Self::NonPayment, Self::Paused];
}

impl Suspensions {
    /// Reads what [`fmt::Display`] wrote.
    ///
    /// # Errors
    /// A word of it is none of the reasons.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let words = text.split(',').filter(|word| !word.is_empty());
        words.map(SuspensionReason::parse).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, reason: SuspensionReason) -> bool {
        self.0.contains(&reason)
    }

    pub fn iter(&self) -> impl Iterator<Item = SuspensionReason> {
        self.0.iter().copied()
    }

    #[must_use]
    pub fn with(mut self, reason: SuspensionReason) -> Self {
        self.0.insert(reason);
        self
    }

    #[must_use]
    pub fn without(mut self, reason: SuspensionReason) -> Self {
        self.0.remove(&reason);
        self
    }

    /// As the subscription says: `reason`, or none of its own.
    #[must_use]
    pub fn by_subscription(mut self, reason: Option<SuspensionReason>) -> Self {
        self.0.retain(|present| !SuspensionReason::BY_SUBSCRIPTION.contains(present));
        self.0.extend(reason);
        self
    }
}

/// Words with commas between them; nothing where no reason stands.
impl fmt::Display for Suspensions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(SuspensionReason::as_str).collect();
        formatter.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_closed_while_any_reason_stands() {
        use SuspensionReason::{NonPayment, Operator, Paused};
        let both = Suspensions::default().with(Operator).with(NonPayment).with(Operator);
        assert_eq!(both.to_string(), "operator,non_payment");
        assert_eq!(both.clone().by_subscription(None).to_string(), "operator");
        assert_eq!(both.clone().by_subscription(Some(Paused)).to_string(), "operator,paused");
        assert_eq!(both.clone().without(Operator).to_string(), "non_payment");
        assert!(both.without(Operator).by_subscription(None).is_empty());
    }

    #[test]
    fn reasons_are_read_back() {
        let all = SuspensionReason::ALL.into_iter().fold(Suspensions::default(), Suspensions::with);
        assert_eq!(Suspensions::parse(&all.to_string()), Ok(all));
        assert_eq!(Suspensions::parse(""), Ok(Suspensions::default()));
        assert!(Suspensions::parse("operator,boredom").is_err());
    }
}
