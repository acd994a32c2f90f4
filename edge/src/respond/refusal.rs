//! What the edge says when it answers by itself: to programs a status and a
//! code, to people a title, a sentence, and what they can do.

/// Answers of the edge's own that keep a request from everyone behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    UnknownHost,
    UnknownWorkspace,
    Preparing,
    Suspended,
    WorkspaceLocked,
    /// Taken away while the request was on its way.
    AccessEnded,
    ForeignOrigin,
    ServiceWorker,
    TooManyRequests,
    TooManyConnections,
    TooManySockets,
    BodyTooLarge,
    LongTarget,
    BodyTimeout,
    SpriteUnreachable,
    SpriteTimeout,
    SpriteRefusedUpgrade,
    /// Not awake yet: the page waits for it.
    Waking,
    /// It did not wake, and is asked by us alone until it does.
    GivenUp,
    SiteUnreachable,
    NotReady,
}

pub(super) struct RefusalText {
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
pub(super) enum Action {
    /// The page asks again by itself.
    Wait,
    /// The page watches the machine, and asks again when it is awake.
    Watch,
    /// To the account, where a payment is put right.
    Account,
    /// To the site.
    Site,
}

impl RefusalText {
    /// The table of them all.
    pub(super) const fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownHost | Refusal::UnknownWorkspace => Self::new(
                404,
                "unknown_workspace",
                "There is no workspace here",
                "Check the address. A workspace that was cancelled is gone from here too.",
            )
            .offering(Action::Site),
            Refusal::Preparing => Self::new(
                503,
                "preparing",
                "Your workspace is being prepared",
                "This takes a few seconds. The page opens it by itself.",
            )
            .waiting(2),
            Refusal::Suspended => Self::new(
                402,
                "suspended",
                "This workspace is closed for now",
                "Everything in it is kept. Your account page says why, and how it opens again: \
                 a missing payment can be put right there.",
            )
            .offering(Action::Account),
            Refusal::WorkspaceLocked => Self::new(
                403,
                "locked",
                "This workspace is locked",
                "Access was closed for now. Write to us if you did not expect that.",
            )
            .offering(Action::Site),
            Refusal::AccessEnded => Self::new(
                403,
                "access_ended",
                "Your access has ended",
                "You were signed out, or the workspace was closed, while this was on its way.",
            )
            .offering(Action::Site),
            Refusal::ForeignOrigin => Self::new(
                403,
                "foreign_origin",
                "That did not come from this workspace",
                "Only pages of this workspace may connect to it.",
            ),
            Refusal::ServiceWorker => Self::new(
                403,
                "service_worker_refused",
                "Service workers are not served here",
                "A workspace cannot install a service worker.",
            ),
            Refusal::TooManyRequests => Self::new(
                429,
                "too_many_requests",
                "Too many requests",
                "Please wait a moment. The page tries again by itself.",
            )
            .waiting(2),
            Refusal::TooManyConnections => Self::new(
                429,
                "too_many_connections",
                "Too many connections",
                "Too many connections are open from your address. Close some and try again.",
            )
            .again_after(5),
            Refusal::TooManySockets => Self::new(
                429,
                "too_many_sockets",
                "Too many open chats",
                "Too many windows of this workspace are open. Close some and try again.",
            )
            .again_after(5),
            Refusal::BodyTooLarge => Self::new(
                413,
                "body_too_large",
                "That is too large",
                "The upload is larger than a workspace takes.",
            ),
            Refusal::LongTarget => Self::new(
                414,
                "long_target",
                "That address is too long",
                "Nothing here has an address of that length. Go to the beginning and look from there.",
            ),
            Refusal::BodyTimeout => Self::new(
                408,
                "body_timeout",
                "The upload stopped",
                "Nothing more of it has come for a minute. Please try again.",
            ),
            Refusal::SpriteUnreachable => Self::new(
                502,
                "workspace_unreachable",
                "Your workspace did not answer",
                "Nothing is lost. The page tries again by itself.",
            )
            .waiting(3),
            Refusal::SpriteTimeout => Self::new(
                504,
                "workspace_timeout",
                "Your workspace took too long",
                "Nothing is lost. The page tries again by itself.",
            )
            .waiting(3),
            Refusal::SpriteRefusedUpgrade => Self::new(
                502,
                "upgrade_refused",
                "The connection was not taken",
                "The workspace did not open a live connection.",
            )
            .again_after(3),
            Refusal::Waking => Self::new(
                503,
                "waking",
                "Your workspace is waking up",
                "It sleeps while nobody uses it. The page opens it by itself, within seconds.",
            )
            .again_after(2)
            .offering(Action::Watch),
            Refusal::GivenUp => Self::new(
                503,
                "workspace_down",
                "Your workspace does not answer",
                "Nothing is lost. We go on trying, and the page opens it by itself.",
            )
            .again_after(5)
            .offering(Action::Watch),
            Refusal::SiteUnreachable => Self::new(
                503,
                "site_unreachable",
                "The site is away for a moment",
                "Open workspaces go on working. The page tries again by itself.",
            )
            .waiting(3),
            Refusal::NotReady => Self::new(
                503,
                "not_ready",
                "Just a moment",
                "We are starting. The page tries again by itself.",
            )
            .waiting(2),
        }
    }

    const fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        message: &'static str,
    ) -> Self {
        Self { status, code, title, message, retry_after: None, action: None }
    }

    const fn offering(self, action: Action) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Programs may ask again after so many seconds.
    const fn again_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The page does so by itself.
    const fn waiting(self, seconds: u32) -> Self {
        self.again_after(seconds).offering(Action::Wait)
    }
}
