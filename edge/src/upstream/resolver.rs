//! Names of sprites to addresses, without ever holding up a worker thread.
//!
//! Every address found is held against the policy: a name that leads to our
//! own network is refused however it was spelt.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::{AddressPolicy, Upstream};
use tokio::time::timeout;

/// The system resolver does not tell how long an answer holds; half a minute is
/// what common ones keep at least.
const FRESH: Duration = Duration::from_secs(30);

/// While names cannot be resolved, the last answer is used for so long.
const STALE: Duration = Duration::from_secs(600);

/// Twice the default of a resolver's first try.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Names that are remembered: the workspaces that are in use, not all there are.
const CACHE_NAMES: usize = 65_536;

pub struct Resolver {
    policy: AddressPolicy,
    cache: Mutex<HashMap<Upstream, (SocketAddr, Instant)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("{0} has no address")]
    NoAddress(Upstream),
    #[error("looking up {0} took longer than {LOOKUP_TIMEOUT:?}")]
    Timeout(Upstream),
    #[error("every address of {0} is refused by the upstream policy")]
    Refused(Upstream),
}

impl Resolver {
    pub fn new(policy: AddressPolicy) -> Self {
        Self { policy, cache: Mutex::default() }
    }

    /// # Errors
    /// When there is no address, or none that the policy allows.
    pub async fn resolve(&self, upstream: &Upstream) -> Result<SocketAddr, ResolveError> {
        if let Some(address) = upstream.address() {
            return match self.policy.check(upstream, address) {
                Ok(()) => Ok(SocketAddr::new(address, upstream.port())),
                Err(_) => Err(ResolveError::Refused(upstream.clone())),
            };
        }
        let known = self.cached(upstream);
        if let Some((address, _)) = known.filter(|(_, age)| *age < FRESH) {
            return Ok(address);
        }
        match self.look_up(upstream).await {
            Ok(address) => {
                self.remember(upstream, address);
                Ok(address)
            }
            Err(error @ ResolveError::Refused(_)) => Err(error),
            Err(error) => known.filter(|(_, age)| *age < STALE).map_or(Err(error), |(a, _)| Ok(a)),
        }
    }

    async fn look_up(&self, upstream: &Upstream) -> Result<SocketAddr, ResolveError> {
        let lookup = tokio::net::lookup_host((upstream.host(), upstream.port()));
        let found = timeout(LOOKUP_TIMEOUT, lookup)
            .await
            .map_err(|_| ResolveError::Timeout(upstream.clone()))?
            .map_err(|_| ResolveError::NoAddress(upstream.clone()))?;
        let mut refused = false;
        for address in found {
            match self.policy.check(upstream, address.ip()) {
                Ok(()) => return Ok(address),
                Err(_) => refused = true,
            }
        }
        Err(if refused {
            ResolveError::Refused(upstream.clone())
        } else {
            ResolveError::NoAddress(upstream.clone())
        })
    }

    fn cached(&self, upstream: &Upstream) -> Option<(SocketAddr, Duration)> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(upstream).map(|(address, since)| (*address, since.elapsed()))
    }

    fn remember(&self, upstream: &Upstream, address: SocketAddr) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_NAMES {
            cache.retain(|_, (_, since)| since.elapsed() < FRESH);
            if cache.len() >= CACHE_NAMES {
                cache.clear();
            }
        }
        cache.insert(upstream.clone(), (address, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(policy: &AddressPolicy, upstream: &str, found: bool) {
        let upstream = Upstream::parse(upstream).unwrap();
        let resolved = Resolver::new(policy.clone()).resolve(&upstream).await;
        assert_eq!(resolved.is_ok(), found, "{upstream}: {resolved:?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_unless_allowed() {
        let strict = AddressPolicy::default();
        check(&strict, "https://localhost", false).await;
        check(&strict, "https://127.0.0.1", false).await;
        let loopback = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let open = AddressPolicy { allow_addresses: loopback.into(), ..strict };
        check(&open, "https://localhost", true).await;
        check(&open, "https://127.0.0.1:9", true).await;
        check(&open, "http://127.0.0.1:9", false).await;
    }
}
