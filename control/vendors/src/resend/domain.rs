//! The domains of an account: which of them may send.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;

use crate::http::Limits;
use crate::resend::Resend;
use crate::resend::error::{self, ResendError};

/// An account has a few, of some hundred bytes each.
const LIMITS: Limits = Limits { total: Duration::from_secs(15), answer_max_bytes: 256 * 1024 };

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Domain {
    pub name: String,
    /// `verified`, `pending`, `not_started` or another.
    pub status: String,
}

#[derive(Deserialize)]
struct Domains {
    data: Vec<Domain>,
}

impl Domain {
    pub fn is_verified(&self) -> bool {
        self.status == "verified"
    }
}

impl Resend {
    /// # Errors
    /// A key that may only send is refused with 401.
    pub async fn domains(&self) -> Result<Vec<Domain>, ResendError> {
        let request = self.http.request(Method::GET, "/domains");
        let reply = self.http.send(request, LIMITS).await?;
        if !reply.status.is_success() {
            return Err(error::refused(&self.http, &reply));
        }
        let domains = reply.json::<Domains>();
        domains.map(|it| it.data).map_err(|error| ResendError::Answer(error.to_string()))
    }
}
