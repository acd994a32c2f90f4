//! One origin, one credential, and an end to every call.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use shared::process::USER_AGENT;
use shared::{Secret, Upstream};

/// A vendor's front door answers in milliseconds; one that does not in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a complaint is read. An error page may be longer, but not of more use.
const COMPLAINT_MAX_BYTES: usize = 64 * 1024;

/// How much of a vendor's complaint goes into our errors and logs.
const MESSAGE_MAX_CHARS: usize = 500;

/// The vendor's API as seen by its client.
pub(super) struct Http {
    client: Client,
    origin: Upstream,
    authorization: HeaderValue,
    /// Blotted out of whatever the vendor says.
    secret: Secret<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the credential for {0} is not a header value")]
    Credential(String),
    #[error("the client for {origin} cannot be made")]
    Client { origin: String, source: reqwest::Error },
}

/// How long a call may take, body included, and how long a good answer may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) total: Duration,
    pub(super) answer_max_bytes: usize,
}

/// A call without a whole answer.
///
/// Except for `Unconnected` nobody knows whether it was carried out.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// It was never sent.
    #[error("no connection could be made: {0}")]
    Unconnected(String),
    #[error("there was no whole answer within {0:?}")]
    TimedOut(Duration),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
}

/// A whole answer, whatever it says.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// `authorization` is the whole header value; `secret` the part of it that must not be seen.
    pub(super) fn new(
        origin: &Upstream,
        authorization: &Secret<String>,
        secret: &Secret<String>,
    ) -> Result<Self, BuildError> {
        let mut value = HeaderValue::from_str(authorization.expose())
            .map_err(|_| BuildError::Credential(origin.as_str().to_owned()))?;
        value.set_sensitive(true);
        let client = client()
            .map_err(|source| BuildError::Client { origin: origin.as_str().to_owned(), source })?;
        let secret = secret.clone();
        Ok(Self { client, origin: origin.clone(), authorization: value, secret })
    }

    /// `Authorization: Bearer …`, as most vendors want it.
    pub(super) fn with_bearer(
        origin: &Upstream,
        token: &Secret<String>,
    ) -> Result<Self, BuildError> {
        Self::new(origin, &Secret::new(format!("Bearer {}", token.expose())), token)
    }

    /// `path` begins with `/` and holds nothing that needs escaping.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.origin.as_str());
        self.client.request(method, url).header(AUTHORIZATION, self.authorization.clone())
    }

    /// To another server than the vendor's, hence without the credential.
    pub(super) fn foreign(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends and reads the whole answer.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        limits: Limits,
    ) -> Result<Reply, Lost> {
        let response = self.begin(request, limits.total).await?;
        read(response, limits).await
    }

    /// Sends and leaves the body for the caller to read, within the same time.
    pub(super) async fn begin(
        &self,
        request: RequestBuilder,
        total: Duration,
    ) -> Result<Response, Lost> {
        request.timeout(total).send().await.map_err(|error| Lost::from_reqwest(&error, total))
    }

    /// `text` as it may stand in an error: one line, short, without our credential.
    pub(super) fn quote(&self, text: &str) -> String {
        let secret = self.secret.expose();
        let clean = if secret.is_empty() { text.into() } else { text.replace(secret, "***") };
        let printable = clean.chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.take(MESSAGE_MAX_CHARS).collect()
    }
}

/// The beginning of every HTTP client: reqwest brings no implementation of TLS of its
/// own, the process has one.
pub fn http_client() -> reqwest::ClientBuilder {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

fn client() -> Result<Client, reqwest::Error> {
    http_client()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // WebSockets begin on the same connections.
        .http1_only()
        // Required by Resend, and courteous elsewhere.
        .user_agent(USER_AGENT)
        .build()
}

pub(super) async fn read(mut response: Response, limits: Limits) -> Result<Reply, Lost> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    let lost = |error: &reqwest::Error| Lost::from_reqwest(error, limits.total);
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        body.extend_from_slice(&chunk);
        if !status.is_success() && body.len() >= COMPLAINT_MAX_BYTES {
            body.truncate(COMPLAINT_MAX_BYTES);
            break;
        }
        if status.is_success() && body.len() > limits.answer_max_bytes {
            return Err(Lost::TooLong(limits.answer_max_bytes));
        }
    }
    Ok(Reply { status, headers, body })
}

impl Lost {
    /// The URL stays out: its query can hold what must not be logged.
    pub(super) fn from_reqwest(error: &reqwest::Error, total: Duration) -> Self {
        if error.is_connect() {
            Self::Unconnected(root_cause(error))
        } else if error.is_timeout() {
            Self::TimedOut(total)
        } else {
            Self::Broken(root_cause(error))
        }
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }

    /// In its form of seconds; no vendor here sends a date.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.number(RETRY_AFTER.as_str()).map(Duration::from_secs)
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// "connection refused" says more than "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match error.source() {
        Some(source) => source,
        None => return "the request cannot be made".to_owned(),
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(token: &str) -> Result<Http, BuildError> {
        let origin = Upstream::parse("https://api.vendor.test").unwrap();
        Http::with_bearer(&origin, &Secret::new(token.to_owned()))
    }

    #[test]
    fn a_quote_is_one_short_line_without_the_credential() {
        let http = http("sk_test_1").unwrap();
        let check = |said: &str, expected: &str| assert_eq!(http.quote(said), expected);
        check("no such key: sk_test_1", "no such key: ***");
        check("a\r\nb\u{1b}[31m", "a  b [31m");
        check(&"é".repeat(501), &"é".repeat(500));
    }

    #[test]
    fn a_credential_that_is_no_header_value_is_refused_unnamed() {
        let error = http("sk_test\n1").err().unwrap().to_string();
        assert_eq!(error, "the credential for https://api.vendor.test is not a header value");
    }
}
