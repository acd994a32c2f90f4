//! Parts of a path and parameters behind it, whose faults are answered in our own shape.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::{Problem, input_fault};

const UNREADABLE: &str = "Diese Adresse lässt sich nicht lesen.";

/// What stands in the path.
pub struct Path<T>(pub T);

/// What stands behind `?`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(malformed("The address cannot be read.")),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // PostgreSQL has no text with such a byte, and no parameter of ours needs one.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(malformed("A parameter holds a zero byte."));
        }
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error) => {
                let status = StatusCode::BAD_REQUEST;
                let problem = input_fault::problem(status, "malformed", &error.body_text());
                Err(problem.in_german(UNREADABLE))
            }
        }
    }
}

fn malformed(message: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", message).in_german(UNREADABLE)
}
