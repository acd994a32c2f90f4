//! The store behind an `Idempotency-Key` header.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// How long a key is remembered, in seconds: 24 h, as Stripe and Resend say.
pub const KEPT_SECONDS: u64 = 24 * 60 * 60;

/// Keys remembered; beyond it the oldest is forgotten early.
pub const KEYS_MAX: usize = 10_000;

/// What was asked under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Order and boundaries of the parts count.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// What the store says to a call with a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim<A> {
    /// Nobody used the key: do the work, then [`Keys::keep`] or
    /// [`Keys::release`].
    Fresh,
    /// The same was asked before, and this was the answer.
    Replay(A),
    /// Something else was asked under this key.
    Mismatch,
    /// The first call with this key is still being answered.
    InFlight,
}

#[derive(Debug)]
pub struct Keys<A> {
    entries: HashMap<String, Entry<A>>,
}

#[derive(Debug)]
struct Entry<A> {
    fingerprint: Fingerprint,
    /// Unix seconds.
    since: u64,
    answer: Option<A>,
}

impl<A> Default for Keys<A> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<A: Clone> Keys<A> {
    /// `now` in unix seconds.
    pub fn claim(&mut self, key: &str, fingerprint: Fingerprint, now: u64) -> Claim<A> {
        match self.entries.get(key) {
            Some(entry) if now >= entry.since + KEPT_SECONDS => {}
            Some(entry) if entry.fingerprint != fingerprint => return Claim::Mismatch,
            Some(Entry { answer: Some(answer), .. }) => return Claim::Replay(answer.clone()),
            Some(_) => return Claim::InFlight,
            None => self.make_room(),
        }
        self.entries.insert(key.to_owned(), Entry { fingerprint, since: now, answer: None });
        Claim::Fresh
    }

    /// Remembers the answer to a claimed key.
    pub fn keep(&mut self, key: &str, answer: A) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.answer = Some(answer);
        }
    }

    /// The call did not count (it was not valid): the key is free again.
    pub fn release(&mut self, key: &str) {
        self.entries.remove(key);
    }

    fn make_room(&mut self) {
        if self.entries.len() < KEYS_MAX {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.since);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &[u8], now: u64, expected: &Claim<&'static str>) {
        let mut keys = Keys::default();
        assert_eq!(keys.claim("k", Fingerprint::of(&[b"first"]), 1_000), Claim::Fresh);
        keys.keep("k", "answer");
        assert_eq!(&keys.claim("k", Fingerprint::of(&[asked]), now), expected);
    }

    #[test]
    fn the_first_answer_is_replayed_for_a_day() {
        check(b"first", 1_000, &Claim::Replay("answer"));
        check(b"first", 1_000 + KEPT_SECONDS - 1, &Claim::Replay("answer"));
        check(b"first", 1_000 + KEPT_SECONDS, &Claim::Fresh);
    }

    #[test]
    fn another_request_under_the_same_key_is_a_mismatch() {
        check(b"second", 1_000, &Claim::Mismatch);
        check(b"second", 1_000 + KEPT_SECONDS, &Claim::Fresh);
    }

    #[test]
    fn a_key_is_in_flight_until_it_is_kept_or_released() {
        let mut keys = Keys::<&str>::default();
        let asked = Fingerprint::of(&[b"x"]);
        assert_eq!(keys.claim("k", asked, 0), Claim::Fresh);
        assert_eq!(keys.claim("k", asked, 0), Claim::InFlight);
        keys.release("k");
        assert_eq!(keys.claim("k", asked, 0), Claim::Fresh);
    }

    #[test]
    fn the_boundaries_of_parts_count() {
        assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
    }
}
