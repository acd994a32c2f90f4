//! The differences between two states of the tables.

use std::sync::Arc;

use shared::wire::GenerationState;
use shared::{Change, Generation, Lock, Route, Username};

/// One difference, with what was before it. Never a repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Put { before: Option<Arc<Route>>, after: Arc<Route> },
    Remove { before: Arc<Route> },
    Lock { before: Option<Lock>, after: Lock },
    Unlock { before: Lock },
}

impl Step {
    /// What brings another table over the same difference.
    pub(super) fn change(&self) -> Change {
        match self {
            Self::Put { after, .. } => Change::Put(Route::clone(after)),
            Self::Remove { before } => Change::Remove(before.username),
            Self::Lock { after, .. } => Change::Lock(after.clone()),
            Self::Unlock { before } => Change::Unlock(before.key()),
        }
    }

    pub fn username(&self) -> &Username {
        match self {
            Self::Put { after, .. } => &after.username,
            Self::Remove { before } => &before.username,
            Self::Lock { after, .. } => &after.username,
            Self::Unlock { before } => &before.username,
        }
    }
}

/// What `state` becomes by `steps`: counts and checksum, without a look at the tables.
pub(crate) fn state_after(
    state: GenerationState,
    generation: Generation,
    steps: &[Step],
) -> GenerationState {
    let start = GenerationState { generation, ..state };
    steps.iter().fold(start, |mut state, step| {
        match step {
            Step::Put { before, after } => {
                if let Some(before) = before {
                    state.checksum = state.checksum.without_route(before);
                } else {
                    state.routes += 1;
                }
                state.checksum = state.checksum.with_route(after);
            }
            Step::Remove { before } => {
                state.routes -= 1;
                state.checksum = state.checksum.without_route(before);
            }
            Step::Lock { before, after } => {
                if let Some(before) = before {
                    state.checksum = state.checksum.without_lock(before);
                } else {
                    state.locks += 1;
                }
                state.checksum = state.checksum.with_lock(after);
            }
            Step::Unlock { before } => {
                state.locks -= 1;
                state.checksum = state.checksum.without_lock(before);
            }
        }
        state
    })
}
