//! Why an attempt did not finish its task, and what that means for the next one.

use std::time::Duration;

use crate::store::{LeaseError, StoreError};
use vendors::Again;

#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may succeed next time. Counts as an attempt; the next one comes after the
    /// back-off, and not before `after`.
    #[error("{error:#}")]
    Retry { error: anyhow::Error, after: Option<Duration> },
    /// Nothing failed, but something has to happen first. No attempt is counted.
    #[error("{why}")]
    Snooze { why: String, after: Duration },
    /// It would fail again and again: the task is dead at once.
    #[error("{error:#}")]
    Permanent { error: anyhow::Error },
    /// Another worker has the task now, or it was called off: nothing is left to do here.
    #[error("the lease was lost")]
    LostLease,
}

impl JobError {
    /// As the client of a vendor judges its own error.
    pub fn from_client(error: impl Into<anyhow::Error>, again: Again) -> Self {
        let error = error.into();
        match again {
            Again::Never => Self::Permanent { error },
            Again::Soon => Self::Retry { error, after: None },
            Again::After(after) => Self::Retry { error, after: Some(after) },
        }
    }

    pub fn snooze(why: impl Into<String>, after: Duration) -> Self {
        Self::Snooze { why: why.into(), after }
    }

    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self::Retry { error: error.into(), after: None }
    }

    pub fn permanent(error: impl Into<anyhow::Error>) -> Self {
        Self::Permanent { error: error.into() }
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::retry(error)
    }
}

impl From<LeaseError> for JobError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::LostLease,
            LeaseError::Store(error) => error.into(),
        }
    }
}
