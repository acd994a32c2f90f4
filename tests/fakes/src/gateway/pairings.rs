//! The browsers this gateway knows, and the token each was given.
//!
//! Kept in memory: after a restart a device pairs again, silently, as long
//! as it connects without a proxy in between.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::handshake::same;
use crate::clock;
use crate::ids;

/// Devices remembered; another one finds no room and stays unpaired.
const DEVICES_MAX: usize = 1_000;

/// A device's long-lived credential.
#[derive(Clone, Debug)]
pub struct Pairing {
    pub token: String,
    pub issued_at: u64,
}

#[derive(Debug, Default)]
pub struct Pairings(Mutex<BTreeMap<String, Pairing>>);

impl Pairings {
    /// The device's pairing; the same on every call.
    pub fn pair(&self, device_id: &str) -> Pairing {
        let mut devices = self.0.lock().expect("no holder panics");
        if let Some(pairing) = devices.get(device_id) {
            return pairing.clone();
        }
        let pairing = Pairing { token: ids::secret::<32>(), issued_at: clock::unix_millis() };
        if devices.len() < DEVICES_MAX {
            devices.insert(device_id.to_owned(), pairing.clone());
        }
        pairing
    }

    pub fn is_paired(&self, device_id: &str) -> bool {
        let devices = self.0.lock().expect("no holder panics");
        devices.contains_key(device_id)
    }

    /// Whether `token` is the one given to this device.
    pub fn owns(&self, device_id: &str, token: &str) -> bool {
        let devices = self.0.lock().expect("no holder panics");
        devices.get(device_id).is_some_and(|pairing| same(token, &pairing.token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_token_and_only_its_own() {
        let pairings = Pairings::default();
        assert!(!pairings.is_paired("a"));
        let token = pairings.pair("a").token;
        assert_eq!(pairings.pair("a").token, token);
        assert!(pairings.owns("a", &token));
        pairings.pair("b");
        assert!(!pairings.owns("b", &token));
    }
}
