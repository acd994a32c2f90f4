//! Clients of every kind that go on and on while something is done to the edge, and a
//! count of what went wrong for them.

mod certificates;
mod clients;
mod processes;
mod soak;
mod wakes;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::harness::{DEADLINE, wait_until};
use crate::tls::TlsEdge;

/// Further failures are counted, and not told.
const TOLD_MAX: usize = 8;

/// All clients are one person, and have one address.
const LIMITS: &str =
    "requests_per_second_per_address = 100000\nrequests_per_second_per_workspace = 100000\n";

/// What happens to clients on and on.
pub(super) struct Load {
    shared: Arc<Shared>,
    runtime: Option<thread::JoinHandle<()>>,
}

/// What clients know of the edge, and tell of it.
struct Shared {
    address: SocketAddr,
    cookie: String,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    is_over: AtomicBool,
    tally: Mutex<Tally>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Of a connection for each request.
    pub(super) new: u64,
    pub(super) kept: u64,
    pub(super) http2: u64,
    /// Messages that came back.
    pub(super) echoes: u64,
    /// Connections and sockets that were ended as they should be, and opened again.
    pub(super) moved: u64,
    /// Connections that nobody took, and the longest time in which nobody took any.
    pub(super) refused: u64,
    pub(super) longest_refusal: Duration,
    pub(super) failed: u64,
    pub(super) failures: Vec<String>,
}

/// How many clients of each kind there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) new: usize,
    pub(super) kept: usize,
    pub(super) http2: usize,
    pub(super) sockets: usize,
}

impl Crowd {
    pub(super) const SMALL: Self = Self { new: 2, kept: 3, http2: 2, sockets: 4 };
    pub(super) const LARGE: Self = Self { new: 4, kept: 8, http2: 4, sockets: 24 };
}

impl Load {
    /// Returns when each kind has been answered.
    pub(super) fn start(tls: &TlsEdge, crowd: Crowd) -> Self {
        let http1 = tls.authority.client(&[&rustls::version::TLS13]);
        let mut http2 = (*http1).clone();
        http2.alpn_protocols = vec![b"h2".to_vec()];
        let shared = Arc::new(Shared {
            address: tls.address,
            cookie: tls.edge.cookie("ada", "k1", 12 * 3_600).trim_end().to_owned(),
            http1,
            http2: Arc::new(http2),
            is_over: AtomicBool::new(false),
            tally: Mutex::default(),
        });
        let of_clients = Arc::clone(&shared);
        let runtime = thread::spawn(move || clients::run(&of_clients, crowd));
        let load = Self { shared, runtime: Some(runtime) };
        load.go_on();
        load
    }

    pub(super) fn tally(&self) -> Tally {
        self.shared.tally.lock().unwrap().clone()
    }

    /// Until every kind of client was answered once more.
    pub(super) fn go_on(&self) {
        let before = self.tally();
        wait_until("every kind of client is answered", || {
            let now = self.tally();
            let grown = [
                (before.new, now.new),
                (before.kept, now.kept),
                (before.http2, now.http2),
                (before.echoes, now.echoes),
            ];
            grown.iter().all(|(before, now)| now > before).then_some(())
        });
    }

    pub(super) fn end(mut self) -> Tally {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            runtime.join().unwrap();
        }
        self.tally()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if thread::panicking() {
            eprintln!("{:#?}", self.tally());
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap());
    }

    fn failed(&self, kind: &str, what: &dyn std::fmt::Display) {
        self.count(|tally| {
            tally.failed += 1;
            if tally.failures.len() < TOLD_MAX {
                tally.failures.push(format!("{kind}: {what}"));
            }
        });
    }

    /// Nobody has taken a connection since `since`.
    fn refused(&self, since: Instant) {
        let longest = since.elapsed();
        assert!(longest < DEADLINE, "nobody takes connections any more");
        self.count(|tally| {
            tally.refused += 1;
            tally.longest_refusal = tally.longest_refusal.max(longest);
        });
    }
}

impl Tally {
    /// In one line.
    pub(super) fn print(&self, what: &str) {
        let Self { new, kept, http2, echoes, moved, refused, longest_refusal, failed, .. } = self;
        eprintln!(
            "{what}: {new} new, {kept} kept, {http2} h2, {echoes} echoes, {moved} moved, \
             {refused} refused (longest {longest_refusal:?}), {failed} failed"
        );
        for failure in &self.failures {
            eprintln!("    {failure}");
        }
    }
}
