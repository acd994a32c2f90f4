//! The master secrets that control and the edges share, and what is derived from them.
//!
//! One key signs (`current`), every listed key verifies. To rotate: add a key
//! everywhere, make it current everywhere, wait out the longest session, remove
//! the old one. Nobody is signed out.

use std::collections::BTreeMap;
use std::fmt;

use hkdf::Hkdf;
use serde::Deserialize;
use sha2::Sha256;

use crate::hex;

/// The short public name of a key: one to 16 of `[a-z0-9]`. Stands in every token.
///
/// Kept in place, because an edge remembers one for every connection.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    /// Filled up with zeroes, which sort before every character that is allowed.
    bytes: [u8; KeyId::MAX_BYTES],
    length: u8,
}

impl KeyId {
    const MAX_BYTES: usize = 16;

    /// # Errors
    /// `Malformed` names the text.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        if !fits {
            return Err(KeyRingError::KeyId { id: text.into() });
        }
        let mut bytes = [0; Self::MAX_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length: u8::try_from(text.len()).expect("at most 16") })
    }

    pub fn as_str(&self) -> &str {
        let text = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(text).expect("letters and digits")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("the key ring is not valid TOML of the form current = \"k1\", [keys] k1 = \"…\"")]
    Syntax,
    #[error("key id {id:?} is not one to 16 of a-z, 0-9")]
    KeyId { id: String },
    #[error("key {id} is not 64 lower-case hexadecimal digits (32 bytes)")]
    Key { id: KeyId },
    #[error("current = {current:?} is not among [keys]")]
    Current { current: String },
    #[error("at most {} keys fit in a ring", KeyRing::MAX_KEYS)]
    TooMany,
}

/// Prints only its key ids.
#[derive(Clone)]
pub struct KeyRing {
    current: KeyId,
    masters: BTreeMap<KeyId, Hkdf<Sha256>>,
}

impl KeyRing {
    /// Two are normal, three during a rotation; more is a forgotten clean-up.
    const MAX_KEYS: usize = 8;

    /// Reads `current = "k1"` and `[keys]` with `k1 = "<64 hex digits>"`.
    ///
    /// # Errors
    /// Never quotes a key or the text around one.
    pub fn from_toml(text: &str) -> Result<Self, KeyRingError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            current: String,
            keys: BTreeMap<String, String>,
        }
        let file: File = toml::from_str(text).map_err(|_| KeyRingError::Syntax)?;
        if file.keys.len() > Self::MAX_KEYS {
            return Err(KeyRingError::TooMany);
        }
        let mut masters = BTreeMap::new();
        for (id, key) in &file.keys {
            let id = KeyId::parse(id)?;
            let Some(key) = hex::decode::<32>(key) else { return Err(KeyRingError::Key { id }) };
            masters.insert(id, Hkdf::new(None, &key));
        }
        match masters.get_key_value(file.current.as_str()) {
            Some((current, _)) => Ok(Self { current: current.clone(), masters }),
            None => Err(KeyRingError::Current { current: file.current }),
        }
    }

    pub fn current(&self) -> &KeyId {
        &self.current
    }

    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.masters.keys()
    }

    /// A key for one purpose out of the master key `id`; `None` when `id` is not in the ring.
    ///
    /// `purpose` is a fixed label of ours, `context` whatever the key is bound to.
    pub(crate) fn derive(&self, id: &str, purpose: &str, context: &[&str]) -> Option<[u8; 32]> {
        let mut info = Vec::with_capacity(96);
        for part in std::iter::once(&purpose).chain(context) {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        let mut key = [0; 32];
        self.masters.get(id)?.expand(&info, &mut key).expect("32 bytes are within HKDF's limit");
        Some(key)
    }

    /// A new ring file with one random key called `id`.
    pub fn generate_toml(id: &KeyId) -> String {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the operating system gives random bytes");
        format!("current = \"{id}\"\n\n[keys]\n{id} = \"{}\"\n", hex::encode(&key))
    }
}

impl std::borrow::Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyRing(current {}, of {:?})", self.current, self.masters.keys())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A ring of keys `k1` (all ones) and `k2` (all twos).
    pub(crate) fn ring(current: &str) -> KeyRing {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        let text = format!("current = \"{current}\"\n[keys]\nk1 = \"{one}\"\nk2 = \"{two}\"\n");
        KeyRing::from_toml(&text).unwrap()
    }

    #[test]
    fn derived_keys_differ_by_master_purpose_and_context() {
        let ring = ring("k1");
        let base = ring.derive("k1", "p", &["ab", "c"]).unwrap();
        assert_eq!(ring.derive("k1", "p", &["ab", "c"]).unwrap(), base);
        for (id, purpose, context) in
            [("k2", "p", ["ab", "c"]), ("k1", "q", ["ab", "c"]), ("k1", "p", ["a", "bc"])]
        {
            assert_ne!(ring.derive(id, purpose, &context).unwrap(), base);
        }
        assert!(ring.derive("k9", "p", &[]).is_none());
    }

    #[test]
    fn a_generated_ring_can_be_read() {
        let id = KeyId::parse("k7").unwrap();
        let ring = KeyRing::from_toml(&KeyRing::generate_toml(&id)).unwrap();
        assert_eq!(ring.current(), &id);
    }

    #[test]
    fn errors_never_quote_a_key() {
        let short = "abcdef0123456789";
        for text in [
            format!("current = \"k1\"\n[keys]\nk1 = \"{short}\"\n"),
            format!("current = \"k2\"\n[keys]\nk1 = \"{}\"\n", short.repeat(4)),
            format!("current = \"k1\"\n[keys]\nk1 = {short}\n"),
        ] {
            let error = KeyRing::from_toml(&text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(short), "{error}");
        }
    }
}
