//! How the provider refuses, and what that means for the next try.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::again::Again;
use crate::http::{Http, Lost, Reply};

/// When the provider limits creation without saying for how long: its window.
const CREATION_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum SpritesError {
    /// Unknown whether it was done: look.
    #[error("the provider did not answer")]
    Lost(#[from] Lost),
    /// 401, 403. The provider has had incidents in which good tokens were refused.
    #[error("the provider refuses our token: {0}")]
    Unauthorized(String),
    /// 404 in the API's own form. Other 404s are `Refused`.
    #[error("the provider has no such thing: {0}")]
    Missing(String),
    /// 409: it exists, or is not in the state that the call needs.
    #[error("the provider sees a conflict: {0}")]
    Conflict(String),
    /// 429, the first meaning: too many created in this minute.
    #[error("no more sprites may be created for {after:?}")]
    CreationLimited { after: Duration },
    /// 429, the second meaning: the plan's limit. Only freeing one or paying helps.
    #[error("the plan allows no more sprites at once: {0}")]
    FleetFull(String),
    /// 5xx, and 429 for any other reason. Ordinary just after a wake-up.
    #[error("the provider is busy: {status}: {message}")]
    Busy { status: StatusCode, message: String, after: Option<Duration> },
    #[error("the provider refused the call: {status}: {message}")]
    Refused { status: StatusCode, message: String },
    /// Said under status 200, within the answer.
    #[error("the provider failed: {0}")]
    Failed(String),
    #[error("the provider's answer cannot be read: {0}")]
    Answer(String),
    /// A sprite of this name exists, but without our labels.
    #[error("sprite {0} exists and is not ours")]
    Foreign(String),
    #[error("the command could not be run to its end")]
    Exec(#[from] ExecError),
}

impl SpritesError {
    /// Whether the same call can succeed later.
    pub fn again(&self) -> Again {
        match self {
            Self::Lost(Lost::TooLong(_)) => Again::Never,
            Self::Lost(_) | Self::Unauthorized(_) | Self::Failed(_) | Self::Answer(_) => {
                Again::Soon
            }
            Self::CreationLimited { after } => Again::hinted(Some(*after)),
            Self::Busy { after, .. } => Again::hinted(*after),
            Self::Exec(error) => error.again(),
            Self::Missing(_)
            | Self::Conflict(_)
            | Self::FleetFull(_)
            | Self::Refused { .. }
            | Self::Foreign(_) => Again::Never,
        }
    }
}

impl SpritesError {
    /// Missing is the whole sprite, not a thing in it.
    pub(super) fn is_about_the_sprite(&self) -> bool {
        matches!(self, Self::Missing(message)
            if message.to_ascii_lowercase().contains("sprite not found"))
    }
}

/// How a command that was accepted did not come to its end.
///
/// None of these is an exit code: what the command did so far is unknown.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("the server did not open a WebSocket: {0}")]
    Handshake(String),
    #[error("it ran for more than {0:?}")]
    TimedOut(Duration),
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    #[error("the connection ended before the command: {0}")]
    Cut(String),
    #[error("nobody takes its output any more")]
    ReaderGone,
    #[error("its output was not taken within {0:?}")]
    ReaderSlow(Duration),
    #[error("a frame of {bytes} bytes for stream {stream} makes no sense")]
    BadFrame { stream: u8, bytes: usize },
}

impl ExecError {
    pub fn again(&self) -> Again {
        Again::Soon
    }
}

/// The API's errors. `error` is a code or a phrase.
#[derive(Deserialize)]
struct Body {
    error: Value,
    message: Option<String>,
    code: Option<String>,
    retry_after_seconds: Option<f64>,
}

/// Of an answer that is not the one hoped for.
pub(super) fn of_reply(http: &Http, reply: &Reply) -> SpritesError {
    let status = reply.status;
    let body = reply.json::<Body>().ok();
    let error = body.as_ref().and_then(|body| body.error.as_str()).unwrap_or_default();
    let message = http.quote(&match &body {
        Some(Body { message: Some(message), .. }) => format!("{error}: {message}"),
        Some(_) if !error.is_empty() => error.to_owned(),
        _ => reply.text(),
    });
    // The body is more exact than the header.
    let hint = body.as_ref().and_then(|body| body.retry_after_seconds);
    let after = hint
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .or_else(|| reply.retry_after());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SpritesError::Unauthorized(message),
        StatusCode::NOT_FOUND if is_about_absence(error, body.as_ref()) => {
            SpritesError::Missing(message)
        }
        StatusCode::CONFLICT => SpritesError::Conflict(message),
        StatusCode::TOO_MANY_REQUESTS => match error {
            "sprite_creation_rate_limited" => {
                SpritesError::CreationLimited { after: after.unwrap_or(CREATION_PAUSE) }
            }
            "concurrent_sprite_limit_exceeded" => SpritesError::FleetFull(message),
            _ => SpritesError::Busy { status, message, after },
        },
        _ if status.is_server_error() => SpritesError::Busy { status, message, after },
        _ => SpritesError::Refused { status, message },
    }
}

/// A proxy on the way also answers 404; it does not do so in these words.
fn is_about_absence(error: &str, body: Option<&Body>) -> bool {
    let code = body.and_then(|body| body.code.as_deref());
    let error = error.to_ascii_lowercase();
    code == Some("ENOENT") || ["not found", "no such"].iter().any(|words| error.contains(words))
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
