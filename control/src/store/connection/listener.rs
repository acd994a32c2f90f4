//! Tells the processes on one database what changed in it.
//!
//! A notice is part of the change's own transaction: it arrives when the change
//! is there, or never. SQLite belongs to one process, and has no others to tell.

use std::io::ErrorKind;
use std::time::Duration;

use shared::retry::{Backoff, chance};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::change_notifier::Topic;
use super::database::Store;
use super::dialect::Dialect;
use super::error::Attempt as _;
use super::error::StoreError;
use super::pool::ACQUIRE_TIMEOUT;

/// A connection that is silent for so long is asked whether it is still there:
/// what was lost on the way says nothing by itself.
const SILENCE: Duration = Duration::from_secs(15);

/// How long its answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A database that is back is heard within some seconds, and found again in each sweep.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));

const ATTEMPT: &str = "tell of changes by other processes";

/// Hears what other processes change, and nothing of our own.
pub struct Listener {
    connection: PgListener,
    /// What our own notices say.
    own: String,
}

impl Store {
    /// Listens to `topics` from now on; `None` where no other process can change anything.
    pub async fn listen(&self, topics: &[Topic]) -> Result<Option<Listener>, StoreError> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        // Its own connection: one of the pool would be missing there for ever.
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = options.connect(self.url()).await.attempt(ATTEMPT)?;
        let mut connection = PgListener::connect_with(&pool).await.attempt(ATTEMPT)?;
        // Whoever listens must know of a gap, so that they look what changed in it.
        connection.eager_reconnect(false);
        let names = topics.iter().map(|topic| topic.as_str());
        connection.listen_all(names).await.attempt(ATTEMPT)?;
        Ok(Some(Listener { connection, own: self.process().to_string() }))
    }
}

impl Store {
    /// Has `listen` hear of `topics` for ever, anew after each lost connection, how it
    /// returns; not at all where no other process can change anything.
    ///
    /// `meanwhile` says what helps until then.
    pub async fn follow_peers<F: Future<Output = StoreError>>(
        &self,
        topics: &[Topic],
        meanwhile: &str,
        listen: impl Fn(Listener) -> F,
    ) {
        let mut failures = 0_u32;
        loop {
            let error = match self.listen(topics).await {
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
            sleep(RECONNECT.delay(failures, chance())).await;
        }
    }
}

impl Listener {
    /// Until another process announced something. May be dropped at any time without loss.
    ///
    /// # Errors
    /// When the connection is lost: listen again, then look what changed meanwhile.
    pub async fn heard(&mut self) -> Result<Topic, StoreError> {
        loop {
            match timeout(SILENCE, self.connection.try_recv()).await {
                Ok(Ok(Some(notice))) if notice.payload() == self.own => {}
                Ok(Ok(Some(notice))) => {
                    let named = |topic: &Topic| topic.as_str() == notice.channel();
                    // What a newer process says beside that is not for us.
                    if let Some(topic) = Topic::ALL.into_iter().find(named) {
                        return Ok(topic);
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
