//! `PUT /v1/domains/{domain}`, `DELETE …`, `GET /v1/domains`: customers' own domains.

use std::sync::Arc;

use axum::Json;
use axum::body::{self, Body};
use axum::extract::{self, Extension};
use axum::http::StatusCode;
use shared::Domain;
use shared::wire::{DomainGrant, DomainServed, DomainWithdrawn, DomainsServed};
use tokio::time::timeout;
use tracing::{error, warn};

use super::reply::{Failure, Segment};
use super::serve::Confidential;
use super::state::State;
use crate::connections::RevokedCount;
use crate::domains::DomainFault;
use crate::limits::{BODY_WAIT_MAX, DOMAIN_MAX_BYTES};

pub(super) async fn list(extract::State(state): extract::State<State>) -> Json<DomainsServed> {
    Json(state.0.domains.served())
}

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    Segment(domain): Segment,
    Extension(Confidential(is_confidential)): Extension<Confidential>,
    body: Body,
) -> Result<Json<DomainServed>, Failure> {
    if !is_confidential {
        return Err(Failure::not_confidential());
    }
    let domain = parse(&domain)?;
    let body = timeout(BODY_WAIT_MAX, body::to_bytes(body, DOMAIN_MAX_BYTES)).await;
    let body = body.ok().and_then(Result::ok).ok_or_else(|| {
        let message = format!("the body broke off or has more than {DOMAIN_MAX_BYTES} bytes");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message)
    })?;
    // The parser's error might quote a key.
    let grant: DomainGrant = serde_json::from_slice(&body).map_err(|_| {
        let message = "the body is no username with a certificate";
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", message)
    })?;
    let (username, fingerprint) = (grant.username, grant.fingerprint());
    let (domains, granted) = (Arc::clone(&state.0.domains), domain.clone());
    let granting = tokio::task::spawn_blocking(move || domains.grant(&granted, &grant)).await;
    granting.expect("granting does not panic")?;
    Ok(Json(DomainServed { domain, username, fingerprint }))
}

pub(super) async fn delete(
    extract::State(state): extract::State<State>,
    Segment(domain): Segment,
) -> Result<Json<DomainWithdrawn>, Failure> {
    let domain = parse(&domain)?;
    let withdrawing = tokio::task::spawn_blocking(move || {
        let withdrawn = state.0.domains.withdraw(&domain);
        // A former process of this edge may have somebody at it still.
        let also = state.0.routes.domains_of_follower();
        withdrawn.map(|mut count| {
            count += also;
            count
        })
    });
    let RevokedCount { sockets, requests } = withdrawing.await.expect("it does not panic")?;
    Ok(Json(DomainWithdrawn { sockets_cut: sockets, requests_cut: requests }))
}

fn parse(domain: &str) -> Result<Domain, Failure> {
    Domain::parse(domain).map_err(|error| {
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "domain", error.to_string())
    })
}

impl From<DomainFault> for Failure {
    fn from(fault: DomainFault) -> Self {
        let message = fault.to_string();
        match fault {
            DomainFault::Bad(why) => {
                warn!("control handed a domain over that cannot be served: {why}");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_certificate", message)
            }
            DomainFault::TooMany => Self::new(StatusCode::CONFLICT, "too_many", message),
            DomainFault::Disk(error) => {
                error!("domains cannot be kept: {error}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_kept", message)
            }
        }
    }
}
