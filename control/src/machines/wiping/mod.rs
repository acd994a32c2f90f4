//! A machine becomes what it was before it was anybody's, and that is proved.
//!
//! Its disk is put back to the checkpoint that is older than any secret, later checkpoints,
//! services and logs are removed. For the proof a canary is planted first in every kind of
//! place in which a customer's data can be, and must be found: a search that finds nothing
//! afterwards has then looked there. It looks for the keys of this assignment as well. Who
//! doubts destroys: whatever is found, or cannot be said, is an error here.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use shared::{Secret, VmSecret, identity};

use super::context::Machines;
use super::job_context::JobContext;
use super::vm::{layout, machine};
use crate::model::pool::{PoolSprite, sprite_id};
use vendors::sprites::services::Definition;
use vendors::sprites::{CheckpointId, Command, Finished, ServiceName, SpriteName};

const PLANT: &str = include_str!("plant.sh");
const SEARCH: &str = include_str!("search.sh");
const CLEAN: &str = include_str!("clean.sh");
const LIST: &str = include_str!("list.sh");

/// The rights that all of it needs; the provider's user has them without a password.
const AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; fi; exec sudo -n sh -c "$@""#;

/// A disk of some gigabytes is read.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);

/// Kinds of place that must be found before: fewer, and the canary could not be planted.
const PLACES_MIN: usize = 14;

/// Of the canary's service and checkpoint.
const CANARY: &str = "canary";

/// What was done, and how it was checked. Part of the receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeProof {
    /// Where the canary was found before, by the search that found nothing after.
    pub places: usize,
    /// Checkpoints and services that were removed.
    pub checkpoints: usize,
    pub services: usize,
}

/// # Errors
/// It could not be done, something was found, or it cannot be said: destroy the machine.
pub async fn wipe(context: &JobContext, row: &PoolSprite) -> anyhow::Result<WipeProof> {
    let Machines { sprites, base, .. } = &*context.machines;
    let name = &row.name;
    let checkpoint = row.checkpoint.as_ref().context("it has no checkpoint of its base")?;
    ensure!(row.base == base.hash(), "its base is not today's");
    let canary = Secret::new(format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?));
    let secrets = secrets(context, row, &canary);
    let places = plant(context, name, &canary).await?;
    let since = row.created.seconds();
    let found = search(context, name, since, &secrets).await.context("search for the canary")?;
    ensure!(found.has_all(places), "of {places} planted canaries the search found {found:?}");

    let services = sprites.services(name).await?;
    for service in &services {
        let service = ServiceName::parse(&service.name).context("a service has a strange name")?;
        sprites.delete_service(name, &service).await?;
    }
    sprites.restore(name, checkpoint).await.context("put the disk back")?;
    let removed = remove_checkpoints(context, name, checkpoint).await?;
    run(context, name, as_root(CLEAN, &[])).await.context("empty what is scratch")?;

    let left = sprites.services(name).await?.len();
    ensure!(left == 0, "{left} services are left");
    let found = search(context, name, since, &secrets).await.context("search for what is left")?;
    ensure!(found == Found::default(), "something of the customer's is left: {found:?}");
    let compared = sprites.run(name, &list("compare")).await?;
    ensure!(compared.is_success(), "the files are not those of the base");
    Ok(WipeProof { places, checkpoints: removed, services: services.len() })
}

/// Writes down which files there are, for the proof. Before the checkpoint and any secret.
///
/// # Errors
/// The command's.
pub async fn write_list(context: &JobContext, name: &SpriteName) -> anyhow::Result<()> {
    machine::succeed(&context.machines.sprites, name, &list("write"), "list the base's files").await
}

/// In files, a process, a service's definition, and a checkpoint. Returns in how many places.
async fn plant(
    context: &JobContext,
    name: &SpriteName,
    canary: &Secret<String>,
) -> anyhow::Result<usize> {
    let sprites = &context.machines.sprites;
    let command = as_root(PLANT, &[layout::HOME, layout::STATE_FOLDER]);
    let command = command.stdin(format!("{}\n", canary.expose()));
    let planted = run(context, name, command).await.context("plant the canary")?;
    let places: usize = planted.trim().parse().context("how many canaries were planted")?;
    ensure!(places >= PLACES_MIN, "the canary was planted in {places} places only");
    let service = ServiceName::parse(CANARY).expect("ours is a name");
    let definition = Definition {
        command: "sleep".to_owned(),
        arguments: vec!["86400".to_owned()],
        environment: BTreeMap::from([("CANARY".to_owned(), canary.expose().clone())]),
        directory: None,
        needs: Vec::new(),
        http_port: None,
    };
    sprites.put_service(name, &service, &definition).await.context("plant a service")?;
    sprites.ensure_checkpoint(name, CANARY).await.context("plant a checkpoint")?;
    Ok(places)
}

async fn remove_checkpoints(
    context: &JobContext,
    name: &SpriteName,
    base: &CheckpointId,
) -> anyhow::Result<usize> {
    let sprites = &context.machines.sprites;
    let mut removed = 0;
    for checkpoint in sprites.every_checkpoint(name).await? {
        if checkpoint.id != *base {
            sprites.delete_checkpoint(name, &checkpoint.id).await.context("remove a checkpoint")?;
            removed += 1;
        }
    }
    let left = sprites.every_checkpoint(name).await?;
    ensure!(matches!(left.as_slice(), [only] if only.id == *base), "checkpoints are left");
    Ok(removed)
}

/// Of this assignment, and whose it was.
fn secrets(context: &JobContext, row: &PoolSprite, canary: &Secret<String>) -> Secret<String> {
    let ring = &context.keys.present().ring;
    let (id, assignment) = (sprite_id(&row.name), row.assignment);
    let mut lines = vec![canary.expose().clone()];
    for secret in [VmSecret::Health, VmSecret::Gateway] {
        lines.push(secret.derive(ring, &id, assignment).expose().clone());
    }
    lines.extend(identity::agent_keys(ring, &id, assignment).into_iter().map(|(_, key)| key));
    lines.extend(row.username.iter().map(|username| context.site.workspace_url(username)));
    Secret::new(lines.join("\n") + "\n")
}

/// In how many places of each kind something was found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    files: usize,
    names: usize,
    processes: usize,
}

impl Found {
    /// Of the canary: one name, one process, and files.
    fn has_all(&self, places: usize) -> bool {
        self.files >= places - 2 && self.names > 0 && self.processes > 0
    }
}

/// Where one of the lines of `secrets` is.
async fn search(
    context: &JobContext,
    name: &SpriteName,
    since: u64,
    secrets: &Secret<String>,
) -> anyhow::Result<Found> {
    let command = as_root(SEARCH, &[&since.to_string()]).stdin(secrets.expose().clone());
    let said = run(context, name, command).await?;
    // Paths may have a secret in them; that and how often something was found is enough.
    let Some(found) = said.strip_suffix("end\n") else { bail!("the search has no end") };
    let count = |kind: &str| found.lines().filter(|line| *line == kind).count();
    Ok(Found { files: count("file"), names: count("name"), processes: count("process") })
}

fn list(what: &str) -> Command {
    as_root(LIST, &[layout::HOME, layout::FILE_LIST, what])
}

fn as_root(script: &str, arguments: &[&str]) -> Command {
    let fixed = ["-c", AS_ROOT, "as-root", script, "script"];
    Command::new("sh")
        .arguments(fixed.into_iter().chain(arguments.iter().copied()))
        .directory("/")
        .timeout(COMMAND_TIMEOUT)
}

/// What it says.
async fn run(context: &JobContext, name: &SpriteName, command: Command) -> anyhow::Result<String> {
    let finished: Finished = context.machines.sprites.run(name, &command).await?;
    ensure!(finished.is_success(), "the command ended with code {}", finished.code);
    ensure!(finished.stdout.dropped_bytes == 0, "the command said too much");
    Ok(finished.stdout.text())
}
