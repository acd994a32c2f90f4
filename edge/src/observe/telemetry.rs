//! One request from its head to its end: measured, counted and logged whatever ends it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use shared::RequestId;
use shared::process::time::unix_millis;

use super::access_log::AccessLog;
use super::labels::{Outcome, Source};
use super::metrics::Metrics;
use crate::client_stream::Arrival;
use crate::head::{Head, HeadError};
use crate::limits::LOG_FIELD_MAX_BYTES;

/// Where requests are counted and logged.
pub(crate) struct Telemetry {
    pub metrics: Metrics,
    pub access_log: AccessLog,
}

impl Telemetry {
    /// A request whose head was refused before anything of it was believed.
    pub(crate) fn refused_head(&self, request: RequestId, address: IpAddr, error: HeadError) {
        let Self { metrics, access_log } = self;
        metrics.count_malformed(error);
        metrics.count(Source::Client, Outcome::Refused);
        if access_log.is_on() {
            access_log.write(&log_line(&LogEntry {
                time: unix_millis(),
                request_id: request.to_string(),
                address,
                method: "",
                host: "",
                path: "",
                status: error.status(),
                source: Source::Client.label(),
                outcome: Outcome::Refused.label(),
                protocol: None,
                tls: None,
                reason: Some(error.label()),
                seconds: 0.0,
                added_seconds: None,
            }));
        }
    }
}

/// Counted and logged when it is dropped, which also happens to a request that is cut off.
pub(crate) struct RequestRecord {
    telemetry: Arc<Telemetry>,
    request: RequestId,
    started: Instant,
    /// When the request went on, when the head of an answer came back, and when
    /// the client had it.
    sent: Option<Instant>,
    answered: Option<Instant>,
    relayed: Option<Instant>,
    source: Source,
    status: u16,
    /// The answer did not come to its end.
    broken: bool,
    revoked: bool,
    line: Option<Box<Line>>,
}

/// What only the access log needs to know.
struct Line {
    arrival: Arrival,
    protocol: &'static str,
    method: String,
    host: String,
    path: String,
}

/// At most [`LOG_FIELD_MAX_BYTES`], cut between two characters.
fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(LOG_FIELD_MAX_BYTES)].to_owned()
}

impl RequestRecord {
    pub(crate) fn begin(
        telemetry: &Arc<Telemetry>,
        request: RequestId,
        arrival: Arrival,
        head: &Head<'_>,
    ) -> Self {
        let protocol = telemetry.metrics.count_protocol(arrival, head);
        let line = telemetry.access_log.is_on().then(|| {
            let [method, host, path] = [head.method, head.host, head.path()].map(bounded);
            Box::new(Line { arrival, protocol, method, host, path })
        });
        Self {
            telemetry: Arc::clone(telemetry),
            request,
            started: Instant::now(),
            sent: None,
            answered: None,
            relayed: None,
            source: Source::Client,
            status: 0,
            broken: false,
            revoked: false,
            line,
        }
    }

    pub(crate) fn request(&self) -> RequestId {
        self.request
    }

    /// Access was taken away.
    pub(crate) fn revoked(&mut self) {
        self.revoked = true;
    }

    /// Has an answer begun? Then no other can be given.
    pub(crate) fn has_response(&self) -> bool {
        self.answered.is_some()
    }

    /// The request goes on to a sprite or the site now. Again for a retry.
    pub(crate) fn sent(&mut self) {
        self.sent = Some(Instant::now());
    }

    /// The head of an answer is there.
    pub(crate) fn answered(&mut self, source: Source, status: u16) {
        self.answered = Some(Instant::now());
        (self.source, self.status, self.broken) = (source, status, false);
    }

    /// The client has the head of the answer.
    pub(crate) fn relayed(&mut self) {
        self.relayed = Some(Instant::now());
    }

    /// There is no whole answer, and that is `source`'s doing.
    pub(crate) fn failed(&mut self, source: Source) {
        (self.source, self.broken) = (source, true);
    }

    fn end(&self) -> (Source, Outcome) {
        if self.revoked {
            (Source::Edge, Outcome::Revoked)
        } else if !self.broken {
            (self.source, Outcome::of_status(self.status))
        } else if self.source == Source::Client {
            (Source::Client, Outcome::Aborted)
        } else {
            (self.source, Outcome::Failed)
        }
    }

    /// Time that was ours: until the request went on, and for request the head
    /// of the answer. How long its body takes is up to the sprite and the client.
    fn added_seconds(&self) -> Option<f64> {
        let before = self.sent?.duration_since(self.started);
        let after = self.relayed?.duration_since(self.answered?);
        Some((before + after).as_secs_f64())
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let now = Instant::now();
        let (source, outcome) = self.end();
        let Telemetry { metrics, access_log } = &*self.telemetry;
        metrics.count(source, outcome);
        let seconds = now.duration_since(self.started).as_secs_f64();
        let added = self.added_seconds();
        if outcome == Outcome::Upgraded {
            metrics.tunnel_seconds.observe(seconds);
        } else {
            metrics.request_seconds.observe(seconds);
            if let Some(added) = added {
                metrics.added_seconds.observe(added);
            }
        }
        let Some(line) = self.line.take() else { return };
        let entry = LogEntry {
            time: unix_millis(),
            request_id: self.request.to_string(),
            address: line.arrival.address,
            method: &line.method,
            host: &line.host,
            path: &line.path,
            status: self.status,
            source: source.label(),
            outcome: outcome.label(),
            protocol: Some(line.protocol),
            tls: line.arrival.tls,
            reason: None,
            seconds,
            added_seconds: added.filter(|_| outcome != Outcome::Upgraded),
        };
        access_log.write(&log_line(&entry));
    }
}

/// One line of the access log. `time` is in unix milliseconds.
#[derive(Serialize)]
struct LogEntry<'a> {
    time: u64,
    request_id: String,
    address: IpAddr,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    status: u16,
    source: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'static str>,
    /// Why a head was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_seconds: Option<f64>,
}

fn log_line(entry: &LogEntry<'_>) -> Vec<u8> {
    let mut text = serde_json::to_vec(entry).expect("a log entry is JSON");
    text.push(b'\n');
    text
}
