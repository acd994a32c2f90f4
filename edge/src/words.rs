//! What the edge says when it answers by itself: to programs a status and a
//! code, to people a title, a sentence, and what they can do.

use crate::decision::Refused;

/// What an answer says to a program and to a person.
pub struct Words {
    pub status: u16,
    pub code: &'static str,
    pub title: &'static str,
    pub message: &'static str,
    /// Seconds.
    pub retry_after: Option<u32>,
    pub action: Option<Action>,
}

/// What a person can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The page asks again by itself.
    Wait,
    /// To the account, where a payment is put right.
    Account,
    /// To the site.
    Site,
}

impl Words {
    pub const fn of(refused: Refused) -> Self {
        use Action::{Account, Site, Wait};
        let (status, code, title, message, retry_after, action) = match refused {
            Refused::UnknownHost | Refused::UnknownWorkspace => (
                404,
                "unknown_workspace",
                "There is no workspace here",
                "Check the address. A workspace that was cancelled is gone from here too.",
                None,
                Some(Site),
            ),
            Refused::Preparing => (
                503,
                "preparing",
                "Your workspace is being prepared",
                "This takes a few seconds. The page opens it by itself.",
                Some(2),
                Some(Wait),
            ),
            Refused::Suspended => (
                402,
                "suspended",
                "This workspace is paused",
                "The last payment did not arrive. Your data is kept; it opens again when the payment is put right.",
                None,
                Some(Account),
            ),
            Refused::WorkspaceLocked => (
                403,
                "locked",
                "This workspace is locked",
                "Access was closed for now. Write to us if you did not expect that.",
                None,
                Some(Site),
            ),
            Refused::AccessEnded => (
                403,
                "access_ended",
                "Your access has ended",
                "You were signed out, or the workspace was closed, while this was on its way.",
                None,
                Some(Site),
            ),
            Refused::ForeignOrigin => (
                403,
                "foreign_origin",
                "That did not come from this workspace",
                "Only pages of this workspace may connect to it.",
                None,
                None,
            ),
            Refused::ServiceWorker => (
                403,
                "service_worker_refused",
                "Service workers are not served here",
                "A workspace cannot install a service worker.",
                None,
                None,
            ),
            Refused::MethodNotAllowed => (
                405,
                "method_not_allowed",
                "That method is not available",
                "CONNECT and TRACE are not available here.",
                None,
                None,
            ),
            Refused::TooManyRequests => (
                429,
                "too_many_requests",
                "Too many requests",
                "Please wait a moment. The page tries again by itself.",
                Some(2),
                Some(Wait),
            ),
            Refused::TooManyConnections => (
                429,
                "too_many_connections",
                "Too many connections",
                "Too many connections are open from your address. Close some and try again.",
                Some(5),
                None,
            ),
            Refused::TooManySockets => (
                429,
                "too_many_sockets",
                "Too many open chats",
                "Too many windows of this workspace are open. Close some and try again.",
                Some(5),
                None,
            ),
            Refused::BodyTooLarge => (
                413,
                "body_too_large",
                "That is too large",
                "The upload is larger than a workspace takes.",
                None,
                None,
            ),
            Refused::SpriteUnreachable => (
                502,
                "workspace_unreachable",
                "Your workspace did not answer",
                "Nothing is lost. The page tries again by itself.",
                Some(3),
                Some(Wait),
            ),
            Refused::SpriteTimeout => (
                504,
                "workspace_timeout",
                "Your workspace took too long",
                "Nothing is lost. The page tries again by itself.",
                Some(3),
                Some(Wait),
            ),
            Refused::SpriteRefusedUpgrade => (
                502,
                "upgrade_refused",
                "The connection was not taken",
                "The workspace did not open a live connection.",
                Some(3),
                None,
            ),
            Refused::SiteUnreachable => (
                503,
                "site_unreachable",
                "The site is away for a moment",
                "Open workspaces go on working. The page tries again by itself.",
                Some(3),
                Some(Wait),
            ),
            Refused::NotReady => (
                503,
                "not_ready",
                "Just a moment",
                "We are starting. The page tries again by itself.",
                Some(2),
                Some(Wait),
            ),
        };
        Self { status, code, title, message, retry_after, action }
    }
}
