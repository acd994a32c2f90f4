//! One transaction that writes. The feature opens it, orders what has to happen
//! together, and commits it; each table's file reads and writes its rows.
//!
//! On PostgreSQL transactions wait for each other's rows. All lock them in one order,
//! so that no two wait for each other: task, workspace, sign-up, customer, account
//! session, and last the route table, which is one for everybody.

use std::ops::{Deref, DerefMut};

use shared::{Checksum, Generation};

use super::change_notifier::Topic;
use super::columns::bigint;
use super::database::Store;
use super::dialect::Dialect;
use super::error::{Attempt as _, StoreError};
use super::pool::Connection;

/// Where the route table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableState {
    pub generation: Generation,
    pub checksum: Checksum,
}

/// A transaction that writes; dropped without [`Write::commit`] it leaves nothing behind.
pub struct Write {
    connection: Connection,
    store: Store,
    /// What is told when it is committed.
    announced: Vec<Topic>,
    /// The route table, once this transaction has locked it.
    table: Option<TableState>,
}

impl Store {
    /// Opens a transaction that writes, in its turn.
    ///
    /// # Errors
    /// [`StoreError`]; also when the file of the database is not the one that was opened.
    pub async fn begin(&self) -> Result<Write, StoreError> {
        const ATTEMPT: &str = "begin a transaction";
        self.check_file(ATTEMPT)?;
        let connection = match self.writer().await {
            Ok(connection) => connection,
            Err(error) => {
                self.health().failed(&error);
                return Err(error).attempt(ATTEMPT);
            }
        };
        let mut connection = connection.watched_by(self.health());
        connection.begin(self.dialect().begin_write()).await.attempt(ATTEMPT)?;
        Ok(Write { connection, store: self.clone(), announced: Vec::new(), table: None })
    }

    /// Tries to write, as requests that change something will.
    ///
    /// # Errors
    /// [`StoreError`]: nothing can be written for now.
    pub async fn try_write(&self) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE write_probe SET writes = writes + 1 WHERE id = 1")
            .execute(&mut *write)
            .await
            .attempt("try to write")?;
        write.commit().await
    }

    /// What is written to a file that has no name any more is lost with the process.
    fn check_file(&self, attempt: &'static str) -> Result<(), StoreError> {
        let Some(file) = self.file() else { return Ok(()) };
        file.check().map_err(|error| {
            let error = sqlx::Error::Io(error);
            self.health().failed(&error);
            StoreError::new(attempt, error)
        })
    }
}

impl Write {
    /// # Errors
    /// [`StoreError`]. Where the connection was lost meanwhile it may be committed all the
    /// same: what is done twice must do no harm.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.commit_routes().await.map(drop)
    }

    /// As [`Self::commit`]; says which generation the edges have to hear of, where routes
    /// or locks changed.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn commit_routes(mut self) -> Result<Option<Generation>, StoreError> {
        const ATTEMPT: &str = "commit a transaction";
        if let Some(state) = self.table {
            sqlx::query("UPDATE route_table SET generation = $1, checksum = $2 WHERE id = 1")
                .bind(bigint(state.generation.0))
                .bind(state.checksum.to_string())
                .execute(&mut self.connection)
                .await
                .attempt("write the generation")?;
            self.announce(Topic::Routes).await?;
        }
        let Self { mut connection, store, announced, table } = self;
        connection.commit().await.attempt(ATTEMPT)?;
        drop(connection);
        store.check_file(ATTEMPT)?;
        store.health().succeeded();
        for topic in announced {
            store.notifier().notify(topic);
        }
        Ok(table.map(|state| state.generation))
    }

    /// Tells of what this changes, when it is committed.
    pub(in crate::store) async fn announce(&mut self, topic: Topic) -> Result<(), StoreError> {
        // A notice to oneself is heard once however often it is given.
        if self.announced.contains(&topic) {
            return Ok(());
        }
        self.announced.push(topic);
        if self.store.dialect() == Dialect::Postgres {
            sqlx::query("SELECT pg_notify($1, $2)")
                .bind(topic.as_str())
                .bind(self.store.process().to_string())
                .execute(&mut self.connection)
                .await
                .attempt("announce a change")?;
        }
        Ok(())
    }

    pub(in crate::store) fn store(&self) -> &Store {
        &self.store
    }

    pub(in crate::store) fn table(&self) -> Option<TableState> {
        self.table
    }

    pub(in crate::store) fn set_table(&mut self, state: TableState) {
        self.table = Some(state);
    }
}

impl Deref for Write {
    type Target = Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}
