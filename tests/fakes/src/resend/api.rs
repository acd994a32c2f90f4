//! The API over HTTP: one mail in, one id out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use super::error::ApiError;
use super::mail::Mail;
use super::quota::Rate;
use super::{MAILS_MAX, Resend, Sent};
use crate::clock;
use crate::ids;
use crate::vendor::door::Inside;
use crate::vendor::idempotency::{Claim, Fingerprint};
use crate::vendor::lock;

/// Length of an idempotency key.
const KEY_MAX_CHARS: usize = 256;

/// One mail to be sent, not yet read.
#[derive(Debug, Clone)]
struct Asked {
    body: Bytes,
    key: Option<String>,
}

pub async fn answer(
    State(resend): State<Arc<Resend>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    inside: Option<Extension<Inside>>,
    body: Bytes,
) -> Response {
    if headers.get(header::USER_AGENT).is_none_or(HeaderValue::is_empty) {
        // The guard in front of Resend, not Resend: no JSON.
        return (StatusCode::FORBIDDEN, "error code: 1010").into_response();
    }
    if let Err(error) = authorize(&headers, &resend.key) {
        return error.into_response();
    }
    let limit = lock(&resend.limits).requests_per_second;
    let rate = lock(&resend.window).take(limit, clock::unix_seconds());
    let answer = if rate.allowed {
        let inside = inside.map(|Extension(inside)| inside);
        route(resend, &method, uri.path(), &headers, inside, body).await
    } else {
        let message = format!(
            "Too many requests. You can only make {limit} requests per second. See rate limit \
             response headers for more information."
        );
        ApiError::new(429, "rate_limit_exceeded", message).into_response()
    };
    with_rate(answer, rate)
}

fn authorize(headers: &HeaderMap, key: &str) -> Result<(), ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let hash = |text: &str| Fingerprint::of(&[text.as_bytes()]);
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if hash(given) == hash(key) => Ok(()),
        Some(_) => Err(ApiError::new(403, "invalid_api_key", "API key is invalid")),
        None => Err(ApiError::new(
            401,
            "missing_api_key",
            "Missing API key in the authorization header. Include the following header \
             `Authorization: Bearer YOUR_API_KEY` in the request.",
        )),
    }
}

async fn route(
    resend: Arc<Resend>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    inside: Option<Inside>,
    body: Bytes,
) -> Response {
    match (method, path.strip_prefix("/emails").map(|rest| rest.strip_prefix('/'))) {
        (&Method::POST, Some(None)) if path == "/emails" => match usable_key(headers) {
            Err(error) => error.into_response(),
            // On its own: a mail goes out even if the caller hangs up.
            Ok(key) => match tokio::spawn(once(resend, Asked { body, key }, inside)).await {
                Ok(response) => response,
                Err(_) => ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
            },
        },
        (&Method::GET, Some(Some(id))) if resend.restricted => {
            tracing::debug!("the key may not read mail {id}");
            ApiError::of_status(StatusCode::UNAUTHORIZED).into_response()
        }
        (&Method::GET, Some(Some(id))) => retrieve(&resend, id),
        (&Method::GET, None) if path == "/domains" => domains(&resend),
        (_, Some(None)) if path == "/emails" => {
            ApiError::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response()
        }
        _ => ApiError::of_status(StatusCode::NOT_FOUND).into_response(),
    }
}

/// Each that may send is verified; without a list, any may, and none is named.
fn domains(resend: &Resend) -> Response {
    if resend.restricted {
        return ApiError::of_status(StatusCode::UNAUTHORIZED).into_response();
    }
    let domain = |name: &String| json!({ "id": ids::uuid(), "name": name, "status": "verified" });
    let data: Vec<_> = resend.domains.iter().map(domain).collect();
    Json(json!({ "object": "list", "data": data, "has_more": false })).into_response()
}

fn usable_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=KEY_MAX_CHARS).contains(&key.chars().count()));
    match key {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(ApiError::new(
            400,
            "invalid_idempotency_key",
            format!("The idempotency key must be between 1-{KEY_MAX_CHARS} chars."),
        )),
    }
}

/// Sends the mail, or repeats what came of it before.
async fn once(resend: Arc<Resend>, asked: Asked, inside: Option<Inside>) -> Response {
    if let Some(key) = &asked.key {
        let claim = lock(&resend.keys).claim(key, Fingerprint::of(&[&asked.body]), resend.now());
        match claim {
            Claim::Fresh => {}
            Claim::Replay(kept) => return respond(kept),
            Claim::Mismatch => {
                let message = "This idempotency key has been used on a request that had a \
                               different payload.";
                return ApiError::new(409, "invalid_idempotent_request", message).into_response();
            }
            Claim::InFlight => {
                let message = "Another request with the same idempotency key is currently in \
                               progress.";
                return ApiError::new(409, "concurrent_idempotent_requests", message)
                    .into_response();
            }
        }
    }
    if let Some(Inside::Slow(delay)) = inside {
        tokio::time::sleep(delay).await;
    }
    let sent = match inside {
        Some(Inside::Status(status)) => Err(ApiError::of_status(status)),
        Some(Inside::Slow(_)) | None => send(&resend, &asked),
    };
    if let Some(key) = &asked.key {
        let mut keys = lock(&resend.keys);
        if sent.as_ref().err().is_none_or(ApiError::keeps_key) {
            keys.keep(key, sent.clone());
        } else {
            keys.release(key);
        }
    }
    respond(sent)
}

fn send(resend: &Resend, asked: &Asked) -> Result<String, ApiError> {
    let mail = Mail::read(&asked.body)?;
    let domain = mail.sender_domain();
    let verified = |known: &String| known.eq_ignore_ascii_case(domain);
    if !resend.domains.is_empty() && !resend.domains.iter().any(verified) {
        let message = format!(
            "The {domain} domain is not verified. Please, add and verify your domain on \
             https://resend.com/domains"
        );
        return Err(ApiError::new(403, "validation_error", message));
    }
    let now = resend.now();
    let mut mails = lock(&resend.mails);
    lock(&resend.limits).check(&mails.iter().map(|sent| sent.at), now)?;
    let id = ids::uuid();
    if mails.len() >= MAILS_MAX {
        mails.pop_front();
    }
    mails.push_back(Sent { id: id.clone(), at: now, idempotency_key: asked.key.clone(), mail });
    Ok(id)
}

fn retrieve(resend: &Resend, id: &str) -> Response {
    let mails = lock(&resend.mails);
    match mails.iter().find(|sent| sent.id == id) {
        Some(sent) => Json(json!({
            "object": "email",
            "id": sent.id,
            "from": sent.mail.from,
            "to": sent.mail.to,
            "cc": sent.mail.cc,
            "bcc": sent.mail.bcc,
            "reply_to": sent.mail.reply_to,
            "subject": sent.mail.subject,
            "html": sent.mail.html,
            "text": sent.mail.text,
            "tags": sent.mail.tags,
            "last_event": "delivered",
        }))
        .into_response(),
        None => ApiError::new(404, "not_found", "Email not found").into_response(),
    }
}

fn respond(sent: Result<String, ApiError>) -> Response {
    match sent {
        Ok(id) => Json(json!({"id": id})).into_response(),
        Err(error) => error.into_response(),
    }
}

fn with_rate(mut answer: Response, rate: Rate) -> Response {
    let headers = answer.headers_mut();
    headers.insert("ratelimit-limit", rate.limit.into());
    headers.insert("ratelimit-remaining", rate.remaining.into());
    headers.insert("ratelimit-reset", 1.into());
    if !rate.allowed {
        headers.insert(header::RETRY_AFTER, 1.into());
    }
    answer
}
