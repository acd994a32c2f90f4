//! Carries the bytes of one tunnel, and decides when it is over.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::pump::{Pump, Side};
use crate::alarm::Alarm;
use crate::connections::Entry;
use crate::lifecycle::Lifecycle;
use crate::limits::LAST_WORDS;

/// Looks, while a tunnel is as long silent as it may be, whether it still is: a clock for
/// each message would cost more. It is closed at most one pause between two looks late.
const IDLE_LOOKS: u32 = 8;

/// A client that has answered none of so many pings has vanished.
const LOST_PINGS: u32 = 3;

/// The same while one side does not take what the other sent.
const STALL_LOOKS: u32 = 4;

/// How many times [`LAST_WORDS`] a side may go on once the other has ended: half a minute.
const ENDING_LOOKS: u32 = 15;

/// How long a tunnel may stand still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Nothing is sent, either way.
    pub(crate) idle: Duration,
    /// One side takes nothing of what waits for it.
    pub(crate) stall: Duration,
    /// After so long without a word of the client it has a ping sent to it; zero for none.
    pub(crate) ping: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Idle,
    Stalled(Side),
    /// The client has not answered pings.
    Lost,
    Revoked,
    /// The process drains, and it is this tunnel's turn.
    Leaving,
}

pub(super) async fn carry<C, S>(
    pump: &mut Pump,
    client: &mut C,
    sprite: &mut S,
    entry: &Entry,
    lifecycle: &Lifecycle,
    patience: Patience,
) -> End
where
    C: AsyncRead + AsyncWrite + Unpin + ?Sized,
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let alarm = Alarm::default();
    let carried = carry_on(pump, client, sprite, entry, lifecycle, patience, &alarm);
    alarm.over(pin!(carried)).await
}

async fn carry_on<C, S>(
    pump: &mut Pump,
    client: &mut C,
    sprite: &mut S,
    entry: &Entry,
    lifecycle: &Lifecycle,
    patience: Patience,
    alarm: &Alarm,
) -> End
where
    C: AsyncRead + AsyncWrite + Unpin + ?Sized,
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let mut ended = pin!(entry.ended(alarm));
    let mut leaving = pin!(lifecycle.leaving(fastrand::f64()));
    let mut moved_at = Instant::now();
    let (mut stuck_looks, mut ending_looks, mut unanswered) = (0, 0, 0);
    let mut is_asking = false;
    loop {
        // A ping that waits was not tried yet.
        let was = if mem::take(&mut is_asking) { State::Flowing } else { State::of(pump) };
        let pause = match was {
            State::Ending => LAST_WORDS,
            State::Blocked => patience.stall / STALL_LOOKS,
            State::Flowing if patience.ping.is_zero() => patience.idle / IDLE_LOOKS,
            State::Flowing => patience.ping.min(patience.idle / IDLE_LOOKS),
        };
        let carried = poll_fn(|context| match pump.poll(context, client, sprite) {
            Poll::Ready(()) => Poll::Ready(true),
            // Something else is waited for now, with another patience.
            Poll::Pending if State::of(pump) > was => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            is_over = carried => {
                if is_over {
                    return End::Closed;
                }
                // The other patience begins now.
                pump.has_advanced();
                stuck_looks = 0;
            }
            () = &mut ended => return End::Revoked,
            () = &mut leaving => return End::Leaving,
            () = alarm.sleep(pause) => {
                if was == State::Ending {
                    ending_looks += 1;
                    if ending_looks == ENDING_LOOKS || !pump.has_advanced() {
                        return End::Closed;
                    }
                    continue;
                }
                match pump.stuck() {
                    Some(side) if stuck_looks + 1 == STALL_LOOKS => return End::Stalled(side),
                    Some(_) => stuck_looks += 1,
                    None => stuck_looks = 0,
                }
                if pump.has_moved() || was == State::Blocked {
                    moved_at = Instant::now();
                } else if moved_at.elapsed() >= patience.idle {
                    return End::Idle;
                }
                if patience.ping.is_zero() || was == State::Blocked {
                    continue;
                }
                match pump.has_heard_client() {
                    true => unanswered = 0,
                    false if unanswered == LOST_PINGS => return End::Lost,
                    false => {
                        is_asking = pump.ping();
                        unanswered += u32::from(is_asking);
                    }
                }
            }
        }
    }
}

/// In the order in which one thing takes precedence over the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Flowing,
    /// One side does not take what waits for it.
    Blocked,
    /// One side has ended, and what both say last is on its way.
    Ending,
}

impl State {
    fn of(pump: &Pump) -> Self {
        if pump.is_ending() {
            Self::Ending
        } else if pump.is_blocked() {
            Self::Blocked
        } else {
            Self::Flowing
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use shared::SessionId;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::super::pings::PING;
    use super::*;
    use crate::connections::{ConnectionRegistry, Kind, access};

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(3_600);
    const PATIENT: Patience = Patience { idle: LONG, stall: LONG, ping: Duration::ZERO };

    fn entry() -> Entry {
        let registry = Arc::new(ConnectionRegistry::default());
        let epoch = registry.revocation_epoch(&"ada".parse().unwrap());
        registry
            .enter(epoch, access(SessionId::random(), 1), Kind::Socket)
            .expect("nothing was revoked")
    }

    async fn carry_between(
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        mut sprite: DuplexStream,
        patience: Patience,
    ) -> End {
        let mut pump = Pump::new(Bytes::new());
        let lifecycle = Lifecycle::default();
        carry(&mut pump, &mut client, &mut sprite, &entry(), &lifecycle, patience).await
    }

    #[test]
    fn a_tunnel_that_lives_for_hours_needs_little_memory() {
        let ((_client, mut client), (_sprite, mut sprite)) = (duplex(64), duplex(64));
        let (mut pump, entry) = (Pump::new(Bytes::new()), entry());
        let lifecycle = Lifecycle::default();
        let carried = carry(&mut pump, &mut client, &mut sprite, &entry, &lifecycle, PATIENT);
        let bytes = size_of_val(&carried);
        assert!(bytes < 2_048, "{bytes}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_tunnel_is_closed() {
        let ((_client, near_client), (_sprite, near_sprite)) = (duplex(64), duplex(64));
        let patience = Patience { idle: Duration::from_millis(40), ..PATIENT };
        assert_eq!(carry_between(near_client, near_sprite, patience).await, End::Idle);
    }

    #[tokio::test]
    async fn the_last_words_of_a_side_wait_for_the_other_only_a_moment() {
        // It has room for less than the sprite says, and nobody reads.
        let (_client, near_client) = duplex(4);
        let (mut sprite, near_sprite) = duplex(64);
        sprite.write_all(b"goodbye").await.unwrap();
        drop(sprite);
        let ended = carry_between(BufWriter::new(near_client), near_sprite, PATIENT);
        let ended = timeout(LAST_WORDS * 10, ended).await;
        assert_eq!(ended.expect("nobody waits for ever"), End::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_has_ended_hears_the_other_out_but_not_for_ever() {
        let (pause, bound) = (LAST_WORDS / 2, LAST_WORDS * ENDING_LOOKS);
        for (words, expected) in [(0, LAST_WORDS), (6, pause * 5 + LAST_WORDS * 2), (1_000, bound)]
        {
            let ((mut client, near_client), (mut sprite, near_sprite)) = (duplex(64), duplex(64));
            let carried = tokio::spawn(carry_between(near_client, near_sprite, PATIENT));
            let began = Instant::now();
            client.shutdown().await.unwrap();
            assert_eq!(sprite.read(&mut [0; 8]).await.unwrap(), 0, "the end is passed on");
            let mut said = 0;
            while said < words && sprite.write_all(b"w").await.is_ok() {
                said += 1;
                assert!(client.read_u8().await.is_ok() || words == 1_000);
                tokio::time::sleep(pause).await;
            }
            assert_eq!(carried.await.unwrap(), End::Closed);
            let elapsed = began.elapsed();
            assert!(elapsed <= expected + pause, "{words}: {elapsed:?}");
            assert!(words == 1_000 || said == words, "{said} of {words}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_nothing_ends_the_tunnel_and_a_slow_one_does_not() {
        let patience = Patience { stall: Duration::from_millis(200), ..PATIENT };
        let ((client, near_client), (mut sprite, near_sprite)) = (duplex(4), duplex(64));
        sprite.write_all(b"more than it takes").await.unwrap();
        let ended = timeout(LONG, carry_between(near_client, near_sprite, patience)).await;
        assert_eq!(ended.unwrap(), End::Stalled(Side::Client));
        drop(client);

        let ((mut client, near_client), (mut sprite, near_sprite)) = (duplex(4), duplex(64));
        let carried = tokio::spawn(carry_between(near_client, near_sprite, patience));
        sprite.write_all(&[7; 60]).await.unwrap();
        for _ in 0..60 {
            // Each byte within its time, all of them far beyond it.
            tokio::time::sleep(patience.stall / 20).await;
            assert_eq!(client.read_u8().await.unwrap(), 7);
        }
        drop(sprite);
        assert_eq!(carried.await.unwrap(), End::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_pings_stays_and_one_that_vanished_does_not() {
        let patience = Patience { ping: Duration::from_secs(1), ..PATIENT };
        let ((mut client, near_client), (mut sprite, near_sprite)) = (duplex(64), duplex(64));
        let carried = tokio::spawn(carry_between(near_client, near_sprite, patience));
        for _ in 0..10 {
            let mut ping = [0; PING.len()];
            client.read_exact(&mut ping).await.unwrap();
            assert_eq!(ping, PING);
            // With a mask of zeros.
            let pong = [&[0x8a, 0x80 | ping[1], 0, 0, 0, 0], &ping[2..]].concat();
            client.write_all(&pong).await.unwrap();
        }
        let began = Instant::now();
        assert_eq!(carried.await.unwrap(), End::Lost);
        assert!(began.elapsed() > 2 * patience.ping);
        let mut heard = Vec::new();
        sprite.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"", "the sprite hears of none of it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_not_asked_within_a_message_of_the_sprites() {
        let patience = Patience { ping: Duration::from_secs(1), ..PATIENT };
        let ((mut client, near_client), (mut sprite, near_sprite)) = (duplex(64), duplex(64));
        sprite.write_all(b"\x81\x02h").await.unwrap();
        assert_eq!(carry_between(near_client, near_sprite, patience).await, End::Idle);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"\x81\x02h");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_leaves_within_the_grace_of_a_drain() {
        let ((_client, mut near_client), (_sprite, mut near_sprite)) = (duplex(64), duplex(64));
        let lifecycle = Lifecycle::default();
        lifecycle.drain(Duration::from_secs(10));
        let mut pump = Pump::new(Bytes::new());
        let (entry, client, sprite) = (entry(), &mut near_client, &mut near_sprite);
        let carried = carry(&mut pump, client, sprite, &entry, &lifecycle, PATIENT);
        let ended = timeout(Duration::from_secs(10), carried).await;
        assert_eq!(ended.expect("within the grace"), End::Leaving);
    }
}
