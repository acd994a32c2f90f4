//! Somebody at the checkout, from the form to the payment or its end.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::Username;

use super::skills::Skills;
use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::base::language::Language;
use crate::base::text_enum::text_enum;
use crate::base::token::{TokenHash, is_lower_hex};
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};

/// `su_` and 32 hexadecimal digits. Stripe is told it, and tells it back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SignUpId(String);

const PREFIX: &str = "su_";

impl SignUpId {
    pub fn random() -> Self {
        Self(format!("{PREFIX}{}", shared::SessionId::random()))
    }

    /// # Errors
    /// `text` is no id of ours.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_ours = text.strip_prefix(PREFIX).is_some_and(|digits| is_lower_hex(digits, 32));
        if is_ours { Ok(Self(text.to_owned())) } else { Err("not the id of a sign-up") }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignUpId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for SignUpId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<SignUpId> for String {
    fn from(id: SignUpId) -> Self {
        id.0
    }
}

text_enum! {
    /// How a sign-up stands. Money decides: from every state it leads to [`SignUpState::Paid`].
    pub enum SignUpState or "not a state of a sign-up" {
        /// Nobody has paid yet.
        Open = "open",
        /// A bank debit is on its way.
        Unpaid = "unpaid",
        Paid = "paid",
        /// The page at Stripe's was left alone.
        Expired = "expired",
        /// The bank debit came to nothing.
        Failed = "failed",
    }
}

/// What somebody wants, every word of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUpRequest {
    pub email: Email,
    /// `None`: any name will do.
    pub username: Option<Username>,
    pub skills: Skills,
    /// Of the form.
    pub language: Language,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUp {
    pub id: SignUpId,
    /// Empty when nothing is kept of the customer any more.
    pub email: String,
    /// Reserved for it while it can be paid, then its workspace's.
    pub username: Username,
    pub skills: Skills,
    /// Of the form, and so of the letters.
    pub language: Language,
    /// Of the cookie of the browser that began it.
    pub browser: TokenHash,
    pub state: SignUpState,
    /// Checkout sessions made so far.
    pub attempts: u64,
    /// The latest.
    pub checkout: Option<Checkout>,
    /// What was paid for.
    pub subscription: Option<SubscriptionId>,
    pub created: Moment,
    pub changed: Moment,
}

/// A page at Stripe's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    pub id: CheckoutSessionId,
    pub url: String,
    pub expires: Moment,
}

impl SignUp {
    /// Would a checkout for `request` be this one again?
    pub fn fits(&self, request: &SignUpRequest) -> bool {
        self.is_ordered_again(request) && self.skills == request.skills
    }

    /// Is `request` for the same workspace? Who names another one wants a second.
    pub fn is_ordered_again(&self, request: &SignUpRequest) -> bool {
        self.email == request.email.as_str()
            && request.username.is_none_or(|username| username == self.username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_states_are_read_back() {
        let id = SignUpId::random();
        assert_eq!(SignUpId::parse(id.as_str()), Ok(id));
        for wrong in ["", "su_", "su_1", &"0".repeat(35), &format!("su_{}", "G".repeat(32))] {
            assert!(SignUpId::parse(wrong).is_err(), "{wrong}");
        }
        for state in SignUpState::ALL {
            assert_eq!(SignUpState::parse(state.as_str()), Ok(state));
        }
        assert!(SignUpState::parse("done").is_err());
    }
}
