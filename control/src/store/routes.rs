//! The routes table.

use shared::{Generation, Route, RouteState, SpriteId, Upstream, Username};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::customers;
use super::error::Attempt as _;
use super::table::TableChange;
use super::{Columns as _, Store, StoreError, bigint};
use crate::model::route_change::{Handout, Known, RouteOrder};

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn route(&self, username: &Username) -> Result<Option<Route>, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("read a route")?;
        find(&mut connection, username).await
    }

    /// Up to `limit` routes whose names come after `after`, in the order of names.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn routes(&self, after: &str, limit: u32) -> Result<Vec<Route>, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("list routes")?;
        page(&mut connection, after, limit).await
    }

    /// Counts every row: for metrics and the head of a table, not for requests.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_routes(&self) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("count routes")?;
        count(&mut connection).await
    }

    /// Completes `order` from what is known and puts the route it makes.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_route(&self, order: RouteOrder) -> Result<(Route, Generation), StoreError> {
        let mut table = self.change_table().await?;
        let route = table.order(order).await?;
        Ok((route, table.commit().await?.generation))
    }

    /// `None` when there is no such route.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_route(
        &self,
        username: &Username,
    ) -> Result<Option<Generation>, StoreError> {
        let mut table = self.change_table().await?;
        if !table.remove(username).await? {
            return Ok(None);
        }
        Ok(Some(table.commit().await?.generation))
    }
}

impl TableChange {
    /// Completes `order` from what is known and puts the route it makes.
    pub(super) async fn order(&mut self, order: RouteOrder) -> Result<Route, StoreError> {
        let existing = find(&mut self.write, &order.username).await?;
        let sprite = order.sprite_or_default(existing.as_ref());
        let known = Known {
            existing,
            handout: find_handout(&mut self.write, &sprite).await?,
            customer: customers::standing(&mut self.write, &order.username).await?,
        };
        let route = order.complete(&known);
        upsert_handout(&mut self.write, &route).await?;
        self.put(route.clone()).await?;
        Ok(route)
    }
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<Option<Route>, StoreError> {
    const ATTEMPT: &str = "read a route";
    let row = sqlx::query(
        "SELECT username, upstream, sprite, assignment, state, epoch
         FROM routes WHERE username = $1",
    )
    .bind(username.as_str())
    .fetch_optional(connection)
    .await
    .attempt(ATTEMPT)?;
    row.map(|row| parse(&row)).transpose().attempt(ATTEMPT)
}

pub(super) async fn page(
    connection: &mut AnyConnection,
    after: &str,
    limit: u32,
) -> Result<Vec<Route>, StoreError> {
    const ATTEMPT: &str = "list routes";
    let rows = sqlx::query(
        "SELECT username, upstream, sprite, assignment, state, epoch
         FROM routes WHERE username > $1 ORDER BY username LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
}

pub(super) async fn count(connection: &mut AnyConnection) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "count routes";
    let row = sqlx::query("SELECT COUNT(*) AS routes FROM routes")
        .fetch_one(connection)
        .await
        .attempt(ATTEMPT)?;
    row.number("routes").attempt(ATTEMPT)
}

pub(super) async fn upsert(
    connection: &mut AnyConnection,
    route: &Route,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO routes (username, upstream, sprite, assignment, state, epoch)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (username) DO UPDATE SET upstream = $2, sprite = $3, assignment = $4,
             state = $5, epoch = $6",
    )
    .bind(route.username.as_str())
    .bind(route.upstream.as_str())
    .bind(route.sprite.as_str())
    .bind(bigint(route.assignment))
    .bind(route.state.as_str())
    .bind(bigint(route.epoch))
    .execute(connection)
    .await
    .attempt("write a route")?;
    Ok(())
}

pub(super) async fn delete(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM routes WHERE username = $1")
        .bind(username.as_str())
        .execute(connection)
        .await
        .attempt("remove a route")?;
    Ok(())
}

async fn find_handout(
    connection: &mut AnyConnection,
    sprite: &SpriteId,
) -> Result<Option<Handout>, StoreError> {
    const ATTEMPT: &str = "read to whom a sprite was handed last";
    let row = sqlx::query("SELECT username, assignment FROM handouts WHERE sprite = $1")
        .bind(sprite.as_str())
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    let parse = |row: &AnyRow| {
        let username = valid(row, "username", Username::parse)?;
        Ok(Handout { username, assignment: row.number("assignment")? })
    };
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

async fn upsert_handout(connection: &mut AnyConnection, route: &Route) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO handouts (sprite, username, assignment) VALUES ($1, $2, $3)
         ON CONFLICT (sprite) DO UPDATE SET username = $2, assignment = $3",
    )
    .bind(route.sprite.as_str())
    .bind(route.username.as_str())
    .bind(bigint(route.assignment))
    .execute(connection)
    .await
    .attempt("write to whom a sprite is handed")?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<Route, sqlx::Error> {
    Ok(Route {
        username: valid(row, "username", Username::parse)?,
        upstream: valid(row, "upstream", Upstream::parse)?,
        sprite: valid(row, "sprite", |text| SpriteId::parse(text).ok_or("not a sprite id"))?,
        assignment: row.number("assignment")?,
        state: valid(row, "state", parse_state)?,
        epoch: row.number("epoch")?,
    })
}

fn parse_state(text: &str) -> Result<RouteState, &'static str> {
    [RouteState::Preparing, RouteState::Live, RouteState::Suspended]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or("not a state of a route")
}

/// A text column through a parser of ours, whose refusal names the column.
pub(super) fn valid<T, E: std::fmt::Display>(
    row: &AnyRow,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    parse(&text).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("{text:?}: {error}").into(),
    })
}
