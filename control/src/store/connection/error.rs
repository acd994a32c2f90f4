//! What goes wrong with the database, named by what was attempted.

use std::sync::Arc;

use sqlx::error::ErrorKind;

/// The database did not answer, refused, or holds something that cannot be read.
///
/// Every method of the store can return it, and then nothing has changed. The caller
/// cannot choose anything by it; it reports, and answers 500 or tries later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database could not {attempt}")]
pub struct StoreError {
    attempt: &'static str,
    /// Shared by all that waited for the same attempt.
    source: Arc<sqlx::Error>,
}

impl StoreError {
    pub(in crate::store) fn new(attempt: &'static str, source: sqlx::Error) -> Self {
        Self { attempt, source: Arc::new(source) }
    }

    /// Whether the database, or the way to it, failed: what was attempted may be so later.
    pub fn is_outage(&self) -> bool {
        is_failure(&self.source)
    }

    /// What the driver said, where a stored value was read and our own types refused it.
    pub(in crate::store) fn unreadable(&self) -> Option<&sqlx::Error> {
        let source = &*self.source;
        matches!(source, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
            .then_some(source)
    }

    /// A stored value that our own types refuse.
    pub fn corrupt(attempt: &'static str, found: &str) -> Self {
        let source = sqlx::Error::Decode(format!("{found:?} is stored but not valid").into());
        Self::new(attempt, source)
    }
}

/// Names the attempt in an error of the driver.
pub(in crate::store) trait Attempt<T> {
    /// `attempt` completes "the database could not …".
    fn attempt(self, attempt: &'static str) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for Result<T, sqlx::Error> {
    fn attempt(self, attempt: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::new(attempt, source))
    }
}

/// Whether an error says that the connection, or the database below it, failed: not
/// the statement, nor what it found.
pub(super) fn is_failure(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.kind() == ErrorKind::Other,
        sqlx::Error::RowNotFound
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_) => false,
        _ => true,
    }
}
