//! Looks whether the certificate is due, has it renewed, and hands it out.

use std::sync::Arc;
use std::time::Duration;

use shared::retry::{Backoff, chance};
use shared::wire::{CertificatePair, Certificates};
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::CertificatesConfig;
use super::order::{CERTIFICATE, CertificateOrder, obtain};
use crate::base::clock::{Clock, Moment};
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;
use crate::base::seal;
use crate::model::certificate::{CertificateState, IssuedCertificate, WAIT_MAX};
use crate::model::incident::Incident;
use crate::routes::Publisher;
use crate::store::{Store, StoreError};
use vendors::linear::Priority;

/// How long an order may take, propagation of DNS and all looks of the authority included.
const ORDER_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// A process that ended in the middle of an order is replaced after this.
const CLAIM: Duration = Duration::from_secs(25 * 60);

/// Let's Encrypt takes five failed proofs of a name an hour. A renewal has thirty days, a
/// certificate of a new installation an operator who reads the log.
const RETRY: Backoff = Backoff::new(Duration::from_secs(2 * 60), WAIT_MAX);

/// So many attempts in a row that brought none are told to a person: the first may have been a
/// server that was restarted, the second DNS that took longer.
const TOLD_AFTER: u32 = 3;

pub struct CertificateReconciler {
    pub config: CertificatesConfig,
    pub store: Store,
    pub publisher: Arc<Publisher>,
    pub keys: Arc<KeyFile>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub sweep: Duration,
}

impl CertificateReconciler {
    /// For ever; dropped when the program ends, at any point without harm.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.turn().await {
                warn!(
                    "{:#}; looking after the certificate again later",
                    anyhow::Error::from(error)
                );
            }
            tokio::time::sleep(self.sweep).await;
        }
    }

    async fn turn(&self) -> Result<(), StoreError> {
        let state = self.store.certificate(CERTIFICATE).await?;
        let now = (self.clock)();
        self.measure(&state, now);
        let is_usable = match &state.issued {
            Some(issued) => self.hand_out(issued).await?,
            None => false,
        };
        let present = CertificateState {
            issued: state.issued.clone().filter(|_| is_usable),
            ..state.clone()
        };
        if !present.is_due(&self.config.names, now) {
            return Ok(());
        }
        let (until, latest) = (now.after(CLAIM), now.after(WAIT_MAX));
        if !self.store.claim_certificate(CERTIFICATE, now, until, latest).await? {
            return Ok(());
        }
        let names = self.config.names.join(", ");
        info!("ordering a certificate for {names}");
        let ring = &self.keys.present().ring;
        let CertificatesConfig { names: wanted, proof, .. } = &self.config;
        let order = CertificateOrder { names: wanted, proof, sealed_as: CERTIFICATE };
        let ordered = obtain(&self.config, &order, &self.store, &self.publisher, ring, now);
        let outcome = timeout(ORDER_TIMEOUT, ordered)
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it took longer than {ORDER_TIMEOUT:?}")));
        match outcome {
            Ok(issued) => {
                self.metrics.certificate_order("issued");
                self.store.note_certificate(CERTIFICATE, &issued).await?;
                let life = issued.expires.since((self.clock)());
                info!(
                    "a certificate for {names} was issued, good for {} h",
                    life.as_secs() / 3_600
                );
                let state = CertificateState { issued: Some(issued.clone()), ..Default::default() };
                self.measure(&state, (self.clock)());
                self.hand_out(&issued).await.map(drop)
            }
            Err(error) => {
                self.metrics.certificate_order("failed");
                self.failed(&state, &format!("{error:#}")).await
            }
        }
    }

    async fn failed(&self, state: &CertificateState, why: &str) -> Result<(), StoreError> {
        let now = (self.clock)();
        let failures = state.failures.saturating_add(1);
        let wait = RETRY.delay(failures, chance());
        let names = self.config.names.join(", ");
        error!("no certificate for {names}: {why}; trying again in {} s", wait.as_secs());
        let store = &self.store;
        store.note_certificate_failure(CERTIFICATE, why, now, now.after(wait)).await?;
        let since = state.failing_since.unwrap_or(now);
        self.measure(&CertificateState { failures, ..state.clone() }, now);
        if failures >= TOLD_AFTER {
            store.open_incident(&incident(state, &names, why, since), now).await?;
        }
        Ok(())
    }

    /// `false` when its key cannot be opened any more: the ring that sealed it is gone.
    async fn hand_out(&self, issued: &IssuedCertificate) -> Result<bool, StoreError> {
        let ring = &self.keys.present().ring;
        let Some(key) = seal::open(ring, CERTIFICATE, &issued.sealed_key) else {
            warn!("the key of the certificate was sealed under a key that is not in the ring");
            return Ok(false);
        };
        if !seal::is_current(ring, &issued.sealed_key) {
            let anew = seal::seal(ring, CERTIFICATE, &key);
            self.store.reseal_certificate(CERTIFICATE, &issued.sealed_key, &anew).await?;
        }
        let pair = CertificatePair { chain: issued.chain.clone(), key: key.expose().clone() };
        self.publisher.hand_out(Certificates { certificates: vec![pair] });
        Ok(true)
    }

    fn measure(&self, state: &CertificateState, now: Moment) {
        let left = state.issued.as_ref().map(|issued| issued.expires.since(now).as_secs());
        let left = i64::try_from(left.unwrap_or_default()).unwrap_or(i64::MAX);
        self.metrics.certificate_seconds.set(left);
        self.metrics.certificate_failures.set(state.failures.into());
    }
}

fn incident(state: &CertificateState, names: &str, why: &str, since: Moment) -> Incident {
    let left = match &state.issued {
        Some(issued) => format!("The present one expires at {} (unix).", issued.expires.seconds()),
        None => "There is none yet: visitors are shown what the edges have, or nothing.".to_owned(),
    };
    let body = format!(
        "Several attempts in a row brought no certificate for {names}.\n\n- the last one: {why}\n\n\
         {left} It is tried again by itself; `control doctor` tries the parts of it."
    );
    let key = format!("certificate/{CERTIFICATE}/{}", since.millis());
    Incident::new(key, "No certificate is issued", body, Priority::Urgent)
}
