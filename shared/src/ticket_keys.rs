//! Keys for the tickets with which a client resumes a TLS session.
//!
//! They are derived from the key ring and the time, so that every edge that has the
//! ring, and every new binary of it, can read what another one issued.

use crate::keyring::KeyRing;

/// How long one key issues tickets, in seconds. A ticket is read for as long again, so
/// that it lives between one and two of these periods: RFC 8446 §4.6.1 allows a week.
pub const PERIOD_SECONDS: u64 = 12 * 60 * 60;

/// One key, and the name by which a ticket says that it was made with it.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey {
    pub name: [u8; 16],
    pub key: [u8; 32],
}

/// The key that issues tickets at `now` (unix seconds).
pub fn issuing(ring: &KeyRing, now: u64) -> TicketKey {
    of(ring, ring.current().as_str(), now / PERIOD_SECONDS)
}

/// Every key whose tickets are good at `now` (unix seconds): two for each key of the ring.
pub fn accepted(ring: &KeyRing, now: u64) -> impl Iterator<Item = TicketKey> {
    let period = now / PERIOD_SECONDS;
    ring.ids().flat_map(move |id| {
        [period, period.saturating_sub(1)].map(|period| of(ring, id.as_str(), period))
    })
}

fn of(ring: &KeyRing, id: &str, period: u64) -> TicketKey {
    let derive = |purpose| {
        let key = ring.derive(id, purpose, &[&period.to_string()]);
        key.expect("the id was taken from this ring")
    };
    let mut name = [0; 16];
    name.copy_from_slice(&derive("tls ticket name")[..16]);
    TicketKey { name, key: derive("tls ticket key") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    #[test]
    fn a_ticket_outlives_the_period_it_was_issued_in_and_no_other() {
        let ring = ring("k1");
        let issued = issuing(&ring, 0);
        let is_good = |now| accepted(&ring, now).any(|key| key == issued);
        assert!(is_good(0) && is_good(PERIOD_SECONDS) && is_good(2 * PERIOD_SECONDS - 1));
        assert!(!is_good(2 * PERIOD_SECONDS));
    }
}
