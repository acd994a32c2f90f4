//! What the calls of the private API share.

use std::sync::Arc;

use shared::Secret;
use tokio::sync::Semaphore;

use crate::domains::Domains;
use crate::lifecycle::Lifecycle;
use crate::limits::CHANGES_AT_ONCE;
use crate::routes::Routes;
use crate::tls::{Challenges, HandedCertificates};

/// Renders the metrics in Prometheus' text format.
pub(crate) type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct State(pub(super) Arc<Shared>);

/// What the private API changes and tells.
pub(crate) struct Served {
    pub(crate) routes: Arc<Routes>,
    pub(crate) certificates: Arc<HandedCertificates>,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) domains: Arc<Domains>,
    pub(crate) token: Secret<String>,
    pub(crate) metrics: Metrics,
    pub(crate) lifecycle: Lifecycle,
}

pub(super) struct Shared {
    pub(super) routes: Arc<Routes>,
    pub(super) certificates: Arc<HandedCertificates>,
    pub(super) challenges: Arc<Challenges>,
    pub(super) domains: Arc<Domains>,
    pub(super) token: Secret<String>,
    pub(super) metrics: Metrics,
    pub(super) lifecycle: Lifecycle,
    pub(super) changes: Semaphore,
    pub(super) uploads: Semaphore,
}

impl State {
    pub(crate) fn new(served: Served) -> Self {
        let Served { routes, certificates, challenges, domains, token, metrics, lifecycle } =
            served;
        Self(Arc::new(Shared {
            routes,
            certificates,
            challenges,
            domains,
            token,
            metrics,
            lifecycle,
            changes: Semaphore::new(CHANGES_AT_ONCE),
            // A whole table may be a gigabyte while it is read.
            uploads: Semaphore::new(1),
        }))
    }
}
