//! The ACME client's calls, over the process's one HTTP client and TLS.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, Client};
use shared::process::USER_AGENT;

use super::error::AcmeError;
use crate::http::{Limits, Lost, http_client, read};

/// An authority's front door answers within a second. The longest answer is a chain.
const LIMITS: Limits = Limits { total: Duration::from_secs(30), answer_max_bytes: 256 * 1024 };

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct AcmeHttp(Client);

impl AcmeHttp {
    /// Believes `roots` only, or what the system believes.
    pub(super) fn new(roots: Option<&[Certificate]>) -> Result<Self, AcmeError> {
        let builder = http_client()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(LIMITS.total)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(USER_AGENT);
        let builder = match roots {
            Some(roots) => builder.tls_certs_only(roots.iter().cloned()),
            None => builder,
        };
        builder.build().map(Self).map_err(|error| AcmeError::Call(error.to_string()))
    }

    pub(super) async fn look(&self, url: &str) -> Result<(), AcmeError> {
        let call = |error: &dyn ToString| AcmeError::Call(error.to_string());
        let sent = self.0.get(url).send().await;
        let response = sent.map_err(|error| call(&Lost::from_reqwest(&error, LIMITS.total)))?;
        let reply = read(response, LIMITS).await.map_err(|error| call(&error))?;
        let is_directory = reply
            .json::<serde_json::Value>()
            .is_ok_and(|directory| directory["newOrder"].is_string());
        if reply.status.is_success() && is_directory {
            return Ok(());
        }
        Err(AcmeError::Call(format!("{url} answers {} and is no directory", reply.status)))
    }
}

impl HttpClient for AcmeHttp {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap_or_else(|never| match never {}).to_bytes();
            let call = client
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body);
            let lost = |lost: Lost| Error::Other(Box::new(lost));
            let response = call.send().await;
            let response =
                response.map_err(|error| lost(Lost::from_reqwest(&error, LIMITS.total)))?;
            let reply = read(response, LIMITS).await.map_err(lost)?;
            let mut response = http::Response::new(Full::new(Bytes::from(reply.body)));
            *response.status_mut() = reply.status;
            *response.headers_mut() = reply.headers;
            Ok(response.into())
        })
    }
}
