//! The descriptors that there are, and what they are for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config::Config;
use crate::limits::RESERVED_DESCRIPTORS;

/// Takes as many as the process may have, and holds the limits of the
/// configuration against them: what does not fit is lowered, with a warning, so
/// that clients never use up what the private API needs.
pub(super) fn fit(config: &mut Config) {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(%error, "the limit of open files stays at {:?}", limits.current);
    }
    let Some(available) = getrlimit(Resource::Nofile).current else { return };
    let asked = Share {
        connections: config.limits.connections,
        pooled: config.upstream.pool_size as u64 * config.threads as u64,
    };
    let fitting = share(available, asked);
    if fitting != asked {
        warn!(
            open_files = available,
            asked = ?asked, fitting = ?fitting,
            "{available} open files are too few for limits.connections and upstream.pool_size; \
             both are lowered"
        );
    }
    config.limits.connections = fitting.connections;
    let of_a_thread = fitting.pooled / config.threads as u64;
    config.upstream.pool_size = usize::try_from(of_a_thread).unwrap_or(usize::MAX);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    connections: u64,
    /// Unused connections to sprites, of all threads together.
    pooled: u64,
}

/// What of `asked` fits into `available`: a connection may need one more to its sprite.
fn share(available: u64, asked: Share) -> Share {
    // With very few, half of them must do.
    let usable = available - RESERVED_DESCRIPTORS.min(available / 2);
    if asked.connections.saturating_mul(2).saturating_add(asked.pooled) <= usable {
        return asked;
    }
    let pooled = asked.pooled.min(usable / 8);
    let connections = asked.connections.min((usable - pooled) / 2).max(1);
    Share { connections, pooled }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_sprites_leave_a_reserve() {
        let check = |available, connections, pooled| {
            let Share { connections, pooled } = share(available, Share { connections, pooled });
            let used = connections * 2 + pooled;
            let reserve = RESERVED_DESCRIPTORS.min(available / 2);
            assert!(used <= available - reserve, "{used} of {available}");
            assert!(connections > 0);
            (connections, pooled)
        };
        assert_eq!(check(1_000_000, 100_000, 4_096), (100_000, 4_096));
        assert_eq!(check(1_024, 100_000, 2_048), (378, 108));
        assert_eq!(check(100, 100_000, 2_048), (22, 6));
        check(524_288, 10_000_000, 65_536);
    }
}
