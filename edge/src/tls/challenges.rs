//! What certificate authorities are answered over HTTP (RFC 8555 §8.3): from a folder that
//! somebody else fills, and from what control says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use shared::process::named_file;

use crate::limits::{CHALLENGE_LIFE, CHALLENGE_MAX_BYTES, CHALLENGES_MAX};

#[derive(Debug, Default)]
pub(crate) struct Challenges {
    folder: Option<PathBuf>,
    /// By token, with when it was said.
    said: Mutex<HashMap<String, (String, Instant)>>,
}

/// Why a challenge is not answered as control wants it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChallengeError {
    #[error("a token is 1 to 128 of A-Z, a-z, 0-9, - and _")]
    Token,
    #[error("an answer has at most {CHALLENGE_MAX_BYTES} bytes")]
    Answer,
    #[error("{CHALLENGES_MAX} challenges are answered already")]
    TooMany,
}

impl Challenges {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    /// # Errors
    /// [`ChallengeError`].
    pub(crate) fn say(&self, token: &str, answer: String) -> Result<(), ChallengeError> {
        if !is_token(token) {
            return Err(ChallengeError::Token);
        }
        if answer.len() as u64 > CHALLENGE_MAX_BYTES {
            return Err(ChallengeError::Answer);
        }
        let mut said = self.said();
        // Whoever said it may have ended before taking it back.
        said.retain(|_, (_, at)| at.elapsed() < CHALLENGE_LIFE);
        if said.len() >= CHALLENGES_MAX && !said.contains_key(token) {
            return Err(ChallengeError::TooMany);
        }
        said.insert(token.to_owned(), (answer, Instant::now()));
        Ok(())
    }

    pub(crate) fn take_back(&self, token: &str) {
        self.said().remove(token);
    }

    /// `None` when there is none of this name.
    pub(crate) async fn answer(&self, token: &str) -> Option<String> {
        if !is_token(token) {
            return None;
        }
        if let Some((answer, _)) = self.said().get(token) {
            return Some(answer.clone());
        }
        let path = self.folder.as_ref()?.join(token);
        let read = move || named_file::read(&path, CHALLENGE_MAX_BYTES);
        let answer = tokio::task::spawn_blocking(read).await.ok()?;
        String::from_utf8(answer.ok()?).ok()
    }

    fn said(&self) -> std::sync::MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 8555 §8.3: base64url, so that no name leads out of the folder.
fn is_token(token: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=128).contains(&token.len()) && token.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_control_says_is_answered_until_it_is_taken_back() {
        let challenges = Challenges::default();
        challenges.say("tok-en_1", "one".to_owned()).unwrap();
        challenges.say("tok-en_1", "two".to_owned()).unwrap();
        assert_eq!(challenges.answer("tok-en_1").await.as_deref(), Some("two"));
        challenges.take_back("tok-en_1");
        assert_eq!(challenges.answer("tok-en_1").await, None);
    }

    #[test]
    fn what_is_no_challenge_or_one_too_many_is_refused() {
        let challenges = Challenges::default();
        for bad in ["", "../x", "a b", "a/b"] {
            assert!(challenges.say(bad, String::new()).is_err(), "{bad}");
        }
        assert!(challenges.say("a", "x".repeat(1_025)).is_err());
        for number in 0..CHALLENGES_MAX {
            challenges.say(&number.to_string(), String::new()).unwrap();
        }
        assert!(challenges.say("another", String::new()).is_err());
        challenges.say("0", String::new()).unwrap();
    }
}
