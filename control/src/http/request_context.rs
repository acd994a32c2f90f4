//! The first and last thing that happens to a request: who is it, and what
//! became of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use shared::request_id::REQUEST_ID_HEADER;
use shared::site_hop::{self, SITE_HOP_HEADER};
use shared::{KeyRing, RequestId};
use tracing::{info, warn};

use super::Problem;
use super::listener::Peer;
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;

/// Nothing we answer takes longer, apart from waiting for edges, which is bounded below it.
const DEADLINE: Duration = Duration::from_secs(75);

/// Who is asking.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext {
    /// The browser's address where an edge vouches for it, else the peer's.
    pub address: IpAddr,
    pub request: RequestId,
    /// A page rather than JSON.
    pub wants_page: bool,
}

/// What [`layer`] needs.
#[derive(Clone)]
pub struct ContextLayer {
    pub listener: &'static str,
    pub keys: Arc<KeyFile>,
    pub metrics: Arc<Metrics>,
}

/// Establishes the context of a request, sets a deadline, logs and counts.
///
/// The log has the path and never the query: codes and return paths are in there.
pub async fn layer(
    State(layer): State<ContextLayer>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let context = identify(&layer.keys.present().ring, &request);
    request.extensions_mut().insert(context);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => too_slow().into_response(),
    };
    let headers = response.headers_mut();
    let id = context.request.to_string();
    headers.insert(REQUEST_ID_HEADER, HeaderValue::try_from(&id).expect("hexadecimal digits"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let status = response.status();
    layer.metrics.request(layer.listener, status.as_u16(), began.elapsed());
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let listener = layer.listener;
    if status.is_server_error() {
        warn!(request = id, listener, took_ms, "{method} {path} → {}", status.as_u16());
    } else {
        info!(request = id, listener, took_ms, "{method} {path} → {}", status.as_u16());
    }
    response
}

fn identify(keys: &KeyRing, request: &Request) -> RequestContext {
    let headers = request.headers();
    let peer = request.extensions().get::<Peer>().expect("the listener says who is there").0;
    let is_from_edge =
        text(headers, SITE_HOP_HEADER).is_some_and(|header| site_hop::verify(keys, header));
    let vouched = |name| text(headers, name).filter(|_| is_from_edge);
    RequestContext {
        address: vouched("x-forwarded-for")
            .and_then(|address| address.trim().parse().ok())
            .unwrap_or(peer.ip()),
        request: vouched(REQUEST_ID_HEADER)
            .and_then(RequestId::parse)
            .unwrap_or_else(RequestId::random),
        wants_page: wants_page(headers),
    }
}

/// Programs say that they want JSON, or at least that they do not send a form.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = text(headers, "accept").unwrap_or_default();
    accept.contains("text/html") || (is_form(headers) && !accept.contains("application/json"))
}

/// Whether the body is a form, without a file. Names of types have no case.
pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = text(headers, "content-type").and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// A header that came exactly once: of two different ones, neither is to be trusted.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn too_slow() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_slow",
        "This took too long. Please try again in a moment.",
    )
    .in_german("Das hat zu lange gedauert. Bitte versuche es in einem Moment wieder.")
    .retry_after(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(edge: bool, forwarded: &[&str]) -> IpAddr {
        let id = shared::KeyId::parse("k1").unwrap();
        let keys = KeyRing::from_toml(&KeyRing::generate_toml(&id)).unwrap();
        let mut request = Request::new(axum::body::Body::empty());
        request.extensions_mut().insert(Peer("192.0.2.9:1".parse().unwrap()));
        let headers = request.headers_mut();
        if edge {
            let value = site_hop::sign(&keys).expose().parse().unwrap();
            headers.insert(SITE_HOP_HEADER, value);
        }
        for address in forwarded {
            headers.append("x-forwarded-for", address.parse().unwrap());
        }
        identify(&keys, &request).address
    }

    #[test]
    fn a_forwarded_address_is_believed_from_an_edge_only() {
        let check = |edge, forwarded: &[&str], expected: &str| {
            assert_eq!(context(edge, forwarded).to_string(), expected, "{edge} {forwarded:?}");
        };
        check(true, &["203.0.113.5"], "203.0.113.5");
        check(true, &["2001:db8::1"], "2001:db8::1");
        check(false, &["203.0.113.5"], "192.0.2.9");
        check(true, &[], "192.0.2.9");
        check(true, &["203.0.113.5, 198.51.100.1"], "192.0.2.9");
        check(true, &["203.0.113.5", "198.51.100.1"], "192.0.2.9");
    }
}
