//! `PUT /v1/certificates`, `GET /v1/certificates`: what control hands over to be shown.

use std::sync::Arc;

use axum::Json;
use axum::body::{self, Body};
use axum::extract::{self, Extension};
use axum::http::StatusCode;
use shared::wire::{Certificates, CertificatesServed};
use tokio::time::timeout;
use tracing::{error, warn};

use super::reply::Failure;
use super::serve::Confidential;
use super::state::State;
use crate::limits::{BODY_WAIT_MAX, CERTIFICATES_MAX, CERTIFICATES_MAX_BYTES};
use crate::tls::HandOverError;

pub(super) async fn get(extract::State(state): extract::State<State>) -> Json<CertificatesServed> {
    Json(state.0.certificates.served())
}

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    Extension(Confidential(is_confidential)): Extension<Confidential>,
    body: Body,
) -> Result<Json<CertificatesServed>, Failure> {
    if !is_confidential {
        return Err(Failure::not_confidential());
    }
    let body = timeout(BODY_WAIT_MAX, body::to_bytes(body, CERTIFICATES_MAX_BYTES)).await;
    let body = body.map_err(|_| {
        Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time")
    })?;
    let body = body.map_err(|_| {
        let message = format!("the body broke off or has more than {CERTIFICATES_MAX_BYTES} bytes");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message)
    })?;
    // The parser's error might quote a key.
    let handed = serde_json::from_slice::<Certificates>(&body)
        .ok()
        .filter(|handed| handed.certificates.len() <= CERTIFICATES_MAX)
        .ok_or_else(|| {
            let message = format!("the body is no list of at most {CERTIFICATES_MAX} certificates");
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", message)
        })?;
    let certificates = Arc::clone(&state.0.certificates);
    let replaced = tokio::task::spawn_blocking(move || certificates.replace(&handed)).await;
    Ok(Json(replaced.expect("replacing does not panic")?))
}

impl From<HandOverError> for Failure {
    fn from(error: HandOverError) -> Self {
        let message = error.to_string();
        match error {
            HandOverError::NoTls => Self::new(StatusCode::CONFLICT, "no_tls", message),
            HandOverError::Bad(entries) => {
                warn!("control handed over what cannot be served: {}", entries.join("; "));
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(status, "bad_certificate", message).with_entries(entries)
            }
            HandOverError::NotKept(error) => {
                error!("certificates are served, but not kept: {error:#}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_kept", message)
            }
        }
    }
}
