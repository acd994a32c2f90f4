//! A letter between writing and sending.

use std::time::Duration;

use shared::Username;

use super::MailKind;
use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;
use vendors::resend::RenderedEmail;

/// How long a letter whose fate is unknown is sent again under its key. Resend
/// keeps keys for a day; an hour is left for the way.
const KEY_LIFETIME: Duration = Duration::from_secs(23 * 3_600);

/// A letter that is written and not yet posted.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// The key under which Resend sends it once.
    pub id: String,
    pub kind: MailKind,
    pub username: Username,
    pub body: RenderedEmail,
    /// When nobody needs it any more.
    pub expires: Option<Moment>,
    /// Not before this; at once without it.
    pub run_at: Option<Moment>,
}

/// A letter that was posted.
#[derive(Debug, Clone)]
pub struct Mail {
    pub record: MailRecord,
    /// Empty once it was sent.
    pub body: RenderedEmail,
    /// Since when nobody knows whether it was sent.
    pub tried: Option<Moment>,
    pub expires: Option<Moment>,
}

/// What an operator may see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    pub id: String,
    pub kind: MailKind,
    pub username: Option<Username>,
    pub state: MailState,
    /// The id under which Resend knows it.
    pub provider_id: Option<String>,
    pub created: Moment,
    pub ended: Option<Moment>,
    /// Why it was not sent, or not yet.
    pub why: Option<String>,
    /// When it is tried next, while it waits; the time that has come, while it is tried.
    pub next_attempt: Option<Moment>,
}

text_enum! {
    pub enum MailState or "a state is waiting, sent, dropped, unsent or failed" {
        Waiting = "waiting",
        Sent = "sent",
        /// Nobody needed it any more.
        Dropped = "dropped",
        /// There is nobody to send it: Resend is not configured.
        Unsent = "unsent",
        /// Given up; an operator may have it sent all the same.
        Failed = "failed",
    }
}

impl Mail {
    /// Whether Resend may have it, and would send it a second time: it does not know it
    /// again by its key any more.
    pub fn may_arrive_twice(&self, now: Moment) -> bool {
        let is_open = matches!(self.record.state, MailState::Waiting | MailState::Failed);
        is_open && self.tried.is_some_and(|tried| now.since(tried) > KEY_LIFETIME)
    }
}

/// How a letter ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailEnd {
    Sent { provider_id: String },
    Dropped { why: &'static str },
    Unsent,
    Failed { why: String },
}

impl MailEnd {
    pub const fn state(&self) -> MailState {
        match self {
            Self::Sent { .. } => MailState::Sent,
            Self::Dropped { .. } => MailState::Dropped,
            Self::Unsent => MailState::Unsent,
            Self::Failed { .. } => MailState::Failed,
        }
    }

    /// Why it was not sent.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Sent { .. } => None,
            Self::Dropped { why } => Some(why),
            Self::Unsent => Some("there is no [resend] in the configuration"),
            Self::Failed { why } => Some(why),
        }
    }

    /// Whether it may still have to be sent.
    pub const fn keeps_body(&self) -> bool {
        matches!(self, Self::Unsent | Self::Failed { .. })
    }
}
