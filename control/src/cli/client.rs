//! Asks the running program through its operator's API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::DATE;
use reqwest::{Client, Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::Secret;
use shared::process::time::unix_seconds;
use shared::wire::{ErrorBody, ErrorDetail};

use crate::base::clock::Moment;
use crate::operator::responses::Page;
use crate::serve::config::Config;

/// Longer than the program waits for edges.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Entries asked for at once.
const PAGE: u32 = 1_000;

pub(super) struct ApiClient {
    http: Client,
    url: String,
    key: Secret<String>,
    /// When the last answer was made, by control's clock, in unix seconds.
    now: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("cannot reach control at {url} (is `control serve` running?)")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("{}", said(detail))]
    Refused { status: StatusCode, detail: ErrorDetail },
    #[error("control's answer cannot be read: {why}")]
    Unreadable { why: String },
}

impl ApiClient {
    pub(super) fn new(config: &Config) -> reqwest::Result<Self> {
        let http = vendors::http_client().timeout(TIMEOUT).no_proxy().build()?;
        let url = format!("http://{}", reachable(config.api_listen));
        let now = AtomicU64::new(unix_seconds());
        Ok(Self { http, url, key: config.admin_key.clone(), now })
    }

    /// By the clock of whoever answered last: ages do not depend on ours.
    pub(super) fn now(&self) -> Moment {
        Moment::from_seconds(self.now.load(Ordering::Relaxed))
    }

    /// `body` is sent as JSON when there is one.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ApiError> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.bearer_auth(self.key.expose()).send().await;
        let response =
            response.map_err(|source| ApiError::Unreachable { url: self.url.clone(), source })?;
        self.note_time(&response);
        read(response).await
    }

    pub(super) async fn show<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, None).await
    }

    /// As [`Self::show`]; `None` where there is nothing.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, ApiError> {
        match self.show(path).await {
            Ok(found) => Ok(Some(found)),
            Err(ApiError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every entry of a list, page after page. `query` narrows it: `&state=ended`.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Vec<T>, ApiError> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page: Page<T> =
                self.show(&format!("{path}?limit={PAGE}&after={after}{query}")).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => return Ok(items),
            }
        }
    }

    fn note_time(&self, response: &Response) {
        let said = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let time = said.and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(since) = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()) {
            self.now.store(since.as_secs(), Ordering::Relaxed);
        }
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    let unreadable = |why: String| ApiError::Unreadable { why };
    let status = response.status();
    let body = response.bytes().await.map_err(|error| unreadable(error.to_string()))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()));
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(ErrorBody { error }) => Err(ApiError::Refused { status, detail: error }),
        Err(_) => Err(unreadable(format!("it answered {status}"))),
    }
}

fn said(detail: &ErrorDetail) -> String {
    match &detail.field {
        Some(field) => format!("{field}: {}", detail.message),
        None => detail.message.clone(),
    }
}

/// Where a listener on every address is reached from this machine.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}
