//! Checks a username and a password, and bears only so many failures.
//!
//! Limits first, hash second: who is over a limit costs us nothing. Every
//! refusal reads the same, whether the name or the password was wrong.

mod address_limiter;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use shared::Username;
use shared::address::visitor_block;
use tracing::{info, warn};

use super::passwords::{Password, PasswordCheck, PasswordError, Passwords};
use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::base::metrics::Metrics;
use crate::base::typed;
use crate::model::attempts::{
    self, Counters, Limit, PLACE_LIFETIME, PLACE_RENEWAL, SUCCESSES, Subject,
};
use crate::model::sign_in::Proven;
use crate::store::{Store, StoreError};
use address_limiter::AddressLimiter;

/// What to tell somebody who came while all places were taken.
const RETRY_WHEN_BUSY: Duration = Duration::from_secs(2);

/// What was typed, and from where.
pub struct Attempt {
    /// A name or an e-mail address, as typed; most texts are nobody's.
    pub username: String,
    pub password: String,
    pub address: IpAddr,
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("the username or the password is wrong")]
    Wrong,
    #[error("too many failed attempts")]
    TooMany { retry_after: Duration },
    /// The password was right.
    #[error("too many sign-ins to this account")]
    TooOften { retry_after: Duration },
    #[error("too many passwords are being checked at once")]
    Busy { retry_after: Duration },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Password(PasswordError),
}

impl From<PasswordError> for SignInError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy { retry_after: RETRY_WHEN_BUSY },
            error @ PasswordError::Hash(_) => Self::Password(error),
        }
    }
}

pub struct SignIn {
    store: Store,
    passwords: Arc<Passwords>,
    address_limiter: AddressLimiter,
}

impl SignIn {
    pub fn new(store: Store, passwords: Arc<Passwords>) -> Self {
        Self { store, passwords, address_limiter: AddressLimiter::new() }
    }

    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// The customer whose password this is.
    ///
    /// # Errors
    /// See [`SignInError`]; a database that does not answer lets nobody in.
    pub async fn check(
        &self,
        attempt: Attempt,
        now: Moment,
        metrics: &Metrics,
    ) -> Result<Proven, SignInError> {
        let outcome = self.decide(attempt, now).await;
        metrics.sign_in(match &outcome {
            Ok(_) => "ok",
            Err(SignInError::Wrong) => "wrong",
            Err(SignInError::TooMany { .. } | SignInError::TooOften { .. }) => "limited",
            Err(SignInError::Busy { .. }) => "busy",
            Err(_) => "failed",
        });
        outcome
    }

    /// Whose name or address this is, and what is counted. An address that several workspaces
    /// share names none of them.
    async fn named(
        &self,
        typed: &str,
        from: IpAddr,
    ) -> Result<(Option<Username>, Counters), StoreError> {
        let Ok(email) = Email::parse(typed) else {
            // Phones put a capital first and a space last.
            let username = Username::parse(&typed::plain(typed).to_lowercase()).ok();
            return Ok((username, Counters::of(username.as_ref(), from)));
        };
        let customers = self.store.customers_of_email(&email, 2).await?;
        let username = match customers.as_slice() {
            [customer] => Some(customer.username),
            _ => None,
        };
        Ok((username, Counters::of_email(&email, from)))
    }

    async fn decide(&self, attempt: Attempt, now: Moment) -> Result<Proven, SignInError> {
        let Attempt { username, password, address } = attempt;
        // One at a time from one place: who tries many passwords at once is
        // counted as if they had come one after the other.
        let _turn = self
            .address_limiter
            .enter(visitor_block(address))
            .await
            .ok_or(SignInError::Busy { retry_after: RETRY_WHEN_BUSY })?;
        let (username, counters) = self.named(&username, address).await?;
        let known_since = match &counters.known_place {
            Some(place) => self.store.attempt_counter(place).await?.map(|counter| counter.last),
            None => None,
        };
        let limits = counters.limits(known_since.is_some());
        if let Some(retry_after) = self.wait(&limits, now).await? {
            return Err(SignInError::TooMany { retry_after });
        }
        let stored = match &username {
            Some(username) => self.store.credentials(username).await?,
            None => None,
        };
        let epoch = stored.as_ref().map_or(0, |credentials| credentials.epoch);
        let hash = stored.and_then(|credentials| credentials.password_hash);
        let verdict = match Password::parse(password) {
            Some(password) => self.passwords.verify(password, hash.clone()).await,
            None => Ok(PasswordCheck::Wrong),
        };
        match (verdict, username) {
            (Ok(PasswordCheck::Right { rehashed }), Some(username)) => {
                self.count_success(&username, now).await?;
                self.succeeded(&username, &counters, hash.zip(rehashed)).await?;
                if let Some(place) = &Counters::of(Some(&username), address).known_place
                    && known_since.is_none_or(|since| now.since(since) >= PLACE_RENEWAL)
                {
                    self.store.remember_place(place, now, PLACE_LIFETIME).await?;
                }
                Ok(Proven { username, epoch })
            }
            (Ok(_), _) => {
                self.store.count(&limits, now).await?;
                Err(SignInError::Wrong)
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// The longest wait that any counter asks for.
    async fn wait(
        &self,
        limits: &[(Subject, Limit)],
        now: Moment,
    ) -> Result<Option<Duration>, StoreError> {
        let mut longest = None;
        for (subject, limit) in limits {
            let counter = self.store.attempt_counter(subject).await?;
            longest = longest.max(counter.and_then(|counter| counter.wait(*limit, now)));
        }
        Ok(longest)
    }

    /// Only who knows the password is told of this limit: it would tell others which
    /// names exist.
    async fn count_success(&self, username: &Username, now: Moment) -> Result<(), SignInError> {
        let limits = [(attempts::successes_of(username), SUCCESSES)];
        if let Some(retry_after) = self.wait(&limits, now).await? {
            return Err(SignInError::TooOften { retry_after });
        }
        self.store.count(&limits, now).await?;
        Ok(())
    }

    async fn succeeded(
        &self,
        username: &Username,
        counters: &Counters,
        rehash: Option<(String, String)>,
    ) -> Result<(), StoreError> {
        if let Some(pair) = &counters.pair
            && self.store.attempt_counter(pair).await?.is_some()
        {
            self.store.clear_failures(pair).await?;
        }
        if let Some((old, new)) = rehash {
            match self.store.rehash_password(username, &old, &new).await {
                Ok(()) => info!("the password of {username} is hashed with new parameters"),
                // The next sign-in tries again.
                Err(error) => warn!("the password of {username} keeps its old hash: {error}"),
            }
        }
        Ok(())
    }
}
