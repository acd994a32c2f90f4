//! What Prometheus is told. No label has a value that a visitor could choose.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::StatusCode;
use prometheus::proto::MetricType;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::awake_status::{AwakeFor, AwakeStatus};
use crate::gateway_status::{GatewayStatus, Phase, Reason};
use crate::http::guard::IdentityRefusal;
use crate::memory;

/// Which part of the agent answered.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Page,
    Config,
    Settings,
    Files,
    Socket,
    ControlUi,
    Health,
    Logs,
    Metrics,
    Guard,
    Telegram,
    Nothing,
}

#[derive(Debug, Clone, Copy)]
pub enum Direction {
    ToGateway,
    ToPage,
}

#[derive(Debug, Clone, Copy)]
pub enum LinkOutcome {
    Open,
    NotYet,
    Refused,
    Unreachable,
}

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    identities_refused: IntCounterVec,
    requests_refused: IntCounterVec,
    links: IntCounterVec,
    links_lost: IntCounter,
    to_gateway: Relay,
    to_page: Relay,
    sockets: IntGauge,
    gateway_phase: IntGaugeVec,
    gateway_reason: IntGaugeVec,
    gateway_restarts: IntGauge,
    memory: IntGauge,
    gateway_memory: IntGauge,
    awake: IntCounterVec,
}

struct Relay {
    bytes: IntCounter,
    seconds: Histogram,
}

impl Metrics {
    pub fn new() -> Self {
        let registry = Registry::new();
        let counters = |name, help, labels: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(name, help), labels);
            registered(&registry, vector.expect("our own names are valid"))
        };
        let gauge = |name, help| {
            registered(&registry, IntGauge::new(name, help).expect("our own names are valid"))
        };
        let relay_bytes = counters(
            "arca_agent_relayed_bytes_total",
            "Bytes of frames relayed between page and gateway",
            &["direction"],
        );
        let relay_seconds = registered(&registry, relay_seconds());
        let relay = |direction: &str| Relay {
            bytes: relay_bytes.with_label_values(&[direction]),
            seconds: relay_seconds.with_label_values(&[direction]),
        };
        let links_lost =
            IntCounter::new("arca_agent_links_lost_total", "Links to the gateway that broke");
        let gauges = |name, help, label: &str| {
            let vector = IntGaugeVec::new(Opts::new(name, help), &[label]);
            registered(&registry, vector.expect("our own names are valid"))
        };
        Self {
            requests: counters(
                "arca_agent_requests_total",
                "Requests by the part that answered and the status",
                &["part", "status"],
            ),
            identities_refused: counters(
                "arca_agent_identities_refused_total",
                "Requests without a valid identity, by reason",
                &["reason"],
            ),
            requests_refused: counters(
                "arca_agent_gateway_requests_refused_total",
                "Gateway requests of the page that the agent answered itself, by reason",
                &["reason"],
            ),
            links: counters(
                "arca_agent_links_total",
                "Attempts to link a page to the gateway, by outcome",
                &["outcome"],
            ),
            links_lost: registered(&registry, links_lost.expect("our own names are valid")),
            to_gateway: relay("to_gateway"),
            to_page: relay("to_page"),
            sockets: gauge("arca_agent_sockets", "WebSockets of pages that are open"),
            gateway_phase: gauges(
                "arca_agent_gateway_phase",
                "1 for the phase the gateway is in",
                "phase",
            ),
            gateway_reason: gauges(
                "arca_agent_gateway_reason",
                "1 for the reason why the gateway is in its phase",
                "reason",
            ),
            gateway_restarts: gauge(
                "arca_agent_gateway_restarts",
                "How often the gateway was started again since the agent runs",
            ),
            memory: gauge("arca_agent_resident_memory_bytes", "Resident memory of the agent"),
            gateway_memory: gauge(
                "arca_agent_gateway_resident_memory_bytes",
                "Resident memory of the gateway, without its helper processes; 0 when unknown",
            ),
            awake: counters(
                "arca_agent_awake_seconds_total",
                "Seconds for which the machine was awake, by what for: starting, working, due, untold hold it, page is one that is open",
                &["reason"],
            ),
            registry,
        }
    }

    pub fn answered(&self, part: Part, status: StatusCode) {
        let part = match part {
            Part::Page => "page",
            Part::Config => "config",
            Part::Settings => "settings",
            Part::Files => "files",
            Part::Socket => "socket",
            Part::ControlUi => "control_ui",
            Part::Health => "health",
            Part::Logs => "logs",
            Part::Metrics => "metrics",
            Part::Guard => "guard",
            Part::Telegram => "telegram",
            Part::Nothing => "nothing",
        };
        self.requests.with_label_values(&[part, status.as_str()]).inc();
    }

    pub fn identity_refused(&self, refusal: IdentityRefusal) {
        self.identities_refused.with_label_values(&[refusal.label()]).inc();
    }

    /// `reason` is one of a handful of our own words.
    pub fn request_refused(&self, reason: &'static str) {
        self.requests_refused.with_label_values(&[reason]).inc();
    }

    pub fn link(&self, outcome: LinkOutcome) {
        let outcome = match outcome {
            LinkOutcome::Open => "open",
            LinkOutcome::NotYet => "not_yet",
            LinkOutcome::Refused => "refused",
            LinkOutcome::Unreachable => "unreachable",
        };
        self.links.with_label_values(&[outcome]).inc();
    }

    pub fn link_lost(&self) {
        self.links_lost.inc();
    }

    /// One frame of `size` bytes has passed and was `held` by us that long.
    pub fn relayed(&self, direction: Direction, size: usize, held: Duration) {
        let relay = match direction {
            Direction::ToGateway => &self.to_gateway,
            Direction::ToPage => &self.to_page,
        };
        relay.bytes.inc_by(size as u64);
        relay.seconds.observe(held.as_secs_f64());
    }

    /// The text for a scrape.
    pub fn scrape(&self, gateway: &GatewayStatus, sockets: usize, awake: &AwakeStatus) -> String {
        self.read_now(gateway, sockets, awake);
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("our own metrics are consistent")
    }

    /// The same as numbers by name and labels; of a histogram, how often and how much in all.
    pub fn values(
        &self,
        gateway: &GatewayStatus,
        sockets: usize,
        awake: &AwakeStatus,
    ) -> BTreeMap<String, f64> {
        self.read_now(gateway, sockets, awake);
        let mut values = BTreeMap::new();
        for family in self.registry.gather() {
            for metric in family.get_metric() {
                let labels = metric.get_label();
                let labels: Vec<_> = labels
                    .iter()
                    .map(|label| format!("{}=\"{}\"", label.name(), label.value()))
                    .collect();
                let name = |ending: &str| match labels.is_empty() {
                    true => format!("{}{ending}", family.name()),
                    false => format!("{}{ending}{{{}}}", family.name(), labels.join(",")),
                };
                match family.get_field_type() {
                    MetricType::COUNTER => {
                        values.insert(name(""), metric.get_counter().get_value());
                    }
                    MetricType::HISTOGRAM => {
                        let histogram = metric.get_histogram();
                        values.insert(name("_count"), histogram.get_sample_count() as f64);
                        values.insert(name("_sum"), histogram.get_sample_sum());
                    }
                    _ => {
                        values.insert(name(""), metric.get_gauge().get_value());
                    }
                }
            }
        }
        values
    }

    /// What is not counted as it happens.
    fn read_now(&self, gateway: &GatewayStatus, sockets: usize, awake: &AwakeStatus) {
        for reason in AwakeFor::ALL {
            let counted = self.awake.with_label_values(&[reason.label()]);
            counted.inc_by(awake.seconds(reason).saturating_sub(counted.get()));
        }
        for phase in Phase::ALL {
            let is_in = i64::from(gateway.phase == phase);
            self.gateway_phase.with_label_values(&[phase.label()]).set(is_in);
        }
        for reason in Reason::ALL {
            let is_so = i64::from(gateway.reason == reason);
            self.gateway_reason.with_label_values(&[reason.label()]).set(is_so);
        }
        set(&self.gateway_restarts, gateway.restarts);
        set(&self.sockets, sockets as u64);
        set(&self.memory, memory::resident_bytes(std::process::id()).unwrap_or(0));
        set(&self.gateway_memory, gateway.pid.and_then(memory::resident_bytes).unwrap_or(0));
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// From 20 µs, ten times the usual; 0.3 ms is the bar, above 0.1 s a page was slow to read.
fn relay_seconds() -> HistogramVec {
    let options = HistogramOpts::new(
        "arca_agent_relay_seconds",
        "From a frame's arrival until it is written to the other side",
    )
    .buckets(vec![0.000_02, 0.000_05, 0.000_1, 0.000_3, 0.001, 0.01, 0.1, 1.0]);
    HistogramVec::new(options, &["direction"]).expect("our own names are valid")
}

fn registered<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> C {
    registry.register(Box::new(collector.clone())).expect("each name is registered once");
    collector
}

fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}
