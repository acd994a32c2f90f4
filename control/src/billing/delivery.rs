//! Whether a delivery to the webhook is to be believed, and what it hints at. Pure.

use crate::model::sync_target::SyncRequest;
use vendors::stripe::event::EventError;
use vendors::stripe::signature::SignatureError;
use vendors::stripe::{Event, WebhookSecrets};

/// Nothing is kept of such a delivery, and Stripe is told that it was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("the signature header is missing")]
    Unsigned,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Event(#[from] EventError),
    #[error("event {event} is of {} mode, and we are not", if *.is_live { "live" } else { "test" })]
    Mode { event: String, is_live: bool },
}

impl DeliveryError {
    /// As metrics name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Signature(SignatureError::TooLarge) => "too_large",
            Self::Signature(SignatureError::Malformed) => "malformed_signature",
            Self::Signature(SignatureError::Foreign) => "bad_signature",
            Self::Signature(SignatureError::Old(_)) => "old",
            Self::Signature(SignatureError::Future(_)) => "future",
            Self::Event(_) => "not_an_event",
            Self::Mode { .. } => "wrong_mode",
        }
    }
}

/// `Ok(None)` for what is Stripe's and changes nothing here. `now` in unix seconds.
///
/// # Errors
/// Each of them is a 400.
pub fn judge(
    secrets: &WebhookSecrets,
    is_live: bool,
    signature: Option<&str>,
    body: &[u8],
    now: u64,
) -> Result<Option<SyncRequest>, DeliveryError> {
    secrets.verify(signature.ok_or(DeliveryError::Unsigned)?, body, now)?;
    let event = Event::parse(body)?;
    if event.livemode != is_live {
        if event.is_of_connected {
            return Ok(None);
        }
        return Err(DeliveryError::Mode { event: event.id.to_string(), is_live: event.livemode });
    }
    Ok(SyncRequest::of(event))
}
