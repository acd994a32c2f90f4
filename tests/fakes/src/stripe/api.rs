//! The API over HTTP: who may call, which version, which call, once or again.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Stripe;
use super::calls::{self, Call};
use super::error::ApiError;
use super::event::{API_VERSION, Cause};
use super::expand::expand;
use super::params::Params;
use super::schema;
use crate::ids;
use crate::vendor::door::Inside;
use crate::vendor::idempotency::{Claim, Fingerprint};
use crate::vendor::lock;

/// Longest idempotency key.
const KEY_MAX_CHARS: usize = 255;

/// What a key is answered with, the second time as the first.
#[derive(Debug, Clone)]
pub struct Kept {
    status: StatusCode,
    body: Value,
    request_id: String,
}

/// One call, understood.
#[derive(Debug, Clone)]
struct Asked {
    call: Call,
    params: Params,
    key: Option<String>,
    fingerprint: Fingerprint,
    request_id: String,
}

pub fn request_id() -> String {
    ids::letters("req_", 14)
}

pub async fn answer(
    State(stripe): State<Arc<Stripe>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    inside: Option<Extension<Inside>>,
    body: Bytes,
) -> Response {
    let request_id = request_id();
    let asked = authorize(&headers, &stripe.key)
        .and_then(|()| check_version(&headers))
        .and_then(|()| understand(&method, &uri, &headers, &body, request_id.clone()));
    let answer = match asked {
        Err(error) => refused(&error, request_id),
        Ok(asked) => {
            let inside = inside.map(|Extension(inside)| inside);
            // On its own: work goes on when the caller hangs up.
            let work = tokio::spawn(once(stripe, asked, inside));
            work.await.unwrap_or_else(|_| {
                refused(&ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR), request_id)
            })
        }
    };
    with_key(answer, &headers)
}

fn authorize(headers: &HeaderMap, key: &str) -> Result<(), ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if same(given, key) => Ok(()),
        Some(given) => {
            let end: String = given.chars().skip(given.chars().count().saturating_sub(4)).collect();
            Err(ApiError::unauthorized(format!("Invalid API Key provided: ****{end}")))
        }
        None => Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the \
             Authorization header, using Bearer auth (e.g. 'Authorization: Bearer \
             YOUR_SECRET_KEY').",
        )),
    }
}

/// Hashes first: how long it takes tells nothing about the key.
fn same(given: &str, key: &str) -> bool {
    Fingerprint::of(&[given.as_bytes()]) == Fingerprint::of(&[key.as_bytes()])
}

fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get("stripe-version").map(HeaderValue::to_str) {
        None | Some(Ok(API_VERSION)) => Ok(()),
        Some(given) => Err(ApiError::invalid(format!(
            "Invalid Stripe API version: {}. This account knows {API_VERSION} only.",
            given.unwrap_or("(not text)")
        ))),
    }
}

fn understand(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    request_id: String,
) -> Result<Asked, ApiError> {
    let call = calls::find(method.as_str(), uri.path())
        .ok_or_else(|| ApiError::unknown_url(method.as_str(), uri.path()))?;
    let form = if method == Method::POST {
        std::str::from_utf8(body).map_err(|_| ApiError::invalid("The body is not UTF-8"))?
    } else {
        uri.query().unwrap_or_default()
    };
    if method == Method::POST && !form.is_empty() && !is_form(headers) {
        return Err(ApiError::invalid(
            "The request's content type must be application/x-www-form-urlencoded.",
        ));
    }
    let params = Params::parse(form)?;
    // Only POST has keys; elsewhere Stripe ignores them.
    let key = match headers.get("idempotency-key").filter(|_| method == Method::POST) {
        None => None,
        Some(key) => Some(usable_key(key)?),
    };
    let parts: [&[u8]; 3] =
        [method.as_str().as_bytes(), uri.path().as_bytes(), &params.fingerprint()];
    Ok(Asked { call, key, fingerprint: Fingerprint::of(&parts), request_id, params })
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn usable_key(key: &HeaderValue) -> Result<String, ApiError> {
    let key = key.to_str().map_err(|_| ApiError::invalid("The idempotency key is not text"))?;
    if key.is_empty() || key.chars().count() > KEY_MAX_CHARS {
        let message = format!("Idempotency keys have 1 to {KEY_MAX_CHARS} characters");
        return Err(ApiError::invalid(message));
    }
    Ok(key.to_owned())
}

/// Does the work, or repeats what it came to before.
async fn once(stripe: Arc<Stripe>, asked: Asked, inside: Option<Inside>) -> Response {
    if let Some(key) = &asked.key {
        match lock(&stripe.keys).claim(key, asked.fingerprint, stripe.now()) {
            Claim::Fresh => {}
            Claim::Replay(kept) => return replayed(kept),
            Claim::Mismatch => return refused(&ApiError::key_reused(key), asked.request_id),
            Claim::InFlight => return refused(&ApiError::key_in_flight(key), asked.request_id),
        }
    }
    if let Some(Inside::Slow(delay)) = inside {
        tokio::time::sleep(delay).await;
    }
    let worked = match inside {
        Some(Inside::Status(status)) => Err(ApiError::of_status(status)),
        Some(Inside::Slow(_)) | None => work(&stripe, &asked),
    };
    let keeps_key = worked.as_ref().map_or_else(ApiError::keeps_key, |_| true);
    let kept = match worked {
        Ok(body) => Kept { status: StatusCode::OK, body, request_id: asked.request_id },
        Err(error) => {
            let body = error.body(&asked.request_id);
            Kept { status: error.status, body, request_id: asked.request_id }
        }
    };
    if let Some(key) = &asked.key {
        let mut keys = lock(&stripe.keys);
        if keeps_key {
            keys.keep(key, kept.clone());
        } else {
            keys.release(key);
        }
    }
    respond(kept)
}

fn work(stripe: &Stripe, asked: &Asked) -> Result<Value, ApiError> {
    schema::check(&asked.params, asked.call.schema())?;
    let cause = Cause { id: asked.request_id.clone(), idempotency_key: asked.key.clone() };
    let (body, _) = stripe.act_for(Some(cause), |account, now| {
        let mut body = asked.call.perform(account, &asked.params, now)?;
        expand(account, &asked.params, &mut body)?;
        Ok(body)
    });
    body
}

fn refused(error: &ApiError, request_id: String) -> Response {
    respond(Kept { status: error.status, body: error.body(&request_id), request_id })
}

fn replayed(kept: Kept) -> Response {
    let mut response = respond(kept);
    let replayed = HeaderName::from_static("idempotent-replayed");
    response.headers_mut().insert(replayed, HeaderValue::from_static("true"));
    response
}

fn respond(kept: Kept) -> Response {
    let headers = [
        ("request-id", kept.request_id),
        ("stripe-version", API_VERSION.to_owned()),
        ("cache-control", "no-cache, no-store".to_owned()),
    ];
    (kept.status, headers, Json(kept.body)).into_response()
}

fn with_key(mut response: Response, headers: &HeaderMap) -> Response {
    if let Some(key) = headers.get("idempotency-key") {
        let name = HeaderName::from_static("idempotency-key");
        response.headers_mut().insert(name, key.clone());
    }
    response
}
