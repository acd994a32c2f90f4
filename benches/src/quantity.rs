//! What is measured, and the bars that DESIGN §9 sets for it.

use std::fmt;

use serde::{Serialize, Serializer};

/// One line of the table of figures.
#[derive(Debug, Serialize)]
pub struct Quantity {
    pub name: &'static str,
    pub unit: Unit,
    /// The figure must not exceed it; without one it is told for its own sake.
    pub bar: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Count,
    /// So many times the other's.
    Times,
    Nanoseconds,
    Milliseconds,
    Seconds,
    Bytes,
    Kibibytes,
    Mebibytes,
}

/// A quantity as it was found.
#[derive(Debug, Serialize)]
pub struct Figure {
    #[serde(flatten)]
    pub quantity: &'static Quantity,
    #[serde(serialize_with = "finite_or_null")]
    pub value: f64,
    /// How it was found, or what is needed to read it.
    pub note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    Pass,
    Over,
}

impl Quantity {
    const fn barred(name: &'static str, unit: Unit, bar: f64) -> Self {
        Self { name, unit, bar: Some(bar) }
    }

    const fn told(name: &'static str, unit: Unit) -> Self {
        Self { name, unit, bar: None }
    }

    pub fn found(&'static self, value: f64, note: impl Into<String>) -> Figure {
        Figure { quantity: self, value, note: note.into() }
    }
}

impl Figure {
    /// `None` where there is no bar. What could not be measured has not passed.
    pub fn verdict(&self) -> Option<Verdict> {
        let bar = self.quantity.bar?;
        Some(if self.value <= bar { Verdict::Pass } else { Verdict::Over })
    }
}

impl Unit {
    pub fn show(self, value: f64) -> String {
        let digits = match value.abs() {
            100.0.. => 0,
            10.0.. => 1,
            _ => 2,
        };
        format!("{value:.digits$}{self}")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Count => "",
            Self::Times => "×",
            Self::Nanoseconds => " ns",
            Self::Milliseconds => " ms",
            Self::Seconds => " s",
            Self::Bytes => " B",
            Self::Kibibytes => " KiB",
            Self::Mebibytes => " MiB",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pass => "PASS",
            Self::Over => "over",
        })
    }
}

fn finite_or_null<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    value.is_finite().then_some(*value).serialize(serializer)
}

use Unit::{Bytes, Count, Kibibytes, Mebibytes, Milliseconds, Nanoseconds, Seconds, Times};

pub const HTTP_CPU: Quantity =
    Quantity::barred("HTTP, logs on: CPU per request / nginx", Times, 1.0);
pub const HTTP_P99: Quantity = Quantity::barred("HTTP, logs on: p99 / nginx", Times, 1.0);
pub const HTTP_CPU_NO_LOG: Quantity =
    Quantity::told("HTTP, logs off: CPU per request / nginx", Times);
pub const WRK_CPU: Quantity = Quantity::barred("by wrk: CPU per request / nginx", Times, 1.0);
pub const WRK_P99: Quantity = Quantity::barred("by wrk: p99 / nginx", Times, 1.0);
pub const DOWNLOAD_CPU: Quantity = Quantity::told("HTTP, 100 KiB: CPU per request / nginx", Times);
pub const UPLOAD_CPU: Quantity = Quantity::told("POST of 1 MiB: CPU per request / nginx", Times);
pub const HTTPS_CPU: Quantity = Quantity::told("HTTPS: CPU per request / nginx", Times);
pub const HANDSHAKE_CPU: Quantity =
    Quantity::barred("TLS handshake and request: CPU / nginx", Times, 0.7);
pub const RESUMED_CPU: Quantity =
    Quantity::told("resumed TLS handshake and request: CPU / nginx", Times);
pub const HTTP2_CPU: Quantity =
    Quantity::barred("HTTP/2 by h2load: CPU per request / nginx", Times, 1.2);
pub const SOCKET_CPU: Quantity =
    Quantity::barred("WebSocket: CPU per round trip / nginx", Times, 1.0);
pub const SOCKET_P99: Quantity = Quantity::barred("WebSocket: p99 / nginx", Times, 1.0);
pub const EVENTS_CPU: Quantity = Quantity::told("SSE: CPU per event and client / nginx", Times);
pub const EVENTS_P99: Quantity = Quantity::told("SSE: p99 / nginx", Times);
pub const IDLE_HTTP: Quantity =
    Quantity::barred("memory of an idle keepalive connection", Kibibytes, 8.0);
pub const IDLE_HTTPS: Quantity =
    Quantity::barred("memory of an idle keepalive connection under TLS", Kibibytes, 24.0);
pub const IDLE_HTTP2: Quantity = Quantity::told("memory of an idle HTTP/2 connection", Kibibytes);
pub const IDLE_SOCKET: Quantity = Quantity::barred("memory of an idle WebSocket", Kibibytes, 8.0);
pub const NGINX_IDLE_HTTP: Quantity =
    Quantity::told("nginx: memory of an idle keepalive connection", Kibibytes);
pub const NGINX_IDLE_SOCKET: Quantity =
    Quantity::told("nginx: memory of an idle WebSocket", Kibibytes);

pub const CHANGE_P99: Quantity =
    Quantity::barred("route change, 1,000 routes: p99", Milliseconds, 2.0);
pub const CHANGE_P99_MANY: Quantity =
    Quantity::barred("route change, many routes: p99", Milliseconds, 2.0);
pub const CHANGE_GROWTH: Quantity =
    Quantity::barred("route change: many routes / 10 routes", Times, 1.2);
pub const DISK_SYNC: Quantity =
    Quantity::told("the disk alone: write 4 KiB and sync", Milliseconds);
pub const ROUTE_BYTES: Quantity = Quantity::barred("memory of a route", Bytes, 250.0);
pub const ROUTE_BYTES_SENT: Quantity =
    Quantity::told("memory of a route, just after its table was sent", Bytes);
pub const START: Quantity = Quantity::barred("start from disk until ready", Milliseconds, 1_000.0);
pub const START_AFTER_KILL: Quantity =
    Quantity::told("start from disk after SIGKILL until ready", Milliseconds);
pub const LOOKUP: Quantity = Quantity::barred("lookup of a random route", Nanoseconds, 150.0);

pub const CUT: Quantity = Quantity::barred("cut of 1,000 live WebSockets", Milliseconds, 100.0);
pub const CUT_MANY: Quantity = Quantity::told("cut of up to 10,000 live WebSockets", Milliseconds);
pub const CUT_BYSTANDERS: Quantity =
    Quantity::barred("another workspace's WebSockets hit by the cut", Count, 0.0);

pub const NEIGHBOUR_REQUESTS: Quantity =
    Quantity::barred("p99 of a workspace while another floods / quiet", Times, 1.5);
pub const NEIGHBOUR_RESETS: Quantity =
    Quantity::barred("p99 under a flood of HTTP/2 resets / quiet", Times, 1.5);
pub const NEIGHBOUR_CONTINUATIONS: Quantity =
    Quantity::barred("p99 under a flood of CONTINUATION frames / quiet", Times, 1.5);
pub const FLOOD_MEMORY: Quantity = Quantity::barred("memory that the floods cost", Mebibytes, 64.0);
pub const NEIGHBOUR_SLOW_HEADS: Quantity =
    Quantity::barred("p99 under slowhttptest's slow heads / quiet", Times, 1.5);
pub const NEIGHBOUR_SLOW_BODIES: Quantity =
    Quantity::barred("p99 under slowhttptest's slow bodies / quiet", Times, 1.5);
pub const NEIGHBOUR_SLOW_READS: Quantity =
    Quantity::barred("p99 under slowhttptest's slow reads / quiet", Times, 1.5);
pub const NEIGHBOUR_RANGES: Quantity =
    Quantity::barred("p99 under slowhttptest's many ranges / quiet", Times, 1.5);
pub const NEIGHBOUR_SILENCE: Quantity =
    Quantity::barred("p99 beside connections that say nothing / quiet", Times, 1.5);
pub const SLOW_MEMORY: Quantity =
    Quantity::barred("memory that the slow clients cost", Mebibytes, 128.0);

pub const AGENT_IDLE: Quantity = Quantity::barred("agent: idle memory", Mebibytes, 10.0);
pub const AGENT_START: Quantity =
    Quantity::barred("agent: start until it answers", Milliseconds, 50.0);
pub const AGENT_ADDED: Quantity =
    Quantity::barred("agent: added to a message, p99", Milliseconds, 0.3);

pub const WEBHOOK_P50: Quantity = Quantity::told("webhook answered, p50", Milliseconds);
pub const WEBHOOK_P99: Quantity = Quantity::barred("webhook answered, p99", Milliseconds, 20.0);
pub const WARM_P50: Quantity = Quantity::told("paid until live, sprite ready: p50", Seconds);
pub const WARM_P95: Quantity = Quantity::barred("paid until live, sprite ready: p95", Seconds, 5.0);
pub const LIVE_P50: Quantity = Quantity::told("paid until live, everybody: p50", Seconds);
pub const LIVE_P95: Quantity = Quantity::told("paid until live, everybody: p95", Seconds);
pub const LAST_LIVE: Quantity = Quantity::told("first payment until all are live", Seconds);
pub const OVERTAKEN: Quantity =
    Quantity::barred("sign-ups served after one that was noted later", Count, 0.0);
pub const SPRITES_OVER: Quantity =
    Quantity::barred("sprites beyond one for each sign-up", Count, 0.0);
pub const POOL_OVER: Quantity =
    Quantity::barred("sprites ready or coming, beyond the pool's size", Count, 0.0);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, shown: &str, verdict: Verdict) {
        let figure = HTTP_CPU.found(value, "");
        assert_eq!(figure.quantity.unit.show(value), shown);
        assert_eq!(figure.verdict(), Some(verdict), "{value}");
    }

    #[test]
    fn a_figure_passes_up_to_its_bar() {
        check(0.956, "0.96×", Verdict::Pass);
        check(1.0, "1.00×", Verdict::Pass);
        check(1.01, "1.01×", Verdict::Over);
        check(12.34, "12.3×", Verdict::Over);
        check(f64::NAN, "NaN×", Verdict::Over);
        assert_eq!(DISK_SYNC.found(1.0, "").verdict(), None);
    }
}
