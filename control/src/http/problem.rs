//! Everything that is answered with an error, in the one shape that all have.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared::wire::ErrorBody;
use tracing::error;

use crate::accounts::SetPasswordError;
use crate::accounts::sign_in::SignInError;
use crate::base::date::Span;
use crate::store::StoreError;

/// Shorter waits are said as a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// An error as the caller gets it: JSON, unless the site makes a page of it.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable, `snake_case`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: Cow<'static, str>,
    /// The same in German, for a page of it; none where the message is in the reader's language.
    pub german: Option<&'static str>,
    pub field: Option<Cow<'static, str>>,
    pub retry_after: Option<Duration>,
}

impl Problem {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), german: None, field: None, retry_after: None }
    }

    #[must_use]
    pub fn in_german(mut self, german: &'static str) -> Self {
        self.german = Some(german);
        self
    }

    #[must_use]
    pub fn at_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub fn invalid(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).at_field(field)
    }

    /// Something of ours failed; the log has it under the request's id.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side. Please try again in a moment.",
        )
        .in_german("Bei uns ist etwas schiefgegangen. Bitte versuche es in einem Moment wieder.")
    }
}

/// `Retry-After` in whole seconds, rounded up: a client that comes back then is not refused
/// for the fraction that was left.
pub fn retry_after(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

pub fn nothing_here() -> Problem {
    let problem = Problem::not_found("There is nothing at this address.");
    problem.in_german("Unter dieser Adresse ist nichts.")
}

/// The answer where there is nothing.
pub async fn unknown() -> Problem {
    nothing_here()
}

/// The answer where there is something, for another method.
pub async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This address does not understand that method.",
    )
    .in_german("Mit dieser Adresse geht das so nicht.")
}

impl From<StoreError> for Problem {
    fn from(cause: StoreError) -> Self {
        error!("{:#}", anyhow::Error::from(cause));
        Self::internal()
    }
}

impl From<SignInError> for Problem {
    fn from(refused: SignInError) -> Self {
        match refused {
            SignInError::Wrong => Self::new(
                StatusCode::UNAUTHORIZED,
                "invalid_credentials",
                "This name and password do not belong together.",
            ),
            // The same text for every limit: it must not tell which names exist.
            SignInError::TooMany { retry_after } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                format!(
                    "There were too many failed attempts. Please try again in {}, or set a new \
                     password by mail: you can use it at once.",
                    Span::of(retry_after.max(MINUTE))
                ),
            )
            .retry_after(retry_after),
            SignInError::TooOften { retry_after } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_sign_ins",
                format!(
                    "This account was signed in to very often within an hour. Please try again \
                     in {}.",
                    Span::of(retry_after.max(MINUTE))
                ),
            )
            .retry_after(retry_after),
            SignInError::Busy { retry_after } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Many people are signing in right now. Please try again in a few seconds.",
            )
            .retry_after(retry_after),
            SignInError::Store(error) => error.into(),
            SignInError::Password(error) => {
                error!("a password could not be checked: {error}");
                Self::internal()
            }
        }
    }
}

impl From<SetPasswordError> for Problem {
    /// Faults of the password are at the field `password`.
    fn from(error: SetPasswordError) -> Self {
        match error {
            SetPasswordError::Over => Self::new(
                StatusCode::GONE,
                "link_over",
                "This link works no more. You can ask for a new one.",
            ),
            SetPasswordError::Weak(weakness) => Self::invalid("password", weakness.to_string()),
            SetPasswordError::Hash(error) => SignInError::from(error).into(),
            SetPasswordError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = ErrorBody::new(self.code, self.message.clone());
        if let Some(field) = &self.field {
            body = body.at_field(field.clone());
        }
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
        }
        // The site's outermost layer makes a page of it for who asked for a page.
        response.extensions_mut().insert(self);
        response
    }
}
