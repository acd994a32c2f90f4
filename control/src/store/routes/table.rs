//! The route table's number and checksum, and the one way to change it.
//!
//! Every change is a row, a generation, a checksum and a line of the log, in one
//! transaction: there is no moment at which they disagree. The lock behind which all
//! changes queue is taken only where something changes, and after every other lock.

use shared::{Change, Checksum, Generation, Lock, LockKey, Route, Username};

use super::{lock_rows, route_rows};
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, valid};
use crate::store::{Store, StoreError, TableState, Write};

impl Store {
    pub async fn table_state(&self) -> Result<TableState, StoreError> {
        read_state(&mut self.read().await?).await
    }

    /// Goes on above `generation`, which an edge has although we never made it.
    ///
    /// That happens when the database was restored from a backup. The log is
    /// emptied: no edge may be brought up from a state we do not know.
    pub async fn jump_above(&self, generation: Generation) -> Result<TableState, StoreError> {
        let mut write = self.begin().await?;
        let mut state = write.lock_table().await?;
        if state.generation <= generation {
            state.generation = Generation(generation.0 + 1);
            write.begin_log_anew(state).await?;
        }
        write.commit().await?;
        Ok(state)
    }
}

pub(super) async fn read_state(connection: &mut Connection) -> Result<TableState, StoreError> {
    const ATTEMPT: &str = "read the route table";
    let row = sqlx::query("SELECT generation, checksum FROM route_table WHERE id = 1")
        .fetch_one(connection)
        .await
        .attempt(ATTEMPT)?;
    let checksum = valid(&row, "checksum", |text| Checksum::parse(text).ok_or("not a checksum"));
    Ok(TableState {
        generation: Generation(row.number("generation").attempt(ATTEMPT)?),
        checksum: checksum.attempt(ATTEMPT)?,
    })
}

impl Write {
    /// Commits, and says which generation has what this transaction made sure of: also
    /// where it was so before.
    pub async fn commit_with_generation(mut self) -> Result<Generation, StoreError> {
        let present = match self.table() {
            Some(state) => state,
            None => read_state(&mut self).await?,
        };
        self.commit().await?;
        Ok(present.generation)
    }

    /// Makes a route what `change` makes of the present one; `None` is no route.
    ///
    /// `change` is asked again once the table is locked, where somebody else may have
    /// changed the route meanwhile.
    pub async fn change_route(
        &mut self,
        username: &Username,
        change: impl Fn(Option<&Route>) -> Option<Route>,
    ) -> Result<(), StoreError> {
        if self.table().is_none() {
            let before = route_rows::find(self, username).await?;
            if change(before.as_ref()) == before {
                return Ok(());
            }
            self.lock_table().await?;
        }
        let before = route_rows::find(self, username).await?;
        let after = change(before.as_ref());
        if after == before {
            return Ok(());
        }
        let state = self.lock_table().await?;
        let checksum = match &before {
            Some(before) => state.checksum.without_route(before),
            None => state.checksum,
        };
        match after {
            Some(route) => {
                route_rows::upsert(self, &route).await?;
                self.log(checksum.with_route(&route), Change::Put(route)).await
            }
            None => {
                route_rows::delete(self, username).await?;
                self.log(checksum, Change::Remove(*username)).await
            }
        }
    }

    pub async fn remove_route(&mut self, username: &Username) -> Result<(), StoreError> {
        self.change_route(username, |_| None).await
    }

    /// Replaces a lock of the same key.
    pub async fn put_lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        let key = lock.key();
        if lock_rows::find(self, &key).await?.as_ref() == Some(&lock) {
            return Ok(());
        }
        let state = self.lock_table().await?;
        let checksum = match lock_rows::find(self, &key).await? {
            Some(before) => state.checksum.without_lock(&before),
            None => state.checksum,
        };
        lock_rows::upsert(self, &lock).await?;
        self.log(checksum.with_lock(&lock), Change::Lock(lock)).await
    }

    pub async fn remove_lock(&mut self, key: &LockKey) -> Result<(), StoreError> {
        if lock_rows::find(self, key).await?.is_none() {
            return Ok(());
        }
        let state = self.lock_table().await?;
        let Some(before) = lock_rows::find(self, key).await? else { return Ok(()) };
        lock_rows::delete(self, key).await?;
        self.log(state.checksum.without_lock(&before), Change::Unlock(*key)).await
    }

    /// Everybody who changes a route or a lock waits here until this is committed.
    pub(in crate::store) async fn lock_table(&mut self) -> Result<TableState, StoreError> {
        if let Some(state) = self.table() {
            return Ok(state);
        }
        sqlx::query("UPDATE route_table SET generation = generation WHERE id = 1")
            .execute(&mut **self)
            .await
            .attempt("lock the route table")?;
        let state = read_state(self).await?;
        self.set_table(state);
        Ok(state)
    }

    /// What edges have from before `state`, the log does not lead on from.
    pub(super) async fn begin_log_anew(&mut self, state: TableState) -> Result<(), StoreError> {
        self.set_table(state);
        sqlx::query("DELETE FROM route_changes")
            .execute(&mut **self)
            .await
            .attempt("empty the log of changes")?;
        Ok(())
    }

    async fn log(&mut self, checksum: Checksum, change: Change) -> Result<(), StoreError> {
        let state = self.lock_table().await?;
        let generation = state.generation.0 + 1;
        let change = serde_json::to_string(&change).expect("a change is plain data");
        sqlx::query("INSERT INTO route_changes (generation, change, checksum) VALUES ($1, $2, $3)")
            .bind(bigint(generation))
            .bind(change)
            .bind(checksum.to_string())
            .execute(&mut **self)
            .await
            .attempt("log a change of the route table")?;
        let kept_after = generation.saturating_sub(self.store().log_changes());
        sqlx::query("DELETE FROM route_changes WHERE generation <= $1")
            .bind(bigint(kept_after))
            .execute(&mut **self)
            .await
            .attempt("shorten the log of changes")?;
        self.set_table(TableState { generation: Generation(generation), checksum });
        Ok(())
    }
}
