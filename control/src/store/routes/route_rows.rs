//! Rows of the routes table, and to whom each sprite was handed last.

use shared::{Route, RouteState, SpriteId, Upstream, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::model::route_change::Handout;
use crate::store::StoreError;
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, valid};

/// Read and written in this order, the key first.
const COLUMNS: &str = "username, upstream, sprite, assignment, state, epoch";

pub(in crate::store) async fn find(
    connection: &mut Connection,
    username: &Username,
) -> Result<Option<Route>, StoreError> {
    const ATTEMPT: &str = "read a route";
    let text = format!("SELECT {COLUMNS} FROM routes WHERE username = $1");
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(username.as_str())
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    row.map(|row| parse(&row)).transpose().attempt(ATTEMPT)
}

pub(super) async fn page(
    connection: &mut Connection,
    after: &str,
    limit: u32,
) -> Result<Vec<Route>, StoreError> {
    const ATTEMPT: &str = "list routes";
    let text =
        format!("SELECT {COLUMNS} FROM routes WHERE username > $1 ORDER BY username LIMIT $2");
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .attempt(ATTEMPT)?;
    rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
}

/// For work of a whole table, which nobody waits for.
pub(in crate::store) async fn all(connection: &mut Connection) -> Result<Vec<Route>, StoreError> {
    const PIECE: u32 = 1_000;
    let mut routes: Vec<Route> = Vec::new();
    loop {
        let after = routes.last().map(|route| route.username.to_string()).unwrap_or_default();
        let piece = page(connection, &after, PIECE).await?;
        if piece.is_empty() {
            return Ok(routes);
        }
        routes.extend(piece);
    }
}

pub(super) async fn count(connection: &mut Connection) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "count routes";
    let row = sqlx::query("SELECT COUNT(*) AS routes FROM routes")
        .fetch_one(connection)
        .await
        .attempt(ATTEMPT)?;
    row.number("routes").attempt(ATTEMPT)
}

pub(super) async fn upsert(connection: &mut Connection, route: &Route) -> Result<(), StoreError> {
    let Route { username, upstream, sprite, assignment, state, epoch } = route;
    let places: Vec<_> = (1..).zip(COLUMNS.split(", ")).collect();
    let values: Vec<_> = places.iter().map(|(place, _)| format!("${place}")).collect();
    let set: Vec<_> =
        places[1..].iter().map(|(place, column)| format!("{column} = ${place}")).collect();
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO routes ({COLUMNS}) VALUES ({}) ON CONFLICT (username) DO UPDATE SET {}",
        values.join(", "),
        set.join(", ")
    )))
    .bind(username.as_str())
    .bind(upstream.as_str())
    .bind(sprite.as_str())
    .bind(bigint(*assignment))
    .bind(state.as_str())
    .bind(bigint(*epoch))
    .execute(connection)
    .await
    .attempt("write a route")?;
    Ok(())
}

pub(super) async fn delete(
    connection: &mut Connection,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM routes WHERE username = $1")
        .bind(username.as_str())
        .execute(connection)
        .await
        .attempt("remove a route")?;
    Ok(())
}

pub(in crate::store) async fn find_handout(
    connection: &mut Connection,
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

pub(in crate::store) async fn upsert_handout(
    connection: &mut Connection,
    route: &Route,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO handouts (sprite, username, assignment) VALUES ($1, $2, $3)
         ON CONFLICT (sprite) DO UPDATE SET username = $2, assignment = $3,
             unused_since_at = NULL",
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

pub(in crate::store) fn parse_state(text: &str) -> Result<RouteState, &'static str> {
    RouteState::parse(text).ok_or("not a state of a route")
}
