//! Asks the running program through its operator's API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Client, Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::Secret;
use shared::wire::ErrorBody;

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
}

impl ApiClient {
    pub(super) fn new(config: &Config) -> reqwest::Result<Self> {
        let http = vendors::http_client().timeout(TIMEOUT).no_proxy().build()?;
        let url = format!("http://{}", reachable(config.api_listen));
        Ok(Self { http, url, key: config.admin_key.clone() })
    }

    /// `body` is sent as JSON when there is one.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.bearer_auth(self.key.expose()).send().await;
        let response = response.with_context(|| {
            format!("cannot reach control at {} (is `control serve` running?)", self.url)
        })?;
        read(response).await
    }

    pub(super) async fn show<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.call(Method::GET, path, None).await
    }

    /// Every entry of a list, page after page.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page: Page<T> = self.show(&format!("{path}?limit={PAGE}&after={after}")).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => return Ok(items),
            }
        }
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    let status = response.status();
    let body = response.bytes().await.context("control's answer broke off")?;
    if status.is_success() {
        return serde_json::from_slice(&body).context("control's answer cannot be read");
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(ErrorBody { error }) => match error.field {
            Some(field) => bail!("{field}: {}", error.message),
            None => bail!("{}", error.message),
        },
        Err(_) => bail!("control answered {status}"),
    }
}

/// Where a listener on every address is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}
