//! What Prometheus may know. No label has values that customers choose.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use shared::Generation;
use shared::wire::Applied;

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    sign_ins: IntCounterVec,
    webhooks: IntCounterVec,
    checkouts: IntCounterVec,
    certificate_orders: IntCounterVec,
    pub certificate_seconds: IntGauge,
    pub certificate_failures: IntGauge,
    pub passwords_occupied: IntGauge,
    pub generation: IntGauge,
    pub database_writable: IntGauge,
    pub corrupt_rows: IntGauge,
    pub routes: IntGauge,
    pub locks: IntGauge,
    pub sprites: IntGaugeVec,
    preparations: IntCounterVec,
    pub tasks: IntGaugeVec,
    pub tasks_oldest: IntGaugeVec,
    task_attempts: IntCounterVec,
    mails: IntCounterVec,
    tickets: IntCounterVec,
    edge_generation: IntGaugeVec,
    pub edge_lag: IntGaugeVec,
    pub edge_reachable: IntGaugeVec,
    edge_pushes: IntCounterVec,
    edge_failures: IntCounterVec,
    edge_cuts: IntCounterVec,
}

/// The metrics of one edge.
#[derive(Clone)]
pub struct EdgeMetrics {
    all: Arc<Metrics>,
    name: String,
}

impl Metrics {
    /// # Panics
    /// When two metrics have one name, which is ours to prevent.
    pub fn new() -> Arc<Self> {
        let make = Maker(Registry::new());
        Arc::new(Self {
            requests: make.counters("requests_total", "Requests answered", &["listener", "status"]),
            request_seconds: make.histograms("request_seconds", "Time to answer", &["listener"]),
            sign_ins: make.counters("sign_ins_total", "Attempts to sign in", &["outcome"]),
            checkouts: make.counters(
                "checkouts_total",
                "Sign-up forms, by what came of them",
                &["outcome"],
            ),
            webhooks: make.counters("webhooks_total", "Deliveries of Stripe's", &["outcome"]),
            certificate_orders: make.counters(
                "certificate_orders_total",
                "Certificates that were ordered, by what came of it",
                &["outcome"],
            ),
            certificate_seconds: make.gauge(
                "certificate_seconds",
                "Until the certificate that control obtains expires; 0 without one",
            ),
            certificate_failures: make
                .gauge("certificate_failures", "Attempts in a row that brought no certificate"),
            passwords_occupied: make
                .gauge("passwords_occupied", "Passwords being checked or waiting"),
            generation: make.gauge("generation", "Generation of the route table"),
            database_writable: make.gauge("database_writable", "1 while the database takes writes"),
            corrupt_rows: make.gauge(
                "corrupt_rows",
                "Rows of the database that could not be read since the start",
            ),
            routes: make.gauge("routes", "Routes in the table"),
            locks: make.gauge("locks", "Locks in the table"),
            sprites: make.gauges("sprites", "Sprites of ours", &["state"]),
            preparations: make.counters(
                "sprite_preparations_total",
                "Preparations of sprites that ended",
                &["outcome"],
            ),
            tasks: make.gauges("tasks", "Tasks in the queue", &["kind", "state"]),
            tasks_oldest: make.gauges(
                "tasks_oldest_waiting_seconds",
                "Age of the oldest task that waits, from when it was first due",
                &["kind"],
            ),
            task_attempts: make.counters(
                "task_attempts_total",
                "Attempts at tasks that this process ended",
                &["kind", "outcome"],
            ),
            mails: make.counters("mails_total", "What became of letters", &["letter", "outcome"]),
            tickets: make.counters("tickets_total", "What became of tickets", &["outcome"]),
            edge_generation: make.gauges("edge_generation", "Generation an edge serves", &["edge"]),
            edge_lag: make.gauges("edge_lag", "Generations an edge is behind", &["edge"]),
            edge_reachable: make.gauges("edge_reachable", "1 while an edge answers", &["edge"]),
            edge_pushes: make.counters(
                "edge_pushes_total",
                "Calls that brought an edge changes or the table",
                &["edge", "kind", "outcome"],
            ),
            edge_failures: make.counters("edge_failures_total", "Failed attempts", &["edge"]),
            edge_cuts: make.counters("edge_cuts_total", "Live connections cut", &["edge", "kind"]),
            registry: make.0,
        })
    }

    pub fn for_edge(self: &Arc<Self>, name: &str) -> EdgeMetrics {
        EdgeMetrics { all: Arc::clone(self), name: name.to_owned() }
    }

    pub fn request(&self, listener: &'static str, status: u16, took: Duration) {
        let status = status.to_string();
        self.requests.with_label_values(&[listener, &status]).inc();
        self.request_seconds.with_label_values(&[listener]).observe(took.as_secs_f64());
    }

    pub fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.with_label_values(&[outcome]).inc();
    }

    /// `done` or `failed`.
    pub fn preparation(&self, outcome: &'static str) {
        self.preparations.with_label_values(&[outcome]).inc();
    }

    /// `kind` and `outcome` as the queue names them.
    pub fn task_attempt(&self, kind: &'static str, outcome: &'static str) {
        self.task_attempts.with_label_values(&[kind, outcome]).inc();
    }

    /// `letter` is a kind of letter.
    pub fn mail(&self, letter: &'static str, outcome: &'static str) {
        self.mails.with_label_values(&[letter, outcome]).inc();
    }

    /// `issued` or `failed`.
    pub fn certificate_order(&self, outcome: &'static str) {
        self.certificate_orders.with_label_values(&[outcome]).inc();
    }

    pub fn ticket(&self, outcome: &'static str) {
        self.tickets.with_label_values(&[outcome]).inc();
    }

    pub fn checkout(&self, outcome: &'static str) {
        self.checkouts.with_label_values(&[outcome]).inc();
    }

    pub fn webhook(&self, outcome: &'static str) {
        self.webhooks.with_label_values(&[outcome]).inc();
    }

    /// In the text format that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        let families = self.registry.gather();
        TextEncoder::new().encode(&families, &mut text).expect("writing to memory");
        String::from_utf8(text).expect("the text format is UTF-8")
    }
}

impl EdgeMetrics {
    /// Tells no more what an edge serves that is none any more.
    pub fn forget(&self) {
        // It may never have been heard of.
        let _untold = self.all.edge_generation.remove_label_values(&[&self.name]);
    }

    pub fn answered(&self, generation: Generation) {
        let generation = i64::try_from(generation.0).unwrap_or(i64::MAX);
        self.all.edge_generation.with_label_values(&[&self.name]).set(generation);
    }

    pub fn failed(&self) {
        self.edge_counter(&self.all.edge_failures).inc();
    }

    pub fn pushed(&self, kind: &'static str, is_ok: bool) {
        let outcome = if is_ok { "ok" } else { "failed" };
        self.all.edge_pushes.with_label_values(&[self.name.as_str(), kind, outcome]).inc();
    }

    pub fn cut(&self, applied: &Applied) {
        let cuts = &self.all.edge_cuts;
        cuts.with_label_values(&[self.name.as_str(), "socket"]).inc_by(applied.sockets_cut);
        cuts.with_label_values(&[self.name.as_str(), "request"]).inc_by(applied.requests_cut);
    }

    fn edge_counter(&self, counters: &IntCounterVec) -> IntCounter {
        counters.with_label_values(&[&self.name])
    }
}

/// Makes metrics and registers them; every name begins with `arca_control_`.
struct Maker(Registry);

impl Maker {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(opts(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(opts(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(opts(name, help)))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.register(HistogramVec::new(histogram_opts(name, help), labels))
    }

    fn register<M: prometheus::core::Collector + Clone + 'static>(
        &self,
        metric: prometheus::Result<M>,
    ) -> M {
        let metric = metric.expect("names and labels of ours are valid");
        self.0.register(Box::new(metric.clone())).expect("no two metrics have one name");
        metric
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("arca_control_{name}"), help)
}

fn histogram_opts(name: &str, help: &str) -> HistogramOpts {
    let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    HistogramOpts::new(format!("arca_control_{name}"), help).buckets(buckets)
}
