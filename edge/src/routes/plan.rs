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
use super::rejection::Rejection;
use super::step::{Step, state_after};
use super::tables::Tables;
use super::upload::Whole;
use crate::limits::{BATCH_MAX_CHANGES, EMPTIED_ROUTES_MIN, GENERATION_MAX, LOCKS_MAX, ROUTES_MAX};

/// What will be served, and the way there.
pub(crate) struct Plan {
    pub steps: Vec<Step>,
    pub next: Tables,
}

/// Removing or unlocking what is not there, and putting what is there already,
/// are no steps: control repeats itself when an answer was lost.
///
/// # Errors
/// All bad entries at once; otherwise the first reason found.
pub(crate) fn plan_batch(
    batch: Batch,
    tables: &Tables,
    policy: &AddressPolicy,
) -> Result<Plan, Rejection> {
    let Batch { base, generation, checksum, entries } = batch;
    let served = tables.state();
    if base != served.generation {
        return Err(Rejection::Conflict { served: served.generation });
    }
    if generation <= base {
        return Err(Rejection::NotNewer { base, generation });
    }
    check_generation(generation)?;
    if entries.len() > BATCH_MAX_CHANGES {
        return Err(Rejection::TooManyChanges { count: entries.len() });
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
pub(crate) fn plan_whole(whole: Whole, tables: &Tables) -> Result<Plan, Rejection> {
    let Whole { head, routes, locks, empties } = whole;
    let served = tables.state();
    if served.generation > head.generation {
        return Err(Rejection::Conflict { served: served.generation });
    }
    check_generation(head.generation)?;
    if routes.is_empty() && served.routes >= EMPTIED_ROUTES_MIN && !empties {
        return Err(Rejection::Empties { routes: served.routes });
    }
    let next = Tables::of(None, routes, locks).map_err(|doubled| {
        let routes = doubled.routes.iter().map(|name| format!("route {name} comes twice"));
        let locks =
            doubled.locks.iter().map(|key| format!("{} comes twice", Subject::Lock(*key).name()));
        Rejection::BadEntries(routes.chain(locks).collect())
    })?;
    let steps = tables.steps_to(&next);
    let state = state_after(served, head.generation, &steps);
    check_result(&state, Some(head.checksum))?;
    Ok(Plan { steps, next: next.after(&[], state) })
}

/// A number that nothing could follow would shut out every later change.
fn check_generation(generation: Generation) -> Result<(), Rejection> {
    if generation.0 > GENERATION_MAX { Err(Rejection::TooFar { generation }) } else { Ok(()) }
}

fn check_entries(
    entries: Vec<Result<Change, Unreadable>>,
    policy: &AddressPolicy,
) -> Result<Vec<Change>, Rejection> {
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
    if complaints.is_empty() { Ok(changes) } else { Err(Rejection::BadEntries(complaints)) }
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

fn check_result(state: &GenerationState, expected: Option<Checksum>) -> Result<(), Rejection> {
    if state.routes > ROUTES_MAX {
        return Err(Rejection::TooManyRoutes { count: state.routes });
    }
    if state.locks > LOCKS_MAX {
        return Err(Rejection::TooManyLocks { count: state.locks });
    }
    match expected {
        Some(expected) if expected != state.checksum => {
            Err(Rejection::Checksum { expected, found: state.checksum })
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
