//! What the calls of the private API share.

use std::sync::Arc;

use shared::Secret;
use tokio::sync::Semaphore;

use crate::lifecycle::Lifecycle;
use crate::limits::CHANGES_AT_ONCE;
use crate::routes::Routes;

/// Renders the metrics in Prometheus' text format.
pub(super) type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct State(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) routes: Arc<Routes>,
    pub(super) token: Secret<String>,
    pub(super) metrics: Metrics,
    pub(super) lifecycle: Lifecycle,
    pub(super) changes: Semaphore,
    pub(super) uploads: Semaphore,
}

impl State {
    pub(crate) fn new(
        routes: Arc<Routes>,
        token: Secret<String>,
        metrics: Metrics,
        lifecycle: Lifecycle,
    ) -> Self {
        Self(Arc::new(Shared {
            routes,
            token,
            metrics,
            lifecycle,
            changes: Semaphore::new(CHANGES_AT_ONCE),
            // A whole table may be a gigabyte while it is read.
            uploads: Semaphore::new(1),
        }))
    }
}
