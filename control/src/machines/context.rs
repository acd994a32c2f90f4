//! The VMs as the rest of the program sees them: the provider, and what we want of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use shared::process::Section;
use shared::{Secret, Upstream};

use super::export_slots::ExportSlots;
use super::pool_handle::PoolHandle;
use super::vm::Base;
use crate::model::pool::{Labels, RecycleStrategy, Target, labels};
use crate::store::Store;
use vendors::sprites::Sprites;

/// `[sprites]`, `[pool]` and `[base]`.
pub struct MachinesConfig {
    url: Upstream,
    token: Secret<String>,
    prefix: String,
    target: Target,
    recycling: RecycleStrategy,
    failure_limit: u64,
    sweep: Duration,
    lost_patience: Duration,
    quarantined: Duration,
    base: Base,
}

pub struct Machines {
    pub sprites: Sprites,
    pub labels: Labels,
    pub base: Base,
    pub target: Target,
    /// What becomes of a machine whose workspace has ended.
    pub recycling: RecycleStrategy,
    /// After so many failed preparations in a row the keeper stops and tells.
    pub failure_limit: u64,
    /// How often the provider's list is compared with ours.
    pub sweep: Duration,
    /// How long the provider says that a customer's machine is gone before they get another.
    pub lost_patience: Duration,
    /// How long a machine is kept that nobody gets any more, for a person to look at.
    pub quarantined: Duration,
    pub pool: PoolHandle,
    pub exports: ExportSlots,
}

const PREFIX: &str = "arca";

/// As many as stand ready at most where nothing else is said: three times the usual pool, and
/// what a quarter of an hour's creations are.
const MOST_AVAILABLE: u64 = 10;

/// A working day is enough to look at a machine that behaved against expectation, and what may
/// be left of its customer is not kept longer.
const QUARANTINED_HOURS: u64 = 24;

impl MachinesConfig {
    /// `None` without `[sprites]`: then there is no provider, and nothing is provisioned.
    pub fn from_root(root: &mut Section<'_>) -> Option<Self> {
        let sprites = root.optional_table("sprites", |sprites| {
            let url = sprites.required("url", Upstream::parse);
            let token = sprites.secret("token", "token_file");
            let prefix = sprites.optional("prefix", labels::parse_prefix);
            Some((url, token, prefix.unwrap_or_else(|| PREFIX.to_owned())))
        });
        let Some((url, token, prefix)) = sprites else {
            for key in ["base", "pool"] {
                if root.is_there(key) {
                    root.complain(key, "is about machines, and [sprites] is not there");
                }
            }
            return None;
        };
        let (target, recycling, failure_limit, sweep, patience) = root.table("pool", |pool| {
            let available = pool.number("available", 0..=1_000, 3);
            let usual = available.max(MOST_AVAILABLE);
            let most_available = pool.number("most_available", 0..=1_000, usual);
            if most_available < available {
                let rule = format!("must not be below pool.available, which is {available}");
                pool.complain("most_available", &rule);
            }
            let lost = pool.seconds("lost_seconds", 0..=86_400, 600);
            let at_once = pool.number("at_once", 1..=50, 3);
            let recycling = pool.optional("recycling", RecycleStrategy::parse);
            let failure_limit = pool.number("failure_limit", 1..=1_000, 3);
            let sweep = pool.seconds("sweep_seconds", 1..=3_600, 30);
            let recycling = recycling.unwrap_or(RecycleStrategy::Replace);
            let target = Target { available, most_available, at_once };
            let quarantined = pool.number("quarantined_hours", 0..=168, QUARANTINED_HOURS);
            let quarantined = Duration::from_secs(quarantined * 3_600);
            (target, recycling, failure_limit, sweep, (lost, quarantined))
        });
        let (lost_patience, quarantined) = patience;
        let base = root.table("base", Base::from_section)?;
        Some(Self {
            url: url?,
            token: token?,
            prefix,
            target,
            recycling,
            failure_limit,
            sweep,
            lost_patience,
            quarantined,
            base,
        })
    }
}

impl MachinesConfig {
    /// What the operator's `gateway_config` does not deny to an owner's assistant.
    pub fn undenied(&self) -> &[&'static str] {
        &self.base.undenied
    }

    /// Asks the provider how many sprites have our prefix.
    ///
    /// # Errors
    /// When it does not answer, or not to our token.
    pub async fn count_sprites(&self) -> anyhow::Result<usize> {
        let sprites =
            Sprites::new(&self.url, &self.token).context("cannot speak to the Sprites provider")?;
        Ok(sprites.list(&self.prefix).await?.sprites.len())
    }
}

impl Machines {
    /// Nothing is asked of the provider yet.
    ///
    /// # Errors
    /// The token is no header value, or the database does not answer.
    pub async fn open(config: &MachinesConfig, store: &Store) -> anyhow::Result<Arc<Self>> {
        let sprites = Sprites::new(&config.url, &config.token)
            .context("cannot speak to the Sprites provider")?;
        let drawn = getrandom::u32().context("cannot draw a mark for this installation")?;
        let installation = store.installation(&format!("{drawn:08x}")).await?;
        Ok(Arc::new(Self {
            sprites,
            labels: Labels::new(&config.prefix, &installation),
            base: config.base.clone(),
            target: config.target,
            recycling: config.recycling,
            failure_limit: config.failure_limit,
            sweep: config.sweep,
            lost_patience: config.lost_patience,
            quarantined: config.quarantined,
            pool: PoolHandle::new(config.target.available),
            exports: ExportSlots::default(),
        }))
    }

    /// How many are to stand ready at this time.
    pub fn wanted(&self) -> u64 {
        self.pool.wanted.load(Ordering::Relaxed)
    }

    /// Something changed that the keeper should look at.
    pub fn wake_pool(&self) {
        self.pool.wake.notify_one();
    }
}
