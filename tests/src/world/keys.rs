//! The key ring of a world: made, handed out, and changed.

use std::path::Path;

use anyhow::Context as _;
use shared::{KeyId, KeyRing, SpriteId, identity};

use super::World;
use crate::Program;
use crate::openclaw::Model;
use crate::secrets_file::write_private;
use crate::sprite::{Sprite, Surroundings};

impl World {
    /// Writes the agent's configuration, with its identity keys out of `ring`.
    pub(super) async fn configure_agent(
        &self,
        sprite: &Sprite,
        ring: &KeyRing,
    ) -> anyhow::Result<()> {
        let username = &sprite.username;
        let route = self.edges[0].route(username).await?;
        let route = route.with_context(|| format!("{username} is published and not served"))?;
        let assignment = route["assignment"].as_u64().context("a route has an assignment")?;
        let around = Surroundings {
            site_url: self.public.site_url(),
            public_url: &self.workspace_url(username),
            ring,
            gateway: &self.gateway,
            model: self.model.as_ref().map(Model::address),
            telegram: self.telegram,
        };
        sprite.configure(&around, assignment)?;
        let id = SpriteId::parse(&sprite.name).context("a sprite's name is a sprite id")?;
        for (key, value) in identity::agent_keys(ring, &id, assignment) {
            let home = sprite.folder().join("sprite-agent.toml");
            self.watch(&format!("identity key {key} of {}", sprite.name), &value, &[home]);
        }
        Ok(())
    }

    /// Gives every program the ring in `text`, and says that it is there. When they have
    /// taken it shows in what they do.
    ///
    /// # Errors
    /// When `text` is no ring, or a file cannot be written.
    pub async fn distribute_keys(&self, text: &str) -> anyhow::Result<()> {
        let ring = KeyRing::from_toml(text)?;
        write_private(&self.folder.join("keys.toml"), text.as_bytes())?;
        for sprite in &self.sprites {
            self.configure_agent(sprite, &ring).await?;
        }
        let edges = self.edges.iter().map(|edge| &edge.program);
        let agents = self.sprites.iter().map(|sprite| &sprite.agent);
        edges.chain(agents).chain([&self.control.program]).for_each(Program::ask_to_reload);
        Ok(())
    }
}

/// The ring in `file`, made there when it is the first time.
pub(super) fn key_ring(file: &Path) -> anyhow::Result<KeyRing> {
    if !file.exists() {
        let id = KeyId::parse("k1")?;
        write_private(file, KeyRing::generate_toml(&id).as_bytes())?;
    }
    let text = std::fs::read_to_string(file)?;
    KeyRing::from_toml(&text).with_context(|| format!("read {}", file.display()))
}
