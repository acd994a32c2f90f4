//! What Prometheus scrapes. No label has values that a customer chooses.

mod levels;
mod maker;
mod upstreams;

use std::time::Duration;

use prometheus::{Encoder as _, Histogram, IntCounter, IntCounterVec, IntGauge, TextEncoder};
use shared::process::time::unix_millis;

use self::levels::LevelMetrics;
pub(crate) use self::levels::Levels;
use self::maker::Maker;
use self::upstreams::UpstreamMetrics;
use super::labels::{Http2End, Limit, Outcome, Source};
use crate::head::{Head, HeadError};
use crate::tls::HandshakeError;

/// Counts an open stream until it is dropped.
pub(crate) struct OpenHttp2Stream(IntGauge);

impl Drop for OpenHttp2Stream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Why a connection of a proxy was closed.
const PROXY_HEADER_REASONS: [&str; 3] = ["malformed", "ended", "timeout"];

/// Versions of HTTP, as their label has them.
const PROTOCOLS: [&str; 3] = ["1.0", "1.1", "2"];

/// What was ended because access was taken away.
const CUT_KINDS: [&str; 2] = ["socket", "request"];

pub(crate) struct Metrics {
    make: Maker,
    /// By source, then outcome: found by index, because this is counted for every request.
    requests: [[IntCounter; Outcome::ALL.len()]; Source::ALL.len()],
    malformed: IntCounterVec,
    no_session: IntCounterVec,
    handshakes: IntCounterVec,
    handshake_seconds: Histogram,
    /// In the order of [`PROTOCOLS`].
    protocols: [IntCounter; PROTOCOLS.len()],
    proxy_headers: IntCounterVec,
    http2_ends: IntCounterVec,
    http2_streams: IntGauge,
    pub request_seconds: Histogram,
    pub added_seconds: Histogram,
    pub tunnel_seconds: Histogram,
    pub connections_refused: IntCounter,
    pub access_lines_dropped: IntCounter,
    pub(crate) spans_dropped: IntCounter,
    /// In the order of [`CUT_KINDS`].
    cut: [IntCounter; CUT_KINDS.len()],
    limited: IntCounterVec,
    pub(crate) upstreams: UpstreamMetrics,
    levels: LevelMetrics,
}

impl Metrics {
    /// `no_session_reasons` are all the labels that [`Metrics::count_no_session`] will be given.
    pub(crate) fn new(no_session_reasons: &[&str]) -> Self {
        let make = Maker::default();
        let started = make.time("started_seconds", "When this process started, in unix seconds");
        started.set(unix_millis() as f64 / 1_000.0);
        let requests = make.counters(
            "requests_total",
            "Requests by how they ended and by whom",
            &["source", "outcome"],
        );
        let metrics = Self {
            requests: Source::ALL.map(|source| {
                Outcome::ALL
                    .map(|outcome| requests.with_label_values(&[source.label(), outcome.label()]))
            }),
            malformed: make.counters(
                "malformed_requests_total",
                "Requests refused before they were understood, by reason",
                &["reason"],
            ),
            no_session: make.counters(
                "no_session_total",
                "Requests to workspaces without a valid session, by reason",
                &["reason"],
            ),
            handshakes: make.counters(
                "tls_handshakes_total",
                "TLS handshakes with clients by how they ended",
                &["outcome"],
            ),
            handshake_seconds: make.histogram(
                "tls_handshake_seconds",
                "From the first byte of a client that comes by TLS to the end of its handshake",
                &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1., 5.],
            ),
            protocols: make.counters_of(
                "protocol_requests_total",
                "Requests that were understood, by the version of HTTP",
                ("version", PROTOCOLS),
            ),
            proxy_headers: make.counters(
                "proxy_headers_refused_total",
                "Connections of trusted proxies without a PROXY header, by reason",
                &["reason"],
            ),
            http2_ends: make.counters(
                "http2_connections_ended_total",
                "Connections of HTTP/2 that have ended, by reason",
                &["reason"],
            ),
            http2_streams: make.gauge(
                "http2_streams",
                "Requests over HTTP/2 that are under way, WebSockets included",
            ),
            request_seconds: make.histogram(
                "request_seconds",
                "From the whole head of a request to the end of its answer",
                &[
                    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 2.5, 10.,
                    60.,
                ],
            ),
            added_seconds: make.histogram(
                "added_seconds",
                "The part of a forwarded request that was ours, before it was sent on and after its answer came",
                &[
                    0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.1,
                    1.,
                ],
            ),
            tunnel_seconds: make.histogram(
                "tunnel_seconds",
                "How long WebSockets lived",
                &[1., 10., 60., 300., 1_800., 3_600., 14_400., 86_400.],
            ),
            connections_refused: make.counter(
                "connections_refused_total",
                "Connections refused because there were too many, in all or from one address",
            ),
            access_lines_dropped: make.counter(
                "access_lines_dropped_total",
                "Access log lines for which there was no room",
            ),
            spans_dropped: make.counter(
                "spans_dropped_total",
                "Spans for which there was no room, or that their collector did not take",
            ),
            cut: make.counters_of(
                "cut_total",
                "Live WebSockets and requests ended because access was taken away",
                ("kind", CUT_KINDS),
            ),
            limited: make.counters(
                "limited_total",
                "Connections and requests refused, by the limit that they met",
                &["limit"],
            ),
            upstreams: UpstreamMetrics::new(&make),
            levels: LevelMetrics::new(&make),
            make,
        };
        metrics.name_all_reasons(no_session_reasons);
        metrics
    }

    pub(crate) fn count(&self, source: Source, outcome: Outcome) {
        self.requests[source as usize][outcome as usize].inc();
    }

    /// The reason only: the request itself is counted like any other.
    pub(crate) fn count_malformed(&self, error: HeadError) {
        self.malformed.with_label_values(&[error.label()]).inc();
    }

    pub(crate) fn count_no_session(&self, reason: &'static str) {
        self.no_session.with_label_values(&[reason]).inc();
    }

    pub(crate) fn count_revoked_socket(&self) {
        self.cut[0].inc();
    }

    pub(crate) fn count_revoked_request(&self) {
        self.cut[1].inc();
    }

    pub(crate) fn count_limited(&self, limit: Limit) {
        self.limited.with_label_values(&[limit.label()]).inc();
    }

    /// Says which version of HTTP it is.
    pub(crate) fn count_protocol(&self, is_http2: bool, head: &Head<'_>) -> &'static str {
        let version = if is_http2 { 2 } else { usize::from(head.version.min(1)) };
        self.protocols[version].inc();
        PROTOCOLS[version]
    }

    /// `reason` is one of [`PROXY_HEADER_REASONS`].
    pub(crate) fn count_proxy_header(&self, reason: &str) {
        self.proxy_headers.with_label_values(&[reason]).inc();
    }

    pub(crate) fn count_http2_end(&self, end: Http2End) {
        self.http2_ends.with_label_values(&[end.label()]).inc();
    }

    pub(crate) fn open_http2_stream(&self) -> OpenHttp2Stream {
        self.http2_streams.inc();
        OpenHttp2Stream(self.http2_streams.clone())
    }

    /// `None` for one that went well.
    pub(crate) fn count_handshake(&self, error: Option<HandshakeError>) {
        let outcome = match error {
            None => "ok",
            Some(HandshakeError::Failed) => "failed",
            Some(HandshakeError::Timeout) => "timeout",
        };
        self.handshakes.with_label_values(&[outcome]).inc();
    }

    /// How long one has taken that went well.
    pub(crate) fn handshake_took(&self, time: Duration) {
        self.handshake_seconds.observe(time.as_secs_f64());
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self, levels: &Levels) -> String {
        self.levels.set(levels);
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.make.0.gather(), &mut text)
            .expect("our own metrics can be written");
        String::from_utf8(text).expect("the text format is UTF-8")
    }

    /// A series that appears only when it first counts cannot be alerted on.
    fn name_all_reasons(&self, no_session_reasons: &[&str]) {
        for error in HeadError::ALL {
            self.malformed.with_label_values(&[error.label()]);
        }
        for reason in no_session_reasons {
            self.no_session.with_label_values(&[reason]);
        }
        for limit in Limit::ALL {
            self.limited.with_label_values(&[limit.label()]);
        }
        for reason in PROXY_HEADER_REASONS {
            self.proxy_headers.with_label_values(&[reason]);
        }
        for end in Http2End::ALL {
            self.http2_ends.with_label_values(&[end.label()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_outcome_is_there_from_the_start() {
        let text = Metrics::new(&["forged"]).render(&Levels { routes: 7, ..Levels::default() });
        for line in [
            "arca_edge_requests_total{outcome=\"cut\",source=\"edge\"} 0",
            "arca_edge_malformed_requests_total{reason=\"framing\"} 0",
            "arca_edge_no_session_total{reason=\"forged\"} 0",
            "arca_edge_cut_total{kind=\"socket\"} 0",
            "arca_edge_routes 7",
        ] {
            assert!(text.contains(line), "{line} not in {text}");
        }
    }
}
