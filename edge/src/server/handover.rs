//! From one process to the next, without a moment in which nobody listens or
//! access cannot be taken away.
//!
//! ```text
//! successor                          former process
//! take | take upgrade      ──▶       refuses, unless it drains or an upgrade is meant
//!                          ◀──       given, with its listening sockets: the store is free
//! (opens the store, is ready to serve)
//! ready                    ──▶       makes no change any more, drains
//!                          ◀──       current | change {…}: what came meanwhile
//! change {…} | reload | domains ──▶  ends what that revokes
//!                          ◀──       how many sockets and requests that were
//! ```
//!
//! A successor that goes before it is ready leaves everything as it was. When it
//! goes later, the former process ends: nobody could tell it any more.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use tracing::{info, warn};

use super::assembly::Parts;
use super::listening::{Inherited, Listening};
use super::passing;
use super::run_folder::RunFolder;
use super::signals;
use crate::connections::RevokedCount;
use crate::domains::Domains;
use crate::keys::KeyFile;
use crate::limits::{HANDOVER_WAIT, STOPPING_WAIT};
use crate::routes::{Batch, CHANGE, DOMAINS, Follower, RELOAD, Routes};

/// What a former process has given.
#[derive(Default)]
pub(super) struct Inheritance {
    pub(super) inherited: Inherited,
    former: Option<UnixStream>,
}

impl Inheritance {
    /// Takes over from the process that holds `folder`, if there is one: from one that
    /// serves only when `upgrade` is meant.
    ///
    /// # Errors
    /// When another edge serves and stays.
    pub(super) fn take(folder: &RunFolder, upgrade: bool) -> anyhow::Result<Self> {
        let patience = Instant::now() + STOPPING_WAIT;
        loop {
            let Some(mut stream) = folder.connect()? else { return Ok(Self::default()) };
            stream.set_read_timeout(Some(HANDOVER_WAIT)).context("asking the other edge")?;
            let ask: &[u8] = if upgrade { b"take upgrade\n" } else { b"take\n" };
            let answer = stream.write_all(ask).and_then(|()| passing::receive(&stream));
            match answer {
                Ok((line, sockets)) if line == "given" => {
                    info!(sockets = sockets.len(), "taking over from the edge that was here");
                    let free_by = Some(Instant::now() + STOPPING_WAIT);
                    let inherited = Inherited { sockets, free_by };
                    return Ok(Self { inherited, former: Some(stream) });
                }
                // It may have been told to stop just now.
                Ok((refused, _)) if Instant::now() > patience => {
                    bail!("{refused}; start with --upgrade to take over from it");
                }
                // It has ended meanwhile, or is about to.
                Err(error) if Instant::now() > patience => {
                    return Err(error).context("taking over from the other edge");
                }
                Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Everything is ready to serve: the former process drains from here on.
    ///
    /// # Errors
    /// When what it told at last cannot be applied.
    pub(super) fn ready(self, routes: &Routes, domains: &Domains) -> anyhow::Result<()> {
        let Some(mut stream) = self.former else { return Ok(()) };
        // The other side says no more than this line before it is told something.
        let last = stream
            .write_all(b"ready\n")
            .and_then(|()| next_line(&mut BufReader::new(stream.try_clone()?)));
        let Ok(last) = last else {
            // It has ended: then there is nothing that it could still serve.
            return Ok(());
        };
        if let Some(changes) = last.strip_prefix(CHANGE) {
            let batch = Batch::parse(changes.as_bytes()).context("reading the last changes")?;
            routes.apply(batch).context("making the last changes")?;
        }
        // What it kept after this process had read them.
        domains.read_again();
        match Follower::new(stream) {
            Ok(follower) => routes.lead(follower),
            Err(error) => warn!(%error, "the former process cannot be told of changes"),
        }
        Ok(())
    }
}

/// This process, towards its successor.
pub(super) struct Former {
    pub(super) parts: Parts,
    pub(super) listening: Arc<Listening>,
    pub(super) admin: TcpListener,
    pub(super) keys: Arc<KeyFile>,
    pub(super) grace: Duration,
    /// Turns true when the private API is the successor's.
    pub(super) handed_over: watch::Sender<bool>,
}

impl Former {
    /// Waits for successors on a thread of its own, for as long as the process lives.
    ///
    /// # Errors
    /// When there are no threads left.
    pub(super) fn wait(self, listener: UnixListener) -> anyhow::Result<()> {
        let wait = move || {
            for stream in listener.incoming() {
                let ended = stream.and_then(|stream| self.meet(&stream));
                if *self.handed_over.borrow() {
                    // Nobody can tell it of changes any more.
                    info!("the successor has gone, so this process ends");
                    return self.parts.lifecycle.end();
                }
                if let Err(error) = ended {
                    warn!(%error, "no successor took over; this edge goes on");
                }
            }
        };
        std::thread::Builder::new()
            .name("handover".into())
            .spawn(wait)
            .context("starting to wait for a successor")?;
        Ok(())
    }

    /// One that asked, from its first word to its end.
    fn meet(&self, stream: &UnixStream) -> io::Result<()> {
        let peer = rustix::net::sockopt::socket_peercred(stream)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        stream.set_read_timeout(Some(HANDOVER_WAIT))?;
        let mut lines = BufReader::new(stream.try_clone()?);
        let asked = next_line(&mut lines)?;
        if asked != "take upgrade" && self.parts.lifecycle.is_serving() {
            let refusal = format!("an edge serves here, process {}\n", std::process::id());
            return passing::send(stream, &refusal, &[]);
        }
        let on_disk = self.parts.routes.give_up().map_err(io::Error::other)?;
        let ready = self.give(stream).and_then(|()| next_line(&mut lines));
        if !ready.is_ok_and(|word| word == "ready") {
            self.parts.routes.take_back();
            return Err(io::Error::other("the successor went before it was ready"));
        }
        self.handed_over.send_replace(true);
        let last = match self.parts.routes.hand_over(&on_disk) {
            Some(changes) => format!("{CHANGE}{}\n", serde_json::to_string(&changes)?),
            None => "current\n".to_owned(),
        };
        self.parts.lifecycle.drain(self.grace);
        self.listening.close();
        let mut successor = stream;
        successor.write_all(last.as_bytes())?;
        stream.set_read_timeout(None)?;
        loop {
            let count = self.obey(&next_line(&mut lines)?)?;
            let RevokedCount { sockets, requests } = count;
            successor.write_all(format!("{sockets} {requests}\n").as_bytes())?;
        }
    }

    fn give(&self, stream: &UnixStream) -> io::Result<()> {
        let mut sockets = self.listening.share()?;
        sockets.push(self.admin.try_clone()?);
        passing::send(stream, "given\n", &sockets)
    }

    fn obey(&self, line: &str) -> io::Result<RevokedCount> {
        if line == RELOAD {
            self.parts.routes.reload_follower();
            return Ok(signals::reload(&self.keys, &self.parts.registry));
        }
        if line == DOMAINS {
            let mut count = self.parts.domains.read_again();
            count += self.parts.routes.domains_of_follower();
            return Ok(count);
        }
        let changes = line.strip_prefix(CHANGE).ok_or(io::ErrorKind::InvalidData)?;
        let batch = Batch::parse(changes.as_bytes())?;
        self.parts.routes.follow(batch).map_err(io::Error::other)
    }
}

fn next_line(lines: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
