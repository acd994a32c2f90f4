//! What is asked about one workspace, or about all of them, across the groups of tables:
//! for whoever answers a customer, and for whoever looks whether all is well.

use futures_util::future::FutureExt as _;
use shared::{Lock, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::suspension::Suspensions;
use crate::model::user_agent::{BrowserFamily, OperatingSystem, UserAgent};
use crate::model::workspace::WorkspaceState;
use crate::model::workspace::listing::{ListedWorkspace, OpenSession};
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Store, StoreError, routes};

/// Most sessions and locks that are listed of one workspace: it has no more.
const LISTED: u32 = 100;

/// Which workspaces are listed; what is `None` lets all through.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceFilter {
    pub state: Option<WorkspaceState>,
    /// A part of a name, an address or a machine, or a whole id of Stripe's.
    pub search: Option<String>,
}

impl Store {
    /// Up to `limit` workspaces after the name `after`, in the order of names: those that
    /// were paid for, those that an operator added, and routes that are nobody's.
    pub async fn list_workspaces(
        &self,
        filter: &WorkspaceFilter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ListedWorkspace>, StoreError> {
        const ATTEMPT: &str = "list workspaces";
        // Where nobody is left out, a page needs no more names of each table than it has rows.
        let is_whole = filter.state.is_none() && filter.search.is_none();
        let names = |table| match is_whole {
            true => format!(
                "SELECT username FROM (SELECT username FROM {table} WHERE username > $1
                     ORDER BY username LIMIT $5) AS {table}_page"
            ),
            false => format!("SELECT username FROM {table}"),
        };
        let names = ["customers", "workspaces", "routes"].map(names).join(" UNION ");
        let text = format!(
            "SELECT n.username, c.email, c.suspensions, w.state,
                 CAST(CASE WHEN c.password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS passwords,
                 w.subscription_status, w.period_end_at, w.cancel_at, s.name AS sprite,
                 r.state AS route, COALESCE(w.created_at, c.created_at) AS created_at,
                 COALESCE(w.changed_at, c.created_at) AS changed_at
             FROM ({names}) AS n
             LEFT JOIN customers AS c ON c.username = n.username
             LEFT JOIN workspaces AS w ON w.username = n.username
             LEFT JOIN signups AS o ON o.id = w.signup
             LEFT JOIN sprites AS s ON s.username = n.username
             LEFT JOIN routes AS r ON r.username = n.username
             WHERE n.username > $1
                 AND ($2 = '' OR COALESCE(w.state, '') = $2)
                 AND ($3 = '' OR n.username LIKE $4 ESCAPE '\\'
                      OR LOWER(COALESCE(c.email, o.email, '')) LIKE $4 ESCAPE '\\'
                      OR LOWER(COALESCE(s.name, r.sprite, '')) LIKE $4 ESCAPE '\\'
                      OR w.stripe_customer = $3 OR w.subscription = $3)
             ORDER BY n.username LIMIT $5"
        );
        let search = filter.search.clone().unwrap_or_default();
        let pattern = format!("%{}%", escaped(&search.to_lowercase()));
        let state = filter.state.map_or("", WorkspaceState::as_str);
        let fetch = |after: String, limit: u32| {
            let (search, pattern, text) = (search.clone(), pattern.clone(), text.clone());
            async move {
                sqlx::query(AssertSqlSafe(text))
                    .bind(after)
                    .bind(state)
                    .bind(search)
                    .bind(pattern)
                    .bind(i64::from(limit))
                    .fetch_all(&mut self.read().await?)
                    .await
                    .attempt(ATTEMPT)
            }
            .boxed()
        };
        let place = |row: &AnyRow| row.text("username");
        let after = after.to_owned();
        self.readable_page(("workspaces", "username"), after, limit, fetch, place, listed).await
    }

    /// Browsers that are signed in, the latest seen first.
    pub async fn open_sessions(
        &self,
        username: &Username,
        now: Moment,
    ) -> Result<Vec<OpenSession>, StoreError> {
        const ATTEMPT: &str = "list the sessions of a customer";
        let rows = sqlx::query(
            "SELECT id_hash, browser, system, created_at, last_seen_at, expires_at
             FROM account_sessions WHERE username = $1 AND expires_at > $2
             ORDER BY last_seen_at DESC LIMIT $3",
        )
        .bind(username.as_str())
        .bind(millis(now))
        .bind(i64::from(LISTED))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let session = |row: &AnyRow| {
            Ok(OpenSession {
                id: valid(row, "id_hash", TokenHash::parse)?,
                user_agent: user_agent(row)?,
                created: row.moment("created_at")?,
                last_seen: row.moment("last_seen_at")?,
                expires: row.moment("expires_at")?,
            })
        };
        rows.iter().map(session).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Of the whole workspace first, then of its sessions.
    pub async fn locks_of(&self, username: &Username) -> Result<Vec<Lock>, StoreError> {
        routes::locks_of(&mut self.read().await?, username, LISTED).await
    }

    /// Live workspaces that no edge is told of: nobody reaches them.
    pub async fn count_unrouted(&self) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "count workspaces without a route";
        let row = sqlx::query(
            "SELECT COUNT(*) AS unrouted FROM workspaces AS w
             WHERE w.state = 'live' AND NOT EXISTS
                 (SELECT 1 FROM routes AS r
                  WHERE r.username = w.username AND r.state <> 'preparing')",
        )
        .fetch_one(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.number("unrouted").attempt(ATTEMPT)
    }

    /// When Stripe was last heard of.
    pub async fn last_stripe_event(&self) -> Result<Option<Moment>, StoreError> {
        const ATTEMPT: &str = "look when Stripe was heard of";
        let row = sqlx::query("SELECT MAX(received_at) AS received_at FROM stripe_events")
            .fetch_one(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.optional_moment("received_at").attempt(ATTEMPT)
    }

    /// How many workspaces were paid for after `since`, until `now`: none is counted that was
    /// noted by a clock that was ahead.
    pub async fn count_orders(&self, since: Moment, now: Moment) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "count orders";
        let row = sqlx::query(
            "SELECT COUNT(*) AS orders FROM workspaces WHERE created_at > $1 AND created_at <= $2",
        )
        .bind(millis(since))
        .bind(millis(now))
        .fetch_one(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.number("orders").attempt(ATTEMPT)
    }

    /// How many workspaces are in each state, with each state of their subscription.
    pub async fn count_workspaces(&self) -> Result<Vec<(WorkspaceState, String, u64)>, StoreError> {
        const ATTEMPT: &str = "count workspaces";
        let rows = sqlx::query(
            "SELECT state, subscription_status, COUNT(*) AS workspaces FROM workspaces
             GROUP BY state, subscription_status ORDER BY state, subscription_status",
        )
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let count = |row: &AnyRow| {
            let state = valid(row, "state", WorkspaceState::parse)?;
            Ok((state, row.text("subscription_status")?, row.number("workspaces")?))
        };
        rows.iter().map(count).collect::<Result<_, _>>().attempt(ATTEMPT)
    }
}

/// `text` as a part of a pattern, in which it stands for itself.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn listed(row: &AnyRow) -> Result<ListedWorkspace, sqlx::Error> {
    Ok(ListedWorkspace {
        username: valid(row, "username", Username::parse)?,
        email: row.optional_text("email")?,
        has_password: row.number("passwords")? > 0,
        suspensions: row.optional("suspensions", Suspensions::parse)?.unwrap_or_default(),
        state: row.optional("state", WorkspaceState::parse)?,
        subscription_status: row.optional_text("subscription_status")?,
        period_end: row.optional_moment("period_end_at")?,
        cancel_at: row.optional_moment("cancel_at")?,
        sprite: row.optional_text("sprite")?,
        route: row.optional("route", routes::parse_state)?,
        created: row.optional_moment("created_at")?,
        changed: row.optional_moment("changed_at")?,
    })
}

/// A word that is not known was written by a later release, and says nothing.
fn user_agent(row: &AnyRow) -> Result<UserAgent, sqlx::Error> {
    let browser = row.optional_text("browser")?;
    let system = row.optional_text("system")?;
    Ok(UserAgent {
        browser: browser.and_then(|word| BrowserFamily::parse(&word).ok()),
        system: system.and_then(|word| OperatingSystem::parse(&word).ok()),
    })
}
