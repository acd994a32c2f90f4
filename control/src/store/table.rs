//! The route table's number and checksum, and the one way to change it.
//!
//! Every change is a row, a generation, a checksum and a line of the log, in one
//! transaction: there is no moment at which they disagree.

use shared::{Change, Checksum, Generation, Lock, LockKey, Route, Username};
use sqlx::AnyConnection;

use super::error::Attempt as _;
use super::{Channel, Columns as _, Store, StoreError, Write, bigint, locks, routes};

/// Where the route table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableState {
    pub generation: Generation,
    pub checksum: Checksum,
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn table_state(&self) -> Result<TableState, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("read the route table")?;
        read_state(&mut connection).await
    }

    /// Goes on above `generation`, which an edge has although we never made it.
    ///
    /// That happens when the database was restored from a backup. The log is
    /// emptied: no edge may be brought up from a state we do not know.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn jump_above(&self, generation: Generation) -> Result<TableState, StoreError> {
        let mut table = self.change_table().await?;
        if table.state.generation <= generation {
            table.state.generation = Generation(generation.0 + 1);
            sqlx::query("DELETE FROM route_changes")
                .execute(&mut *table.write)
                .await
                .attempt("empty the log of changes")?;
        }
        table.commit().await
    }

    pub(super) async fn change_table(&self) -> Result<TableChange, StoreError> {
        let mut write = self.write().await?;
        // Writes although nothing changes yet: on PostgreSQL this is the lock
        // behind which every change of the table queues.
        sqlx::query("UPDATE route_table SET generation = generation WHERE id = 1")
            .execute(&mut *write)
            .await
            .attempt("lock the route table")?;
        let state = read_state(&mut write).await?;
        Ok(TableChange { write, state })
    }
}

pub(super) async fn read_state(connection: &mut AnyConnection) -> Result<TableState, StoreError> {
    const ATTEMPT: &str = "read the route table";
    let row = sqlx::query("SELECT generation, checksum FROM route_table WHERE id = 1")
        .fetch_one(connection)
        .await
        .attempt(ATTEMPT)?;
    let checksum = row.text("checksum").attempt(ATTEMPT)?;
    Ok(TableState {
        generation: Generation(row.number("generation").attempt(ATTEMPT)?),
        checksum: Checksum::parse(&checksum)
            .ok_or_else(|| StoreError::corrupt(ATTEMPT, &checksum))?,
    })
}

/// The route table inside a transaction of its own.
pub(super) struct TableChange {
    pub(super) write: Write,
    pub(super) state: TableState,
}

impl TableChange {
    /// Putting what is there already changes nothing and makes no generation.
    pub(super) async fn put(&mut self, route: Route) -> Result<(), StoreError> {
        let before = routes::find(&mut self.write, &route.username).await?;
        if before.as_ref() == Some(&route) {
            return Ok(());
        }
        routes::upsert(&mut self.write, &route).await?;
        let checksum = match &before {
            Some(before) => self.state.checksum.without_route(before),
            None => self.state.checksum,
        };
        self.step(checksum.with_route(&route), Change::Put(route)).await
    }

    /// `false` when there was no such route.
    pub(super) async fn remove(&mut self, username: &Username) -> Result<bool, StoreError> {
        let Some(before) = routes::find(&mut self.write, username).await? else {
            return Ok(false);
        };
        routes::delete(&mut self.write, username).await?;
        let checksum = self.state.checksum.without_route(&before);
        self.step(checksum, Change::Remove(*username)).await?;
        Ok(true)
    }

    pub(super) async fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        let before = locks::find(&mut self.write, &lock.key()).await?;
        if before.as_ref() == Some(&lock) {
            return Ok(());
        }
        locks::upsert(&mut self.write, &lock).await?;
        let checksum = match &before {
            Some(before) => self.state.checksum.without_lock(before),
            None => self.state.checksum,
        };
        self.step(checksum.with_lock(&lock), Change::Lock(lock)).await
    }

    /// `false` when there was no such lock.
    pub(super) async fn unlock(&mut self, key: &LockKey) -> Result<bool, StoreError> {
        let Some(before) = locks::find(&mut self.write, key).await? else { return Ok(false) };
        locks::delete(&mut self.write, key).await?;
        let checksum = self.state.checksum.without_lock(&before);
        self.step(checksum, Change::Unlock(*key)).await?;
        Ok(true)
    }

    pub(super) async fn commit(mut self) -> Result<TableState, StoreError> {
        sqlx::query("UPDATE route_table SET generation = $1, checksum = $2 WHERE id = 1")
            .bind(bigint(self.state.generation.0))
            .bind(self.state.checksum.to_string())
            .execute(&mut *self.write)
            .await
            .attempt("write the generation")?;
        self.write.announce(Channel::Routes).await?;
        self.write.commit().await?;
        Ok(self.state)
    }

    async fn step(&mut self, checksum: Checksum, change: Change) -> Result<(), StoreError> {
        let generation = self.state.generation.0 + 1;
        let change = serde_json::to_string(&change).expect("a change is plain data");
        sqlx::query("INSERT INTO route_changes (generation, change, checksum) VALUES ($1, $2, $3)")
            .bind(bigint(generation))
            .bind(change)
            .bind(checksum.to_string())
            .execute(&mut *self.write)
            .await
            .attempt("log a change of the route table")?;
        sqlx::query("DELETE FROM route_changes WHERE generation <= $1")
            .bind(bigint(generation.saturating_sub(self.write.store.log_changes)))
            .execute(&mut *self.write)
            .await
            .attempt("shorten the log of changes")?;
        self.state = TableState { generation: Generation(generation), checksum };
        Ok(())
    }
}
