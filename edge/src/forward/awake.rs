//! The beginning of an answer of a sprite that may be asleep.
//!
//! A request that may be sent twice is sent at once and again when the sprite is
//! awake; any other one is sent once, when it is. Who navigates is not kept waiting for
//! longer than [`PAGE_AFTER`]: a page of ours waits instead.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::downstream::Downstream;
use super::error::ForwardError;
use super::forwarder::{Answer, Forwarder};
use super::upstream_request::UpstreamRequest;
use crate::alarm::Alarm;
use crate::limits::{
    DOUBT_AFTER, LOST_AFTER, PAGE_AFTER, PROBE_AFTER, WAKING_TRIES_MAX, WOKEN_ANSWER_WAIT,
};
use crate::observe::RequestRecord;
use crate::waking::{Held, Sprite, is_platforms};

/// Why a try is not waited for any longer.
enum Outwaited {
    /// It went to a machine that slept, and nobody will answer it.
    Lost,
    TooLate(ForwardError),
}

impl Forwarder {
    /// Until the head of an answer is there, or an agreement to a WebSocket.
    pub(super) async fn begin_awake(
        &self,
        downstream: &mut Downstream<'_>,
        request: &mut UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<Answer, ForwardError> {
        let Some(sprite) = &request.sprite else {
            return self.begin_at_control(downstream, request, record).await;
        };
        let request = &*request;
        if !sprite.is_awake() {
            // In memory of its own: it is needed once in a while.
            return Box::pin(self.begin_held(sprite, None, downstream, request, record)).await;
        }
        let alarm = downstream.alarm;
        let tried = tokio::select! {
            biased;
            tried = self.try_once(downstream, request, record) => tried,
            outwaited = self.doubt(alarm, sprite, request) => match outwaited {
                Outwaited::TooLate(error) => return Err(error),
                Outwaited::Lost => {
                    let held = self.begin_held(sprite, None, downstream, request, record);
                    return Box::pin(held).await;
                }
            },
        };
        match &tried {
            Ok(answer) if !answer.status().is_some_and(is_platforms) => {
                self.waking.heard(sprite);
                tried
            }
            Err(error) if may_try_again(request, error) => {
                Box::pin(self.begin_held(sprite, Some(tried), downstream, request, record)).await
            }
            _ => tried,
        }
    }

    /// `tried` is how a first try has failed.
    async fn begin_held(
        &self,
        sprite: &Arc<Sprite>,
        mut tried: Option<Result<Answer, ForwardError>>,
        downstream: &mut Downstream<'_>,
        request: &UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<Answer, ForwardError> {
        if sprite.is_given_up() {
            self.waking.want(sprite);
            return Err(ForwardError::GivenUp);
        }
        let begun = Instant::now();
        let Some(held) = self.waking.hold(sprite) else { return Err(ForwardError::Crowded) };
        if tried.is_none() && !request.repeatable {
            self.wake(&held, sprite, begun, downstream, request).await?;
        }
        // Was it known to be awake when what it has answered was sent?
        let mut is_awake = tried.is_some();
        let mut last = None;
        for _ in 0..WAKING_TRIES_MAX {
            if tried.is_none() {
                is_awake = sprite.is_awake();
                tried = Some(if is_awake || !request.repeatable {
                    self.try_once(downstream, request, record).await
                } else {
                    tokio::select! {
                        biased;
                        tried = self.try_once(downstream, request, record) => tried,
                        outwaited = self.outwait(sprite, begun, LOST_AFTER, request) => match outwaited {
                            Outwaited::Lost => continue,
                            Outwaited::TooLate(error) => return Err(error),
                        },
                    }
                });
            }
            match tried.take() {
                Some(Ok(answer)) if !answer.status().is_some_and(is_platforms) => {
                    self.waking.heard(sprite);
                    return Ok(answer);
                }
                // The machine itself has said so, which is awake.
                Some(Ok(answer)) if is_awake || !request.repeatable => return Ok(answer),
                // It has woken since, and would answer itself.
                Some(Ok(_)) if sprite.is_awake() => continue,
                Some(Err(error)) if !may_try_again(request, &error) => return Err(error),
                failed => last = failed,
            }
            self.waking.failed(sprite);
            match self.wake(&held, sprite, begun, downstream, request).await {
                Ok(()) => {}
                // Who reads it by a program is told what there was.
                Err(ForwardError::SpriteTimeout) => break,
                Err(error) => return Err(error),
            }
        }
        last.unwrap_or(Err(ForwardError::SpriteTimeout))
    }

    /// Waits until `sprite` is awake.
    ///
    /// # Errors
    /// `Waking` for a person, `SpriteTimeout` for others, when it takes too long;
    /// `GivenUp`; `Client` when nobody waits any more.
    async fn wake(
        &self,
        _held: &Held<'_>,
        sprite: &Arc<Sprite>,
        begun: Instant,
        downstream: &mut Downstream<'_>,
        request: &UpstreamRequest,
    ) -> Result<(), ForwardError> {
        let mut states = sprite.watch();
        let before = states.borrow_and_update().signs;
        if sprite.is_awake() {
            return Ok(());
        }
        self.waking.want(sprite);
        let changed = states.wait_for(|state| state.signs > before || state.is_given_up());
        let (until, late) = self.deadline(begun, request);
        tokio::select! {
            biased;
            changed = changed => match changed {
                Ok(state) if state.signs > before => Ok(()),
                _ => Err(ForwardError::GivenUp),
            },
            () = downstream.left() => Err(ForwardError::Client),
            () = sleep_until(until) => Err(late),
        }
    }

    /// The same as [`Self::outwait`] for a sprite that was awake a moment ago.
    async fn doubt(
        &self,
        alarm: &Alarm,
        sprite: &Arc<Sprite>,
        request: &UpstreamRequest,
    ) -> Outwaited {
        alarm.sleep(DOUBT_AFTER).await;
        if !request.repeatable {
            // It cannot be helped, but others shall know.
            self.waking.want(sprite);
            return pending().await;
        }
        Box::pin(self.outwait(sprite, Instant::now(), Duration::MAX, request)).await
    }

    /// Resolves when a try that is under way is not worth waiting for any longer: `lost_after`
    /// a sprite has shown that it was awake all the time, as then it is most likely just slow.
    async fn outwait(
        &self,
        sprite: &Arc<Sprite>,
        begun: Instant,
        lost_after: Duration,
        request: &UpstreamRequest,
    ) -> Outwaited {
        let mut states = sprite.watch();
        let before = *states.borrow_and_update();
        let (until, late) = self.deadline(begun, request);
        sleep(PROBE_AFTER).await;
        self.waking.want(sprite);
        let changed = states.wait_for(|state| state.signs > before.signs || state.is_given_up());
        let (has_woken, has_failed) = tokio::select! {
            biased;
            changed = changed => match changed {
                Ok(state) => (state.signs > before.signs, state.failures > before.failures),
                Err(_) => return Outwaited::TooLate(late),
            },
            () = sleep_until(until) => return Outwaited::TooLate(late),
        };
        if !has_woken {
            return Outwaited::TooLate(ForwardError::GivenUp);
        }
        // What it has woken for may be answered just now.
        sleep(if has_failed { WOKEN_ANSWER_WAIT } else { lost_after }).await;
        Outwaited::Lost
    }

    fn deadline(&self, begun: Instant, request: &UpstreamRequest) -> (Instant, ForwardError) {
        if request.is_page {
            (begun + PAGE_AFTER, ForwardError::Waking)
        } else {
            (begun + self.waking.patience(), ForwardError::SpriteTimeout)
        }
    }
}

/// Was nothing of it sent, or does it do no harm twice?
fn may_try_again(request: &UpstreamRequest, error: &ForwardError) -> bool {
    match error {
        ForwardError::Dial(error) => error.is_passing(),
        ForwardError::Sprite(_) => request.repeatable,
        // It has a time of its own, which is less than a sprite may take to wake.
        ForwardError::SpriteTimeout => request.offer.is_some(),
        _ => false,
    }
}
