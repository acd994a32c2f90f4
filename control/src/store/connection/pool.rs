//! Connections: a few of them, each either good or closed.
//!
//! A connection on which a statement failed below SQL (a full disk, a lost server) may
//! be in a state that nobody knows: SQLite ends a transaction by itself then. It is
//! closed, and the next one is opened afresh.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, TryFutureExt as _};
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyPoolOptions, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Either, Execute, Executor, SqlStr};
use tokio::runtime::Handle;
use tracing::debug;

use super::dialect::Dialect;
use super::error::is_failure;
use super::write_health::WriteHealth;

/// How long a request waits for a connection, and on SQLite for its turn to write,
/// before it is answered with an error.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Pool(AnyPool);

impl Pool {
    pub(super) async fn open(
        dialect: Dialect,
        address: &str,
        connections: u32,
    ) -> Result<Self, sqlx::Error> {
        let options = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A file does not go away between two looks.
            .test_before_acquire(dialect == Dialect::Postgres)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for statement in dialect.connection_setup() {
                        sqlx::query(*statement).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            });
        Ok(Self(options.connect(address).await?))
    }

    pub(super) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let inner = Some(self.0.acquire().await?);
        let state = State { is_broken: false, health: None };
        Ok(Connection { inner, state, is_in_transaction: false })
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// A connection of the pool while somebody uses it.
#[derive(Debug)]
pub struct Connection {
    /// `None` only while it is dropped.
    inner: Option<PoolConnection<Any>>,
    state: State,
    is_in_transaction: bool,
}

#[derive(Debug)]
struct State {
    /// It failed below SQL.
    is_broken: bool,
    /// Told of failures, where the connection is there to write.
    health: Option<Arc<WriteHealth>>,
}

impl State {
    fn note(&mut self, error: &sqlx::Error) {
        self.is_broken |= is_failure(error);
        if let Some(health) = &self.health {
            health.failed(error);
        }
    }
}

impl Connection {
    /// Tells `health` whenever it fails.
    pub(super) fn watched_by(mut self, health: &Arc<WriteHealth>) -> Self {
        self.state.health = Some(Arc::clone(health));
        self
    }

    /// What is not committed is rolled back when the connection is dropped.
    pub(super) async fn begin(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        // Before it is so: dropped while it waits, it may have begun.
        self.is_in_transaction = true;
        sqlx::raw_sql(statement).execute(&mut *self).await?;
        Ok(())
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.is_in_transaction = false;
        Ok(())
    }

    fn parts(&mut self) -> (&mut AnyConnection, &mut State) {
        (self.inner.as_mut().expect("it is used only before it is dropped"), &mut self.state)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.take() else { return };
        if self.state.is_broken {
            inner.close_on_drop();
        } else if self.is_in_transaction {
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(roll_back(inner))),
                Err(_) => inner.close_on_drop(),
            }
        }
    }
}

/// Nobody else has the connection before the transaction is over for certain.
async fn roll_back(mut connection: PoolConnection<Any>) {
    if let Err(error) = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await {
        debug!("cannot roll back ({error}); closing the connection");
        connection.close_on_drop();
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (connection, state) = self.parts();
        let rows = connection.fetch_many(query);
        rows.inspect_err(|error| state.note(error)).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (connection, state) = self.parts();
        let row = connection.fetch_optional(query);
        row.inspect_err(|error| state.note(error)).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.parts().0.prepare_with(sql, parameters)
    }
}
