//! The task that hands one edge the present certificates, and sees that it keeps them.
//!
//! Apart from the routes: an edge that cannot take a certificate hears of every change all
//! the same.

use std::sync::Arc;
use std::time::Duration;

use shared::retry::{Backoff, chance};
use shared::wire::Certificates;
use tokio::sync::watch;
use tracing::{info, warn};

use super::client::EdgeError;
use super::edge::Edge;
use super::status::CertificateStanding;

/// How long to leave an edge alone after it failed.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// The present certificates; `None` until there are some.
pub(super) type Handout = Option<Arc<Certificates>>;

pub(super) struct CertificateTask {
    pub(super) edge: Arc<Edge>,
    pub(super) sweep: Duration,
    pub(super) handout: watch::Receiver<Handout>,
}

impl CertificateTask {
    /// For ever; dropped when the program ends, at any point without harm.
    pub(super) async fn run(mut self) {
        let mut retry = RETRY;
        loop {
            let present = self.handout.borrow_and_update().clone();
            let wait = match present {
                None => self.sweep,
                Some(present) => match self.bring(&present).await {
                    Ok(standing) => {
                        retry.reset();
                        self.note(standing);
                        self.sweep
                    }
                    Err(error) => {
                        self.note(match error {
                            // That it is away is known, and told, by its other task.
                            EdgeError::Unreachable(_) => CertificateStanding::Unknown,
                            error => CertificateStanding::Lacking(error.to_string()),
                        });
                        retry.failed(chance())
                    }
                },
            };
            let changed = tokio::time::timeout(wait, self.handout.changed()).await;
            if let Ok(Err(_)) = changed {
                // The publisher is gone; the task is about to be dropped.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn bring(&self, present: &Certificates) -> Result<CertificateStanding, EdgeError> {
        let client = &self.edge.client;
        let served = client.look_at_certificates().await?;
        if !served.wanted {
            return Ok(CertificateStanding::NotWanted);
        }
        if served.fingerprint != present.fingerprint() {
            client.send_certificates(present).await?;
            info!(edge = self.edge.name, "edge {} took the certificates", self.edge.name);
        }
        Ok(CertificateStanding::Shown)
    }

    /// Tells of the first failure in a row, of the others in the status only.
    fn note(&self, standing: CertificateStanding) {
        let name = &self.edge.name;
        self.edge.certificates.send_if_modified(|former| {
            if let CertificateStanding::Lacking(why) = &standing
                && !matches!(former, CertificateStanding::Lacking(_))
            {
                warn!(
                    edge = name,
                    "edge {name} does not take the certificates: {why}; trying again"
                );
            }
            let is_news = *former != standing;
            *former = standing;
            is_news
        });
    }
}
