//! Bodies of requests, whose faults are answered in our own shape.

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::Problem;

/// A JSON body. Its content type must say so.
pub struct Json<T>(pub T);

/// A form as browsers send it.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "The body must be JSON, and content-type must say application/json.",
            )),
            // Says which member is wrong. It may quote its value, so it is not logged.
            Err(JsonRejection::JsonDataError(error)) => {
                Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.body_text()))
            }
            Err(other) => Err(malformed(other.status())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(value)) => Ok(Self(value)),
            Err(FormRejection::InvalidFormContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_a_form",
                "The body must be a form.",
            )
            .in_german("Das war kein Formular.")),
            Err(other) => Err(malformed(other.status())),
        }
    }
}

fn malformed(status: StatusCode) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(status, "too_large", "The body is too large.")
            .in_german("Das war zu viel auf einmal.");
    }
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body cannot be read.")
        .in_german("Das Formular ließ sich nicht lesen.")
}
