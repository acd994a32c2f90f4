//! All peers under the same load, in turns: A B C, A B C, ….
//!
//! A shared machine is never as fast twice. Turns of a few seconds side by side
//! see the same noise, so the ratio within a round says more than either figure.

use anyhow::Context as _;

use super::Findings;
use crate::crowd::Generator;
use crate::events;
use crate::load::{self, Kind};
use crate::peers::{AccessLog, Door, Peer};
use crate::quantity::{
    DOWNLOAD_CPU, EVENTS_CPU, EVENTS_P99, HANDSHAKE_CPU, HTTP_CPU, HTTP_CPU_NO_LOG, HTTP_P99,
    HTTP2_CPU, HTTPS_CPU, Quantity, RESUMED_CPU, SOCKET_CPU, SOCKET_P99, UPLOAD_CPU, WRK_CPU,
    WRK_P99,
};
use crate::report::{Compared, Comparison, Sample};
use crate::stage::Stage;

/// Keepalive connections, each of another visitor.
const HTTP_CONNECTIONS: usize = 64;

/// WebSockets, each of another visitor.
const SOCKETS: usize = 32;

/// Keepalive connections that send something large.
const UPLOADS: usize = 16;

/// Clients of one event stream: half of what a workspace may have under way.
const LISTENERS: usize = 128;

/// Visitors who open one connection after the other.
const NEW_VISITORS: usize = 16;

/// Everybody under one load.
struct Contest {
    title: &'static str,
    /// What is counted: `request`, `round trip`.
    exchange: &'static str,
    log: AccessLog,
    load: Load,
}

enum Load {
    Ours(Kind, usize),
    /// So many clients of one workspace's event stream.
    Events(usize),
    Theirs(Generator, Kind),
}

/// GET of 1 KiB over kept connections, with access logs and without.
///
/// # Errors
/// When a peer does not start, or gives one wrong answer.
pub async fn http(stage: &Stage) -> anyhow::Result<Findings> {
    let load = || Load::Ours(Kind::Http, HTTP_CONNECTIONS);
    let title = "HTTP/1.1 keepalive, 1 KiB, 64 connections";
    let logged = Contest { title, exchange: "request", log: AccessLog::On, load: load() };
    let title = "The same without access logs";
    let silent = Contest { title, exchange: "request", log: AccessLog::Off, load: load() };
    let mut found = logged.hold(stage, &HTTP_CPU, Some(&HTTP_P99)).await?;
    found.append(silent.hold(stage, &HTTP_CPU_NO_LOG, None).await?);
    Ok(found)
}

/// GET of 100 KiB over kept connections.
///
/// # Errors
/// As [`http`].
pub async fn download(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "HTTP/1.1 keepalive, 100 KiB, 64 connections";
    let load = Load::Ours(Kind::Large, HTTP_CONNECTIONS);
    let contest = Contest { title, exchange: "request", log: AccessLog::On, load };
    contest.hold(stage, &DOWNLOAD_CPU, None).await
}

/// POST of 1 MiB over kept connections.
///
/// # Errors
/// As [`http`].
pub async fn upload(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "HTTP/1.1 keepalive, POST of 1 MiB, 16 connections";
    let load = Load::Ours(Kind::Upload, UPLOADS);
    let contest = Contest { title, exchange: "request", log: AccessLog::On, load };
    contest.hold(stage, &UPLOAD_CPU, None).await
}

/// Kept connections and new ones, encrypted.
///
/// # Errors
/// As [`http`].
pub async fn tls(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "HTTPS keepalive, 1 KiB, 64 connections";
    let load = Load::Ours(Kind::Https, HTTP_CONNECTIONS);
    let kept = Contest { title, exchange: "request", log: AccessLog::On, load };
    let title = "Full TLS 1.3 handshake (ECDSA P-256) and one request of 1 KiB, 16 at a time";
    let load = Load::Ours(Kind::Handshake, NEW_VISITORS);
    let new = Contest { title, exchange: "connection", log: AccessLog::On, load };
    let title = "Resumed TLS 1.3 handshake and one request of 1 KiB, 16 at a time";
    let load = Load::Ours(Kind::Resumed, NEW_VISITORS);
    let resumed = Contest { title, exchange: "connection", log: AccessLog::On, load };
    let mut found = kept.hold(stage, &HTTPS_CPU, None).await?;
    found.append(new.hold(stage, &HANDSHAKE_CPU, None).await?);
    found.append(resumed.hold(stage, &RESUMED_CPU, None).await?);
    Ok(found)
}

/// Messages of 64 bytes that come back.
///
/// # Errors
/// When a peer does not start, or one message does not come back.
pub async fn websocket(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "WebSocket echo, 64 B, 32 sockets";
    let load = Load::Ours(Kind::WebSocket, SOCKETS);
    let contest = Contest { title, exchange: "round trip", log: AccessLog::On, load };
    contest.hold(stage, &SOCKET_CPU, Some(&SOCKET_P99)).await
}

/// Events of one workspace to everybody who listens.
///
/// # Errors
/// When a peer does not start, or somebody misses an event.
pub async fn events(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "SSE, events of 128 B to 128 clients of one workspace";
    let load = Load::Events(LISTENERS);
    let contest = Contest { title, exchange: "event", log: AccessLog::On, load };
    contest.hold(stage, &EVENTS_CPU, Some(&EVENTS_P99)).await
}

/// wrk and h2load, by which our own generator can be judged.
///
/// # Errors
/// When one of them fails, or is not answered with 200 throughout.
pub async fn others(stage: &Stage) -> anyhow::Result<Findings> {
    let mut found = Findings::default();
    if stage.programs.wrk.is_some() {
        let title = "By wrk: HTTP/1.1 keepalive, 1 KiB, 64 connections";
        let load = Load::Theirs(Generator::Wrk, Kind::Http);
        let contest = Contest { title, exchange: "request", log: AccessLog::On, load };
        found.append(contest.hold(stage, &WRK_CPU, Some(&WRK_P99)).await?);
    }
    if stage.programs.h2load.is_some() {
        let title = "By h2load: HTTP/2 over TLS, 1 KiB, 8 connections of 8 streams";
        let load = Load::Theirs(Generator::H2load, Kind::Https);
        let contest = Contest { title, exchange: "request", log: AccessLog::On, load };
        found.append(contest.hold(stage, &HTTP2_CPU, None).await?);
    }
    Ok(found)
}

impl Contest {
    /// What the edge makes of it, in times of what nginx does.
    async fn hold(
        self,
        stage: &Stage,
        cpu: &'static Quantity,
        p99: Option<&'static Quantity>,
    ) -> anyhow::Result<Findings> {
        let comparison = self.compare(stage).await?;
        let Compared { cpu_us, cpu_times_nginx, p99_us, p99_times_nginx, .. } =
            *comparison.peers.last().expect("the edge comes last");
        let mut figures = vec![cpu.found(cpu_times_nginx, format!("{cpu_us:.1} µs"))];
        figures.extend(p99.map(|p99| p99.found(p99_times_nginx, format!("{p99_us:.0} µs"))));
        Ok(Findings { comparisons: vec![comparison], figures })
    }

    async fn compare(&self, stage: &Stage) -> anyhow::Result<Comparison> {
        let kind = self.load.kind();
        let peers = Peer::all(stage, self.log, kind.entrance()).await?;
        let doors = peers.iter().filter_map(|peer| Some((peer.name, peer.door(kind)?)));
        let mut samples: Vec<_> = doors.map(|(name, door)| (name, door, Vec::new())).collect();
        let (title, effort) = (self.title, &stage.effort);
        for round in 1..=effort.rounds {
            for (name, door, rounds) in &mut samples {
                let sample = self.load.run(stage, *door).await?;
                eprintln!(
                    "{title}: round {round}: {name}: {:.0}/s, {:.1} µs of CPU each",
                    sample.per_second, sample.cpu_us
                );
                rounds.push(sample);
            }
        }
        let title = format!("{title} ({} rounds of {:?})", effort.rounds, effort.turn);
        let samples: Vec<_> = samples.into_iter().map(|(name, _, rounds)| (name, rounds)).collect();
        Ok(Comparison::of(title, self.exchange, &samples))
    }
}

impl Load {
    fn kind(&self) -> Kind {
        match self {
            Self::Ours(kind, _) | Self::Theirs(_, kind) => *kind,
            // They come from the server that echoes.
            Self::Events(_) => Kind::WebSocket,
        }
    }

    /// One turn of one peer.
    async fn run(&self, stage: &Stage, door: Door) -> anyhow::Result<Sample> {
        let turn = stage.effort.turn;
        match self {
            Self::Ours(kind, connections) => {
                Ok(load::run(*kind, door, stage, *connections, turn).await?.into())
            }
            Self::Events(count) => Ok(events::run(door, stage, *count, turn).await?.into()),
            Self::Theirs(generator, _) => {
                let programs = &stage.programs;
                let program = match generator {
                    Generator::Wrk => &programs.wrk,
                    Generator::H2load => &programs.h2load,
                };
                let program = program.as_deref().context("it is not installed")?;
                generator.run(program, door, stage, turn).await
            }
        }
    }
}
