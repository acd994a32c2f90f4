//! Which edges there are, and the tasks of each.
//!
//! Those that the configuration names stay as long as the program. Those of the database come
//! and go while it runs, by whichever process on it: each compares, when it is told and in
//! every sweep.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::certificate_task::{CertificateTask, Handout};
use super::client::EdgeClient;
use super::config::EdgeConfig;
use super::domain_task::DomainTask;
use super::edge::{Edge, Wake};
use super::edge_task::Task;
use super::feed::Feed;
use crate::base::clock::Clock;
use crate::base::key_file::KeyFile;
use crate::base::metrics::{EdgeMetrics, Metrics};
use crate::store::edges::EdgeRow;
use crate::store::{Store, StoreError};

pub(super) struct Roster {
    pub(super) store: Store,
    pub(super) feed: Arc<Feed>,
    pub(super) keys: Arc<KeyFile>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) sweep: Duration,
    pub(super) woken: watch::Receiver<Wake>,
    pub(super) handed: watch::Receiver<Handout>,
    pub(super) domains_woken: watch::Receiver<u64>,
    pub(super) members: Mutex<Vec<Member>>,
    pub(super) present: ArcSwap<Vec<Arc<Edge>>>,
}

/// An edge whose tasks run for as long as this is kept.
pub(super) struct Member {
    edge: Arc<Edge>,
    metrics: EdgeMetrics,
    /// Of the database.
    row: Option<EdgeRow>,
    _tasks: JoinSet<()>,
}

impl Roster {
    pub(super) fn present(&self) -> Arc<Vec<Arc<Edge>>> {
        self.present.load_full()
    }

    /// With `configured` and those of the database.
    ///
    /// # Errors
    /// When the TLS configuration of this machine is unusable, or the database fails.
    pub(super) async fn begin(&self, configured: &[EdgeConfig]) -> anyhow::Result<()> {
        let members = configured.iter().map(|config| self.member(config, None));
        *self.members.lock().await = members.collect::<Result<_, _>>()?;
        Ok(self.refresh().await?)
    }

    /// Compares with the database whenever `changed` grows, and in every sweep.
    pub(super) async fn follow(self: Arc<Self>, mut changed: watch::Receiver<u64>) {
        loop {
            let heard = tokio::time::timeout(self.sweep, changed.changed()).await;
            if let Ok(Err(_)) = heard {
                // Where there is no other process to tell of anything.
                tokio::time::sleep(self.sweep).await;
            }
            if let Err(error) = self.refresh().await {
                let error = anyhow::Error::from(error);
                warn!("{error:#}; going on with the edges that were known");
            }
        }
    }

    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let mut members = self.members.lock().await;
        let rows = self.store.edges().await?;
        members.retain(|member| {
            let Some(known) = &member.row else { return true };
            let stays = rows.iter().any(|row| known.is_still(row));
            if !stays {
                info!(edge = member.edge.name, "edge {} was removed", member.edge.name);
                member.metrics.forget();
            }
            stays
        });
        for row in rows {
            if members.iter().any(|member| member.edge.name == row.name) {
                self.reseal(&row).await?;
                continue;
            }
            let name = row.name.clone();
            let member = EdgeConfig::of_row(&row, &self.keys.present().ring).and_then(|config| {
                self.member(&config, Some(row)).map_err(|error| error.to_string())
            });
            match member {
                Ok(member) => {
                    info!(edge = name, "edge {name} was added");
                    members.push(member);
                }
                Err(why) => warn!(edge = name, "edge {name} is left out: {why}"),
            }
        }
        self.present.store(Arc::new(members.iter().map(|it| Arc::clone(&it.edge)).collect()));
        Ok(())
    }

    /// So that the former key may leave the ring.
    async fn reseal(&self, row: &EdgeRow) -> Result<(), StoreError> {
        let keys = self.keys.present();
        let config = EdgeConfig::of_row(row, &keys.ring).ok();
        match config.and_then(|config| config.reseal(row, &keys.ring)) {
            Some(anew) => self.store.reseal_edge(&row.name, &row.sealed_token, &anew).await,
            None => Ok(()),
        }
    }

    fn member(&self, config: &EdgeConfig, row: Option<EdgeRow>) -> reqwest::Result<Member> {
        let edge = Arc::new(Edge {
            name: config.name.clone(),
            url: config.url.to_string(),
            is_configured: row.is_none(),
            client: EdgeClient::new(config)?,
            status: watch::Sender::default(),
            certificates: watch::Sender::default(),
        });
        let metrics = self.metrics.for_edge(&config.name);
        let mut tasks = JoinSet::new();
        let task = Task {
            edge: Arc::clone(&edge),
            feed: Arc::clone(&self.feed),
            metrics: metrics.clone(),
            clock: Arc::clone(&self.clock),
            sweep: self.sweep,
            woken: self.woken.clone(),
        };
        tasks.spawn(task.run());
        let certificates = CertificateTask {
            edge: Arc::clone(&edge),
            sweep: self.sweep,
            handout: self.handed.clone(),
        };
        tasks.spawn(certificates.run());
        let domains = DomainTask {
            edge: Arc::clone(&edge),
            store: self.store.clone(),
            keys: Arc::clone(&self.keys),
            clock: Arc::clone(&self.clock),
            sweep: self.sweep,
            woken: self.domains_woken.clone(),
        };
        tasks.spawn(domains.run());
        Ok(Member { edge, metrics, row, _tasks: tasks })
    }
}
