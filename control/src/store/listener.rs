//! Tells the processes on one database what changed in it.
//!
//! A notice is part of the change's own transaction: it arrives when the change
//! is there, or never. SQLite belongs to one process, and has no others to tell.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::error::Attempt as _;
use super::{ACQUIRE_TIMEOUT, Channel, Dialect, Store, StoreError, Write};
use crate::base::backoff::{Backoff, jitter};

/// A connection that is silent for so long is asked whether it is still there:
/// what was lost on the way says nothing by itself.
const SILENCE: Duration = Duration::from_secs(15);

/// How long its answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

const ATTEMPT: &str = "tell of changes by other processes";

/// Hears what other processes change, and nothing of our own.
pub struct Listener {
    connection: PgListener,
    /// What our own notices say.
    own: String,
}

impl Store {
    /// Listens to `channels` from now on; `None` where no other process can change anything.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self, channels: &[Channel]) -> Result<Option<Listener>, StoreError> {
        if self.dialect == Dialect::Sqlite {
            return Ok(None);
        }
        // Its own connection: one of the pool would be missing there for ever.
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = options.connect(self.url.expose()).await.attempt(ATTEMPT)?;
        let mut connection = PgListener::connect_with(&pool).await.attempt(ATTEMPT)?;
        // Whoever listens must know of a gap, so that they look what changed in it.
        connection.eager_reconnect(false);
        let names = channels.iter().map(|channel| channel.as_str());
        connection.listen_all(names).await.attempt(ATTEMPT)?;
        Ok(Some(Listener { connection, own: self.process.to_string() }))
    }
}

/// A database that is back is heard within some seconds, and found again in each sweep.
const RECONNECT: Backoff =
    Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(5) };

impl Store {
    /// Has `listen` hear of `channels` for ever, anew after each lost connection, how it
    /// returns; not at all where no other process can change anything.
    ///
    /// `meanwhile` says what helps until then.
    pub async fn follow_peers<F: Future<Output = StoreError>>(
        &self,
        channels: &[Channel],
        meanwhile: &str,
        listen: impl Fn(Listener) -> F,
    ) {
        let mut failures = 0_u32;
        loop {
            let error = match self.listen(channels).await {
                Ok(None) => return,
                Ok(Some(listener)) => {
                    if failures > 0 {
                        info!("hearing again what other processes change");
                    }
                    failures = 0;
                    listen(listener).await
                }
                Err(error) => error,
            };
            if failures == 0 {
                let error = anyhow::Error::from(error);
                warn!("{error:#}; trying again, {meanwhile}");
            }
            failures = failures.saturating_add(1);
            sleep(RECONNECT.delay(failures, jitter())).await;
        }
    }
}

impl Write {
    /// Tells of what this changes, when it is committed.
    pub(super) async fn announce(&mut self, channel: Channel) -> Result<(), StoreError> {
        // A notice to oneself is heard once however often it is given.
        if self.announced.contains(&channel) {
            return Ok(());
        }
        self.announced.push(channel);
        if self.store.dialect == Dialect::Postgres {
            let own = self.store.process.to_string();
            sqlx::query("SELECT pg_notify($1, $2)")
                .bind(channel.as_str())
                .bind(own)
                .execute(&mut **self)
                .await
                .attempt("announce a change")?;
        }
        Ok(())
    }
}

impl Listener {
    /// Until another process announced something. May be dropped at any time without loss.
    ///
    /// # Errors
    /// When the connection is lost: listen again, then look what changed meanwhile.
    pub async fn heard(&mut self) -> Result<Channel, StoreError> {
        loop {
            match timeout(SILENCE, self.connection.try_recv()).await {
                Ok(Ok(Some(notice))) if notice.payload() == self.own => {}
                Ok(Ok(Some(notice))) => {
                    let named = |channel: &Channel| channel.as_str() == notice.channel();
                    // What a newer process says beside that is not for us.
                    if let Some(channel) = Channel::ALL.into_iter().find(named) {
                        return Ok(channel);
                    }
                }
                Ok(Ok(None)) => return Err(gone(ErrorKind::ConnectionAborted)),
                Ok(Err(error)) => return Err(error).attempt(ATTEMPT),
                Err(_silent) => self.ask().await?,
            }
        }
    }

    async fn ask(&mut self) -> Result<(), StoreError> {
        let asked = sqlx::query("SELECT 1").execute(&mut self.connection);
        match timeout(ANSWER_TIMEOUT, asked).await {
            Ok(answer) => answer.map(drop).attempt(ATTEMPT),
            Err(_late) => Err(gone(ErrorKind::TimedOut)),
        }
    }
}

fn gone(kind: ErrorKind) -> StoreError {
    StoreError::new(ATTEMPT, sqlx::Error::Io(kind.into()))
}
