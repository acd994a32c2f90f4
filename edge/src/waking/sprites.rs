//! All sprites of which something is known, and those who wait for one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ahash::AHashMap;
use shared::Upstream;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::prober::{Prober, probe};
use super::sprite::Sprite;
use crate::limits::{HELD_MAX, HELD_PER_SPRITE_MAX, SPRITES_KNOWN_MAX};
use crate::observe::Telemetry;
use crate::upstream::Connector;

/// Worker threads rarely meet in one of so many.
const SHARDS: usize = 64;

/// By the group of their connections: one assignment of one machine.
type Sprites = AHashMap<u64, Arc<Sprite>>;

pub(crate) struct Waking {
    prober: Arc<Prober>,
    shards: Box<[Mutex<Sprites>]>,
    places: Semaphore,
}

/// A request's place among those who wait for a sprite. Leaves on drop.
pub(crate) struct Held<'a> {
    sprite: &'a Sprite,
    _place: SemaphorePermit<'a>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.sprite.held.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Waking {
    pub(crate) fn new(
        connector: Arc<Connector>,
        telemetry: Arc<Telemetry>,
        patience: Duration,
    ) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let prober = Arc::new(Prober { connector, telemetry, patience });
        Self { prober, shards, places: Semaphore::new(HELD_MAX) }
    }

    pub(crate) fn patience(&self) -> Duration {
        self.prober.patience
    }

    /// The sprite of `group`, which is reached at `upstream`.
    pub(crate) fn sprite(&self, group: u64, upstream: &Upstream) -> Arc<Sprite> {
        let mut shard = self.shard(group);
        if let Some(sprite) = shard.get(&group) {
            return Arc::clone(sprite);
        }
        if shard.len() >= SPRITES_KNOWN_MAX / SHARDS {
            shard.retain(|_, sprite| Arc::strong_count(sprite) > 1 || sprite.is_remembered());
        }
        let sprite = Arc::new(Sprite::new(upstream.clone()));
        if shard.len() < SPRITES_KNOWN_MAX / SHARDS {
            shard.insert(group, Arc::clone(&sprite));
        }
        sprite
    }

    /// It has given a sign of life.
    pub(crate) fn heard(&self, sprite: &Sprite) {
        self.prober.heard(sprite);
    }

    /// It has let a try fail.
    pub(crate) fn failed(&self, sprite: &Sprite) {
        self.prober.failed(sprite);
    }

    /// Has it asked whether it is awake until it is, or nobody wants to know any more.
    pub(crate) fn want(&self, sprite: &Arc<Sprite>) {
        sprite.want();
        if !sprite.has_prober.swap(true, Ordering::AcqRel) {
            tokio::spawn(probe(Arc::clone(&self.prober), Arc::clone(sprite)));
        }
    }

    /// How it stands, in the word for the page that waits for it; whoever looks wants it awake.
    pub(crate) fn look(&self, sprite: &Arc<Sprite>) -> &'static str {
        if sprite.is_awake() {
            return "awake";
        }
        self.want(sprite);
        if sprite.is_given_up() { "down" } else { "waking" }
    }

    /// `None` when too many wait already.
    pub(crate) fn hold<'a>(&'a self, sprite: &'a Sprite) -> Option<Held<'a>> {
        let place = self.places.try_acquire().ok()?;
        let held = sprite.held.fetch_add(1, Ordering::AcqRel);
        let held_now = Held { sprite, _place: place };
        (held < HELD_PER_SPRITE_MAX).then_some(held_now)
    }

    /// Requests that wait for a sprite.
    pub(crate) fn held(&self) -> u64 {
        (HELD_MAX - self.places.available_permits()) as u64
    }

    /// Sprites that are given up.
    pub(crate) fn given_up(&self) -> u64 {
        let of_shard = |shard: &Mutex<Sprites>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.values().filter(|sprite| sprite.is_given_up()).count() as u64
        };
        self.shards.iter().map(of_shard).sum()
    }

    fn shard(&self, group: u64) -> MutexGuard<'_, Sprites> {
        let at = usize::try_from(group % SHARDS as u64).expect("less than the number of shards");
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
