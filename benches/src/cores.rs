//! Who runs on which core: a proxy never shares one with what drives it.

use anyhow::{Context as _, bail};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cores {
    pub proxy: usize,
    pub load: usize,
    /// The same as `load` on a machine of two.
    pub upstream: usize,
}

impl Cores {
    /// Chooses among the cores that we may use.
    ///
    /// # Errors
    /// With a single core nothing can be told apart.
    pub fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("asking which cores we may use")?;
        let allowed: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        Self::among(&allowed)
    }

    fn among(allowed: &[usize]) -> anyhow::Result<Self> {
        match *allowed {
            [] | [_] => bail!("two cores are needed: one for the proxy, one for the load"),
            [proxy, load] => Ok(Self { proxy, load, upstream: load }),
            [proxy, load, upstream] => Ok(Self { proxy, load, upstream }),
            // The first one is left to interrupts and to everything else.
            [_, proxy, load, upstream, ..] => Ok(Self { proxy, load, upstream }),
        }
    }
}

/// Keeps the calling thread, and the threads it starts, on `core`. Returns its id.
///
/// # Errors
/// When the kernel refuses it.
pub fn pin_this_thread(core: usize) -> anyhow::Result<i32> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("moving to core {core}"))?;
    Ok(gettid().as_raw_nonzero().get())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[usize], expected: Option<(usize, usize, usize)>) {
        let chosen = Cores::among(allowed).ok();
        let chosen = chosen.map(|cores| (cores.proxy, cores.load, cores.upstream));
        assert_eq!(chosen, expected, "{allowed:?}");
    }

    #[test]
    fn the_proxy_has_a_core_of_its_own() {
        check(&[], None);
        check(&[3], None);
        check(&[0, 1], Some((0, 1, 1)));
        check(&[1, 2, 5], Some((1, 2, 5)));
        check(&[0, 1, 2, 3, 4], Some((1, 2, 3)));
    }
}
