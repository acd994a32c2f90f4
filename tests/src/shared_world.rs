//! One world for all stories of a module: started by the first, ended with the last.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::{Plan, World};

/// Stands in a `static` of the module.
pub struct SharedWorld {
    world: Mutex<Weak<World>>,
}

/// A story's hold on the world, which ends with the last of them.
pub struct WorldGuard(Arc<World>);

impl SharedWorld {
    #[expect(clippy::new_without_default, reason = "a static needs a const function")]
    pub const fn new() -> Self {
        Self { world: Mutex::const_new(Weak::new()) }
    }

    /// The world that runs already, or a new one made to `plan`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn enter(&self, plan: impl FnOnce() -> Plan) -> WorldGuard {
        let mut shared = self.world.lock().await;
        if let Some(world) = shared.upgrade() {
            return WorldGuard(world);
        }
        let world = World::start(plan()).await.unwrap_or_else(|error| panic!("{error:#}"));
        let world = Arc::new(world);
        *shared = Arc::downgrade(&world);
        WorldGuard(world)
    }
}

impl Deref for WorldGuard {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

impl Drop for WorldGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.mark_failed();
        }
    }
}
