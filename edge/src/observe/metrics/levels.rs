//! Levels that others know, who are asked when somebody scrapes.

use prometheus::IntGauge;

use super::maker::Maker;

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

pub(super) struct LevelMetrics([(IntGauge, ReadLevel); LEVELS]);

impl LevelMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        let level = |name, help, read: ReadLevel| (make.gauge(name, help), read);
        Self([
            level("connections", "Open connections of clients", |l| l.connections),
            level("tunnels", "Open WebSockets", |l| l.tunnels),
            level("requests_in_flight", "Requests at sprites", |l| l.requests_in_flight),
            level("requests_held", "Requests that wait for a sprite to wake", |l| l.held),
            level("sprites_given_up", "Sprites that are given up", |l| l.given_up),
            level("routes", "Routes that are served", |l| l.routes),
            level("locks", "Locks that are held", |l| l.locks),
            level("generation", "Generation of the route table", |l| l.generation),
            level("ready", "1 when the route table is complete", |l| u64::from(l.ready)),
            level(
                "upstream_connections_kept",
                "Connections to sprites and to control that wait for the next request",
                |l| l.kept,
            ),
            level("store_behind", "1 while a change is served that is not on disk yet", |l| {
                u64::from(l.store_behind)
            }),
            level(
                "certificate_seconds",
                "Until the first certificate expires; 0 without TLS",
                |l| l.certificate_seconds,
            ),
        ])
    }

    pub(super) fn set(&self, levels: &Levels) {
        for (gauge, read) in &self.0 {
            gauge.set(i64::try_from(read(levels)).unwrap_or(i64::MAX));
        }
    }
}
