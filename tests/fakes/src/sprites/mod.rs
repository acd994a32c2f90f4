//! A stand-in for the Sprites API, with real processes and real disks.
//!
//! Each sprite is a folder and a set of Linux namespaces ([`vm`]): inside,
//! the machine's programs are there, `/home/sprite` is the sprite's own, and
//! so is every port, so that configuration and commands are the very ones
//! that the real service gets. There is no way out of a sprite but to ports
//! of this machine named at the start. It is no sandbox: see [`vm`].
//!
//! The parts: [`fleet`] holds all sprites and their limits; [`sprite`] wakes
//! and sleeps; [`guest`] runs inside and answers for processes, files and
//! services; [`forward`] lets calls through to it; [`address`] is a sprite's
//! URL; [`crud`], [`checkpoints`] and [`policy`] are answered outside.
//!
//! What a test may say, besides the calls of [`crate::vendor`]:
//!
//! - `GET /_fake` a page, `GET /_fake/sprites` all sprites with processes,
//! - `POST /_fake/sprites/NAME/sleep` `{"to": "warm" | "cold"}`,
//! - `PUT /_fake/sprites/NAME/trouble` `{"wedged", "checkpoint_fails",
//!   "restore_fails", "broken"}`, each true or absent.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use serde_json::json;

use self::fleet::Fleet;
use self::refusal::Refusal;
use crate::vendor::door::behind_door;

pub mod address;
pub mod admin;
pub mod checkpoints;
pub mod crud;
pub mod duration;
pub mod fleet;
pub mod folder;
pub mod forward;
pub mod guest;
pub mod inward;
pub mod life;
pub mod name;
pub mod ndjson;
pub mod policy;
pub mod quota;
pub mod record;
pub mod refusal;
pub mod relay;
pub mod settings;
pub mod sprite;
pub mod token;
pub mod tunnel;
pub mod vm;

/// The whole API, with its faults.
pub fn router(fleet: Arc<Fleet>) -> Router {
    let api = Router::new()
        .merge(crud::router())
        .merge(checkpoints::router())
        .merge(policy::router())
        .route("/v1/sprites/{name}/{*rest}", any(forward::forward))
        .layer(middleware::from_fn_with_state(fleet.clone(), authenticate))
        .layer(DefaultBodyLimit::disable());
    behind_door(api.merge(admin::router()).with_state(fleet), failure)
}

async fn authenticate(State(fleet): State<Arc<Fleet>>, request: Request, next: Next) -> Response {
    let mut response = if token::is_carried(request.headers(), &fleet.settings.token) {
        next.run(request).await
    } else {
        Refusal::new(StatusCode::UNAUTHORIZED, "authentication failed").into_response()
    };
    let version = HeaderValue::from_static("v0.0.1-rc48");
    response.headers_mut().insert("sprite-version", version);
    response
}

/// The API's own words for a failure made to order.
fn failure(status: StatusCode) -> Response {
    if status == StatusCode::TOO_MANY_REQUESTS {
        let mut refusal = Refusal::new(status, "sprite_creation_rate_limited");
        refusal.body["message"] = json!("Sprite creation rate limit exceeded");
        refusal.body["retry_after_seconds"] = json!(1);
        refusal.headers.push(("retry-after", "1".to_owned()));
        return refusal.into_response();
    }
    let reason = status.canonical_reason().unwrap_or("error").to_lowercase();
    Refusal::new(status, reason).into_response()
}
