//! May this batch, or this whole table, be applied, and what does it come to?
//!
//! Pure: what is served and what was asked for in, the steps or every reason
//! against them out. Nothing is applied in parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::route::Subject;
use shared::wire::GenerationState;
use shared::{AddressPolicy, Change, Checksum, Generation};

use super::batch::{Batch, Unreadable};
use super::step::{Step, state_after};
use super::tables::Tables;
use super::upload::Whole;

/// Changes in one batch. Ten times what control sends at once; a sender with
/// more to say sends the whole table.
pub const BATCH_MAX_CHANGES: usize = 10_000;

/// Four times the million that an edge is measured with; about one gigabyte.
pub const ROUTES_MAX: u64 = 4_000_000;

/// Sessions that were ended and have not expired yet, and closed workspaces.
pub const LOCKS_MAX: u64 = 1_000_000;

/// What will be served, and the way there.
pub struct Plan {
    pub steps: Vec<Step>,
    pub next: Tables,
}

/// Why nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
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
    #[error("the checksum would be {found}, not {expected}")]
    Checksum { expected: Checksum, found: Checksum },
}

fn entries(count: usize) -> String {
    if count == 1 { "an entry".to_owned() } else { format!("{count} entries") }
}

/// Removing or unlocking what is not there, and putting what is there already,
/// are no steps: control repeats itself when an answer was lost.
///
/// # Errors
/// All bad entries at once; otherwise the first reason found.
pub fn plan_batch(batch: Batch, tables: &Tables, policy: &AddressPolicy) -> Result<Plan, Refusal> {
    let Batch { base, generation, checksum, entries } = batch;
    let served = tables.state();
    if base != served.generation {
        return Err(Refusal::Conflict { served: served.generation });
    }
    if generation <= base {
        return Err(Refusal::NotNewer { base, generation });
    }
    if entries.len() > BATCH_MAX_CHANGES {
        return Err(Refusal::TooManyChanges { count: entries.len() });
    }
    let changes = check_entries(entries, policy)?;
    let steps: Vec<_> = changes.into_iter().filter_map(|change| step(change, tables)).collect();
    let state = state_after(served, generation, &steps);
    check_result(&state, checksum)?;
    Ok(Plan { next: tables.after(&steps, state), steps })
}

/// An older generation than the one that is served is refused; an edge that was
/// never told anything serves generation zero.
///
/// # Errors
/// The first reason found.
pub fn plan_whole(whole: Whole, tables: &Tables) -> Result<Plan, Refusal> {
    let Whole { head, routes, locks } = whole;
    let served = tables.state();
    if served.generation > head.generation {
        return Err(Refusal::Conflict { served: served.generation });
    }
    let next = Tables::of(None, routes, locks).map_err(|doubled| {
        let routes = doubled.routes.iter().map(|name| format!("route {name} comes twice"));
        let locks =
            doubled.locks.iter().map(|key| format!("{} comes twice", Subject::Lock(*key).name()));
        Refusal::BadEntries(routes.chain(locks).collect())
    })?;
    let steps = tables.steps_to(&next);
    let state = state_after(served, head.generation, &steps);
    check_result(&state, Some(head.checksum))?;
    Ok(Plan { steps, next: next.after(&[], state) })
}

fn check_entries(
    entries: Vec<Result<Change, Unreadable>>,
    policy: &AddressPolicy,
) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::with_capacity(entries.len());
    let mut complaints = Vec::new();
    let mut first_at = BTreeMap::new();
    for (index, entry) in entries.into_iter().enumerate() {
        match entry {
            Err(Unreadable { subject: Some(subject), reason }) => {
                complaints.push(format!("changes[{index}]: {subject}: {reason}"));
            }
            Err(Unreadable { subject: None, reason }) => {
                complaints.push(format!("changes[{index}]: {reason}"));
            }
            Ok(change) => {
                let subject = change.subject();
                let first = *first_at.entry(subject).or_insert(index);
                if first != index {
                    let name = subject.name();
                    complaints.push(format!(
                        "changes[{index}]: {name}: changes[{first}] is about it too"
                    ));
                }
                if let Change::Put(route) = &change
                    && let Err(error) = policy.check_upstream(&route.upstream)
                {
                    complaints.push(format!("changes[{index}]: {}: {error}", subject.name()));
                }
                changes.push(change);
            }
        }
    }
    if complaints.is_empty() { Ok(changes) } else { Err(Refusal::BadEntries(complaints)) }
}

/// `None` when the tables are like that already.
fn step(change: Change, tables: &Tables) -> Option<Step> {
    match change {
        Change::Put(after) => {
            let before = tables.route(&after.username);
            let is_new = before.as_deref() != Some(&after);
            is_new.then(|| Step::Put { before, after: Arc::new(after) })
        }
        Change::Remove(username) => tables.route(&username).map(|before| Step::Remove { before }),
        Change::Lock(after) => {
            let before = tables.lock(&after.key());
            (before.as_ref() != Some(&after)).then_some(Step::Lock { before, after })
        }
        Change::Unlock(key) => tables.lock(&key).map(|before| Step::Unlock { before }),
    }
}

fn check_result(state: &GenerationState, expected: Option<Checksum>) -> Result<(), Refusal> {
    if state.routes > ROUTES_MAX {
        return Err(Refusal::TooManyRoutes { count: state.routes });
    }
    if state.locks > LOCKS_MAX {
        return Err(Refusal::TooManyLocks { count: state.locks });
    }
    match expected {
        Some(expected) if expected != state.checksum => {
            Err(Refusal::Checksum { expected, found: state.checksum })
        }
        _ => Ok(()),
    }
}

/// What a complaint calls the thing it is about.
trait Name {
    fn name(&self) -> String;
}

impl Name for Subject {
    fn name(&self) -> String {
        match self {
            Self::Route(username) => format!("route {username}"),
            Self::Lock(key) => match key.session {
                None => format!("lock of {}", key.username),
                Some(session) => format!("lock of {} session {session}", key.username),
            },
        }
    }
}

#[cfg(test)]
mod tests;
