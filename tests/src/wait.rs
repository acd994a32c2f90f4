//! Waiting for a condition, with a deadline and the last thing seen.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::bail;

/// How long anything here may take on a loaded machine with two cores.
///
/// Nothing waits this long when it works; it only bounds a failure.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Between two looks: short beside anything a person would notice.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks `probe` until it has an answer.
///
/// # Errors
/// After [`DEADLINE`], with what `probe` said last.
pub async fn wait_until<T, E: Display>(
    what: &str,
    probe: impl AsyncFnMut() -> Result<T, E>,
) -> anyhow::Result<T> {
    wait_until_within(DEADLINE, what, probe).await
}

/// [`wait_until`] with a deadline of the caller's own.
///
/// # Errors
/// After `deadline`, with what `probe` said last.
pub async fn wait_until_within<T, E: Display>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        let seen = match tokio::time::timeout(deadline, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(seen)) => seen.to_string(),
            Err(_) => "no answer at all".to_owned(),
        };
        if started.elapsed() >= deadline {
            bail!("waited {deadline:?} until {what}; last seen: {seen}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// For probes that look at a yes or no: `seen` is what the failure tells.
///
/// # Errors
/// `seen`, when `holds` is false.
pub fn ensure<S: Display>(holds: bool, seen: S) -> Result<(), S> {
    if holds { Ok(()) } else { Err(seen) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_tells_what_was_seen_last() {
        let mut looks = 0;
        let error = wait_until_within(Duration::from_millis(50), "the moon is full", async || {
            looks += 1;
            Err::<(), _>(format!("look {looks}"))
        })
        .await
        .unwrap_err()
        .to_string();
        assert!(error.contains("until the moon is full"), "{error}");
        assert!(error.ends_with(&format!("look {looks}")), "{error}");
    }
}
