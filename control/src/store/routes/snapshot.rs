//! The whole route table as it was at one generation, read piece by piece.

use shared::wire::{TableHead, TableLine};
use shared::{Checksum, Lock, Route};

use super::lock_rows::session_text;
use super::table::read_state;
use super::{lock_rows, route_rows};
use crate::store::connection::Connection;
use crate::store::{Store, StoreError};

/// Entries read at once: about 300 KB, so that a table of any size passes through little memory.
const PIECE: u32 = 1_000;

/// Holds a read transaction open: whatever is written meanwhile is not seen.
pub struct Snapshot {
    transaction: Connection,
    head: TableHead,
    position: Position,
}

enum Position {
    Routes { after: String },
    Locks { after: (String, String) },
    End,
}

impl Store {
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut transaction = self.begin_snapshot().await?;
        let state = read_state(&mut transaction).await?;
        let head = TableHead {
            generation: state.generation,
            routes: route_rows::count(&mut transaction).await?,
            locks: lock_rows::count(&mut transaction).await?,
            checksum: state.checksum,
        };
        Ok(Snapshot { transaction, head, position: Position::START })
    }
}

impl Store {
    /// Every route and lock, for work that nobody waits for.
    pub async fn whole_table(&self) -> Result<(Vec<Route>, Vec<Lock>), StoreError> {
        let mut snapshot = self.snapshot().await?;
        let (mut routes, mut locks) = (Vec::new(), Vec::new());
        while let Some(lines) = snapshot.next().await? {
            for line in lines {
                match line {
                    TableLine::Route(route) => routes.push(route),
                    TableLine::Lock(lock) => locks.push(lock),
                }
            }
        }
        Ok((routes, locks))
    }
}

impl Snapshot {
    pub fn head(&self) -> TableHead {
        self.head
    }

    /// The next entries, routes before locks; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<TableLine>>, StoreError> {
        self.position.next(&mut self.transaction).await
    }

    pub(super) async fn agrees_with_its_head(mut self) -> Result<bool, StoreError> {
        Ok(sum(&mut self.transaction).await? == self.head.checksum)
    }
}

/// Of every route and lock there is.
pub(super) async fn sum(connection: &mut Connection) -> Result<Checksum, StoreError> {
    let (mut position, mut sum) = (Position::START, Checksum::default());
    while let Some(lines) = position.next(connection).await? {
        sum = lines.iter().fold(sum, |sum, line| match line {
            TableLine::Route(route) => sum.with_route(route),
            TableLine::Lock(lock) => sum.with_lock(lock),
        });
    }
    Ok(sum)
}

impl Position {
    const START: Self = Self::Routes { after: String::new() };

    async fn next(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Vec<TableLine>>, StoreError> {
        loop {
            match self {
                Self::Routes { after } => {
                    let routes = route_rows::page(connection, after, PIECE).await?;
                    let Some(last) = routes.last() else {
                        *self = Self::Locks { after: Default::default() };
                        continue;
                    };
                    *after = last.username.to_string();
                    return Ok(Some(routes.into_iter().map(TableLine::Route).collect()));
                }
                Self::Locks { after } => {
                    let (username, session) = &*after;
                    let locks = lock_rows::page(connection, (username, session), PIECE).await?;
                    let Some(last) = locks.last() else {
                        *self = Self::End;
                        continue;
                    };
                    *after = (last.username.to_string(), session_text(last.session));
                    return Ok(Some(locks.into_iter().map(TableLine::Lock).collect()));
                }
                Self::End => return Ok(None),
            }
        }
    }
}
