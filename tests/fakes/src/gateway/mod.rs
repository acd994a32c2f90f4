//! A stand-in for the OpenClaw gateway, release 2026.9.6, protocol v4.
//!
//! It keeps the real one's wire contract where a client can notice:
//! handshake, scopes, limits, events, idempotency, history, readiness and
//! shutdown. It answers from [`crate::script`] instead of a model.
//!
//! `handshake` decides who comes in, `connection` carries one WebSocket,
//! `methods` answers its calls, `turn` plays an answer, `hub` brings events
//! to everyone, `session_store` remembers.

pub mod assistant;
pub mod attachments;
pub mod attribution;
pub mod command_line;
pub mod config_file;
pub mod connection;
pub mod device;
pub mod doctor;
pub mod frames;
pub mod handshake;
pub mod hello;
pub mod history;
pub mod http;
pub mod hub;
pub mod lockout;
pub mod methods;
pub mod pairings;
pub mod phase;
pub mod program;
pub mod prompts;
pub mod schema;
pub mod session_methods;
pub mod session_store;
pub mod sessions;
pub mod settings;
pub mod skills;
pub mod suspension;
pub mod telegram;
pub mod turn;
pub mod turn_events;
pub mod turns;
mod workspace_files;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{info, warn};

use self::hub::{Audience, Hub};
use self::lockout::Lockout;
use self::pairings::Pairings;
use self::phase::Phase;
use self::session_store::SessionStore;
use self::settings::Settings;
use self::turns::Turns;
use crate::clock;
use crate::ids;

/// The release this imitates.
pub const RELEASE: &str = "2026.9.6";

/// What the control UI of this release must present.
pub const BUILD_ID: &str = "2026.9.6-release-eb377ac59e6c-2026-09-23T16-33-12.144Z";

/// Time between two `tick` events: `policy.tickIntervalMs`.
const TICK: Duration = Duration::from_secs(30);

/// Time between two `health` events.
const HEALTH: Duration = Duration::from_secs(60);

/// How long closed connections may take to leave once the gateway stops.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    settings: Settings,
    store: SessionStore,
    turns: Arc<Turns>,
    hub: Arc<Hub>,
    pairings: Pairings,
    prompts: prompts::Prompts,
    assistant: assistant::Assistant,
    telegram: telegram::Telegram,
    lockout: Lockout,
    suspension: suspension::Suspension,
    phase: watch::Sender<Phase>,
    /// Changes with every start.
    boot_id: String,
    recovery_scope: String,
    started: Instant,
}

/// The open port of a gateway that does not serve yet.
#[derive(Debug)]
pub struct Bound {
    gateway: Arc<Gateway>,
    listeners: Vec<TcpListener>,
    pub address: SocketAddr,
}

impl Bound {
    /// Opens the port on 127.0.0.1 and, where there is one, on `[::1]`.
    ///
    /// # Errors
    /// The port is taken, or the conversations cannot be read.
    pub async fn open(settings: Settings) -> io::Result<Self> {
        let store = SessionStore::open(&settings.state_dir)?;
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let address = v4.local_addr()?;
        let mut listeners = vec![v4];
        match TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await {
            Ok(v6) => listeners.push(v6),
            Err(error) => warn!(%error, "no listener on [::1]:{}", address.port()),
        }
        let gateway = Arc::new(Gateway {
            settings,
            store,
            turns: Arc::default(),
            hub: Arc::default(),
            pairings: Pairings::default(),
            prompts: prompts::Prompts::default(),
            assistant: assistant::Assistant::default(),
            telegram: telegram::Telegram::default(),
            lockout: Lockout::default(),
            suspension: suspension::Suspension::default(),
            phase: watch::channel(Phase::Starting).0,
            boot_id: ids::uuid(),
            recovery_scope: ids::secret::<32>(),
            started: Instant::now(),
        });
        Ok(Self { gateway, listeners, address })
    }

    /// Serves until `stop` resolves, then finishes the running turns.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let mut tasks = tokio::task::JoinSet::new();
        for listener in self.listeners {
            let router = http::router(Arc::clone(&self.gateway));
            tasks.spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    warn!(%error, "listener ended");
                }
            });
        }
        tasks.spawn(telegram::run(Arc::clone(&self.gateway)));
        tasks.spawn(assistant::keep_time(Arc::clone(&self.gateway)));
        tasks.spawn(become_ready(Arc::clone(&self.gateway)));
        tasks.spawn(beat(Arc::clone(&self.gateway), "tick", TICK));
        tasks.spawn(beat(Arc::clone(&self.gateway), "health", HEALTH));
        stop.await;
        self.gateway.drain().await;
    }
}

impl Gateway {
    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The answer of `health`, also sent as an event and in `hello-ok`.
    fn health(&self) -> Value {
        let now = clock::unix_millis();
        let latest = self.store.latest();
        let recent: Vec<Value> = latest
            .iter()
            .take(5)
            .map(|session| {
                json!({
                    "key": session.key,
                    "updatedAt": session.updated_at,
                    "age": now.saturating_sub(session.updated_at),
                })
            })
            .collect();
        let sessions = json!({"path": self.store.path(), "count": latest.len(), "recent": recent});
        json!({
            "ok": true,
            "ts": now,
            "durationMs": 6,
            "plugins": {"loaded": ["memory-core"], "errors": [], "unavailable": []},
            "configReload": {"hotReloadStatus": "active"},
            "channels": {},
            "channelOrder": [],
            "channelLabels": {},
            "heartbeatSeconds": 0,
            "defaultAgentId": "main",
            "agents": [{
                "agentId": "main",
                "isDefault": true,
                "heartbeat": {
                    "enabled": false,
                    "every": "disabled",
                    "everyMs": null,
                    "prompt": "If nothing needs attention, reply NO_REPLY.",
                    "target": "owner",
                    "ackMaxChars": 300,
                },
                "sessions": sessions,
            }],
            "sessions": sessions,
            "eventLoop": phase::event_loop(),
        })
    }

    /// Ends the gateway: running turns to their end, then a last word and a
    /// close to everyone.
    async fn drain(&self) {
        info!("stopping; waiting for running turns");
        self.phase.send_replace(Phase::Draining);
        let limit = self.settings.drain_limit;
        if tokio::time::timeout(limit, self.turns.idle()).await.is_err() {
            warn!("turns still running after {limit:?}; stopping all the same");
        }
        let last_word = json!({"reason": "gateway stopping"});
        self.hub.publish("shutdown", &last_word, Audience::Everyone);
        self.hub.close_all(1012, "service restart");
        let emptied = async {
            while !self.hub.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(GOODBYE_TIMEOUT, emptied).await.is_err() {
            warn!("{} connections did not close", self.hub.len());
        }
        info!("stopped");
    }
}

async fn become_ready(gateway: Arc<Gateway>) {
    if gateway.settings.never_ready {
        info!("told never to become ready");
        return;
    }
    tokio::time::sleep(gateway.settings.start_delay).await;
    // A gateway told to stop while it started stays told.
    gateway.phase.send_if_modified(|phase| {
        let starting = *phase == Phase::Starting;
        if starting {
            *phase = Phase::Ready;
        }
        starting
    });
    info!("ready");
}

/// Sends an event to everyone, again and again.
async fn beat(gateway: Arc<Gateway>, name: &'static str, every: Duration) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        ticks.tick().await;
        let payload = match name {
            "health" => gateway.health(),
            _ => json!({"ts": clock::unix_millis()}),
        };
        gateway.hub.publish(name, &payload, Audience::Everyone);
    }
}
