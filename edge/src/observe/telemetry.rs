//! One request from its head to its end: measured, counted and logged whatever ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::RequestId;
use shared::process::time::unix_millis;

use super::access_log::AccessLog;
use super::labels::{Outcome, Source};
use super::log_line::{Asked, Became, LogLine};
use super::metrics::Metrics;
use super::spans::{Ended, OpenSpan, Spans};
use crate::client_stream::{Arrival, Traffic};
use crate::head::{Head, HeadError};
use crate::upstream::ConnectError;

/// Where requests are counted and logged.
pub(crate) struct Telemetry {
    pub metrics: Metrics,
    pub access_log: AccessLog,
    /// Where somebody collects them.
    pub(crate) spans: Option<Spans>,
}

impl Telemetry {
    /// A request whose head was refused before anything of it was believed, and which
    /// was answered.
    pub(crate) fn refused_head(&self, request: RequestId, arrival: &Arrival, error: HeadError) {
        let Self { metrics, access_log, spans: _ } = self;
        metrics.count_malformed(error);
        metrics.count(Source::Client, Outcome::Refused);
        let (bytes_in, bytes_out) = arrival.traffic.take();
        if access_log.is_on() {
            let line = LogLine::begin(request, arrival.address, arrival.tls, &Asked::default());
            let became = Became {
                status: error.status(),
                source: Source::Client.label(),
                outcome: Outcome::Refused.label(),
                reason: Some(error.label()),
                bytes_in,
                bytes_out,
                total: Duration::ZERO,
                upstream: None,
                added: None,
            };
            line.end(&became, unix_millis(), access_log);
        }
    }
}

/// Counted and logged when it is dropped, which also happens to a request that is cut off.
pub(crate) struct RequestRecord {
    telemetry: Arc<Telemetry>,
    traffic: Arc<Traffic>,
    request: RequestId,
    /// When it began, by the wall clock in unix milliseconds, and by the other.
    began_millis: u64,
    started: Instant,
    /// When its answer was whole, where somebody has looked.
    ended: Option<Instant>,
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
    line: Option<LogLine>,
    span: Option<Box<OpenSpan>>,
}

impl RequestRecord {
    /// `now_millis` is in unix milliseconds.
    pub(crate) fn begin(
        telemetry: &Arc<Telemetry>,
        request: RequestId,
        arrival: &Arrival,
        head: &Head<'_>,
        now_millis: u64,
    ) -> Self {
        let Arrival { address, tls, is_http2, traffic } = arrival;
        let protocol = telemetry.metrics.count_protocol(*is_http2, head);
        let line = telemetry.access_log.is_on().then(|| {
            let asked = Asked {
                protocol: Some(protocol),
                method: head.method,
                host: head.host,
                path: head.path(),
                user_agent: head.value("user-agent").unwrap_or_default(),
            };
            LogLine::begin(request, *address, *tls, &asked)
        });
        let open = || Box::new(OpenSpan::begin(head, request, *address, protocol));
        let span = telemetry.spans.is_some().then(open);
        Self {
            telemetry: Arc::clone(telemetry),
            traffic: Arc::clone(traffic),
            request,
            began_millis: now_millis,
            started: Instant::now(),
            ended: None,
            sent: None,
            answered: None,
            relayed: None,
            source: Source::Client,
            status: 0,
            broken: false,
            revoked: false,
            line,
            span,
        }
    }

    pub(crate) fn request(&self) -> RequestId {
        self.request
    }

    /// What the next server is told of the trace, when the edge has a span of its own in it.
    pub(crate) fn traceparent(&self) -> Option<[u8; 55]> {
        self.span.as_ref().map(|span| span.traceparent())
    }

    /// Access was taken away.
    pub(crate) fn revoked(&mut self) {
        self.revoked = true;
    }

    /// Has an answer begun? Then no other can be given.
    pub(crate) fn has_response(&self) -> bool {
        self.answered.is_some()
    }

    /// A connection was made for the request, or was not.
    pub(crate) fn connected(&self, result: Result<Duration, &ConnectError>) {
        self.telemetry.metrics.upstreams.connected(result);
    }

    /// The control that was asked is of no use now; others ask the next one as well.
    pub(crate) fn control_given_up(&self) {
        self.telemetry.metrics.upstreams.controls_given_up.inc();
    }

    /// The request goes on to a sprite or the site, on a connection that was kept for it
    /// or on a new one. Again for a retry.
    pub(crate) fn sent_at(&mut self, now: Instant, is_kept: bool) {
        self.telemetry.metrics.upstreams.count_request(is_kept);
        self.sent = Some(now);
    }

    /// The head of an answer is there.
    pub(crate) fn answered(&mut self, source: Source, status: u16) {
        self.answered = Some(Instant::now());
        (self.source, self.status, self.broken) = (source, status, false);
        if let (101, Some(line)) = (status, &mut self.line) {
            line.shrink();
        }
    }

    /// The client has the head of the answer. Says when that was.
    pub(crate) fn relayed(&mut self) -> Option<Instant> {
        self.relayed = Some(Instant::now());
        self.relayed
    }

    /// The client has the whole answer.
    pub(crate) fn ended(&mut self, now: Instant) {
        self.ended = Some(now);
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
    fn added(&self) -> Option<Duration> {
        let before = self.sent?.duration_since(self.started);
        let after = self.relayed?.duration_since(self.answered?);
        Some(before + after)
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let now = self.ended.unwrap_or_else(Instant::now);
        let (source, outcome) = self.end();
        let Telemetry { metrics, access_log, spans } = &*self.telemetry;
        metrics.count(source, outcome);
        let total = now.duration_since(self.started);
        let added = self.added().filter(|_| outcome != Outcome::Upgraded);
        if outcome == Outcome::Upgraded {
            metrics.tunnel_seconds.observe(total.as_secs_f64());
        } else {
            metrics.request_seconds.observe(total.as_secs_f64());
            if let Some(added) = added {
                metrics.added_seconds.observe(added.as_secs_f64());
            }
        }
        let upstream = self.sent.map(|sent| self.answered.unwrap_or(now).duration_since(sent));
        if let (Some(span), Some(spans)) = (self.span.take(), spans) {
            let (request, status) = (self.request, self.status);
            let (source, outcome) = (source.label(), outcome.label());
            let ended = Ended { request, status, source, outcome, lasted: total, upstream };
            span.end(&ended, spans);
        }
        let (bytes_in, bytes_out) = self.traffic.take();
        let Some(line) = self.line.take() else { return };
        let became = Became {
            status: self.status,
            source: source.label(),
            outcome: outcome.label(),
            reason: None,
            bytes_in,
            bytes_out,
            total,
            upstream,
            added,
        };
        // No third look at a clock.
        let lasted = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        line.end(&became, self.began_millis.saturating_add(lasted), access_log);
    }
}
