//! What is looked at to judge the promises by.

use std::time::Duration;

use crate::base::clock::Moment;
use crate::model::certificate::CertificateState;
use crate::model::pool::Counts;
use crate::model::subscription_list::Compared;
use crate::model::task::Kind;

/// What is looked at. `None` stands for what is not configured.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub takes_writes: bool,
    pub unreadable_rows: usize,
    /// Of the disk that the database is on, where that is ours.
    pub disk: Option<Disk>,
    pub machines: Option<MachineFacts>,
    pub waiting: WaitingFacts,
    pub loads: Vec<TaskLoad>,
    pub edges: Vec<EdgeFacts>,
    /// Where control obtains one.
    pub certificate: Option<CertificateFacts>,
    pub routes: RouteFacts,
    pub sends_mail: bool,
    pub opens_tickets: bool,
    pub stripe: Option<StripeFacts>,
}

#[derive(Debug, Clone, Copy)]
pub struct Disk {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

#[derive(Debug, Clone, Default)]
pub struct MachineFacts {
    pub counts: Counts,
    pub target: u64,
    pub paused: Option<(Moment, String)>,
    pub orphans: usize,
    /// When the provider last answered, and why it does not now.
    pub answered: Option<Moment>,
    pub error: Option<String>,
}

/// Customers who have paid and have no workspace yet.
#[derive(Debug, Clone, Default)]
pub struct WaitingFacts {
    pub count: usize,
    pub oldest: Option<Moment>,
    /// How long one may wait before a person is told.
    pub patience: Duration,
}

/// The tasks of a kind that are not over.
#[derive(Debug, Clone, Copy)]
pub struct TaskLoad {
    pub kind: Kind,
    pub waiting: u64,
    pub oldest_due: Option<Moment>,
    /// Given up, and nobody has looked yet.
    pub dead: u64,
}

#[derive(Debug, Clone)]
pub struct EdgeFacts {
    pub name: String,
    pub is_reachable: bool,
    pub is_in_step: bool,
    pub lag: Option<u64>,
}

/// The certificate that visitors are shown.
#[derive(Debug, Clone, Default)]
pub struct CertificateFacts {
    pub state: CertificateState,
    /// Edges that do not take it, each with why.
    pub lacking: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct RouteFacts {
    pub count: u64,
    /// Live workspaces that no edge is told of.
    pub unrouted: u64,
}

#[derive(Debug, Clone)]
pub struct StripeFacts {
    pub last_event: Option<Moment>,
    /// How its list of subscriptions compared with the workspaces.
    pub list: Compared,
}
