//! Secrets that a VM holds for one assignment.
//!
//! Derived, so that nobody keeps them: whoever has the ring can say them again, and
//! writing them twice writes the same. The VM's owner can read them out of the VM;
//! they are worth nothing at any other.

use crate::keyring::KeyRing;
use crate::{Secret, SpriteId, hex};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmSecret {
    /// The bearer for the agent's detailed health.
    Health,
    /// By which the agent speaks to the gateway beside it.
    Gateway,
}

impl VmSecret {
    /// 64 hexadecimal digits, out of the ring's current key.
    pub fn derive(self, ring: &KeyRing, sprite: &SpriteId, assignment: u64) -> Secret<String> {
        let context = [sprite.as_str(), &assignment.to_string()];
        let key = ring
            .derive(ring.current().as_str(), self.label(), &context)
            .expect("the current key is in the ring");
        Secret::new(hex::encode(&key))
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Health => "agent health",
            Self::Gateway => "gateway",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    #[test]
    fn a_secret_is_the_same_each_time_and_another_for_everything_else() {
        let say = |secret: VmSecret, key, sprite, assignment| {
            let sprite = SpriteId::parse(sprite).unwrap();
            secret.derive(&ring(key), &sprite, assignment).expose().clone()
        };
        let base = say(VmSecret::Health, "k1", "arca-1", 1);
        assert_eq!(base.len(), 64);
        assert_eq!(say(VmSecret::Health, "k1", "arca-1", 1), base);
        assert_ne!(say(VmSecret::Gateway, "k1", "arca-1", 1), base);
        assert_ne!(say(VmSecret::Health, "k2", "arca-1", 1), base);
        assert_ne!(say(VmSecret::Health, "k1", "arca-2", 1), base);
        assert_ne!(say(VmSecret::Health, "k1", "arca-1", 2), base);
    }
}
