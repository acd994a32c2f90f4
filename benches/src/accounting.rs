//! What the kernel says a program has used.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Whose time on a processor is counted.
#[derive(Debug, Clone, Copy)]
pub enum Account {
    /// All threads of a process.
    Process { pid: u32 },
    /// One thread of ours.
    Thread { id: i32 },
}

/// Time that threads have spent on a processor, in user space and in the kernel.
///
/// By thread: when one ends, its time leaves the account, and a plain sum would
/// take it off the others'.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    by_thread: HashMap<String, Duration>,
}

impl CpuTime {
    /// What was spent after `earlier` by the threads that are still there.
    pub fn since(&self, earlier: &Self) -> Duration {
        let spent = |(thread, now): (&String, &Duration)| {
            now.saturating_sub(earlier.by_thread.get(thread).copied().unwrap_or_default())
        };
        self.by_thread.iter().map(spent).sum()
    }
}

impl Account {
    /// From `schedstat`, which counts nanoseconds; `stat` counts ticks of 10 ms.
    ///
    /// # Errors
    /// When the process has ended, or the kernel keeps no such account.
    pub fn cpu(self) -> anyhow::Result<CpuTime> {
        let mut time = CpuTime::default();
        match self {
            Self::Thread { id } => {
                let path = format!("/proc/self/task/{id}/schedstat");
                let spent = on_cpu(&path)?;
                time.by_thread.insert(path, spent);
            }
            Self::Process { pid } => {
                let folder = format!("/proc/{pid}/task");
                let tasks = fs::read_dir(&folder).with_context(|| format!("listing {folder}"))?;
                for task in tasks {
                    let path = task?.path().join("schedstat").display().to_string();
                    // A thread may end between the listing and the look.
                    if let Ok(spent) = on_cpu(&path) {
                        time.by_thread.insert(path, spent);
                    }
                }
            }
        }
        if time.by_thread.values().all(Duration::is_zero) {
            bail!("schedstat counts nothing for {self:?}: CONFIG_SCHED_INFO is needed");
        }
        Ok(time)
    }
}

fn on_cpu(path: &str) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let nanoseconds = text.split_ascii_whitespace().next().unwrap_or_default();
    let nanoseconds = nanoseconds.parse().with_context(|| format!("{path} says {text:?}"))?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Memory of `pid` that is resident, in bytes.
///
/// From `smaps_rollup`, which walks the pages; `statm` may lag behind by some.
///
/// # Errors
/// When the process has ended.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes.context("no Rss")?.trim().parse()?;
    Ok(kilobytes * 1024)
}

/// Memory of `pid` once it has stopped changing: less than 1 % in a second.
///
/// An allocator gives back what it does not need only after a while; 15 s is
/// longer than jemalloc's ten.
///
/// # Errors
/// When the process has ended.
pub async fn settled_bytes(pid: u32) -> anyhow::Result<u64> {
    const LOOKS: u32 = 15;
    let mut before = resident_bytes(pid)?;
    for _ in 0..LOOKS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = resident_bytes(pid)?;
        if now.abs_diff(before) * 100 < before {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_accounts_can_be_read() {
        let account = Account::Process { pid: std::process::id() };
        let before = account.cpu().unwrap();
        let mut sum = 0_u64;
        while account.cpu().unwrap().since(&before).is_zero() {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
    }

    #[test]
    fn a_thread_that_ends_takes_nothing_off_the_others() {
        let time = |threads: &[(&str, u64)]| CpuTime {
            by_thread: threads
                .iter()
                .map(|(name, seconds)| ((*name).to_owned(), Duration::from_secs(*seconds)))
                .collect(),
        };
        let before = time(&[("1", 5), ("2", 100)]);
        let after = time(&[("1", 8), ("3", 1)]);
        assert_eq!(after.since(&before), Duration::from_secs(4));
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        let error = resident_bytes(u32::MAX).unwrap_err();
        assert!(error.to_string().contains("/proc/4294967295/smaps_rollup"), "{error}");
    }
}
