//! How a refusal becomes a status and a body.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::Generation;
use shared::wire::ErrorBody;
use tracing::error;

use crate::routes::{ApplyError, Rejection, StoreError};

/// What stands in the path; one that is no text is refused in the shape of every error.
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::from_request_parts(parts, state).await;
        let refused = |_: PathRejection| Failure::bad_request("path", "it cannot be read");
        path.map(|Path(text)| Self(text)).map_err(refused)
    }
}

/// An error answer. The 409 also says, as `generation`, what is served.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    body: Body,
}

#[derive(Debug, Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    #[serde(flatten)]
    error: ErrorBody,
}

impl From<QueryRejection> for Failure {
    fn from(error: QueryRejection) -> Self {
        let text = error.body_text();
        // Words of a library stand before the parameter's name.
        let message = text.split_once(": ").map_or(text.as_str(), |(_, message)| message);
        Self::bad_request("query", message)
    }
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, body: Body { generation: None, error: ErrorBody::new(code, message) } }
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A private key came by a way on which others may have read it.
    pub(super) fn not_confidential() -> Self {
        let message = "private keys are taken over TLS or from this machine only: give the private \
                       API [admin_tls]";
        Self::new(StatusCode::FORBIDDEN, "not_confidential", message)
    }

    /// Too much at once; asking again a little later will do.
    pub(super) fn busy(what: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", format!("{what}; ask again"))
    }

    pub(super) fn at_field(mut self, field: &str) -> Self {
        self.body.error = self.body.error.at_field(field);
        self
    }

    pub(super) fn with_entries(mut self, entries: Vec<String>) -> Self {
        self.body.error = self.body.error.with_entries(entries);
        self
    }

    fn unprocessable(code: &'static str, message: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        match rejection {
            Rejection::Conflict { served } => {
                let mut failure = Self::new(StatusCode::CONFLICT, "conflict", message);
                failure.body.generation = Some(served);
                failure
            }
            Rejection::NotNewer { .. } => {
                Self::unprocessable("not_newer", message).at_field("generation")
            }
            Rejection::TooManyChanges { .. } => {
                Self::unprocessable("too_many_changes", message).at_field("changes")
            }
            Rejection::TooManyRoutes { .. } => Self::unprocessable("too_many_routes", message),
            Rejection::TooManyLocks { .. } => Self::unprocessable("too_many_locks", message),
            Rejection::TooFar { .. } => {
                Self::unprocessable("generation_too_far", message).at_field("generation")
            }
            Rejection::Empties { .. } => Self::unprocessable("empties_table", message),
            Rejection::Checksum { .. } => {
                Self::unprocessable("checksum_mismatch", message).at_field("checksum")
            }
            Rejection::BadEntries(entries) => {
                let mut failure = Self::unprocessable("bad_entries", message);
                failure.body.error = failure.body.error.with_entries(entries);
                failure
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::GivenUp) {
            return Self::busy("a newer process takes over");
        }
        error!(error = &error as &dyn std::error::Error, "the route store failed");
        let message = "the route store failed; the edge serves what it served before";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_failed", message)
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Rejected(rejection) => rejection.into(),
            ApplyError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
