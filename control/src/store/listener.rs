//! Tells the other processes on one database that the route table changed.
//!
//! A notice is part of the change's own transaction: it arrives when the change
//! is there, or never. SQLite belongs to one process, and has none to tell.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::error::Attempt as _;
use super::{ACQUIRE_TIMEOUT, Dialect, Store, StoreError, Write};

/// Of this database; others on the same server do not hear it.
const CHANNEL: &str = "arcamatrix_route_table";

/// A connection that is silent for so long is asked whether it is still there:
/// what was lost on the way says nothing by itself.
const SILENCE: Duration = Duration::from_secs(15);

/// How long its answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

const ATTEMPT: &str = "tell of changes by other processes";

/// Hears what other processes change, and nothing of our own.
pub struct Listener {
    connection: PgListener,
    /// What our own notices say.
    own: String,
}

impl Store {
    /// Listens from now on; `None` where no other process can change anything.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        if self.dialect == Dialect::Sqlite {
            return Ok(None);
        }
        // Its own connection: one of the pool would be missing there for ever.
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = options.connect(self.url.expose()).await.attempt(ATTEMPT)?;
        let mut connection = PgListener::connect_with(&pool).await.attempt(ATTEMPT)?;
        // Whoever listens must know of a gap, so that they look what changed in it.
        connection.eager_reconnect(false);
        connection.listen(CHANNEL).await.attempt(ATTEMPT)?;
        Ok(Some(Listener { connection, own: self.process.to_string() }))
    }

    /// Tells the others of what `write` changed, when it is committed.
    pub(super) async fn announce(&self, write: &mut Write) -> Result<(), StoreError> {
        if self.dialect == Dialect::Postgres {
            sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(self.process.to_string())
                .execute(&mut **write)
                .await
                .attempt("announce a change of the route table")?;
        }
        Ok(())
    }
}

impl Listener {
    /// Until another process changed the table. May be dropped at any time without loss.
    ///
    /// # Errors
    /// When the connection is lost: listen again, then look what changed meanwhile.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        loop {
            match timeout(SILENCE, self.connection.try_recv()).await {
                Ok(Ok(Some(notice))) if notice.payload() == self.own => {}
                Ok(Ok(Some(_))) => return Ok(()),
                Ok(Ok(None)) => return Err(gone(ErrorKind::ConnectionAborted)),
                Ok(Err(error)) => return Err(error).attempt(ATTEMPT),
                Err(_silent) => self.ask().await?,
            }
        }
    }

    async fn ask(&mut self) -> Result<(), StoreError> {
        let asked = sqlx::query("SELECT 1").execute(&mut self.connection);
        match timeout(ANSWER_TIMEOUT, asked).await {
            Ok(answer) => answer.map(drop).attempt(ATTEMPT),
            Err(_late) => Err(gone(ErrorKind::TimedOut)),
        }
    }
}

fn gone(kind: ErrorKind) -> StoreError {
    StoreError::new(ATTEMPT, sqlx::Error::Io(kind.into()))
}
