//! The whole route table as it was at one generation, read piece by piece.

use shared::wire::{TableHead, TableLine};
use shared::{Lock, Route};

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
        Ok(Snapshot { transaction, head, position: Position::Routes { after: String::new() } })
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
        loop {
            match &self.position {
                Position::Routes { after } => {
                    let routes = route_rows::page(&mut self.transaction, after, PIECE).await?;
                    let Some(last) = routes.last() else {
                        self.position = Position::Locks { after: Default::default() };
                        continue;
                    };
                    self.position = Position::Routes { after: last.username.to_string() };
                    return Ok(Some(routes.into_iter().map(TableLine::Route).collect()));
                }
                Position::Locks { after: (username, session) } => {
                    let after = (username.as_str(), session.as_str());
                    let locks = lock_rows::page(&mut self.transaction, after, PIECE).await?;
                    let Some(last) = locks.last() else {
                        self.position = Position::End;
                        continue;
                    };
                    let after = (last.username.to_string(), session_text(last.session));
                    self.position = Position::Locks { after };
                    return Ok(Some(locks.into_iter().map(TableLine::Lock).collect()));
                }
                Position::End => return Ok(None),
            }
        }
    }
}
