//! The one call: a token is used, its edge is listed, and the machine is told what it needs.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json as Answer, Router};
use shared::join::{JOIN_PATH, JoinAnswer, JoinRequest};
use shared::process::named_file;
use shared::{KeyRing, Secret};
use tracing::{error, info, warn};

use crate::app::{App, SharedApp};
use crate::base::token::{Token, sha256_hex};
use crate::http::Problem;
use crate::http::listener::Peer;
use crate::http::problem::unknown;
use crate::model::attempts::{JOINS, Subject};
use crate::routes::NewEdge;
use crate::store::edges::TokenUse;
use crate::store::{Actor, StoreError};

/// A certificate, and a few addresses.
const BODY_MAX_BYTES: usize = 32 * 1024;

pub(super) fn router(app: SharedApp) -> Router {
    Router::new()
        .route(JOIN_PATH, post(join))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(app)
}

async fn join(
    State(app): State<SharedApp>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Result<Answer<JoinAnswer>, Problem> {
    let subject = Subject::joins(peer.ip());
    let counter = app.store.attempt_counter(&subject).await?;
    if let Some(wait) = counter.and_then(|counter| counter.wait(JOINS, app.now())) {
        let message = "There were too many wrong tokens from this address.";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message);
        return Err(problem.retry_after(wait));
    }
    // The error of the parser might quote the secret.
    let request: JoinRequest = serde_json::from_slice(&body).map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body cannot be read.")
    })?;
    let keys = app.keys.present();
    let admin_token = Secret::new(request.admin_token);
    let edge = NewEdge {
        name: &request.edge,
        url: &request.url,
        visitors: request.visitors.as_deref(),
        certificate: Some(&request.certificate),
        token: &admin_token,
        added: app.now(),
    };
    let row = edge.to_row(&keys.ring).map_err(|(part, why)| Problem::invalid(part, why))?;
    let outcome = match Token::parse(&request.secret) {
        Some(token) if !is_configured(&app, &row.name) => {
            let call = sha256_hex(&body);
            app.store.join_edge(&row, &token.hash(), &call, app.now()).await?
        }
        _ => TokenUse::Unknown,
    };
    match outcome {
        TokenUse::Joined | TokenUse::JoinedBefore => {
            let answer = answer(&app).await?;
            if outcome == TokenUse::Joined {
                note(&app, &row.name).await?;
                info!(edge = row.name, "edge {} has joined from {peer}", row.name);
            }
            app.publisher.look_for_edges().await?;
            Ok(Answer(answer))
        }
        refused => {
            warn!("a machine at {peer} came to join with a token that is not good");
            app.store.count(&[(subject, JOINS)], app.now()).await?;
            Err(refusal(refused))
        }
    }
}

/// One that the configuration names is not taken over by a token.
fn is_configured(app: &App, name: &str) -> bool {
    app.publisher.edges().iter().any(|edge| edge.is_configured && edge.name == name)
}

fn refusal(token: TokenUse) -> Problem {
    let message = match token {
        TokenUse::Used => {
            "This token was used. An operator makes another one: control edges remove NAME, \
             then control edges token NAME."
        }
        _ => {
            "There is no such token, or its time is over. An operator makes one: control edges \
             token NAME."
        }
    };
    Problem::new(StatusCode::FORBIDDEN, "wrong_token", message)
}

async fn note(app: &App, name: &str) -> Result<(), StoreError> {
    let subject = format!("edge {name}");
    app.store.note_act(Actor::System("join"), (&subject, None), "joined", app.now()).await
}

async fn answer(app: &App) -> Result<JoinAnswer, Problem> {
    let join = app.join.as_ref().ok_or_else(Problem::internal)?;
    let path = app.keys.path().to_owned();
    let file = tokio::task::spawn_blocking(move || named_file::read_text(&path)).await;
    let keys = file
        .ok()
        .and_then(Result::ok)
        .filter(|text| KeyRing::from_toml(text).is_ok())
        .ok_or_else(|| {
            error!("a machine cannot join: {} is not readable any more", app.keys.path().display());
            Problem::internal()
        })?;
    let (first, others) = join.site_upstreams.split_first().ok_or_else(Problem::internal)?;
    let networks = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect();
    Ok(JoinAnswer {
        base_domain: app.site.base_domain().to_owned(),
        site_url: app.site.site_url().to_string(),
        site_upstream: first.to_string(),
        other_site_upstreams: others.iter().map(ToString::to_string).collect(),
        keys,
        allow_addresses: networks(&app.addresses.allow_addresses),
        allow_http: networks(&app.addresses.allow_http),
        hands_out_certificates: app.installed.obtains_certificates,
    })
}
