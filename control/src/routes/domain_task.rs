//! The task that has one edge serve customers' own domains, and no others.
//!
//! What is to be served is read from the database each time, so that no process brings back
//! what another one has taken away.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::Domain;
use shared::retry::{Backoff, chance};
use shared::wire::{CertificatePair, DomainGrant};
use tokio::sync::watch;
use tracing::{info, warn};

use super::client::EdgeError;
use super::edge::Edge;
use crate::base::clock::Clock;
use crate::base::key_file::KeyFile;
use crate::base::seal;
use crate::store::accounts::domains::ServedDomain;
use crate::store::{Store, StoreError};

/// How long to leave an edge alone after it failed.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

pub(super) struct DomainTask {
    pub(super) edge: Arc<Edge>,
    pub(super) store: Store,
    pub(super) keys: Arc<KeyFile>,
    pub(super) clock: Clock,
    pub(super) sweep: Duration,
    pub(super) woken: watch::Receiver<u64>,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Edge(#[from] EdgeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// As what the key of a domain's certificate is sealed.
pub fn sealed_as(domain: &Domain) -> String {
    format!("domain {domain}")
}

impl DomainTask {
    /// For ever; dropped when the program ends, at any point without harm.
    pub(super) async fn run(mut self) {
        let (mut retry, mut is_told) = (RETRY, false);
        loop {
            self.woken.borrow_and_update();
            let wait = match self.bring().await {
                Ok(()) => {
                    (retry, is_told) = (RETRY, false);
                    self.sweep
                }
                // That it is away is known, and told, by its other task.
                Err(Fault::Edge(EdgeError::Unreachable(_))) => retry.failed(chance()),
                Err(fault) => {
                    let name = &self.edge.name;
                    if !is_told {
                        warn!(
                            edge = name,
                            "edge {name} does not serve every domain of customers: {fault}; \
                             trying again"
                        );
                    }
                    is_told = true;
                    retry.failed(chance())
                }
            };
            let changed = tokio::time::timeout(wait, self.woken.changed()).await;
            if let Ok(Err(_)) = changed {
                // The publisher is gone; the task is about to be dropped.
                std::future::pending::<()>().await;
            }
        }
    }

    /// A domain that cannot be served keeps no other one away.
    async fn bring(&self) -> Result<(), Fault> {
        let wanted = self.store.domains_to_serve((self.clock)()).await?;
        let client = &self.edge.client;
        let served = match client.look_at_domains().await {
            Ok(served) => served.domains,
            // One of the release before knows none of them, and serves none.
            Err(error) if error.is_unknown_call() && wanted.is_empty() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let wanted: HashMap<_, _> = wanted.into_iter().map(|it| (it.domain.clone(), it)).collect();
        let mut fault = None;
        for gone in served.iter().filter(|it| !wanted.contains_key(&it.domain)) {
            fault = client.withdraw_domain(&gone.domain).await.err().map(Fault::from).or(fault);
        }
        let served: HashMap<_, _> =
            served.into_iter().map(|it| (it.domain, it.fingerprint)).collect();
        let is_lacking = |it: &&ServedDomain| served.get(&it.domain) != Some(&it.fingerprint);
        for lacking in wanted.values().filter(is_lacking) {
            fault = self.grant(&lacking.domain).await.err().or(fault);
        }
        fault.map_or(Ok(()), Err)
    }

    async fn grant(&self, domain: &Domain) -> Result<(), Fault> {
        let Some(pair) = self.store.pair_of_domain(domain).await? else { return Ok(()) };
        let ring = &self.keys.present().ring;
        let Some(key) = seal::open(ring, &sealed_as(domain), &pair.sealed_key) else {
            warn!("the key of {domain} was sealed under a key that is not in the ring");
            return Ok(());
        };
        let certificate = CertificatePair { chain: pair.chain, key: key.expose().clone() };
        let grant = DomainGrant { username: pair.username, certificate };
        self.edge.client.grant_domain(domain, &grant).await?;
        // Whoever took it away meanwhile may have told the edge before us.
        let present = self.store.pair_of_domain(domain).await?;
        if present.is_none_or(|present| present.username != grant.username) {
            self.edge.client.withdraw_domain(domain).await?;
        } else {
            info!(edge = self.edge.name, %domain, "edge {} serves {domain}", self.edge.name);
        }
        Ok(())
    }
}
