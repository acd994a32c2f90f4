//! Bodies of requests, whose faults are answered in our own shape.

use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::request_context::is_form;
use super::{Problem, fields, input_fault};

/// A JSON body. Its content type must say so.
pub struct Json<T>(pub T);

/// A form as browsers send it; of a field that comes twice, the first.
pub struct Form<T>(pub T);

/// The fields of a form of which some come more than once.
pub struct Fields(pub Vec<(String, String)>);

/// A body as it came, which may be empty.
pub struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|error| malformed(error.status()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = axum::Json::from_request(request, state).await;
        read.map(|axum::Json(value)| Self(value)).map_err(refused)
    }
}

/// What is in a body that may be empty, where it is not.
///
/// # Errors
/// As [`Json`].
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    axum::Json::from_bytes(body).map(|axum::Json(value)| value).map_err(refused)
}

fn refused(rejection: JsonRejection) -> Problem {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "The body must be JSON, and content-type must say application/json.",
        ),
        JsonRejection::JsonDataError(error) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            input_fault::problem(status, "invalid", &error.body_text())
        }
        other => malformed(other.status()),
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let text = form_text(request, state).await?;
        fields::read(&text).map(Self).map_err(|_| malformed(StatusCode::BAD_REQUEST))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(fields::parse(&form_text(request, state).await?)))
    }
}

async fn form_text<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    if !is_form(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_a_form",
            "The body must be a form.",
        )
        .in_german("Das war kein Formular."));
    }
    Whole::from_request(request, state).await.map(|Whole(body)| body)
}

fn malformed(status: StatusCode) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(status, "too_large", "The body is too large.")
            .in_german("Das war zu viel auf einmal.");
    }
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body cannot be read.")
        .in_german("Das Formular ließ sich nicht lesen.")
}
