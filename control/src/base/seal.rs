//! Secrets that the database keeps: sealed under the key ring, so that who reads the rows, or
//! a backup without the ring, reads nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use shared::{KeyRing, Secret, sealing_keys};

/// `secret` as `<key id>.<base64url>`. It opens only as `what` again: one row's secret cannot
/// take another one's place.
pub fn seal(ring: &KeyRing, what: &str, secret: &Secret<String>) -> String {
    let (id, key) = sealing_keys::sealing(ring);
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
    let mut sealed = secret.expose().as_bytes().to_vec();
    cipher(&key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(what.as_bytes()),
            &mut sealed,
        )
        .expect("a secret is far shorter than the cipher's limit");
    format!("{id}.{}", URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
}

/// `None` when it was sealed under a key that is not in the ring, as something else, or is
/// spoiled.
pub fn open(ring: &KeyRing, what: &str, sealed: &str) -> Option<Secret<String>> {
    let (id, text) = sealed.split_once('.')?;
    let key = sealing_keys::opening(ring, id)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = cipher(&key).open_in_place(nonce, Aad::from(what.as_bytes()), &mut sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok().map(Secret::new)
}

/// Whether it was sealed by the key that seals now: the one before it may soon be gone.
pub fn is_current(ring: &KeyRing, sealed: &str) -> bool {
    sealed.split_once('.').is_some_and(|(id, _)| id == ring.current().as_str())
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("32 bytes are a key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(current: &str, ids: &[&str]) -> KeyRing {
        let keys: String = ids
            .iter()
            .map(|id| format!("{id} = \"{}\"\n", id.trim_start_matches('k').repeat(64)))
            .collect();
        KeyRing::from_toml(&format!("current = \"{current}\"\n[keys]\n{keys}")).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_as_the_same_thing_while_its_key_is_in_the_ring() {
        let secret = Secret::new("hunter2".to_owned());
        let (one, both, two) =
            (ring("k1", &["k1"]), ring("k2", &["k1", "k2"]), ring("k2", &["k2"]));
        let sealed = seal(&one, "certificate site", &secret);
        assert!(!sealed.contains("hunter2") && sealed.starts_with("k1."), "{sealed}");
        let opened =
            |ring, what, sealed: &str| open(ring, what, sealed).map(|it| it.expose().clone());
        for ring in [&one, &both] {
            assert_eq!(opened(ring, "certificate site", &sealed).as_deref(), Some("hunter2"));
        }
        assert_eq!(opened(&two, "certificate site", &sealed), None);
        assert_eq!(opened(&one, "certificate other", &sealed), None);
        for spoiled in ["", "k1", "k1.", "k1.AAAA", &sealed[..sealed.len() - 1]] {
            assert_eq!(opened(&one, "certificate site", spoiled), None, "{spoiled}");
        }
        assert_eq!((is_current(&one, &sealed), is_current(&both, &sealed)), (true, false));
    }
}
