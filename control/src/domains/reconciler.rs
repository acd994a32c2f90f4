//! Looks at each domain's record when it is due, and orders the certificates that are.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::{StreamExt as _, stream};
use shared::retry::{Backoff, chance};
use shared::wire::DomainGrant;
use tokio::time::timeout;
use tracing::{info, warn};

use super::dns::Dns;
use super::service::DomainService;
use crate::base::clock::{Clock, Moment};
use crate::base::hourly_limit::HourlyLimit;
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;
use crate::base::seal;
use crate::certificates::{CertificateOrder, CertificatesConfig, ProofConfig, obtain};
use crate::model::domain::OwnDomain;
use crate::routes::{Publisher, sealed_as};
use crate::store::{Store, StoreError};
use vendors::acme::AcmeError;

/// Domains that are looked at at the same time; each waits for DNS or the authority.
const AT_ONCE: usize = 8;

/// As many as one turn takes on.
const A_TURN: u32 = 256;

/// All looks of the authority included.
const ORDER_TIMEOUT: Duration = Duration::from_secs(3 * 60);

/// A process that ended in the middle is replaced after this.
const CLAIM: Duration = Duration::from_secs(5 * 60);

/// Let's Encrypt takes five failed proofs of a name an hour.
const RETRY: Backoff =
    Backoff::new(Duration::from_secs(15 * 60), Duration::from_secs(12 * 60 * 60));

pub struct DomainReconciler {
    pub service: Arc<DomainService>,
    pub certificates: CertificatesConfig,
    pub store: Store,
    pub publisher: Arc<Publisher>,
    pub keys: Arc<KeyFile>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub sweep: Duration,
}

struct Turn<'a> {
    reconciler: &'a DomainReconciler,
    dns: Dns,
    orders: HourlyLimit,
}

impl DomainReconciler {
    /// For ever; dropped when the program ends, at any point without harm.
    pub async fn run(self) {
        let config = self.service.config;
        let (dns, orders) = (Dns::new(config.resolver), HourlyLimit::new(config.orders_per_hour));
        let turn = Turn { reconciler: &self, dns, orders };
        loop {
            if let Err(error) = turn.run().await {
                warn!("{:#}; looking at domains again later", anyhow::Error::from(error));
            }
            let _ = timeout(self.sweep, self.service.added.notified()).await;
        }
    }
}

impl Turn<'_> {
    async fn run(&self) -> Result<(), StoreError> {
        let DomainReconciler { store, clock, .. } = self.reconciler;
        let due = store.domains_due(clock(), A_TURN).await?;
        let looks = stream::iter(due).map(|domain| self.look(domain)).buffer_unordered(AT_ONCE);
        looks.fold(Ok(()), async |all: Result<(), StoreError>, one| all.and(one)).await
    }

    async fn look(&self, mut domain: OwnDomain) -> Result<(), StoreError> {
        let DomainReconciler { service, store, clock, publisher, .. } = self.reconciler;
        let now = clock();
        if !store.claim_domain(&domain, now, now.after(CLAIM)).await? {
            return Ok(());
        }
        let was_proven = domain.record.proven.is_some();
        let look = self.dns.look(&domain.domain, &service.target(&domain.username)).await;
        domain.record = domain.record.after(look, now);
        let next = domain.next_look(now);
        if was_proven && domain.record.proven.is_none() {
            store.note_domain_look(&domain, next).await?;
            info!(domain = %domain.domain, "{} leads here no more", domain.domain);
            publisher.withdraw_domain(&domain.domain).await;
            return Ok(());
        }
        if domain.is_order_due(now) && self.orders.take(now) {
            // Nobody else looks at it meanwhile.
            store.note_domain_look(&domain, now.after(CLAIM)).await?;
            self.order(&domain, now).await?;
        } else if was_proven {
            self.reseal(&domain).await?;
        }
        store.note_domain_look(&domain, next).await?;
        if !was_proven && domain.record.proven.is_some() {
            // The certificate that it had before may still be good.
            publisher.wake_domains();
        }
        Ok(())
    }

    async fn order(&self, domain: &OwnDomain, now: Moment) -> Result<(), StoreError> {
        let DomainReconciler { certificates, store, publisher, keys, metrics, clock, .. } =
            self.reconciler;
        let name = &domain.domain;
        info!(domain = %name, "ordering a certificate for {name}");
        let order = CertificateOrder {
            names: &[name.to_string()],
            proof: &ProofConfig::Http,
            sealed_as: &sealed_as(name),
        };
        let ring = &keys.present().ring;
        let ordered = obtain(certificates, &order, store, publisher, ring, now);
        let outcome = timeout(ORDER_TIMEOUT, ordered)
            .await
            .unwrap_or_else(|_| Err(anyhow!("it took longer than {ORDER_TIMEOUT:?}")));
        match outcome {
            Ok(issued) => {
                metrics.certificate_order("issued");
                let fingerprint = DomainGrant::fingerprint_of(&domain.username, &issued.chain);
                store.note_domain_certificate(domain, &issued, &fingerprint).await?;
                publisher.wake_domains();
                info!(domain = %name, "a certificate for {name} was issued");
                Ok(())
            }
            Err(error) => {
                metrics.certificate_order("failed");
                let failures = domain.certificate.failures.saturating_add(1);
                let wait = RETRY.delay(failures, chance());
                let why = format!("{error:#}");
                warn!(domain = %name, "no certificate for {name}: {why}");
                store.note_domain_failure(domain, &told(&error), clock().after(wait)).await
            }
        }
    }

    /// So that the former key may leave the ring.
    async fn reseal(&self, domain: &OwnDomain) -> Result<(), StoreError> {
        let DomainReconciler { store, keys, .. } = self.reconciler;
        let (ring, what) = (&keys.present().ring, sealed_as(&domain.domain));
        let Some(pair) = store.pair_of_domain(&domain.domain).await? else { return Ok(()) };
        if seal::is_current(ring, &pair.sealed_key) {
            return Ok(());
        }
        let Some(key) = seal::open(ring, &what, &pair.sealed_key) else { return Ok(()) };
        let anew = seal::seal(ring, &what, &key);
        store.reseal_domain(&domain.domain, &pair.sealed_key, &anew).await
    }
}

/// What its owner is told: what the authority says of the domain. What is wrong with our side
/// stands in the log.
fn told(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(said @ (AcmeError::Refused(_) | AcmeError::Unproven { .. })) => said.to_string(),
        _ => "the certificate authority cannot be asked for now".to_owned(),
    }
}
