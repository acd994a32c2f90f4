//! A stand-in for Resend.
//!
//! `api` takes mails as Resend does: with its error table, its idempotency
//! keys, its rate headers and quotas. `inbox` shows them to a person, `admin`
//! to a test.

pub mod admin;
pub mod api;
pub mod error;
pub mod inbox;
pub mod mail;
pub mod quota;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use self::error::ApiError;
use self::mail::Mail;
use self::quota::{Limits, Window};
use crate::clock;
use crate::vendor::door::behind_door;
use crate::vendor::idempotency::Keys;

/// Mails kept; the oldest go first.
const MAILS_MAX: usize = 5_000;

#[derive(Debug, Clone)]
pub struct Options {
    /// The only good key.
    pub key: String,
    /// The key may send, and nothing else.
    pub restricted: bool,
    /// Domains that may send; none means any.
    pub domains: Vec<String>,
    pub limits: Limits,
}

#[derive(Debug)]
pub struct Resend {
    key: String,
    restricted: bool,
    domains: Vec<String>,
    limits: Mutex<Limits>,
    window: Mutex<Window>,
    keys: Mutex<Keys<Kept>>,
    mails: Mutex<VecDeque<Sent>>,
    /// How far the clock is ahead of ours, in seconds.
    ahead: AtomicU64,
}

/// A mail that was taken.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    pub id: String,
    /// Unix seconds.
    pub at: u64,
    pub idempotency_key: Option<String>,
    #[serde(flatten)]
    pub mail: Mail,
}

/// What a key is answered with, the second time as the first.
type Kept = Result<String, ApiError>;

impl Resend {
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            key: options.key,
            restricted: options.restricted,
            domains: options.domains,
            limits: Mutex::new(options.limits),
            window: Mutex::default(),
            keys: Mutex::default(),
            mails: Mutex::default(),
            ahead: AtomicU64::new(0),
        })
    }

    /// Unix seconds.
    pub fn now(&self) -> u64 {
        clock::unix_seconds() + self.ahead.load(Ordering::Acquire)
    }

    /// Moves the clock: quotas come back, keys are forgotten.
    pub fn advance(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::AcqRel);
    }
}

/// Everything the fake serves.
pub fn router(resend: &Arc<Resend>) -> Router {
    let vendor = Router::new()
        .route("/", get(inbox::list))
        .route("/inbox/{id}", get(inbox::show))
        .merge(admin::router())
        .fallback(api::answer)
        .with_state(resend.clone());
    behind_door(vendor, |status: StatusCode| -> Response {
        ApiError::of_status(status).into_response()
    })
}
