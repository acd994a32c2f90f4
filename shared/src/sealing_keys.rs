//! Keys under which secrets are sealed that a database keeps.
//!
//! They are derived from the key ring, so that the rows alone, or a backup of them without
//! the ring, tell nothing.

use crate::keyring::{KeyId, KeyRing};

const PURPOSE: &str = "sealed secret";

/// The key that seals, and the name by which what it sealed says so.
pub fn sealing(ring: &KeyRing) -> (&KeyId, [u8; 32]) {
    let id = ring.current();
    (id, opening(ring, id.as_str()).expect("the id was taken from this ring"))
}

/// The key that opens what was sealed under `id`; `None` once that is not in the ring.
pub fn opening(ring: &KeyRing, id: &str) -> Option<[u8; 32]> {
    ring.derive(id, PURPOSE, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    #[test]
    fn what_the_former_key_sealed_is_opened_while_it_is_in_the_ring() {
        let former = ring("k1");
        let (id, key) = sealing(&former);
        assert_eq!(opening(&ring("k2"), id.as_str()), Some(key));
        assert_ne!(sealing(&ring("k2")).1, key);
        assert_eq!(opening(&ring("k2"), "k9"), None);
    }
}
