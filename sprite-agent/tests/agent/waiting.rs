//! Waiting for something to become true, never for time to pass.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Generous: it is only ever reached by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// Often enough not to be waited for, seldom enough to leave the machine to what is waited for.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks again until `is_so` says yes; fails with the last thing seen.
pub(crate) async fn wait_until<T: Debug>(
    what: &str,
    look: impl Fn() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let seen = look();
        if is_so(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: last seen {seen:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The result of `future`, which must come before the deadline.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(result) => result,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
