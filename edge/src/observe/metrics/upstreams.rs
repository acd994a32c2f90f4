//! What is counted of sprites and of control: reaching them, and waking them.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};

use super::maker::Maker;
use crate::upstream::{ConnectError, ResolveError};

/// Why somebody was not reached.
const CONNECT_FAILURES: [&str; 4] = ["name", "policy", "refused", "timeout"];

/// Of the connection that a request goes on by.
const CONNECTION_AGES: [&str; 2] = ["new", "kept"];

const PROBE_OUTCOMES: [&str; 2] = ["asleep", "awake"];

pub(crate) struct UpstreamMetrics {
    connect_seconds: Histogram,
    /// In the order of [`CONNECT_FAILURES`].
    connect_failures: [IntCounter; CONNECT_FAILURES.len()],
    /// In the order of [`CONNECTION_AGES`].
    requests: [IntCounter; CONNECTION_AGES.len()],
    pub(crate) controls_given_up: IntCounter,
    wake_seconds: Histogram,
    /// In the order of [`PROBE_OUTCOMES`].
    probes: [IntCounter; PROBE_OUTCOMES.len()],
    pub(crate) sprites_given_up: IntCounter,
    sprites_recovered: IntCounter,
}

impl UpstreamMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
            connect_seconds: make.histogram(
                "upstream_connect_seconds",
                "What it takes to reach a sprite or control, the look-up of its name and TLS included",
                &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 5.],
            ),
            connect_failures: make.counters_of(
                "upstream_connect_failures_total",
                "Connections to sprites and to control that were not made, by reason",
                ("reason", CONNECT_FAILURES),
            ),
            requests: make.counters_of(
                "upstream_requests_total",
                "Requests sent to sprites and to control, by whether their connection was kept for them",
                ("connection", CONNECTION_AGES),
            ),
            controls_given_up: make.counter(
                "controls_given_up_total",
                "How often a control did not take or answer a request, and the next one was asked from then on",
            ),
            wake_seconds: make.histogram(
                "wake_seconds",
                "From a sprite's first failure to its next sign of life",
                &[0.1, 0.25, 0.5, 1., 2., 5., 10., 15., 30., 60., 300.],
            ),
            probes: make.counters_of(
                "probes_total",
                "How often a sprite was asked whether it is awake",
                ("outcome", PROBE_OUTCOMES),
            ),
            sprites_given_up: make.counter(
                "sprites_given_up_total",
                "Sprites that did not wake in time: requests are refused at once from then on",
            ),
            sprites_recovered: make.counter(
                "sprites_recovered_total",
                "Sprites that were given up and answered again",
            ),
        }
    }

    /// A connection to a sprite or to control was made, or was not.
    pub(crate) fn connected(&self, result: Result<Duration, &ConnectError>) {
        match result {
            Ok(time) => self.connect_seconds.observe(time.as_secs_f64()),
            Err(error) => self.connect_failures[failure_of(error)].inc(),
        }
    }

    /// A request goes on, on a connection that was kept for it or on a new one.
    pub(crate) fn count_request(&self, is_kept: bool) {
        self.requests[usize::from(is_kept)].inc();
    }

    /// A sprite has given a sign of life behind failures, or while somebody waited.
    pub(crate) fn woken(&self, after: Duration, was_given_up: bool) {
        self.wake_seconds.observe(after.as_secs_f64());
        if was_given_up {
            self.sprites_recovered.inc();
        }
    }

    pub(crate) fn count_probe(&self, is_awake: bool) {
        self.probes[usize::from(is_awake)].inc();
    }
}

fn failure_of(error: &ConnectError) -> usize {
    match error {
        ConnectError::Resolve(ResolveError::Refused(_)) => 1,
        ConnectError::Resolve(_) | ConnectError::Name { .. } => 0,
        ConnectError::Connect { .. } => 2,
        ConnectError::Timeout { .. } => 3,
    }
}
