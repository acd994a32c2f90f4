//! Everything that is durable, and all SQL.
//!
//! One text for SQLite and PostgreSQL: `$1` placeholders, columns of `TEXT` and
//! `BIGINT` only, unix milliseconds. A write that depends on what it read does
//! both in one transaction.

mod codes;
mod customers;
mod dialect;
mod doors;
mod error;
mod failures;
mod file;
mod healing;
mod leases;
mod listener;
mod locks;
mod log;
mod mails;
mod news;
mod orders;
mod password_links;
mod payments;
mod pool;
mod retention;
mod routes;
mod session_locks;
mod sessions;
mod signups;
mod snapshot;
mod sprite_claims;
mod sprites;
mod stripe_events;
mod table;
mod task_steps;
mod tasks;
mod tickets;
mod upkeep;
mod usernames;
mod workspace_orders;
mod workspaces;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use shared::Secret;
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, Row as _, SqlSafeStr as _, Transaction};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::base::clock::Moment;

pub use codes::Redeemed;
pub use customers::{Credentials, Customer, NewCustomer, SessionsEnded};
pub use dialect::Dialect;
pub use error::StoreError;
pub use leases::{Claimed, LeaseError};
pub use listener::Listener;
pub use log::LoggedChange;
pub use news::{Channel, News};
pub use payments::Paid;
pub use pool::Settled;
pub use sessions::AccountSession;
pub use signups::Reserved;
pub use snapshot::Snapshot;
pub use sprite_claims::SetAside;
pub use sprites::Prepared;
pub use table::TableState;
pub use tasks::{TaskCount, TaskFilter};
pub use upkeep::Given;
pub use workspace_orders::WorkspaceOrder;
pub use workspaces::{Followed, Look};

use error::Attempt as _;

/// Connections are few: reads are short.
const CONNECTIONS: u32 = 8;

/// How long a request waits for a connection, and on SQLite for its turn to write,
/// before it is answered with an error.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for work in the background, which may be many at once. Shorter than a
/// lease is renewed, so that a database that is away stops nobody from stopping.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(15);

/// How many steps of the route table are kept when nothing else is configured.
///
/// An edge that missed more gets the whole table. Ten thousand changes are
/// about 2 MB, less than the table of a site that changes that often.
pub const LOG_CHANGES: u64 = 10_000;

/// The database. Clones share one pool.
#[derive(Clone)]
pub struct Store {
    url: Secret<String>,
    pool: AnyPool,
    /// SQLite has one writer: one connection, whose memory of the database stays true
    /// because nobody else changes it. Those who wait for it are served in fairness;
    /// SQLite itself would let them poll. On PostgreSQL it is `pool`.
    writers: AnyPool,
    /// Held by work that nobody waits for, while it waits to write.
    background: Option<Arc<Mutex<()>>>,
    dialect: Dialect,
    /// Tells the notices of this process from those of others.
    process: u64,
    news: Arc<News>,
    unwritten: Arc<stripe_events::Unwritten>,
    log_changes: u64,
}

impl Store {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// When the database cannot be reached, or was made by a newer program.
    pub async fn open(url: &Secret<String>, log_changes: u64) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect =
            Dialect::of_url(url.expose()).map_err(|error| anyhow::anyhow!("database: {error}"))?;
        let address = match dialect {
            Dialect::Sqlite => {
                file::prepare(url.expose()).context("cannot make the file of the database")?
            }
            Dialect::Postgres => url.expose().clone(),
        };
        let pool = connect(dialect, &address, CONNECTIONS).await?;
        let writers = match dialect {
            Dialect::Sqlite => connect(dialect, &address, 1).await?,
            Dialect::Postgres => pool.clone(),
        };
        migrations().run(&pool).await.context("cannot bring the database up to date")?;
        let process = getrandom::u64().context("cannot draw a number for this process")?;
        Ok(Self {
            url: url.clone(),
            pool,
            writers,
            dialect,
            process,
            news: Arc::default(),
            background: None,
            unwritten: Arc::default(),
            log_changes,
        })
    }

    pub async fn close(&self) {
        self.writers.close().await;
        self.pool.close().await;
    }

    /// Does the database answer?
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await.attempt("answer a ping")?;
        Ok(())
    }

    /// What this process hears of, whoever committed it.
    pub fn news(&self) -> &Arc<News> {
        &self.news
    }

    /// The same store for work that nobody waits for: of all of it, only one waits to
    /// write beside those who are waited for.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { background: Some(Arc::default()), ..self.clone() }
    }

    async fn write(&self) -> Result<Write, StoreError> {
        let begin = || self.writers.begin_with(self.dialect.begin_write());
        let begun = match &self.background {
            None => begin().await,
            Some(background) => {
                let in_turn = async {
                    let _turn = background.lock().await;
                    begin().await
                };
                let begun = timeout(BACKGROUND_TIMEOUT, in_turn).await;
                begun.unwrap_or(Err(sqlx::Error::PoolTimedOut))
            }
        };
        let transaction = begun.attempt("begin a transaction")?;
        Ok(Write { transaction, store: self.clone(), announced: Vec::new() })
    }
}

async fn connect(dialect: Dialect, address: &str, connections: u32) -> anyhow::Result<AnyPool> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not go away between two looks.
        .test_before_acquire(dialect == Dialect::Postgres)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for statement in dialect.greeting() {
                    sqlx::query(*statement).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .connect(address)
        .await
        .context("cannot open the database")
}

/// A transaction that writes; dropped without [`Write::commit`] it leaves nothing behind.
struct Write {
    transaction: Transaction<'static, Any>,
    store: Store,
    /// What is told when it is committed.
    announced: Vec<Channel>,
}

impl Write {
    async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.attempt("commit a transaction")?;
        for channel in self.announced {
            self.store.news.tell(channel);
        }
        Ok(())
    }
}

impl std::ops::Deref for Write {
    type Target = sqlx::AnyConnection;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl std::ops::DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

/// Each is run once, in this order, and never changed after a release.
const MIGRATIONS: [(&str, &str); 4] = [
    ("start", include_str!("../../migrations/0001_start.sql")),
    ("sign up", include_str!("../../migrations/0002_sign_up.sql")),
    ("upkeep", include_str!("../../migrations/0003_upkeep.sql")),
    ("pflaster", include_str!("../../migrations/0004_pflaster.sql")),
];

fn migrations() -> Migrator {
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, text.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(MIGRATIONS).map(migration).collect())
}

/// Reads of a row by column, in our own types.
trait Columns {
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn number(&self, column: &str) -> Result<u64, sqlx::Error>;
    fn moment(&self, column: &str) -> Result<Moment, sqlx::Error>;
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
    fn optional_text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn optional_moment(&self, column: &str) -> Result<Option<Moment>, sqlx::Error>;
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn number(&self, column: &str) -> Result<u64, sqlx::Error> {
        let number: i64 = self.try_get(column)?;
        u64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
    }

    fn moment(&self, column: &str) -> Result<Moment, sqlx::Error> {
        Ok(Moment::from_millis(self.number(column)?))
    }

    fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        Ok(self.number(column)? != 0)
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn optional_moment(&self, column: &str) -> Result<Option<Moment>, sqlx::Error> {
        let millis: Option<i64> = self.try_get(column)?;
        Ok(millis.map(|millis| Moment::from_millis(u64::try_from(millis).unwrap_or(0))))
    }
}

/// A number as a `BIGINT`. Ours are far below its limit; a larger one stays the largest.
fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn millis(moment: Moment) -> i64 {
    bigint(moment.millis())
}
