//! The secrets of a world, and where each of them may be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;

use anyhow::{Context as _, ensure};

use super::World;
use crate::Visitor;
use crate::leak::Watched;

impl World {
    /// Says that none of the visitor's cookies must turn up in any file.
    pub fn watch_cookies(&self, visitor: &Visitor) {
        for (host, name, value) in visitor.jar().all() {
            self.watch(&format!("cookie {name} of {host}"), value, &[]);
        }
    }

    /// Says that `value` must not turn up in any file but its `homes`.
    pub fn watch(&self, what: &str, value: &str, homes: &[PathBuf]) {
        let watched =
            Watched { what: what.to_owned(), value: value.to_owned(), homes: homes.to_vec() };
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
    }

    /// The world's own secrets with their proper places, and those that stories named.
    ///
    /// # Errors
    /// When there are fewer than this world must have.
    pub(super) fn all_watched(&self) -> anyhow::Result<Vec<Watched>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let at = |path: &str| self.folder.join(path);
        let read =
            |file: &str| std::fs::read_to_string(at(file)).with_context(|| format!("read {file}"));
        let secrets: BTreeMap<String, String> = serde_json::from_str(&read("secrets.json")?)?;
        let controls: Vec<PathBuf> = self
            .controls()
            .map(|control| at(&format!("{}/control.toml", control.program.name())))
            .collect();
        // A key of each control, a token of each edge, two of each sprite, a password of each customer.
        let fewest =
            controls.len() + self.edges.len() + 2 * self.sprites.len() + self.customers.len();
        ensure!(secrets.len() >= fewest, "{} secrets instead of {fewest}", secrets.len());
        for (what, value) in secrets {
            let mut homes = vec![at("secrets.json"), at("demo.json")];
            match what.split('/').collect::<Vec<_>>()[..] {
                [control, "admin_key"] => homes.push(at(&format!("{control}/control.toml"))),
                ["vendors", _] => homes.extend(controls.clone()),
                ["sprites", name, kind] => {
                    homes.push(at(&format!("sprites/{name}/sprite-agent.toml")));
                    if kind == "gateway_token" {
                        // The gateway may keep its own token.
                        homes.push(at(&format!("sprites/{name}/openclaw")));
                    }
                }
                [edge, "admin_token"] => {
                    homes.push(at(&format!("{edge}/edge.toml")));
                    homes.extend(controls.clone());
                }
                _ => {}
            }
            watched.push(Watched { what, value, homes });
        }
        let ring: toml::Table = read("keys.toml")?.parse()?;
        let keys = ring.get("keys").and_then(toml::Value::as_table).context("find [keys]")?;
        ensure!(!keys.is_empty(), "the key ring is empty");
        for (key, value) in keys {
            let value = value.as_str().context("a key is a text")?.to_owned();
            watched.push(Watched {
                what: format!("key {key} of the ring"),
                value,
                homes: vec![at("keys.toml")],
            });
        }
        Ok(watched)
    }
}
