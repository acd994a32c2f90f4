//! Resend: one mail, once.

pub mod domain;
pub mod email;
pub mod error;
pub mod pace;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use shared::{Secret, Upstream};

use crate::http::{BuildError, Http, Limits, Reply};
use crate::idempotency::IdempotencyKey;

pub use email::{Email, RenderedEmail};
pub use error::ResendError;
use pace::Pace;

/// The answer is an id of 36 characters.
const LIMITS: Limits = Limits { total: Duration::from_secs(20), answer_max_bytes: 64 * 1024 };

pub struct Resend {
    http: Http,
    pace: Mutex<Pace>,
}

/// Resend's id of a mail that it has taken on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmailId(String);

#[derive(Deserialize)]
struct Accepted {
    id: EmailId,
}

impl EmailId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Resend {
    /// `base_url` is `https://api.resend.com`, or a stand-in.
    /// `per_second` is the team's limit: 2 is Resend's oldest, 10 its newest.
    ///
    /// # Errors
    /// The key cannot stand in a header.
    pub fn new(
        base_url: &Upstream,
        api_key: &Secret<String>,
        per_second: u32,
    ) -> Result<Self, BuildError> {
        let http = Http::with_bearer(base_url, api_key)?;
        Ok(Self { http, pace: Mutex::new(Pace::new(per_second)) })
    }

    /// Sends it, waiting for its turn for [`pace::PATIENCE`] at most.
    ///
    /// Called again within a day, with the same mail and key, it sends nothing
    /// and returns the same id.
    ///
    /// # Errors
    /// `TooBusy` when its turn is further off; nothing was sent then.
    pub async fn send(
        &self,
        email: &RenderedEmail,
        key: &IdempotencyKey,
    ) -> Result<EmailId, ResendError> {
        let wait = self.pace().reserve(Instant::now()).map_err(ResendError::TooBusy)?;
        tokio::time::sleep(wait).await;
        let request = self
            .http
            .request(Method::POST, "/emails")
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key.as_str())
            .body(email.as_str().to_owned());
        let reply = self.http.send(request, LIMITS).await?;
        self.pace().hear(reply.number("ratelimit-remaining"), hold(&reply), Instant::now());
        if !reply.status.is_success() {
            return Err(error::refused(&self.http, &reply));
        }
        let accepted = reply.json::<Accepted>();
        accepted.map(|accepted| accepted.id).map_err(|error| ResendError::Answer(error.to_string()))
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().expect("nothing panics while holding the pace")
    }
}

/// How long the answer asks us to hold back, if at all.
fn hold(reply: &Reply) -> Option<Duration> {
    reply.retry_after().or_else(|| reply.number("ratelimit-reset").map(Duration::from_secs))
}
