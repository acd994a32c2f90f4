//! `control backup` and `control restore`: neither asks the running program.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use shared::process::named_file;

use super::client::reachable;
use super::output::Output;
use crate::backup::{BackedUp, RestoreOptions, Restored, back_up, put_keys_back, restore};
use crate::base::clock::{self, Moment};
use crate::base::date::iso_time;
use crate::serve::config::Config;

#[derive(clap::Args, Clone)]
pub(super) struct BackupArguments {
    /// Where to: not there yet, readable for its owner only. Keys are in it.
    file: PathBuf,
}

#[derive(clap::Args, Clone)]
pub(super) struct RestoreArguments {
    /// What `control backup` wrote.
    file: PathBuf,
    /// Go on although an edge does not say what it serves.
    #[arg(long)]
    without_edges: bool,
}

/// # Errors
/// When it cannot be written whole.
pub(super) async fn write(
    arguments: &BackupArguments,
    config: &Path,
    output: Output,
) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    let what = format!("This writes database and keys to {}.", arguments.file.display());
    if !output.is_meant(&what)? {
        return Ok(());
    }
    let now = (clock::system())();
    let done = back_up(&arguments.file, &config.database_url, config.keys.path(), now).await?;
    output.print(&done, |BackedUp { file, bytes, rows, generation, .. }| {
        format!(
            "{rows} rows and the key ring, {bytes} bytes, in {}; the route table was at generation \
             {generation}.\nWhoever has this file can sign in as anybody: keep it as you keep keys.",
            file.display()
        )
    })
}

/// # Errors
/// When nothing was restored.
pub(super) async fn read(
    arguments: &RestoreArguments,
    config_path: &Path,
    output: Output,
) -> anyhow::Result<()> {
    let file = &arguments.file;
    let what =
        format!("This makes the database, and keys where there are none, of {}.", file.display());
    if !output.is_meant(&what)? {
        return Ok(());
    }
    // The configuration cannot be read without them.
    if let Some(keys) = missing_keys(config_path)? {
        put_keys_back(file, &keys)?;
    }
    let config = Config::read(config_path)?;
    let options = RestoreOptions {
        url: &config.database_url,
        keys: config.keys.path(),
        api: reachable(config.api_listen),
        edges: &config.edges,
        without_edges: arguments.without_edges,
    };
    let done = restore(file, &options, (clock::system())()).await?;
    output.print(&done, text)
}

/// The file that `keys_file` names, where it is not there.
fn missing_keys(config: &Path) -> anyhow::Result<Option<PathBuf>> {
    let name = config.display();
    let text = named_file::read_text(config).with_context(|| format!("cannot read {name}"))?;
    // What is wrong with it is said with everything else.
    let table: toml::Table = toml::from_str(&text).unwrap_or_default();
    let keys = table.get("keys_file").and_then(|path| path.as_str()).map(PathBuf::from);
    Ok(keys.filter(|path| !path.exists()))
}

fn text(restored: &Restored) -> String {
    let Restored { made_at, rows, generation, newest, sessions_ended, unheard, differences } =
        restored;
    let when = iso_time(Moment::from_seconds(*made_at));
    let mut text =
        format!("{rows} rows of {when} are in the database, at generation {generation}.\n");
    for (name, why) in unheard {
        text += &format!("Edge {name} did not say what it serves: {why}\n");
    }
    if *sessions_ended {
        text += "No edge knows what came after the backup: everybody has to sign in again.\n";
    } else if differences.is_empty() {
        text += "The edges know nothing that is not in it.\n";
    } else {
        text += &format!("The edges were at generation {newest}, and their word counts:\n");
        for difference in differences {
            text += &format!("  {difference}\n");
        }
    }
    text + "Next: systemctl start control; control status; control doctor. Machines are compared \
            with the provider's list and payments with Stripe's by themselves; what does not fit \
            becomes a ticket."
}
