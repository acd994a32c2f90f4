//! Bounds on what one client, one workspace and all together may take.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ahash::RandomState;
use arc_swap::ArcSwap;
use pingora_limits::rate::Rate;
use shared::Username;
use shared::address::visitor_block;

use super::configured::LimitsConfig;
use super::fixed::{
    FLOOD_WINDOW, FLOODS_MAX, TELEGRAM_IN_FLIGHT, TELEGRAM_PER_SECOND, WIDE_BLOCK_FACTOR,
};
use super::in_flight::{InFlight, Turn};

pub(crate) struct Limits {
    configured: ArcSwap<LimitsConfig>,
    open: AtomicU64,
    /// Holds a block only while it has connections: bounded by `limits.connections`.
    by_block: Mutex<HashMap<Block, u64>>,
    /// What is counted below, in eight bytes: a sketch hashes its key four times.
    hasher: RandomState,
    /// Count-min sketches: fixed memory however many clients there are. They
    /// may count a little too much, never too little.
    block_rate: Rate,
    workspace_rate: Rate,
    /// Connections that ended for a flood.
    floods: Rate,
    in_flight: Arc<InFlight>,
    telegram_rate: Rate,
    telegram_in_flight: Arc<InFlight>,
}

/// Of which connections there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    InAll,
    FromAddress,
    /// Such as have ended for a flood.
    Floods,
}

/// One connection that was let in. Leaves on drop.
pub(crate) struct Admitted {
    limits: Arc<Limits>,
    /// Whose it is, once that is known.
    address: Option<IpAddr>,
}

/// Addresses that count as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Block {
    prefix: IpAddr,
    /// A /48, of which more is taken.
    is_wide: bool,
}

impl Block {
    /// Those that `address` is in.
    fn all(address: IpAddr) -> impl Iterator<Item = Self> {
        let prefix = visitor_block(address);
        let wide = match prefix {
            IpAddr::V6(prefix) => Some(IpAddr::V6((u128::from(prefix) >> 80 << 80).into())),
            IpAddr::V4(_) => None,
        };
        let wide = wide.map(|prefix| Self { prefix, is_wide: true });
        std::iter::once(Self { prefix, is_wide: false }).chain(wide)
    }

    /// What all of it may take, where one client may take `limit`.
    fn share(self, limit: u64) -> u64 {
        if self.is_wide { limit.saturating_mul(WIDE_BLOCK_FACTOR) } else { limit }
    }
}

impl Limits {
    pub(crate) fn new(configured: LimitsConfig) -> Self {
        let second = Duration::from_secs(1);
        Self {
            configured: ArcSwap::from_pointee(configured),
            open: AtomicU64::new(0),
            by_block: Mutex::default(),
            hasher: RandomState::new(),
            block_rate: Rate::new(second),
            workspace_rate: Rate::new(second),
            floods: Rate::new(FLOOD_WINDOW),
            in_flight: Arc::new(InFlight::new(configured.requests_in_flight_per_workspace)),
            telegram_rate: Rate::new(second),
            telegram_in_flight: Arc::new(InFlight::new(TELEGRAM_IN_FLIGHT)),
        }
    }

    pub(crate) fn configured(&self) -> LimitsConfig {
        **self.configured.load()
    }

    /// Holds whatever comes from here on against `configured`.
    pub(crate) fn configure(&self, configured: LimitsConfig) {
        self.in_flight.set_limit(configured.requests_in_flight_per_workspace);
        self.configured.store(Arc::new(configured));
    }

    /// # Errors
    /// When there are too many connections in all.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Admitted, TooMany> {
        if self.open.load(Ordering::Relaxed) >= self.configured.load().connections {
            return Err(TooMany::InAll);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(Admitted { limits: Arc::clone(self), address: None })
    }

    /// Counts a request; `false` when it is one too many of this client's in this second.
    pub(crate) fn allows_address(&self, address: IpAddr) -> bool {
        let limit = self.configured.load().requests_per_second_per_address;
        // All are counted, whichever says no.
        Block::all(address).fold(true, |is_allowed, block| {
            is_allowed & !exceeds(self.count(&self.block_rate, &block, 1), block.share(limit))
        })
    }

    /// The same for a workspace. Only requests with a session are counted:
    /// strangers must not be able to use up what its customer has.
    pub(crate) fn allows_workspace(&self, name: &Username) -> bool {
        let count = self.count(&self.workspace_rate, name, 1);
        !exceeds(count, self.configured.load().requests_per_second_per_workspace)
    }

    /// A place for one more request of a workspace; `None` when too many wait already.
    pub(crate) fn turn(&self, name: &Username) -> Option<Turn> {
        self.in_flight.enter(name)
    }

    /// A place for one more call of Telegram's to a workspace, whose customer's own requests
    /// are counted apart.
    pub(crate) fn telegram_turn(&self, name: &Username) -> Option<Turn> {
        if exceeds(self.count(&self.telegram_rate, name, 1), TELEGRAM_PER_SECOND) {
            return None;
        }
        self.telegram_in_flight.enter(name)
    }

    /// A connection of `address` has ended for a flood.
    pub(crate) fn flooded(&self, address: IpAddr) {
        for block in Block::all(address) {
            self.count(&self.floods, &block, 1);
        }
    }

    fn has_flooded(&self, address: IpAddr) -> bool {
        Block::all(address)
            .any(|block| exceeds(self.count(&self.floods, &block, 0), block.share(FLOODS_MAX)))
    }

    /// Counts `events` of `what`, and says how many there are of it in this while.
    fn count(&self, rate: &Rate, what: &impl Hash, events: isize) -> isize {
        rate.observe(&self.hasher.hash_one(what), events)
    }

    pub(crate) fn open_connections(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    fn by_block(&self) -> MutexGuard<'_, HashMap<Block, u64>> {
        self.by_block.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exceeds(count: isize, limit: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count > limit)
}

impl Admitted {
    /// Counts the connection as one of `address`, from here on.
    ///
    /// # Errors
    /// When there are too many from there, or have been too many floods.
    pub(crate) fn of(&mut self, address: IpAddr) -> Result<(), TooMany> {
        if self.limits.has_flooded(address) {
            return Err(TooMany::Floods);
        }
        let limit = self.limits.configured.load().connections_per_address;
        let mut by_block = self.limits.by_block();
        let is_full =
            |block: Block| by_block.get(&block).is_some_and(|count| *count >= block.share(limit));
        if Block::all(address).any(is_full) {
            return Err(TooMany::FromAddress);
        }
        for block in Block::all(address) {
            *by_block.entry(block).or_default() += 1;
        }
        drop(by_block);
        self.address = Some(address);
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.limits.open.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut by_block = self.limits.by_block();
        for block in Block::all(address) {
            if let Entry::Occupied(mut count) = by_block.entry(block) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
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
        socket_ping: Duration::from_secs(30),
        body_pause: Duration::from_secs(60),
        write_timeout: Duration::from_secs(60),
    };

    fn admit(limits: &Arc<Limits>, address: &str) -> Result<Admitted, TooMany> {
        let mut admitted = limits.admit()?;
        admitted.of(address.parse().unwrap())?;
        Ok(admitted)
    }

    #[test]
    fn connections_are_bounded_by_address_and_in_all() {
        let limits = Arc::new(Limits::new(LIMITS));
        let first = admit(&limits, "2001:db8::1").unwrap();
        let second = admit(&limits, "2001:db8::2").unwrap();
        assert_eq!(admit(&limits, "2001:db8::3").err(), Some(TooMany::FromAddress));
        let _other = admit(&limits, "203.0.113.1").unwrap();
        assert_eq!(admit(&limits, "203.0.113.2").err(), Some(TooMany::InAll));
        drop((first, second));
        assert_eq!(limits.open_connections(), 1);
        assert_eq!(limits.by_block().len(), 1, "nothing is kept of who left");
        assert!(admit(&limits, "2001:db8::3").is_ok());
    }

    #[test]
    fn who_floods_again_and_again_is_let_in_no_more() {
        let limits = Arc::new(Limits::new(LIMITS));
        let (flooding, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..FLOODS_MAX {
            limits.flooded(flooding);
        }
        assert_eq!(limits.admit().unwrap().of(flooding), Ok(()));
        limits.flooded(flooding);
        assert_eq!(limits.admit().unwrap().of(flooding), Err(TooMany::Floods));
        assert_eq!(limits.admit().unwrap().of(other), Ok(()));
    }

    #[test]
    fn a_site_does_not_take_more_by_its_many_networks() {
        let limits = Arc::new(Limits::new(LimitsConfig { connections: 1_000, ..LIMITS }));
        let all = |prefix: &str| -> Vec<_> {
            (0..100).filter_map(|n| admit(&limits, &format!("{prefix}:{n:x}::1")).ok()).collect()
        };
        let most = (LIMITS.connections_per_address * WIDE_BLOCK_FACTOR) as usize;
        let one = all("2001:db8:1");
        assert_eq!(one.len(), most);
        assert_eq!(all("2001:db8:2").len(), most, "another one is none the worse for it");
        drop(one);
        assert!(limits.by_block().is_empty(), "nothing is kept of who left");
        let requests = |prefix: &str| {
            let address = |n: usize| format!("{prefix}:{n:x}::1").parse().unwrap();
            (0..1_000).filter(|n| limits.allows_address(address(*n))).count()
        };
        let most = LIMITS.requests_per_second_per_address * WIDE_BLOCK_FACTOR;
        assert!(requests("2001:db8:1") < 10 * most as usize);
    }

    #[test]
    fn new_limits_hold_for_what_comes_from_then_on() {
        let limits = Arc::new(Limits::new(LIMITS));
        let _first = admit(&limits, "203.0.113.1").unwrap();
        limits.configure(LimitsConfig { connections: 1, ..LIMITS });
        assert_eq!(admit(&limits, "203.0.113.2").err(), Some(TooMany::InAll));
        limits.configure(LimitsConfig { connections_per_address: 1, ..LIMITS });
        assert_eq!(admit(&limits, "203.0.113.1").err(), Some(TooMany::FromAddress));
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
