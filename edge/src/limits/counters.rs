//! Bounds on what one client, one workspace and all together may take.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pingora_limits::rate::Rate;
use shared::Username;
use shared::address::visitor_block;

use super::configured::LimitsConfig;
use super::in_flight::{InFlight, Turn};

pub(crate) struct Limits {
    configured: LimitsConfig,
    open: AtomicU64,
    /// Holds an address only while it has connections: bounded by `limits.connections`.
    by_address: Mutex<HashMap<IpAddr, u64>>,
    /// Count-min sketches: fixed memory however many clients there are. They
    /// may count a little too much, never too little.
    address_rate: Rate,
    workspace_rate: Rate,
    in_flight: Arc<InFlight>,
}

/// Of which connections there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    InAll,
    FromAddress,
}

/// One connection that was let in. Leaves on drop.
pub(crate) struct Admitted {
    limits: Arc<Limits>,
    block: IpAddr,
}

impl Limits {
    pub(crate) fn new(configured: LimitsConfig) -> Self {
        let second = Duration::from_secs(1);
        Self {
            configured,
            open: AtomicU64::new(0),
            by_address: Mutex::default(),
            address_rate: Rate::new(second),
            workspace_rate: Rate::new(second),
            in_flight: Arc::new(InFlight::new(configured.requests_in_flight_per_workspace)),
        }
    }

    pub(crate) fn configured(&self) -> &LimitsConfig {
        &self.configured
    }

    /// # Errors
    /// When there are too many connections, from this address or at all.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, TooMany> {
        if self.open.load(Ordering::Relaxed) >= self.configured.connections {
            return Err(TooMany::InAll);
        }
        let block = visitor_block(address);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(block).or_default();
        if *count >= self.configured.connections_per_address {
            return Err(TooMany::FromAddress);
        }
        *count += 1;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(Admitted { limits: Arc::clone(self), block })
    }

    /// Counts a request; `false` when it is one too many of this client's in this second.
    pub(crate) fn allows_address(&self, address: IpAddr) -> bool {
        let count = self.address_rate.observe(&visitor_block(address), 1);
        !exceeds(count, self.configured.requests_per_second_per_address)
    }

    /// The same for a workspace. Only requests with a session are counted:
    /// strangers must not be able to use up what its customer has.
    pub(crate) fn allows_workspace(&self, name: &Username) -> bool {
        let count = self.workspace_rate.observe(name, 1);
        !exceeds(count, self.configured.requests_per_second_per_workspace)
    }

    /// A place for one more request of a workspace; `None` when too many wait already.
    pub(crate) fn turn(&self, name: &Username) -> Option<Turn> {
        self.in_flight.enter(name)
    }

    pub(crate) fn open_connections(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }
}

fn exceeds(count: isize, limit: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count > limit)
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.limits.open.fetch_sub(1, Ordering::Relaxed);
        let mut by_address = self.limits.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = by_address.entry(self.block) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::configured::Deadlines;
    use super::*;

    const LIMITS: LimitsConfig = LimitsConfig {
        deadlines: Deadlines { head: Duration::from_secs(10), idle: Duration::from_secs(75) },
        connections: 3,
        connections_per_address: 2,
        sockets_per_workspace: 2,
        requests_in_flight_per_workspace: 2,
        http2_streams: 100,
        requests_per_second_per_address: 5,
        requests_per_second_per_workspace: 8,
        body_max_bytes: 1024,
        socket_idle: Duration::from_secs(3_600),
        write_timeout: Duration::from_secs(60),
    };

    #[test]
    fn connections_are_bounded_by_address_and_in_all() {
        let limits = Arc::new(Limits::new(LIMITS));
        let address = |text: &str| text.parse().unwrap();
        let first = limits.admit(address("2001:db8::1")).unwrap();
        let second = limits.admit(address("2001:db8::2")).unwrap();
        assert_eq!(limits.admit(address("2001:db8::3")).err(), Some(TooMany::FromAddress));
        let _other = limits.admit(address("203.0.113.1")).unwrap();
        assert_eq!(limits.admit(address("203.0.113.2")).err(), Some(TooMany::InAll));
        drop((first, second));
        assert_eq!(limits.open_connections(), 1);
        assert_eq!(limits.by_address.lock().unwrap().len(), 1, "nothing is kept of who left");
        assert!(limits.admit(address("2001:db8::3")).is_ok());
    }

    #[test]
    fn requests_are_bounded_by_address_and_by_workspace() {
        let limits = Limits::new(LIMITS);
        let ada = Username::parse("ada").unwrap();
        let allowed = |last: u8| {
            let address = IpAddr::from([203, 0, 113, last]);
            (0..20).filter(|_| limits.allows_address(address)).count()
        };
        // A second may begin in between; then a few more pass, and still not all.
        assert!((5..20).contains(&allowed(1)));
        assert!((5..20).contains(&allowed(2)), "one client does not use up another's");
        let in_all = (0..30).filter(|_| limits.allows_workspace(&ada)).count();
        assert!((8..30).contains(&in_all));
    }
}
