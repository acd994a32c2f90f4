//! One span for each request, on its way to whoever collects them.
//!
//! A request never waits for that: what there is no room for is dropped and counted.

use std::net::IpAddr;
use std::time::Duration;

use prometheus::IntCounter;
use shared::RequestId;
use shared::process::time::unix_millis;
use tokio::sync::mpsc;

use super::trace::Trace;
use crate::head::Head;
use crate::limits::{LOG_FIELD_MAX_BYTES, SPANS_WAITING_MAX};

/// A request that has ended, as a collector is told of it.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) request: RequestId,
    pub(crate) method: String,
    pub(crate) host: String,
    /// Without the query: sign-in codes travel in queries.
    pub(crate) path: String,
    pub(crate) address: IpAddr,
    pub(crate) protocol: &'static str,
    pub(crate) status: u16,
    pub(crate) source: &'static str,
    pub(crate) outcome: &'static str,
    /// Since 1970.
    pub(crate) ended: Duration,
    pub(crate) lasted: Duration,
    /// From the request's going on to the head of the answer.
    pub(crate) upstream: Option<Duration>,
}

/// Where spans are left. There is none where nobody collects them.
pub(crate) struct Spans {
    queue: mpsc::Sender<Span>,
    dropped: IntCounter,
}

/// Where they are taken from.
pub(crate) type SpanQueue = mpsc::Receiver<Span>;

impl Spans {
    /// `dropped` counts those for which there was no room.
    pub(crate) fn new(dropped: IntCounter) -> (Self, SpanQueue) {
        let (queue, spans) = mpsc::channel(SPANS_WAITING_MAX);
        (Self { queue, dropped }, spans)
    }

    fn leave(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }
}

/// The span of a request that is under way.
pub(super) struct OpenSpan {
    trace: Trace,
    method: String,
    host: String,
    path: String,
    address: IpAddr,
    protocol: &'static str,
}

/// What has become of it.
pub(super) struct Ended {
    pub(super) request: RequestId,
    pub(super) status: u16,
    pub(super) source: &'static str,
    pub(super) outcome: &'static str,
    pub(super) lasted: Duration,
    pub(super) upstream: Option<Duration>,
}

impl OpenSpan {
    pub(super) fn begin(
        head: &Head<'_>,
        request: RequestId,
        address: IpAddr,
        protocol: &'static str,
    ) -> Self {
        Self {
            trace: Trace::of(head, request),
            method: bounded(head.method),
            host: bounded(head.host),
            path: bounded(head.path()),
            address,
            protocol,
        }
    }

    pub(super) fn traceparent(&self) -> [u8; 55] {
        self.trace.traceparent()
    }

    pub(super) fn end(self, ended: &Ended, spans: &Spans) {
        let Self { trace, method, host, path, address, protocol } = self;
        if !trace.is_sampled {
            return;
        }
        let Ended { request, status, source, outcome, lasted, upstream } = *ended;
        spans.leave(Span {
            trace: trace.id,
            id: trace.span,
            parent: trace.parent,
            request,
            method,
            host,
            path,
            address,
            protocol,
            status,
            source,
            outcome,
            ended: Duration::from_millis(unix_millis()),
            lasted,
            upstream,
        });
    }
}

fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(LOG_FIELD_MAX_BYTES)].to_owned()
}
