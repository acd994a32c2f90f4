//! What Prometheus scrapes. No label has values that a customer chooses.

use std::time::Duration;

use prometheus::{
    Encoder as _, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder,
};

use super::labels::{Http2End, Limit, Outcome, Source};
use crate::head::{Head, HeadError};
use crate::tls::HandshakeError;
use crate::upstream::{ConnectError, ResolveError};
use shared::process::time::unix_millis;

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

/// Levels that others know and this module asks for when it is scraped.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Levels {
    pub connections: u64,
    pub tunnels: u64,
    pub requests_in_flight: u64,
    pub(crate) held: u64,
    pub(crate) given_up: u64,
    pub routes: u64,
    pub locks: u64,
    pub generation: u64,
    pub ready: bool,
    pub store_behind: bool,
    /// Connections to sprites and control that wait for the next request.
    pub(crate) kept: u64,
    /// Until the first certificate expires, seconds; zero without TLS, or when one has.
    pub certificate_seconds: u64,
}

type ReadLevel = fn(&Levels) -> u64;

const LEVELS: usize = 12;

pub(crate) struct Metrics {
    registry: Registry,
    /// By source, then outcome: found by index, because this is counted for every request.
    requests: [[IntCounter; Outcome::ALL.len()]; Source::ALL.len()],
    malformed: IntCounterVec,
    no_session: IntCounterVec,
    handshakes: IntCounterVec,
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
    handshake_seconds: Histogram,
    connect_seconds: Histogram,
    /// In the order of [`CONNECT_FAILURES`].
    connect_failures: [IntCounter; CONNECT_FAILURES.len()],
    /// Of a kept connection, and of a new one.
    upstream_requests: [IntCounter; CONNECTION_AGES.len()],
    wake_seconds: Histogram,
    probes: IntCounterVec,
    pub(crate) sprites_given_up: IntCounter,
    sprites_recovered: IntCounter,
    revoked: IntCounterVec,
    limited: IntCounterVec,
    levels: [(IntGauge, ReadLevel); LEVELS],
}

impl Metrics {
    /// `no_session_reasons` are all the labels that [`Metrics::count_no_session`] will be given.
    pub(crate) fn new(no_session_reasons: &[&str]) -> Self {
        let registry = Registry::new();
        let requests = counters(
            &registry,
            "arca_edge_requests_total",
            "Requests by how they ended and by whom",
            &["source", "outcome"],
        );
        let started =
            Gauge::new("arca_edge_started_seconds", "When this process started, in unix seconds")
                .expect(OWN_NAMES);
        started.set(unix_millis() as f64 / 1_000.0);
        registry.register(Box::new(started)).expect(OWN_NAMES);
        let protocols = counters(
            &registry,
            "arca_edge_protocol_requests_total",
            "Requests that were understood, by the version of HTTP",
            &["version"],
        );
        let connect_failures = counters(
            &registry,
            "arca_edge_upstream_connect_failures_total",
            "Connections to sprites and to control that were not made, by reason",
            &["reason"],
        );
        let upstream_requests = counters(
            &registry,
            "arca_edge_upstream_requests_total",
            "Requests sent to sprites and to control, by whether their connection was kept for them",
            &["connection"],
        );
        let metrics = Self {
            connect_failures: CONNECT_FAILURES
                .map(|reason| connect_failures.with_label_values(&[reason])),
            upstream_requests: CONNECTION_AGES
                .map(|age| upstream_requests.with_label_values(&[age])),
            handshake_seconds: histogram(
                &registry,
                "arca_edge_tls_handshake_seconds",
                "From the first byte of a client that comes by TLS to the end of its handshake",
                &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1., 5.],
            ),
            connect_seconds: histogram(
                &registry,
                "arca_edge_upstream_connect_seconds",
                "What it takes to reach a sprite or control, the look-up of its name and TLS included",
                &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 5.],
            ),
            spans_dropped: counter(
                &registry,
                "arca_edge_spans_dropped_total",
                "Spans for which there was no room, or that their collector did not take",
            ),
            protocols: PROTOCOLS.map(|version| protocols.with_label_values(&[version])),
            proxy_headers: counters(
                &registry,
                "arca_edge_proxy_headers_refused_total",
                "Connections of trusted proxies without a PROXY header, by reason",
                &["reason"],
            ),
            http2_ends: counters(
                &registry,
                "arca_edge_http2_connections_ended_total",
                "Connections of HTTP/2 that have ended, by reason",
                &["reason"],
            ),
            http2_streams: gauge(
                &registry,
                "arca_edge_http2_streams",
                "Requests over HTTP/2 that are under way, WebSockets included",
            ),
            requests: Source::ALL.map(|source| {
                Outcome::ALL
                    .map(|outcome| requests.with_label_values(&[source.label(), outcome.label()]))
            }),
            malformed: counters(
                &registry,
                "arca_edge_malformed_requests_total",
                "Requests refused before they were understood, by reason",
                &["reason"],
            ),
            no_session: counters(
                &registry,
                "arca_edge_no_session_total",
                "Requests to workspaces without a valid session, by reason",
                &["reason"],
            ),
            handshakes: counters(
                &registry,
                "arca_edge_tls_handshakes_total",
                "TLS handshakes with clients by how they ended",
                &["outcome"],
            ),
            request_seconds: histogram(
                &registry,
                "arca_edge_request_seconds",
                "From the whole head of a request to the end of its answer",
                &[
                    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 2.5, 10.,
                    60.,
                ],
            ),
            added_seconds: histogram(
                &registry,
                "arca_edge_added_seconds",
                "The part of a forwarded request that was ours, before it was sent on and after its answer came",
                &[
                    0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.1,
                    1.,
                ],
            ),
            tunnel_seconds: histogram(
                &registry,
                "arca_edge_tunnel_seconds",
                "How long WebSockets lived",
                &[1., 10., 60., 300., 1_800., 3_600., 14_400., 86_400.],
            ),
            connections_refused: counter(
                &registry,
                "arca_edge_connections_refused_total",
                "Connections refused because there were too many, in all or from one address",
            ),
            access_lines_dropped: counter(
                &registry,
                "arca_edge_access_lines_dropped_total",
                "Access log lines for which there was no room",
            ),
            wake_seconds: histogram(
                &registry,
                "arca_edge_wake_seconds",
                "From a sprite's first failure to its next sign of life",
                &[0.1, 0.25, 0.5, 1., 2., 5., 10., 15., 30., 60., 300.],
            ),
            probes: counters(
                &registry,
                "arca_edge_probes_total",
                "How often a sprite was asked whether it is awake",
                &["outcome"],
            ),
            sprites_given_up: counter(
                &registry,
                "arca_edge_sprites_given_up_total",
                "Sprites that did not wake in time: requests are refused at once from then on",
            ),
            sprites_recovered: counter(
                &registry,
                "arca_edge_sprites_recovered_total",
                "Sprites that were given up and answered again",
            ),
            revoked: counters(
                &registry,
                "arca_edge_cut_total",
                "Live WebSockets and requests ended because access was taken away",
                &["kind"],
            ),
            limited: counters(
                &registry,
                "arca_edge_limited_total",
                "Connections and requests refused, by the limit that they met",
                &["limit"],
            ),
            levels: levels(&registry),
            registry,
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
        self.revoked.with_label_values(&["socket"]).inc();
    }

    pub(crate) fn count_revoked_request(&self) {
        self.revoked.with_label_values(&["request"]).inc();
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

    /// A sprite has given a sign of life behind failures, or while somebody waited.
    pub(crate) fn woken(&self, after: Duration, was_given_up: bool) {
        self.wake_seconds.observe(after.as_secs_f64());
        if was_given_up {
            self.sprites_recovered.inc();
        }
    }

    pub(crate) fn count_probe(&self, is_awake: bool) {
        self.probes.with_label_values(&[PROBE_OUTCOMES[usize::from(is_awake)]]).inc();
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

    /// A connection to a sprite or to control was made, or was not.
    pub(crate) fn connected(&self, result: Result<Duration, &ConnectError>) {
        match result {
            Ok(time) => self.connect_seconds.observe(time.as_secs_f64()),
            Err(error) => self.connect_failures[failure_of(error)].inc(),
        }
    }

    /// A request goes on, on a connection that was kept for it or on a new one.
    pub(crate) fn count_upstream_request(&self, is_kept: bool) {
        self.upstream_requests[usize::from(is_kept)].inc();
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self, levels: &Levels) -> String {
        for (gauge, level) in &self.levels {
            gauge.set(i64::try_from(level(levels)).unwrap_or(i64::MAX));
        }
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
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
        for outcome in PROBE_OUTCOMES {
            self.probes.with_label_values(&[outcome]);
        }
        for kind in ["socket", "request"] {
            self.revoked.with_label_values(&[kind]);
        }
    }
}

fn levels(registry: &Registry) -> [(IntGauge, ReadLevel); LEVELS] {
    [
        (gauge(registry, "arca_edge_connections", "Open connections of clients"), |l| {
            l.connections
        }),
        (gauge(registry, "arca_edge_tunnels", "Open WebSockets"), |l| l.tunnels),
        (gauge(registry, "arca_edge_requests_in_flight", "Requests at sprites"), |l| {
            l.requests_in_flight
        }),
        (
            gauge(registry, "arca_edge_requests_held", "Requests that wait for a sprite to wake"),
            |l| l.held,
        ),
        (gauge(registry, "arca_edge_sprites_given_up", "Sprites that are given up"), |l| {
            l.given_up
        }),
        (gauge(registry, "arca_edge_routes", "Routes that are served"), |l| l.routes),
        (gauge(registry, "arca_edge_locks", "Locks that are held"), |l| l.locks),
        (gauge(registry, "arca_edge_generation", "Generation of the route table"), |l| {
            l.generation
        }),
        (gauge(registry, "arca_edge_ready", "1 when the route table is complete"), |l| {
            u64::from(l.ready)
        }),
        (
            gauge(
                registry,
                "arca_edge_upstream_connections_kept",
                "Connections to sprites and to control that wait for the next request",
            ),
            |l| l.kept,
        ),
        (
            gauge(
                registry,
                "arca_edge_store_behind",
                "1 while a change is served that is not on disk yet",
            ),
            |l| u64::from(l.store_behind),
        ),
        (
            gauge(
                registry,
                "arca_edge_certificate_seconds",
                "Until the first certificate expires; 0 without TLS",
            ),
            |l| l.certificate_seconds,
        ),
    ]
}

/// Why somebody was not reached.
const CONNECT_FAILURES: [&str; 4] = ["name", "policy", "refused", "timeout"];

fn failure_of(error: &ConnectError) -> usize {
    match error {
        ConnectError::Resolve(ResolveError::Refused(_)) => 1,
        ConnectError::Resolve(_) | ConnectError::Name { .. } => 0,
        ConnectError::Connect { .. } => 2,
        ConnectError::Timeout { .. } => 3,
    }
}

/// Of the connection that a request goes on by.
const CONNECTION_AGES: [&str; 2] = ["new", "kept"];

const PROBE_OUTCOMES: [&str; 2] = ["asleep", "awake"];

const OWN_NAMES: &str = "names and labels are our own and distinct";

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let counters = IntCounterVec::new(Opts::new(name, help), labels).expect(OWN_NAMES);
    registry.register(Box::new(counters.clone())).expect(OWN_NAMES);
    counters
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    let counter = IntCounter::new(name, help).expect(OWN_NAMES);
    registry.register(Box::new(counter.clone())).expect(OWN_NAMES);
    counter
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    let gauge = IntGauge::new(name, help).expect(OWN_NAMES);
    registry.register(Box::new(gauge.clone())).expect(OWN_NAMES);
    gauge
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let histogram = Histogram::with_opts(options).expect(OWN_NAMES);
    registry.register(Box::new(histogram.clone())).expect(OWN_NAMES);
    histogram
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
