//! Brings every edge to the present generation, and keeps it there.
//!
//! One task for each edge looks at what it has, and sends what it lacks: the
//! changes since, or the whole table. A change wakes all tasks at once, whichever
//! process made it; a sweep is the net below. An edge that is down costs the
//! others nothing. Which edges there are, `roster` knows.
//!
//! Several processes may do this for the same edges: a call that comes second is
//! a conflict, changes nothing, and has its sender look again.

mod certificate_task;
mod client;
mod config;
mod domain_task;
mod edge;
mod edge_task;
mod feed;
mod peers;
pub mod plan;
mod roster;
mod status;
mod unwritten;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use shared::wire::Certificates;
use shared::{Domain, Generation, Username};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::base::clock::Clock;
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;
use crate::store::{Store, StoreError};
use certificate_task::Handout;
use client::EdgeClient;
use edge::{Edge, Wake};
use roster::Roster;
use unwritten::WRITE_PATIENCE;

pub use client::EdgeTable;
pub use config::{EdgeConfig, NewEdge, PublishTimes, check_edge_name};
pub use domain_task::sealed_as;
pub use status::{Acknowledgement, CertificateStanding, EdgeStatus};
pub use unwritten::Revocation;

/// An edge that is already known to be down gets this long to come back.
const GRACE_WHEN_DOWN: Duration = Duration::from_secs(1);

/// How long a page waits for the edges to hear that sessions are over.
///
/// They normally need milliseconds; one that is down hears of it when it is back.
pub const PAGE_WAIT: Duration = Duration::from_secs(2);

/// The handle of all tasks; they end when it is dropped.
pub struct Publisher {
    roster: Arc<Roster>,
    wake: watch::Sender<Wake>,
    handout: watch::Sender<Handout>,
    domains: watch::Sender<u64>,
    wait: Duration,
    _tasks: JoinSet<()>,
}

/// What came of a [`Revocation`].
#[derive(Debug)]
pub enum TakenAway {
    /// Edges have to hear of this generation; `None` where there was nothing to take away.
    Written(Option<Generation>),
    /// The database did not take it yet, and these were told: it is written as soon as it can
    /// be, and lost with this process before.
    Told(Vec<Acknowledgement>),
}

/// One edge, for the operator.
#[derive(Debug, Clone)]
pub struct EdgeView {
    pub name: String,
    pub url: String,
    /// Named by the configuration, where it is removed, too.
    pub is_configured: bool,
    pub status: EdgeStatus,
    pub certificates: CertificateStanding,
}

/// What each of `edges` serves, with its name; an error in words where it does not say.
///
/// # Errors
/// When the TLS configuration of this machine is unusable.
pub async fn tables_of(
    edges: &[EdgeConfig],
) -> anyhow::Result<Vec<(String, Result<EdgeTable, String>)>> {
    let clients = edges.iter().map(|edge| Ok((edge.name.clone(), EdgeClient::new(edge)?)));
    let clients = clients.collect::<Result<Vec<_>, reqwest::Error>>()?;
    let asked = clients.into_iter().map(async |(name, client)| {
        (name, client.read_table().await.map_err(|error| error.to_string()))
    });
    Ok(join_all(asked).await)
}

/// With which status `edge` answers a visitor of `host`, where it is known where visitors
/// reach it.
///
/// # Errors
/// When the TLS configuration of this machine is unusable.
pub async fn visit(edge: &EdgeConfig, host: &str) -> reqwest::Result<Option<Result<u16, String>>> {
    Ok(EdgeClient::new(edge)?.visit(host).await)
}

impl Publisher {
    /// Starts the tasks of each of `edges` and of those in the database.
    ///
    /// # Errors
    /// When the TLS configuration of this machine is unusable, or the database fails.
    pub async fn start(
        edges: &[EdgeConfig],
        times: PublishTimes,
        store: &Store,
        keys: &Arc<KeyFile>,
        metrics: &Arc<Metrics>,
        clock: &Clock,
    ) -> anyhow::Result<Self> {
        let (wake, woken) = watch::channel(Wake::default());
        let (handout, handed) = watch::channel(Handout::default());
        let (domains, domains_woken) = watch::channel(0);
        let (others, changed) = watch::channel(0);
        let roster = Roster {
            store: store.clone(),
            feed: Arc::new(feed::Feed::new(store.clone())),
            keys: Arc::clone(keys),
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
            sweep: times.sweep,
            woken,
            handed,
            domains_woken,
            members: tokio::sync::Mutex::default(),
            present: arc_swap::ArcSwap::default(),
        };
        let roster = Arc::new(roster);
        roster.begin(edges).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&roster).follow(changed));
        let unwritten = Arc::clone(&roster.feed.unwritten);
        tasks.spawn(unwritten.write_all(store.clone(), wake.clone()));
        tasks.spawn(peers::follow(store.clone(), wake.clone(), others));
        Ok(Self { roster, wake, handout, domains, wait: times.wait, _tasks: tasks })
    }

    /// Begins with edges that were added to the database, and ends with those that were
    /// removed from it: from then on these are sent nothing.
    ///
    /// # Errors
    /// When it cannot be read; all goes on as it was, and is done at the next sweep.
    pub async fn look_for_edges(&self) -> Result<(), StoreError> {
        self.roster.refresh().await
    }

    /// Says that this process changed the table.
    pub fn wake(&self) {
        self.wake.send_modify(|wake| wake.own += 1);
    }

    /// Wakes every task and waits until each edge that is up serves `generation`.
    ///
    /// Returns at the latest after `publish.wait_seconds`; an edge that is down
    /// is reported as soon as one attempt at it failed.
    pub async fn publish(&self, generation: Generation) -> Vec<Acknowledgement> {
        self.publish_within(generation, self.wait).await
    }

    /// As [`Publisher::publish`], for somebody who cannot wait as long.
    pub async fn publish_within(
        &self,
        generation: Generation,
        wait: Duration,
    ) -> Vec<Acknowledgement> {
        let edges = self.roster.present();
        let seen: Vec<u64> = edges.iter().map(|edge| edge.status.borrow().attempts).collect();
        self.wake();
        let waits = edges.iter().zip(seen);
        join_all(waits.map(async |(edge, seen)| {
            edge.wait_for(seen, wait, |status| status.serves(generation)).await;
            edge.status.borrow().acknowledgement(&edge.name, generation)
        }))
        .await
    }

    /// Takes access away; where the database does not take that soon, the edges are told first.
    ///
    /// # Errors
    /// When it fails, and nobody could be told either: nothing was changed.
    pub async fn take_away(&self, revocation: Revocation) -> Result<TakenAway, StoreError> {
        let Roster { store, feed, .. } = &*self.roster;
        match tokio::time::timeout(WRITE_PATIENCE, revocation.write(store)).await {
            Ok(Ok(generation)) => return Ok(TakenAway::Written(generation)),
            Ok(Err(error)) if !error.is_outage() => return Err(error),
            Ok(Err(_)) | Err(_) => {}
        }
        let edges = self.roster.present();
        let number = match edges.is_empty() {
            true => None,
            false => feed.unwritten.add(store, revocation.clone()).await?,
        };
        let Some(number) = number else {
            return revocation.write(store).await.map(TakenAway::Written);
        };
        let seen: Vec<u64> = edges.iter().map(|edge| edge.status.borrow().attempts).collect();
        self.wake();
        let told = edges.iter().zip(seen).map(async |(edge, seen)| {
            edge.wait_for(seen, self.wait, |status| status.was_told(number)).await;
            edge.status.borrow().acknowledgement_of_telling(&edge.name, number)
        });
        let told = join_all(told).await;
        // Late, and not refused.
        Ok(match feed.unwritten.written(number) {
            Some(generation) => TakenAway::Written(generation),
            None => TakenAway::Told(told),
        })
    }

    /// Is something taken away from `username` that the database does not know yet?
    pub fn is_unwritten(&self, username: &Username) -> bool {
        self.roster.feed.unwritten.has(username)
    }

    /// Wakes every task and says what is known now.
    pub fn publish_without_waiting(&self, generation: Generation) -> Vec<Acknowledgement> {
        self.wake();
        let now = |edge: &Arc<Edge>| edge.status.borrow().acknowledgement(&edge.name, generation);
        self.roster.present().iter().map(now).collect()
    }

    /// With which status each edge answers a visitor of `host`, where it is known where
    /// visitors reach it.
    pub async fn visit(&self, host: &str) -> Vec<(String, Result<u16, String>)> {
        let edges = self.roster.present();
        let visits = edges.iter().map(async |edge| {
            let answer = edge.client.visit(host).await?;
            Some((edge.name.clone(), answer))
        });
        join_all(visits).await.into_iter().flatten().collect()
    }

    /// From now on these are what every edge shows. Again with the same ones it changes nothing.
    pub fn hand_out(&self, certificates: Certificates) {
        self.handout.send_if_modified(|present| {
            let is_news = present.as_deref() != Some(&certificates);
            if is_news {
                *present = Some(Arc::new(certificates));
            }
            is_news
        });
    }

    /// Says that this process changed what domains of customers are served.
    pub fn wake_domains(&self) {
        self.domains.send_modify(|woken| *woken += 1);
    }

    /// Has every edge end what is reached by `domain`, which is not to be served any more; an
    /// edge that does not answer soon hears of it by its task.
    pub async fn withdraw_domain(&self, domain: &Domain) {
        let edges = self.roster.present();
        let told = edges.iter().map(|edge| edge.client.withdraw_domain(domain));
        let _late = tokio::time::timeout(PAGE_WAIT, join_all(told)).await.is_err();
        self.wake_domains();
    }

    /// Has every edge answer a certificate authority that asks for `token`, or do so no more
    /// where `answer` is `None`. Says which edges do not, and why.
    pub async fn answer_challenge(
        &self,
        token: &str,
        answer: Option<&str>,
    ) -> Vec<(String, Result<(), String>)> {
        let edges = self.roster.present();
        let asked = edges.iter().map(async |edge| {
            let told = edge.client.answer_challenge(token, answer).await;
            (edge.name.clone(), told.map_err(|error| error.to_string()))
        });
        join_all(asked).await
    }

    pub fn edges(&self) -> Vec<EdgeView> {
        let view = |edge: &Arc<Edge>| EdgeView {
            name: edge.name.clone(),
            url: edge.url.clone(),
            is_configured: edge.is_configured,
            status: edge.status.borrow().clone(),
            certificates: edge.certificates.borrow().clone(),
        };
        self.roster.present().iter().map(view).collect()
    }
}

impl Edge {
    /// Until `is_served`, an attempt after number `seen` failed, or time is over.
    async fn wait_for(&self, seen: u64, wait: Duration, is_served: impl Fn(&EdgeStatus) -> bool) {
        let mut status = self.status.subscribe();
        let is_down = status.borrow().error.is_some();
        let deadline = Instant::now() + if is_down { wait.min(GRACE_WHEN_DOWN) } else { wait };
        let settled = status.wait_for(|status| {
            let has_failed = status.failed_attempt > seen && status.error.is_some();
            is_served(status) || has_failed
        });
        // Late or not, the answer is what is known when the wait is over.
        let _late = tokio::time::timeout_at(deadline, settled).await.is_err();
    }
}
