//! How the edge refuses when it answers by itself: a status, a code for programs, when to ask
//! again, and what a person can do. The words stand in a file for each language.

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

/// All of an answer but its words.
pub(super) struct Shape {
    pub status: u16,
    pub code: &'static str,
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

impl Shape {
    /// The table of them all.
    pub(super) const fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownHost | Refusal::UnknownWorkspace => {
                Self::new(404, "unknown_workspace").offering(Action::Site)
            }
            Refusal::Preparing => Self::new(503, "preparing").waiting(2),
            Refusal::Suspended => Self::new(402, "suspended").offering(Action::Account),
            Refusal::WorkspaceLocked => Self::new(403, "locked").offering(Action::Site),
            Refusal::AccessEnded => Self::new(403, "access_ended").offering(Action::Site),
            Refusal::ForeignOrigin => Self::new(403, "foreign_origin"),
            Refusal::ServiceWorker => Self::new(403, "service_worker_refused"),
            Refusal::TooManyRequests => Self::new(429, "too_many_requests").waiting(2),
            Refusal::TooManyConnections => Self::new(429, "too_many_connections").again_after(5),
            Refusal::TooManySockets => Self::new(429, "too_many_sockets").again_after(5),
            Refusal::BodyTooLarge => Self::new(413, "body_too_large"),
            Refusal::LongTarget => Self::new(414, "long_target"),
            Refusal::BodyTimeout => Self::new(408, "body_timeout"),
            Refusal::SpriteUnreachable => Self::new(502, "workspace_unreachable").waiting(3),
            Refusal::SpriteTimeout => Self::new(504, "workspace_timeout").waiting(3),
            Refusal::SpriteRefusedUpgrade => Self::new(502, "upgrade_refused").again_after(3),
            Refusal::Waking => Self::new(503, "waking").again_after(2).offering(Action::Watch),
            Refusal::GivenUp => {
                Self::new(503, "workspace_down").again_after(5).offering(Action::Watch)
            }
            Refusal::SiteUnreachable => Self::new(503, "site_unreachable").waiting(3),
            Refusal::NotReady => Self::new(503, "not_ready").waiting(2),
        }
    }

    const fn new(status: u16, code: &'static str) -> Self {
        Self { status, code, retry_after: None, action: None }
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
