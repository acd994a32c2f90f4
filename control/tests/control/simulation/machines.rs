//! What the jobs and the keeper do with machines, each step by the code that they use, with a
//! provider that has none. Any step may be the last one of an attempt.

use std::time::Duration;

use control::base::clock::Moment;
use control::machines::pool::inventory::{self, Debounce};
use control::machines::pool::settle_preparations;
use control::model::pool::{Claim, Labels, PoolSprite, SpriteState, to_destroy};
use control::model::task::{Kind, Lease, Outcome, Task};
use control::store::machines::quarantine::quarantine_sprite;
use control::store::{LeaseError, Prepared, SetAside};
use control::workspaces;
use shared::{RouteState, Username};
use vendors::sprites::{CheckpointId, SpriteName};

use super::chance::Chance;
use super::provider::{Provider, Unanswered};
use crate::billing::shop::Shop;

const BASE: &str = "0011223344556677";

/// Machines that stand ready.
const AVAILABLE: u64 = 3;

/// As that of a job.
const LEASE: Duration = Duration::from_secs(60);

/// The name of a workspace that has ended rests so long; a machine in quarantine does, too.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Machines {
    pub(super) provider: Provider,
    strangers: Debounce,
    missing: Debounce,
}

/// Why an attempt is over before its end.
#[derive(Debug)]
enum Setback {
    /// Control is killed, or has lost the task.
    Killed,
    /// Tried again soon.
    Wait,
}

impl From<Unanswered> for Setback {
    fn from(_: Unanswered) -> Self {
        Self::Wait
    }
}

impl From<LeaseError> for Setback {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Killed,
            other => panic!("{other}"),
        }
    }
}

impl Machines {
    pub(super) fn new() -> Self {
        let (strangers, missing) = (Debounce::default(), Debounce::default());
        Self { provider: Provider::default(), strangers, missing }
    }

    /// Whatever is due is worked at; one step in `fatal` kills control, none where it is 0.
    pub(super) async fn work(&mut self, shop: &Shop, chance: &mut Chance, fatal: u64) {
        for kind in [Kind::Prepare, Kind::Provision, Kind::Recycle] {
            while self.work_at(shop, kind, chance, fatal).await {}
        }
    }

    async fn work_at(&mut self, shop: &Shop, kind: Kind, chance: &mut Chance, fatal: u64) -> bool {
        let now = shop.world.now();
        let until = now.after(LEASE);
        let Some(claimed) = shop.store.claim(kind, now, until).await.unwrap() else { return false };
        let mut attempt = Attempt {
            shop,
            provider: &mut self.provider,
            task: &claimed.task,
            lease: &claimed.lease,
            chance,
            fatal,
            now,
        };
        let ended = match kind {
            Kind::Prepare => attempt.prepare().await,
            Kind::Provision => attempt.provision().await,
            _ => attempt.recycle().await,
        };
        let outcome = match ended {
            Ok(()) => Outcome::Done,
            Err(Setback::Wait) => {
                let at = now.after(LEASE);
                Outcome::Later { at, counts: false, why: "tried again".to_owned() }
            }
            Err(Setback::Killed) => return true,
        };
        shop.store.settle(&claimed.lease, &outcome, now).await.unwrap();
        true
    }

    /// A round of the keeper.
    pub(super) async fn keep(&mut self, shop: &Shop, chance: &mut Chance) {
        let (store, now) = (&shop.store, shop.world.now());
        let labels = Labels::new("arca", "0a1b2c3d");
        settle_preparations(store, u64::MAX, now).await.unwrap();
        let rows = store.sprites("", 10_000).await.unwrap();
        if let Ok(listed) = self.provider.list(chance) {
            let found = inventory::compare(&listed, &rows, &labels);
            let is_plausible = listed.len() > found.absent.len();
            let names: Vec<_> = found.orphans.iter().map(|orphan| orphan.name.clone()).collect();
            let again = self.strangers.again(&names, now);
            for orphan in found.orphans {
                let is_known = store.sprite(&orphan.name).await.unwrap().is_some();
                if is_known || !again.iter().any(|(name, _)| *name == orphan.name) {
                    continue;
                }
                let maker = match &orphan.maker {
                    Some(id) => store.task(id).await.unwrap().map(|(task, _)| task),
                    None => None,
                };
                if inventory::may_destroy(maker.as_ref(), now) {
                    let _in_the_next_round = self.destroy(shop, &orphan.name, chance).await;
                }
            }
            for (name, _) in self.missing.again(&found.absent, now) {
                if matches!(self.provider.has(&name, chance), Ok(false)) {
                    see_to_missing(shop, &name, is_plausible, now).await;
                }
            }
        }
        let quarantined = store.sprites_in(SpriteState::Quarantined, 100).await.unwrap();
        for (sprite, why) in to_destroy(&quarantined, DAY, now) {
            store.destroy_quarantined(&sprite.name, why, now).await.unwrap();
        }
        for PoolSprite { name, .. } in store.sprites_in(SpriteState::Failed, 100).await.unwrap() {
            if self.destroy(shop, &name, chance).await.is_ok() {
                store.forget_sprite(&name, now).await.unwrap();
            }
        }
        let missing = |counts: control::model::pool::Counts, _: &_| {
            AVAILABLE.saturating_sub(counts.available + counts.preparing)
        };
        store.begin_preparations(missing, &labels, BASE, now).await.unwrap();
    }

    /// What is on the machine out of which a workspace's customer takes everything now; `false`
    /// when there is none, or it does not answer.
    pub(super) async fn export(
        &mut self,
        shop: &Shop,
        username: &Username,
        chance: &mut Chance,
    ) -> bool {
        let assigned = shop.store.sprite_of(username).await.unwrap().and_then(PoolSprite::assigned);
        let Some(machine) = assigned else { return false };
        let Ok(true) = self.provider.has(&machine.name, chance) else { return false };
        let owner = self.provider.owner(&machine.name);
        if let Some(other) = owner.filter(|owner| owner != username) {
            self.provider.faults.push(format!("{username} takes out what is {other}'s"));
        }
        owner.is_some()
    }

    /// No machine is destroyed that somebody has, or that stands ready.
    async fn destroy(
        &mut self,
        shop: &Shop,
        name: &SpriteName,
        chance: &mut Chance,
    ) -> Result<(), Unanswered> {
        let row = shop.store.sprite(name).await.unwrap();
        let is_kept = |state| matches!(state, SpriteState::Available | SpriteState::Assigned);
        if row.is_some_and(|row| is_kept(row.state)) {
            self.provider.faults.push(format!("{name} is destroyed, and somebody's"));
        }
        self.provider.delete(name, chance)?;
        if self.provider.has(name, chance)? { Err(Unanswered) } else { Ok(()) }
    }
}

async fn see_to_missing(shop: &Shop, name: &SpriteName, is_plausible: bool, now: Moment) {
    let store = &shop.store;
    store.retire_sprite(name, "the provider no longer has it", now).await.unwrap();
    let row = store.sprite(name).await.unwrap();
    let row = row.filter(|row| row.state == SpriteState::Assigned && is_plausible);
    if let Some(username) = row.and_then(|row| row.username) {
        let renderer = &shop.world.app().renderer;
        workspaces::replace_lost_machine(store, &username, name, renderer, now).await.unwrap();
    }
}

/// One attempt at a task.
struct Attempt<'a> {
    shop: &'a Shop,
    provider: &'a mut Provider,
    task: &'a Task,
    lease: &'a Lease,
    chance: &'a mut Chance,
    fatal: u64,
    now: Moment,
}

impl Attempt<'_> {
    /// Between two steps.
    fn may_be_killed(&mut self) -> Result<(), Setback> {
        if self.fatal > 0 && self.chance.draw(self.fatal) == 0 {
            return Err(Setback::Killed);
        }
        Ok(())
    }

    async fn prepare(&mut self) -> Result<(), Setback> {
        let labels = Labels::new("arca", "0a1b2c3d");
        let name = labels.name(&self.task.id).unwrap();
        self.provider.create(&name, labels.of(&self.task.id), self.chance)?;
        self.may_be_killed()?;
        let upstream = format!("https://{name}.sprites.test").parse().unwrap();
        let checkpoint = CheckpointId::parse("v1").unwrap();
        let prepared = Prepared { name, upstream, checkpoint };
        self.shop.store.offer_sprite(self.lease, &prepared, self.now).await?;
        self.may_be_killed()
    }

    async fn provision(&mut self) -> Result<(), Setback> {
        let (store, lease, now) = (&self.shop.store, self.lease, self.now);
        let username = self.username();
        let sprite = match store.claim_sprite(lease, &username, BASE, now).await? {
            Claim::Taken(sprite) => sprite,
            Claim::Empty => return Err(Setback::Wait),
            Claim::Unwanted => return Ok(()),
        };
        self.may_be_killed()?;
        if !self.provider.configure(&sprite.name, username, self.chance)? {
            let aside = SetAside { to: SpriteState::Failed, is_touched: true, why: "it is gone" };
            store.set_sprite_aside(lease, &username, &sprite.name, &aside, now).await?;
            return Err(Setback::Wait);
        }
        self.may_be_killed()?;
        let live = RouteState::Live;
        if store.route_workspace(lease, &username, &sprite, live, now).await?.is_none() {
            return Ok(());
        }
        self.may_be_killed()?;
        workspaces::workspace_is_live(store, &username, lease, now).await?;
        self.may_be_killed()
    }

    async fn recycle(&mut self) -> Result<(), Setback> {
        let (store, lease, now) = (&self.shop.store, self.lease, self.now);
        let username = self.username();
        store.remove_route(&username).await.unwrap();
        self.may_be_killed()?;
        if let Some(name) = store.recycle_sprite(lease, &username, now).await? {
            self.may_be_killed()?;
            match self.chance.draw(3) {
                0 if self.provider.wipe(&name, self.chance)? => {
                    store.release_sprite(lease, &name, now).await?;
                }
                1 => {
                    let mut write = store.begin().await.unwrap();
                    quarantine_sprite(&mut write, lease, &name, "it is not clean", now).await?;
                    write.commit().await.unwrap();
                }
                _ => {
                    self.provider.delete(&name, self.chance)?;
                    self.may_be_killed()?;
                    if self.provider.has(&name, self.chance)? {
                        return Err(Setback::Wait);
                    }
                    store.forget_sprite(&name, now).await.unwrap();
                }
            }
        }
        self.may_be_killed()?;
        let end = (30 * DAY, &self.shop.world.app().renderer);
        workspaces::workspace_is_ended(store, &username, end, lease, now).await?;
        self.may_be_killed()
    }

    fn username(&self) -> Username {
        self.task.username.expect("it is about a workspace")
    }
}
