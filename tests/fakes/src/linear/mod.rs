//! A stand-in for Linear's GraphQL API, as far as filing tickets goes.
//!
//! `graphql` understands what is asked, `resolve` does it, `api` is the HTTP
//! side with its surprises: keys without `Bearer`, errors under HTTP 200,
//! rate limits under HTTP 400. `board` shows the tickets.

pub mod api;
pub mod board;
pub mod error;
pub mod graphql;
pub mod issue;
pub mod quota;
pub mod resolve;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::error::ApiError;
use self::quota::Quota;
use self::resolve::Workspace;
use crate::vendor::door::behind_door;

/// Requests an hour, unless a test says otherwise.
pub const REQUESTS_PER_HOUR: u32 = 5_000;

#[derive(Debug, Clone)]
pub struct Options {
    /// The only good personal key.
    pub key: String,
    /// Id of the only team.
    pub team: String,
    /// Where browsers find the board, without a slash at the end.
    pub public_url: String,
}

#[derive(Debug)]
pub struct Linear {
    key: String,
    workspace: Mutex<Workspace>,
    quota: Mutex<Quota>,
    requests_per_hour: AtomicU32,
}

impl Linear {
    pub fn new(options: Options) -> Arc<Self> {
        let workspace = Workspace::new(options.team, options.public_url);
        Arc::new(Self {
            key: options.key,
            workspace: Mutex::new(workspace),
            quota: Mutex::default(),
            requests_per_hour: AtomicU32::new(REQUESTS_PER_HOUR),
        })
    }

    pub fn requests_per_hour(&self) -> u32 {
        self.requests_per_hour.load(Ordering::Acquire)
    }
}

/// Everything the fake serves.
pub fn router(linear: &Arc<Linear>) -> Router {
    let vendor = Router::new()
        .route("/graphql", axum::routing::post(api::answer))
        .route("/", get(board::list))
        .route("/issue/{identifier}", get(board::show))
        .route("/_fake/issues", get(board::issues))
        .route("/_fake/limits", axum::routing::post(board::limit))
        .with_state(linear.clone());
    behind_door(vendor, |status: StatusCode| -> Response {
        ApiError::of_status(status, REQUESTS_PER_HOUR).into_response()
    })
}
