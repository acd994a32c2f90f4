//! What the publisher, the task of each edge and those who wait for it share.

use tokio::sync::watch;

use super::client::EdgeClient;
use super::status::{CertificateStanding, EdgeStatus};

/// A change of it wakes every task. Both numbers only grow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wake {
    /// Changes that this process made.
    pub(super) own: u64,
    /// How often others may have changed something, and brought edges further.
    pub(super) others: u64,
}

/// One edge, as its task and those who wait for it see it.
pub(super) struct Edge {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) is_configured: bool,
    pub(super) client: EdgeClient,
    pub(super) status: watch::Sender<EdgeStatus>,
    pub(super) certificates: watch::Sender<CertificateStanding>,
}
