//! `control keys …`: nothing here asks the running program.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde::Serialize;
use shared::identity::agent_keys;
use shared::{KeyId, KeyRing, SpriteId};

use super::output::Output;
use crate::serve::config::Config;

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// A new key ring with one random key, for keys_file.
    New {
        #[arg(default_value = "k1", value_parser = parse_key_id)]
        id: KeyId,
    },
    /// The names of the keys in the ring.
    List,
    /// The identity keys of one assignment of a sprite, for its sprite-agent.toml.
    Identity {
        #[arg(value_parser = parse_sprite)]
        sprite: SpriteId,
        assignment: u64,
    },
}

pub(super) fn new(id: &KeyId, output: Output) -> anyhow::Result<()> {
    let ring = KeyRing::generate_toml(id);
    output.print(&ring, String::clone)
}

/// # Errors
/// When standard output is closed.
pub(super) fn run(command: Command, config: &Config, output: Output) -> anyhow::Result<()> {
    match command {
        Command::New { id } => new(&id, output),
        Command::List => {
            let ring = &config.keys.present().ring;
            let current = ring.current().to_string();
            let keys = ring.ids().map(ToString::to_string).collect();
            output.print(&Ring { current, keys }, |ring| {
                let mark = |key: &String| {
                    if *key == ring.current { format!("{key} (signs)") } else { key.clone() }
                };
                ring.keys.iter().map(mark).collect::<Vec<_>>().join("\n")
            })
        }
        Command::Identity { sprite, assignment } => {
            let keys = agent_keys(&config.keys.present().ring, &sprite, assignment);
            let keys: BTreeMap<String, String> =
                keys.into_iter().map(|(id, key)| (id.to_string(), key)).collect();
            output.print(&keys, |keys| {
                let lines = keys.iter().map(|(id, key)| format!("{id} = \"{key}\"\n"));
                format!("[identity.keys]\n{}", lines.collect::<String>())
            })
        }
    }
}

#[derive(Serialize)]
struct Ring {
    current: String,
    keys: Vec<String>,
}

fn parse_key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).map_err(|error| error.to_string())
}

fn parse_sprite(text: &str) -> Result<SpriteId, &'static str> {
    SpriteId::parse(text).ok_or("a sprite id is one to 63 of A-Z, a-z, 0-9, dot, _ and -")
}
