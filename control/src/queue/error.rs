//! Why an attempt did not finish its task, and what that means for the next one.

use std::time::Duration;

use crate::store::{LeaseError, StoreError};
use vendors::Again;

#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It may succeed next time. Counts as an attempt; the next one comes after the
    /// back-off, and not before `after`.
    #[error("{error:#}")]
    Again { error: anyhow::Error, after: Option<Duration> },
    /// Nothing failed, but something has to happen first. No attempt is counted.
    #[error("{why}")]
    Wait { why: String, after: Duration },
    /// It would fail again and again: the task is dead at once.
    #[error("{error:#}")]
    Never { error: anyhow::Error },
    /// Somebody else has the task now, or nobody may: there is nothing left to do here.
    #[error("the lease was lost")]
    LostLease,
}

impl Trouble {
    /// As the client of a vendor judges its own error.
    pub fn from_client(error: impl Into<anyhow::Error>, again: Again) -> Self {
        let error = error.into();
        match again {
            Again::Never => Self::Never { error },
            Again::Soon => Self::Again { error, after: None },
            Again::After(after) => Self::Again { error, after: Some(after) },
        }
    }

    pub fn wait(why: impl Into<String>, after: Duration) -> Self {
        Self::Wait { why: why.into(), after }
    }

    pub fn again(error: impl Into<anyhow::Error>) -> Self {
        Self::Again { error: error.into(), after: None }
    }

    pub fn never(error: impl Into<anyhow::Error>) -> Self {
        Self::Never { error: error.into() }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::again(error)
    }
}

impl From<LeaseError> for Trouble {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::LostLease,
            LeaseError::Store(error) => error.into(),
        }
    }
}
