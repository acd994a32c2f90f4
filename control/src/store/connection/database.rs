//! The handle of the database: opened once, cloned for each of its users.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use shared::Secret;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::change_notifier::ChangeNotifier;
use super::dialect::Dialect;
use super::error::{Attempt as _, StoreError};
use super::event_batch::EventBatch;
use super::file::{self, DatabaseFile};
use super::migrations;
use super::pool::{Connection, Pool};
use super::probe;
use super::unreadable_rows::UnreadableRows;
use super::write_health::WriteHealth;
use crate::model::promise::Disk;

/// Connections are few: transactions are short.
const CONNECTIONS: u32 = 8;

/// Connections for work in the background, which is many at once where a crowd has paid.
/// Those who are waited for have [`CONNECTIONS`] of their own.
const BACKGROUND_CONNECTIONS: u32 = 8;

/// Connections that are kept for the webhook and for signing in, however long all others
/// wait for a lock: each of their transactions touches rows of its own only.
const RESERVED_CONNECTIONS: u32 = 4;

/// How long work in the background waits for its turn to write. Shorter than a lease is
/// renewed, so that a database that is away stops nobody from stopping.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(15);

/// How many steps of the route table are kept when nothing else is configured.
///
/// An edge that missed more gets the whole table. Ten thousand changes are
/// about 2 MB, less than the table of a site that changes that often.
pub const LOG_CHANGES: u64 = 10_000;

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    user: User,
}

/// For whom a handle works.
#[derive(Clone)]
enum User {
    /// A request that somebody waits for.
    Request,
    /// The webhook and the sign-in.
    Reserved,
    /// Work that nobody waits for. The lock is held while one of it waits to write.
    Background(Arc<Mutex<()>>),
}

struct Shared {
    url: Secret<String>,
    pools: Pools,
    dialect: Dialect,
    /// Of SQLite.
    file: Option<DatabaseFile>,
    /// Tells the notices of this process from those of others.
    process: u64,
    notifier: Arc<ChangeNotifier>,
    events: EventBatch,
    health: Arc<WriteHealth>,
    unreadable: UnreadableRows,
    log_changes: u64,
}

struct Pools {
    requests: Pool,
    reserved: Pool,
    background: Pool,
    /// SQLite has one writer: one connection, whose memory of the database stays true
    /// because nobody else changes it. Those who wait for it are served in fairness;
    /// SQLite itself would let them poll. `None` on PostgreSQL, where all may write.
    writer: Option<Pool>,
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
        let (address, file) = match dialect {
            Dialect::Sqlite => {
                let file = DatabaseFile::prepare(url.expose());
                let file = file.context("cannot make the file of the database")?;
                (file::address(url.expose()), Some(file))
            }
            Dialect::Postgres => (url.expose().clone(), None),
        };
        migrations::run(dialect, &address).await?;
        let pools = Pools::open(dialect, &address).await.context("cannot open the database")?;
        let process = getrandom::u64().context("cannot draw a number for this process")?;
        let shared = Shared {
            url: url.clone(),
            pools,
            dialect,
            file,
            process,
            notifier: Arc::default(),
            events: EventBatch::default(),
            health: Arc::default(),
            unreadable: UnreadableRows::default(),
            log_changes,
        };
        Ok(Self { shared: Arc::new(shared), user: User::Request })
    }

    pub async fn close(&self) {
        let Pools { requests, reserved, background, writer } = &self.shared.pools;
        if let Some(writer) = writer {
            writer.close().await;
        }
        for pool in [background, reserved, requests] {
            pool.close().await;
        }
    }

    /// Whether the last write that was tried failed because the database takes none.
    pub fn takes_writes(&self) -> bool {
        !self.shared.health.is_refusing()
    }

    /// Of the disk that the database is on; `None` where that is elsewhere.
    pub fn disk(&self) -> Option<Disk> {
        probe::disk(self.file()?.path())
    }

    /// What this process hears of, whoever committed it.
    pub fn notifier(&self) -> &Arc<ChangeNotifier> {
        &self.shared.notifier
    }

    /// The same store for work that nobody waits for: of all of it, only one waits to
    /// write beside those who are waited for.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { user: User::Background(Arc::default()), ..self.clone() }
    }

    /// The same store for the webhook and the sign-in, which must go on while others wait.
    #[must_use]
    pub fn reserved(&self) -> Self {
        Self { user: User::Reserved, ..self.clone() }
    }

    /// A connection to read by, outside any transaction.
    pub(in crate::store) async fn read(&self) -> Result<Connection, StoreError> {
        self.pool().acquire().await.attempt("open a connection")
    }

    /// A connection to read by, all of whose reads see the same state.
    pub(in crate::store) async fn begin_snapshot(&self) -> Result<Connection, StoreError> {
        const ATTEMPT: &str = "begin a snapshot";
        let mut connection = self.read().await?;
        connection.begin(self.dialect().begin_snapshot()).await.attempt(ATTEMPT)?;
        for statement in self.dialect().snapshot_setup() {
            sqlx::query(*statement).execute(&mut connection).await.attempt(ATTEMPT)?;
        }
        Ok(connection)
    }

    /// A connection to write by, in its turn.
    pub(super) async fn writer(&self) -> Result<Connection, sqlx::Error> {
        let pool = self.shared.pools.writer.as_ref().unwrap_or_else(|| self.pool());
        let User::Background(turn) = &self.user else { return pool.acquire().await };
        let in_turn = async {
            let _turn = turn.lock().await;
            pool.acquire().await
        };
        timeout(BACKGROUND_TIMEOUT, in_turn).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    fn pool(&self) -> &Pool {
        let pools = &self.shared.pools;
        match self.user {
            User::Request => &pools.requests,
            User::Reserved => &pools.reserved,
            User::Background(_) => &pools.background,
        }
    }

    pub(in crate::store) fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    pub(in crate::store) fn process(&self) -> u64 {
        self.shared.process
    }

    pub(in crate::store) fn events(&self) -> &EventBatch {
        &self.shared.events
    }

    pub(in crate::store) fn log_changes(&self) -> u64 {
        self.shared.log_changes
    }

    pub(super) fn url(&self) -> &str {
        self.shared.url.expose()
    }

    pub(super) fn file(&self) -> Option<&DatabaseFile> {
        self.shared.file.as_ref()
    }

    pub(super) fn unreadable(&self) -> &UnreadableRows {
        &self.shared.unreadable
    }

    pub(super) fn health(&self) -> &Arc<WriteHealth> {
        &self.shared.health
    }
}

impl Pools {
    async fn open(dialect: Dialect, address: &str) -> Result<Self, sqlx::Error> {
        let open = |connections| Pool::open(dialect, address, connections);
        Ok(Self {
            requests: open(CONNECTIONS).await?,
            reserved: open(RESERVED_CONNECTIONS).await?,
            background: open(BACKGROUND_CONNECTIONS).await?,
            writer: match dialect {
                Dialect::Sqlite => Some(open(1).await?),
                Dialect::Postgres => None,
            },
        })
    }
}
