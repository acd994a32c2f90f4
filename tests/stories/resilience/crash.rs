//! An edge that is killed keeps what it has answered for, and nothing by halves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Plan, World, wait_until};
use shared::wire::ChangesRequest;
use shared::{Change, Checksum, Generation, Route, SpriteId};

/// How often the edge is killed; each time in the middle of the stream.
const KILLS: u64 = 4;

/// Batches answered between two kills.
const BATCHES: u64 = 150;

/// Changes in a batch: enough for a thousand changes a second, and for a half to be seen.
const BATCH: u64 = 10;

/// The batch that leads to generation `number`; what it says follows from the number alone.
///
/// It changes every route of the batches before it, so that a half-made one shows
/// in the checksum.
fn batch(number: u64) -> Vec<Change> {
    (0..BATCH).map(|slot| Change::Put(route(number, slot))).collect()
}

fn route(number: u64, slot: u64) -> Route {
    let username = format!("user-{slot}").parse().expect("it is a username");
    let upstream = format!("https://sprite-{number}.example.test").parse().expect("it is one");
    let sprite = SpriteId::parse(&format!("sprite-{slot}")).expect("it is a sprite id");
    Route::new(username, upstream, sprite, number)
}

/// Of the table at generation `number`, when the stream began after `base`.
fn checksum(base: u64, number: u64) -> Checksum {
    let slots = if number > base { 0..BATCH } else { 0..0 };
    slots.fold(Checksum::default(), |sum, slot| sum.with_route(&route(number, slot)))
}

#[tokio::test]
async fn every_answered_change_survives_kill_9_and_no_change_is_half_there() {
    let world = World::start(Plan::with_tenants(&[])).await.unwrap();
    // Control would correct what it did not send.
    world.control.program.stop();
    let edge = &world.edges[0];
    let base = edge.generation().await.unwrap().generation.0;
    let answered = Arc::new(AtomicU64::new(base));
    for kill in 1..=KILLS {
        let before = answered.load(Ordering::SeqCst);
        let started = Instant::now();
        let stream = async {
            // Ends with the first batch that gets no answer.
            loop {
                let last = answered.load(Ordering::SeqCst);
                let changes = ChangesRequest {
                    base: Generation(last),
                    generation: Generation(last + 1),
                    checksum: Some(checksum(base, last + 1)),
                    changes: batch(last + 1),
                };
                match edge.change(&changes).await {
                    Ok(answer) => assert_eq!(answer.status, 200, "{answer:?}"),
                    Err(_) => return,
                }
                answered.store(last + 1, Ordering::SeqCst);
            }
        };
        let killer = wait_until("enough batches are answered", async || {
            let count = answered.load(Ordering::SeqCst) - before;
            ensure(count >= BATCHES, anyhow!("{count}"))?;
            edge.program.kill();
            Ok::<_, anyhow::Error>(())
        });
        let ((), killed) = tokio::join!(stream, killer);
        killed.unwrap();
        let done = answered.load(Ordering::SeqCst);
        let rate = ((done - before) * BATCH) as f64 / started.elapsed().as_secs_f64();
        eprintln!("kill {kill}: {} changes answered, {rate:.0}/s", (done - before) * BATCH);

        edge.program.start().unwrap();
        wait_until("the edge is back", async || edge.ensure_ready().await).await.unwrap();
        let state = edge.generation().await.unwrap();
        let now = state.generation.0;
        assert!(now == done || now == done + 1, "answered {done}, serves {now}");
        assert_eq!(state.checksum, checksum(base, now), "generation {now} is not whole");
        assert_eq!(state.routes, BATCH);
        // The one that was under way may have been made without its answer.
        answered.store(now, Ordering::SeqCst);
    }
}
