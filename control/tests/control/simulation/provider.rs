//! The provider without machines: what it has, whose data is on it, and how calls fail.

use std::collections::BTreeMap;

use shared::Username;
use vendors::sprites::{Sprite, SpriteName};

use super::chance::Chance;

#[derive(Default)]
pub(super) struct Provider {
    /// Whose data is on each machine that there is.
    machines: BTreeMap<SpriteName, Machine>,
    /// Nothing is answered.
    pub(super) is_away: bool,
    /// What must not happen, and did.
    pub(super) faults: Vec<String>,
}

#[derive(Default)]
struct Machine {
    labels: Vec<String>,
    owner: Option<Username>,
}

/// A call that was not answered, whatever became of it.
#[derive(Debug)]
pub(super) struct Unanswered;

impl Provider {
    /// Creating again is creating once.
    pub(super) fn create(
        &mut self,
        name: &SpriteName,
        labels: Vec<String>,
        chance: &mut Chance,
    ) -> Result<(), Unanswered> {
        self.call(chance, |provider| {
            provider.machines.entry(name.clone()).or_insert(Machine { labels, owner: None });
        })
    }

    /// Writes what `owner` must have and nobody else may see. `false` when it is gone.
    pub(super) fn configure(
        &mut self,
        name: &SpriteName,
        owner: Username,
        chance: &mut Chance,
    ) -> Result<bool, Unanswered> {
        self.call(chance, |provider| {
            let Some(machine) = provider.machines.get_mut(name) else { return false };
            if let Some(other) = machine.owner.filter(|other| *other != owner) {
                provider.faults.push(format!("{name} is {owner}'s and has {other}'s data"));
            }
            machine.owner = Some(owner);
            true
        })
    }

    /// `false` when it is gone.
    pub(super) fn wipe(
        &mut self,
        name: &SpriteName,
        chance: &mut Chance,
    ) -> Result<bool, Unanswered> {
        self.call(chance, |provider| {
            let machine = provider.machines.get_mut(name);
            machine.map(|machine| machine.owner = None).is_some()
        })
    }

    pub(super) fn delete(
        &mut self,
        name: &SpriteName,
        chance: &mut Chance,
    ) -> Result<(), Unanswered> {
        self.call(chance, |provider| drop(provider.machines.remove(name)))
    }

    /// Asked about the one.
    pub(super) fn has(
        &mut self,
        name: &SpriteName,
        chance: &mut Chance,
    ) -> Result<bool, Unanswered> {
        self.call(chance, |provider| provider.machines.contains_key(name))
    }

    /// Its list, which at times is empty or lacks some.
    pub(super) fn list(&mut self, chance: &mut Chance) -> Result<Vec<Sprite>, Unanswered> {
        let lies = chance.draw(8);
        let mut listed = self.call(chance, |provider| {
            let sprite = |(name, machine): (&SpriteName, &Machine)| {
                let body = serde_json::json!({ "name": name.as_str(), "labels": machine.labels });
                serde_json::from_value(body).unwrap()
            };
            provider.machines.iter().map(sprite).collect::<Vec<Sprite>>()
        })?;
        match lies {
            0 => listed.clear(),
            1 => listed.retain(|_| chance.draw(2) == 0),
            _ => {}
        }
        Ok(listed)
    }

    /// One is lost, as has happened.
    pub(super) fn lose_one(&mut self, chance: &mut Chance) {
        let names: Vec<_> = self.machines.keys().cloned().collect();
        if let Some(name) = chance.pick(&names) {
            self.machines.remove(name);
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &SpriteName> {
        self.machines.keys()
    }

    pub(super) fn owner(&self, name: &SpriteName) -> Option<Username> {
        self.machines.get(name)?.owner
    }

    /// One in ten does not arrive, and of one in ten the answer does not.
    fn call<T>(
        &mut self,
        chance: &mut Chance,
        work: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, Unanswered> {
        let luck = chance.draw(10);
        if self.is_away || luck == 0 {
            return Err(Unanswered);
        }
        let done = work(self);
        if luck == 1 { Err(Unanswered) } else { Ok(done) }
    }
}
