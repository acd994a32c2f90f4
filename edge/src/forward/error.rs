//! Why a request did not get the answer that it was sent for.

use std::io;

use crate::limits::MAX_INTERIM_RESPONSES;
use crate::upstream::ConnectError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error(transparent)]
    Dial(#[from] ConnectError),
    #[error("the sprite's answer is malformed")]
    Malformed(#[from] Malformed),
    #[error("the connection to the sprite failed")]
    Sprite(#[source] io::Error),
    #[error("the sprite took too long")]
    SpriteTimeout,
    #[error("the sprite is not awake yet")]
    Waking,
    #[error("the sprite has not woken in time, and nobody waits for it any more")]
    GivenUp,
    #[error("too many wait for sprites already")]
    Crowded,
    #[error("the client is gone")]
    Client,
    #[error("the client's body did not go on in time")]
    BodyTimeout,
    #[error("the client's body is malformed")]
    Body(#[source] Malformed),
    #[error("the client's body is too large")]
    TooLarge,
    #[error("the client has sent bytes before its WebSocket was open")]
    EarlyBytes,
}

impl ForwardError {
    /// Is it the client's own doing?
    pub(crate) fn is_clients(&self) -> bool {
        match self {
            Self::Client
            | Self::BodyTimeout
            | Self::Body(_)
            | Self::TooLarge
            | Self::EarlyBytes => true,
            Self::Dial(_)
            | Self::Malformed(_)
            | Self::Sprite(_)
            | Self::SpriteTimeout
            | Self::Waking
            | Self::GivenUp
            | Self::Crowded => false,
        }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::SpriteTimeout | Self::Dial(ConnectError::Timeout { .. }))
    }
}

/// An answer whose end cannot be found in one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("its head cannot be parsed")]
    Head,
    #[error("its status is none")]
    Status,
    #[error("more than {MAX_INTERIM_RESPONSES} interim ones come before it")]
    Interim,
    #[error("its head is too large")]
    TooLarge,
    #[error("the length of its body is ambiguous")]
    Framing,
    #[error("a chunk of its body is malformed")]
    Chunk,
    #[error("its body is little but packing")]
    Packing,
    #[error("it switches to another protocol unasked")]
    Upgrade,
}
