//! What goes wrong with the database, named by what was attempted.

use std::sync::Arc;

/// The caller cannot choose anything by it; it reports, and answers 500 or tries later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database could not {attempt}")]
pub struct StoreError {
    attempt: &'static str,
    /// Shared by all that waited for the same attempt.
    source: Arc<sqlx::Error>,
}

impl StoreError {
    pub(super) fn new(attempt: &'static str, source: sqlx::Error) -> Self {
        Self { attempt, source: Arc::new(source) }
    }

    /// A stored value that our own types refuse.
    pub(super) fn corrupt(attempt: &'static str, found: &str) -> Self {
        let source = sqlx::Error::Decode(format!("{found:?} is stored but not valid").into());
        Self::new(attempt, source)
    }
}

/// Names the attempt in an error of the driver.
pub(super) trait Attempt<T> {
    /// `attempt` completes "the database could not …".
    fn attempt(self, attempt: &'static str) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for Result<T, sqlx::Error> {
    fn attempt(self, attempt: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::new(attempt, source))
    }
}
