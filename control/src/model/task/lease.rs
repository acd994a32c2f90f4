//! The right to work at a task, for a while, and alone.

use std::time::Duration;

use super::id::TaskId;

/// How long a claimed task stays ours without a renewal.
///
/// Three renewals: a worker that dies is replaced within a minute, a slow disk
/// is forgiven. It is told by the clock of whoever claims, so processes that share
/// a database must agree on the time to some seconds; where they do not, the token
/// still keeps the second writer out.
pub const LEASE: Duration = Duration::from_secs(60);

/// How often a worker renews the lease of what it works at.
pub const RENEWAL: Duration = Duration::from_secs(20);

/// Of one claim of one task. Whoever claims it next has a higher token, and from
/// then on nothing is written in the name of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub task: TaskId,
    pub token: u64,
}
