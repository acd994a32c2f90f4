//! Hashes and checks passwords: Argon2id, so many at a time and no more.
//!
//! One hash takes 19 MiB and some tens of milliseconds. Without a bound, a crowd
//! at the sign-in form would take all memory and all cores from everything else.

mod policy;

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use shared::Secret;
use unicode_normalization::UnicodeNormalization as _;

use crate::base::concurrency_limit::ConcurrencyLimit;

pub use policy::{Weakness, choose};

/// Longest password, in bytes: refused beyond, never cut.
pub const MAX_BYTES: usize = 1_024;

/// Hashes that may wait for their turn. At 50 ms each and two at a time, the
/// last one still gets it within [`MAX_WAIT`].
const QUEUE: usize = 32;

/// Nobody waits longer for a turn; they are told to come back.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Most hashes at once, whatever the machine: 4 × 19 MiB.
const MAX_PARALLEL: usize = 4;

/// A password as it was typed: not empty, and not absurdly long.
///
/// Hashed in Unicode's composed form, with every kind of blank as a plain one (RFC 8265,
/// OpaqueString): one keyboard sends `ü` as one character, another as two.
#[derive(Clone, Debug)]
pub struct Password {
    typed: Secret<String>,
    normal: Secret<String>,
}

impl Password {
    /// `None` when it is empty or has more than [`MAX_BYTES`].
    pub fn parse(text: String) -> Option<Self> {
        let normal: String =
            text.chars().map(|c| if c.is_whitespace() { blank(c) } else { c }).nfc().collect();
        let fits = |text: &str| (1..=MAX_BYTES).contains(&text.len());
        (fits(&text) && fits(&normal))
            .then(|| Self { typed: Secret::new(text), normal: Secret::new(normal) })
    }

    fn expose(&self) -> &str {
        self.normal.expose()
    }

    /// As it was typed, where that differs: what older hashes were made of.
    fn as_typed(&self) -> Option<&str> {
        Some(self.typed.expose().as_str()).filter(|typed| *typed != self.expose())
    }
}

/// Control characters, a tab among them, are no blanks.
fn blank(c: char) -> char {
    if c.is_control() { c } else { ' ' }
}

/// What checking a password found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordCheck {
    Right {
        /// A hash with today's parameters, where the stored one has older ones.
        rehashed: Option<String>,
    },
    Wrong,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("too many passwords are being checked at once")]
    Busy,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// The pool. One for the process.
pub struct Passwords {
    line: ConcurrencyLimit,
    /// Checked when there is no such customer, so that the answer takes as long.
    dummy: Arc<str>,
}

impl Passwords {
    /// # Errors
    /// When one hash cannot be made: no memory, or no random bytes.
    pub fn new() -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_bounds(cores.min(MAX_PARALLEL), QUEUE, MAX_WAIT)
    }

    fn with_bounds(
        parallel: usize,
        queue: usize,
        max_wait: Duration,
    ) -> Result<Self, PasswordError> {
        Ok(Self {
            line: ConcurrencyLimit::new(parallel, queue, max_wait),
            dummy: hash("nobody has this password")?.into(),
        })
    }

    /// # Errors
    /// `Busy` is ordinary under load: the caller asks to come back.
    pub async fn hash(&self, password: Password) -> Result<String, PasswordError> {
        self.run(move || hash(password.expose())).await
    }

    /// Checks against `stored`, or against nobody's hash when there is none.
    ///
    /// # Errors
    /// `Busy` is ordinary under load: the caller asks to come back.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<PasswordCheck, PasswordError> {
        let dummy = Arc::clone(&self.dummy);
        self.run(move || match stored {
            Some(stored) => verify_in_both_forms(&password, &stored),
            None => verify_in_both_forms(&password, &dummy).map(|_| PasswordCheck::Wrong),
        })
        .await
    }

    /// How many are hashed or wait for it now.
    pub fn occupied(&self) -> usize {
        self.line.occupied()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _turn = self.line.enter().await.ok_or(PasswordError::Busy)?;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| PasswordError::Hash(error.to_string()))?
    }
}

fn argon2() -> Argon2<'static> {
    // OWASP's second choice: Argon2id with 19 MiB, two passes, one lane.
    Argon2::from(Params::DEFAULT)
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash = argon2().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
}

/// A hash of the typed form, from before passwords were normalized, is made anew.
fn verify_in_both_forms(password: &Password, stored: &str) -> Result<PasswordCheck, PasswordError> {
    match (verify(password.expose(), stored)?, password.as_typed()) {
        (PasswordCheck::Wrong, Some(typed)) => Ok(match verify(typed, stored)? {
            PasswordCheck::Right { .. } => {
                PasswordCheck::Right { rehashed: Some(hash(password.expose())?) }
            }
            PasswordCheck::Wrong => PasswordCheck::Wrong,
        }),
        (check, _) => Ok(check),
    }
}

fn verify(password: &str, stored: &str) -> Result<PasswordCheck, PasswordError> {
    let parsed = PasswordHash::new(stored).map_err(|e| PasswordError::Hash(e.to_string()))?;
    match argon2().verify_password(password.as_bytes(), &parsed) {
        Ok(()) if has_todays_parameters(&parsed) => Ok(PasswordCheck::Right { rehashed: None }),
        Ok(()) => Ok(PasswordCheck::Right { rehashed: Some(hash(password)?) }),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(PasswordCheck::Wrong),
        Err(error) => Err(PasswordError::Hash(error.to_string())),
    }
}

fn has_todays_parameters(hash: &PasswordHash) -> bool {
    let is_id = hash.algorithm.as_str() == "argon2id";
    is_id
        && Params::try_from(hash).is_ok_and(|params| {
            let today = Params::DEFAULT;
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (today.m_cost(), today.t_cost(), today.p_cost())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Python's argon2-cffi; a rehash to today's parameters is not needed.
    const HUNTER: &str = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$oJB/aj5BtAJmyZGq8kYqC2AswfC638Y5SCLhlFpTicE";

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_right_wrong_or_nobodys() {
        let passwords = Passwords::new().unwrap();
        let check = async |typed: &str, stored: Option<&str>, expected| {
            let seen = passwords.verify(password(typed), stored.map(str::to_owned)).await;
            assert_eq!(seen, Ok(expected), "{typed}");
        };
        check("hunter2hunter2", Some(HUNTER), PasswordCheck::Right { rehashed: None }).await;
        check("hunter2hunter3", Some(HUNTER), PasswordCheck::Wrong).await;
        check("hunter2hunter2", None, PasswordCheck::Wrong).await;
        check("nobody has this password", None, PasswordCheck::Wrong).await;
    }

    #[tokio::test]
    async fn a_hash_with_older_parameters_is_made_anew() {
        let older = Argon2::from(Params::new(9_216, 4, 1, None).unwrap());
        let stored = older.hash_password(b"hunter2hunter2").unwrap().to_string();
        let passwords = Passwords::new().unwrap();
        let verdict = passwords.verify(password("hunter2hunter2"), Some(stored)).await.unwrap();
        let PasswordCheck::Right { rehashed: Some(hash) } = verdict else { panic!("{verdict:?}") };
        let again = passwords.verify(password("hunter2hunter2"), Some(hash)).await;
        assert_eq!(again, Ok(PasswordCheck::Right { rehashed: None }));
    }

    #[tokio::test]
    async fn a_password_is_the_same_from_every_keyboard() {
        let passwords = Passwords::new().unwrap();
        let composed = "Gr\u{fc}\u{df}e aus K\u{f6}ln";
        let decomposed = "Gru\u{308}\u{df}e aus\u{a0}Ko\u{308}ln";
        let right = Ok(PasswordCheck::Right { rehashed: None });
        for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
            let stored = passwords.hash(password(set)).await.unwrap();
            assert_eq!(passwords.verify(password(typed), Some(stored)).await, right, "{typed}");
        }
        // A hash from before: of the very characters that were typed.
        let old = hash(decomposed).unwrap();
        let seen = passwords.verify(password(decomposed), Some(old)).await.unwrap();
        let PasswordCheck::Right { rehashed: Some(new) } = seen else { panic!("{seen:?}") };
        assert_eq!(passwords.verify(password(composed), Some(new)).await, right);
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_or_waits_too_long_is_sent_away() {
        for (queue, max_wait) in [(1, Duration::ZERO), (0, MAX_WAIT)] {
            let passwords = Passwords::with_bounds(1, queue, max_wait).unwrap();
            let _turn = passwords.line.enter().await.unwrap();
            let sent_away = passwords.hash(password("hunter2hunter2")).await;
            assert_eq!(sent_away, Err(PasswordError::Busy));
        }
    }

    #[test]
    fn an_absurd_password_is_refused_and_never_cut() {
        assert!(Password::parse(String::new()).is_none());
        assert!(Password::parse("a".repeat(MAX_BYTES)).is_some());
        assert!(Password::parse("a".repeat(MAX_BYTES + 1)).is_none());
    }
}
