//! Names of sprites to addresses, without ever holding up a worker thread.
//!
//! Every address of a sprite is held against the policy: a name that leads to
//! our own network is refused however it was spelt. Control's own address is
//! the operator's to choose.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use shared::{AddressPolicy, Upstream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::limits::{
    ADDRESSES_MAX, LOOKUP_TIMEOUT, LOOKUPS_MAX, NAME_FRESH, NAME_REFRESH, NAME_STALE, NAMES_MAX,
};

pub(crate) struct Resolver {
    policy: AddressPolicy,
    /// Named by the operator: exempt from the policy.
    exempt: Box<[Upstream]>,
    cache: Mutex<HashMap<Upstream, Known>>,
    lookups: Semaphore,
}

#[derive(Clone)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    since: Instant,
    /// When a request last set out to look it up again.
    asked: Instant,
}

impl Known {
    /// May it be used without asking?
    fn is_good(&self) -> bool {
        self.since.elapsed() < NAME_FRESH
            || (self.is_usable() && self.asked.elapsed() < NAME_REFRESH)
    }

    /// May it be used when asking fails?
    fn is_usable(&self) -> bool {
        self.since.elapsed() < NAME_STALE
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("{0} has no address")]
    NoAddress(Upstream),
    #[error("looking up {0} took longer than {LOOKUP_TIMEOUT:?}")]
    Timeout(Upstream),
    #[error("every address of {0} is refused by the upstream policy")]
    Refused(Upstream),
}

impl Resolver {
    pub(crate) fn new(policy: AddressPolicy, exempt: &[Upstream]) -> Self {
        let exempt = exempt.into();
        Self { policy, exempt, cache: Mutex::default(), lookups: Semaphore::new(LOOKUPS_MAX) }
    }

    /// # Errors
    /// When there is no address, or none that the policy allows.
    pub(crate) async fn resolve(
        &self,
        upstream: &Upstream,
    ) -> Result<Arc<[SocketAddr]>, ResolveError> {
        if let Some(address) = upstream.address() {
            let allowed = self.allows(upstream, address);
            let refused = || ResolveError::Refused(upstream.clone());
            let only = || Arc::from([SocketAddr::new(address, upstream.port())]);
            return allowed.then(only).ok_or_else(refused);
        }
        let known = self.known(upstream);
        if let Some(known) = known.as_ref().filter(|known| known.is_good()) {
            return Ok(Arc::clone(&known.addresses));
        }
        match self.look_up(upstream).await {
            Ok(addresses) => {
                self.remember(upstream, Arc::clone(&addresses));
                Ok(addresses)
            }
            Err(error @ ResolveError::Refused(_)) => Err(error),
            Err(error) => known.filter(Known::is_usable).map(|known| known.addresses).ok_or(error),
        }
    }

    async fn look_up(&self, upstream: &Upstream) -> Result<Arc<[SocketAddr]>, ResolveError> {
        let lookup = async {
            let _turn = self.lookups.acquire().await;
            tokio::net::lookup_host((upstream.host(), upstream.port())).await
        };
        let found = timeout(LOOKUP_TIMEOUT, lookup)
            .await
            .map_err(|_| ResolveError::Timeout(upstream.clone()))?
            .map_err(|_| ResolveError::NoAddress(upstream.clone()))?;
        let (allowed, refused): (Vec<_>, Vec<_>) =
            found.partition(|address| self.allows(upstream, address.ip()));
        if !allowed.is_empty() {
            return Ok(allowed.into_iter().take(ADDRESSES_MAX).collect());
        }
        Err(if !refused.is_empty() {
            ResolveError::Refused(upstream.clone())
        } else {
            ResolveError::NoAddress(upstream.clone())
        })
    }

    fn allows(&self, upstream: &Upstream, address: IpAddr) -> bool {
        self.exempt.contains(upstream) || self.policy.check(upstream, address).is_ok()
    }

    /// What is known of `upstream`. Of those who find it too old, only the first is told so.
    fn known(&self, upstream: &Upstream) -> Option<Known> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cache.get_mut(upstream)?;
        let seen = known.clone();
        if !seen.is_good() {
            known.asked = Instant::now();
        }
        Some(seen)
    }

    fn remember(&self, upstream: &Upstream, addresses: Arc<[SocketAddr]>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= NAMES_MAX {
            cache.retain(|_, known| known.is_good());
            if cache.len() >= NAMES_MAX {
                cache.clear();
            }
        }
        let now = Instant::now();
        cache.insert(upstream.clone(), Known { addresses, since: now, asked: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(policy: &AddressPolicy, upstream: &str, found: bool) {
        let upstream = Upstream::parse(upstream).unwrap();
        let site = Upstream::parse("http://localhost:9000").unwrap();
        let resolved = Resolver::new(policy.clone(), &[site]).resolve(&upstream).await;
        assert_eq!(resolved.is_ok(), found, "{upstream}: {resolved:?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_unless_allowed() {
        let strict = AddressPolicy::default();
        check(&strict, "https://localhost", false).await;
        check(&strict, "https://127.0.0.1", false).await;
        check(&strict, "http://localhost:9001", false).await;
        check(&strict, "http://localhost:9000", true).await;
        let loopback = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let open = AddressPolicy { allow_addresses: loopback.into(), ..strict };
        check(&open, "https://localhost", true).await;
        check(&open, "https://127.0.0.1:9", true).await;
        check(&open, "http://127.0.0.1:9", false).await;
    }
}
