//! `POST /graphql`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Linear;
use super::error::ApiError;
use super::graphql;
use super::quota::{COMPLEXITY, COMPLEXITY_PER_HOUR, Standing};
use crate::clock;
use crate::vendor::door::Inside;
use crate::vendor::idempotency::Fingerprint;
use crate::vendor::lock;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
}

pub async fn answer(
    State(linear): State<Arc<Linear>>,
    headers: HeaderMap,
    inside: Option<Extension<Inside>>,
    body: Bytes,
) -> Response {
    if let Err(error) = authorize(&headers, &linear.key) {
        return error.into_response();
    }
    let standing = lock(&linear.quota).take(linear.requests_per_hour(), clock::unix_millis());
    let answer = if standing.allowed {
        match inside.map(|Extension(inside)| inside) {
            Some(Inside::Status(status)) => Err(ApiError::of_status(status, standing.limit)),
            Some(Inside::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                perform(&linear, &headers, &body)
            }
            None => perform(&linear, &headers, &body),
        }
    } else {
        Err(ApiError::rate_limited(standing.limit))
    };
    let answer = match answer {
        Ok(data) => Json(json!({"data": data})).into_response(),
        Err(error) => error.into_response(),
    };
    with_standing(answer, standing)
}

fn authorize(headers: &HeaderMap, key: &str) -> Result<(), ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let hash = |text: &str| Fingerprint::of(&[text.as_bytes()]);
    match given {
        None => Err(ApiError::unauthenticated("Authentication required, not authenticated")),
        Some(given) if hash(given) == hash(key) => Ok(()),
        Some(given) if given.starts_with("Bearer lin_api_") => Err(ApiError::unauthenticated(
            "It looks like you're trying to use an API key as a Bearer token. Remove the Bearer \
             prefix from the Authorization header.",
        )),
        Some(_) => Err(ApiError::unauthenticated("Authentication failed: invalid API key")),
    }
}

fn perform(linear: &Linear, headers: &HeaderMap, body: &[u8]) -> Result<Value, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let message = "This operation has been blocked as a potential Cross-Site Request Forgery \
                       (CSRF). Please specify a 'content-type' header of application/json.";
        return Err(ApiError::graphql("BAD_REQUEST", message));
    }
    let request: Request = serde_json::from_slice(body).map_err(|error| {
        ApiError::graphql("BAD_REQUEST", format!("The body is not a GraphQL request: {error}"))
    })?;
    let variables = request.variables.unwrap_or_default();
    let operation = graphql::read(&request.query, request.operation_name.as_deref(), &variables)?;
    lock(&linear.workspace).perform(&operation, clock::unix_seconds())
}

fn with_standing(mut answer: Response, standing: Standing) -> Response {
    let used = standing.used.saturating_mul(COMPLEXITY);
    let numbers = [
        ("x-complexity", u64::from(COMPLEXITY)),
        ("x-ratelimit-requests-limit", u64::from(standing.limit)),
        ("x-ratelimit-requests-remaining", u64::from(standing.remaining)),
        ("x-ratelimit-requests-reset", standing.reset_ms),
        ("x-ratelimit-complexity-limit", u64::from(COMPLEXITY_PER_HOUR)),
        ("x-ratelimit-complexity-remaining", u64::from(COMPLEXITY_PER_HOUR.saturating_sub(used))),
        ("x-ratelimit-complexity-reset", standing.reset_ms),
    ];
    for (name, number) in numbers {
        answer.headers_mut().insert(name, HeaderValue::from(number));
    }
    answer
}
