//! All deadlines of one task, on one timer.
//!
//! A request has half a dozen deadlines of seconds or minutes, and meets none of them. To
//! arm and disarm a timer for each costs as much as parsing its head. Here a future that
//! waits says until when, with each poll, into a number; the timer is armed for the first
//! of them, and never disarmed: it goes off once in a while for a deadline that nobody has
//! any more, and is then armed for the next.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};

/// Of one task: what waits for it must be polled inside of [`Alarm::over`].
///
/// Times are milliseconds since `origin`. The numbers are atomic because a task may move
/// from thread to thread, and for nothing else.
pub struct Alarm {
    origin: Instant,
    /// When the timer went off last.
    now: AtomicU64,
    /// The first deadline of all that were told since.
    next: AtomicU64,
    /// What the clock has said in the present poll, which takes no time to speak of.
    read: AtomicU64,
}

const NEVER: u64 = u64::MAX;

/// Later than any process lives; what the timer can still be armed for.
const FAR: u64 = 1 << 40;

/// The deadline did not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl Default for Alarm {
    fn default() -> Self {
        let (now, next, read) = (0.into(), NEVER.into(), NEVER.into());
        Self { origin: Instant::now(), now, next, read }
    }
}

impl Alarm {
    /// Runs `task`, in which this alarm goes off. Not by value, which would take its room twice.
    pub(crate) async fn over<F: Future>(&self, mut task: Pin<&mut F>) -> F::Output {
        let mut timer = pin!(sleep_until(self.origin));
        let mut armed = NEVER;
        // Whom the timer wakes.
        let mut waker = Waker::noop().clone();
        std::future::poll_fn(move |context| {
            loop {
                self.read.store(NEVER, Ordering::Relaxed);
                if let Poll::Ready(output) = task.as_mut().poll(context) {
                    return Poll::Ready(output);
                }
                let next = self.next.load(Ordering::Relaxed);
                if next < armed {
                    armed = next;
                    timer.as_mut().reset(self.origin + Duration::from_millis(next));
                } else if armed == NEVER
                    || (!timer.is_elapsed() && waker.will_wake(context.waker()))
                {
                    return Poll::Pending;
                }
                waker.clone_from(context.waker());
                // Its answer is kept, so it must not be about the turn of the task.
                if pin!(unconstrained(timer.as_mut())).poll(context).is_pending() {
                    return Poll::Pending;
                }
                armed = NEVER;
                let now = self.millis(Instant::now());
                self.now.store(now, Ordering::Relaxed);
                self.next.store(NEVER, Ordering::Relaxed);
            }
        })
        .await
    }

    /// What `future` gives, if it does so within `patience` of its first poll.
    pub(crate) fn timeout<F: Future + Unpin>(
        &self,
        patience: Duration,
        future: F,
    ) -> Timeout<'_, F> {
        Timeout { alarm: self, patience, deadline: None, future }
    }

    pub(crate) fn sleep(&self, time: Duration) -> Sleep<'_> {
        Sleep { alarm: self, deadline: self.deadline(time) }
    }

    fn deadline(&self, patience: Duration) -> u64 {
        let mut now = self.read.load(Ordering::Relaxed);
        if now == NEVER {
            now = self.millis(Instant::now());
            self.read.store(now, Ordering::Relaxed);
        }
        let patience = u64::try_from(patience.as_millis()).unwrap_or(NEVER);
        // Whole milliseconds: rather one late than one early.
        now.saturating_add(patience).saturating_add(1).min(FAR)
    }

    fn poll_passed(&self, deadline: u64) -> Poll<()> {
        if deadline <= self.now.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        if deadline < self.next.load(Ordering::Relaxed) {
            self.next.store(deadline, Ordering::Relaxed);
        }
        Poll::Pending
    }

    fn millis(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.origin);
        u64::try_from(since.as_millis()).unwrap_or(NEVER - 1)
    }
}

/// See [`Alarm::timeout`].
pub(crate) struct Timeout<'a, F> {
    alarm: &'a Alarm,
    patience: Duration,
    deadline: Option<u64>,
    future: F,
}

impl<F: Future + Unpin> Future for Timeout<'_, F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = Pin::new(&mut self.future).poll(context) {
            return Poll::Ready(Ok(output));
        }
        let Self { alarm, patience, ref mut deadline, .. } = *self;
        // Most are ready at once, and need no look at the clock.
        let deadline = *deadline.get_or_insert_with(|| alarm.deadline(patience));
        alarm.poll_passed(deadline).map(|()| Err(Elapsed))
    }
}

/// See [`Alarm::sleep`].
pub(crate) struct Sleep<'a> {
    alarm: &'a Alarm,
    deadline: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.alarm.poll_passed(self.deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_deadline_is_met_in_its_time() {
        let alarm = Alarm::default();
        let started = Instant::now();
        let passed = || started.elapsed().as_secs();
        let task = async {
            // A later one first, then a sooner one beside it, then a later one again.
            let seen = tokio::join!(
                async { (alarm.sleep(30 * SECOND).await, passed()).1 },
                async { (alarm.sleep(2 * SECOND).await, passed()).1 },
                async { (alarm.timeout(10 * SECOND, pending::<()>()).await, passed()) },
            );
            assert_eq!(seen, (30, 2, (Err(Elapsed), 10)));
            alarm.sleep(5 * SECOND).await;
            assert_eq!(passed(), 35);
        };
        alarm.over(pin!(task)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_nobody_has_any_more_ends_nothing() {
        let alarm = Alarm::default();
        let wait = |time| Box::pin(tokio::time::sleep(time));
        let task = async {
            for _ in 0..100 {
                // Waits a moment, so that its deadline is told.
                assert_eq!(alarm.timeout(2 * SECOND, wait(SECOND / 10)).await, Ok(()));
            }
            assert_eq!(alarm.timeout(60 * SECOND, wait(59 * SECOND)).await, Ok(()));
        };
        alarm.over(pin!(task)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_whoever_polls_last() {
        // A `JoinSet` inside of a task polls with wakers of its own.
        let alarm = Alarm::default();
        let mut sleep = alarm.sleep(SECOND);
        let mut task = Box::pin(alarm.over(Pin::new(&mut sleep)));
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tokio::time::timeout(2 * SECOND, task).await.expect("this waker is woken");
    }
}
