//! What the key ring is used for at an edge.

use shared::{KeyRing, Secret, SessionKeys, site_hop};

pub struct Keys {
    pub ring: KeyRing,
    pub sessions: SessionKeys,
    /// By which control knows us.
    pub site_hop: Secret<String>,
}

impl Keys {
    pub fn new(ring: KeyRing) -> Self {
        let sessions = SessionKeys::new(&ring);
        let site_hop = site_hop::sign(&ring);
        Self { ring, sessions, site_hop }
    }
}
