//! Why a change of the tables is not made.

use shared::{Checksum, Generation};

use crate::limits::{BATCH_MAX_CHANGES, LOCKS_MAX, ROUTES_MAX};

/// Why nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("generation {served} is served, which is not what this starts from")]
    Conflict { served: Generation },
    #[error("generation {generation} does not follow generation {base}")]
    NotNewer { base: Generation, generation: Generation },
    #[error("{count} changes in one batch; {BATCH_MAX_CHANGES} fit, more go as a whole table")]
    TooManyChanges { count: usize },
    #[error("{count} routes; an edge holds {ROUTES_MAX}")]
    TooManyRoutes { count: u64 },
    #[error("{count} locks; an edge holds {LOCKS_MAX}")]
    TooManyLocks { count: u64 },
    /// One line for each entry at fault.
    #[error("{} cannot be applied, beginning with {}", entries(.0.len()), .0[0])]
    BadEntries(Vec<String>),
    #[error("no generation is as high as {generation}")]
    TooFar { generation: Generation },
    #[error(
        "the table is empty and would end all {routes} routes; if that is meant, put it with ?empties=true"
    )]
    Empties { routes: u64 },
    #[error("the checksum would be {found}, not {expected}")]
    Checksum { expected: Checksum, found: Checksum },
}

fn entries(count: usize) -> String {
    if count == 1 { "an entry".to_owned() } else { format!("{count} entries") }
}
