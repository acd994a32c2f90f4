//! Spans as a collector reads them: `ExportTraceServiceRequest` in its JSON form.

use std::time::Duration;

use serde_json::{Value, json};
use shared::RequestId;

use crate::observe::{Span, span_digits};

/// `SPAN_KIND_SERVER`, and `STATUS_CODE_ERROR`.
const SERVER: u8 = 2;
const ERROR: u8 = 2;

/// Names that may name a span: others come from strangers, who have many.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

pub(super) fn message(spans: &[Span]) -> Vec<u8> {
    let resource = json!({ "attributes": [
        text("service.name", "arca-edge"),
        text("service.version", env!("CARGO_PKG_VERSION")),
    ] });
    let spans: Vec<_> = spans.iter().map(span).collect();
    let scope = json!({ "name": "arca-edge" });
    let message = json!({ "resourceSpans": [
        { "resource": resource, "scopeSpans": [{ "scope": scope, "spans": spans }] },
    ] });
    serde_json::to_vec(&message).expect("it has no map with other keys than text")
}

fn span(span: &Span) -> Value {
    let Span {
        trace,
        id,
        parent,
        request,
        method,
        host,
        path,
        address,
        protocol,
        status,
        source,
        outcome,
        ended,
        lasted,
        upstream,
    } = span;
    let mut attributes = vec![
        text("http.request.method", method),
        text("url.path", path),
        text("server.address", host),
        text("client.address", &address.to_string()),
        text("network.protocol.version", protocol),
        text("arca.request_id", &request.to_string()),
        text("arca.source", source),
        text("arca.outcome", outcome),
    ];
    // None for a client that left before there was an answer.
    if *status > 0 {
        let value = json!({ "intValue": status.to_string() });
        attributes.push(json!({ "key": "http.response.status_code", "value": value }));
    }
    if let Some(upstream) = upstream {
        let value = json!({ "doubleValue": upstream.as_secs_f64() });
        attributes.push(json!({ "key": "arca.upstream_seconds", "value": value }));
    }
    let name = if METHODS.contains(&method.as_str()) { method } else { "HTTP" };
    let mut span = json!({
        "traceId": RequestId::from_bits(*trace).to_string(),
        "spanId": hex(*id),
        "name": name,
        "kind": SERVER,
        "startTimeUnixNano": nanos(ended.saturating_sub(*lasted)),
        "endTimeUnixNano": nanos(*ended),
        "attributes": attributes,
    });
    if let Some(parent) = parent {
        span["parentSpanId"] = hex(*parent).into();
    }
    if *status >= 500 {
        span["status"] = json!({ "code": ERROR });
    }
    span
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn hex(span: u64) -> String {
    String::from_utf8_lossy(&span_digits(span)).into_owned()
}

/// As text: a number of that size does not survive every reader of JSON.
fn nanos(since_1970: Duration) -> String {
    since_1970.as_nanos().to_string()
}
