//! The header by which control knows that a request came through one of our edges.
//!
//! Only then does it believe `x-forwarded-for` and its kin. The value is derived
//! from the key ring that both have already.

use subtle::ConstantTimeEq as _;

use crate::keyring::KeyRing;
use crate::{Secret, hex};

pub const SITE_HOP_HEADER: &str = "x-arca-edge";

/// The value that an edge sends.
pub fn sign(ring: &KeyRing) -> Secret<String> {
    Secret::new(value(ring, ring.current().as_str()))
}

/// Is `header` what an edge with one of the ring's keys sends? In constant time.
pub fn verify(ring: &KeyRing, header: &str) -> bool {
    ring.ids().fold(false, |found, id| {
        found | bool::from(value(ring, id.as_str()).as_bytes().ct_eq(header.as_bytes()))
    })
}

fn value(ring: &KeyRing, id: &str) -> String {
    hex::encode(&ring.derive(id, "site hop", &[]).expect("the id was taken from this ring"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    #[test]
    fn any_key_of_the_ring_is_believed_and_nothing_else() {
        assert!(verify(&ring("k1"), sign(&ring("k2")).expose()));
        assert!(!verify(&ring("k1"), ""));
        assert!(!verify(&ring("k1"), &"0".repeat(64)));
    }
}
