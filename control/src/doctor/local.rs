//! What is on this machine: files, database, disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::finding::{Finding, Verdict};
use super::network;
use crate::serve::config::Config;
use crate::store::{Schema, disk_of, examine};

/// Who is neither the owner nor of the group.
const OTHERS: u32 = 0o007;

/// In percent: below it the database will soon take no writes.
const DISK_LOW: u64 = 10;

/// Whether what holds secrets is for its owner only.
pub(super) fn files(path: &Path, config: &Config) -> Vec<Finding> {
    [("configuration file", path), ("key ring", config.keys.path())]
        .into_iter()
        .map(|(what, path)| private(what, path))
        .collect()
}

fn private(what: &str, path: &Path) -> Finding {
    let name = path.display();
    match path.metadata().map(|metadata| metadata.permissions().mode()) {
        Err(error) => Finding::ill(what, format!("{name}: {error}"), "Put it there."),
        Ok(mode) if mode & OTHERS != 0 => Finding::ill(
            what,
            format!("{name} can be read by everybody on this machine (mode {:o})", mode & 0o777),
            format!("chmod 640 {name}, owned by the user that control runs as"),
        ),
        Ok(_) => Finding::well(what, format!("{name} is private")),
    }
}

/// Whether an operator's own configuration of the gateway denies what it has to.
pub(super) fn gateway_config(config: &Config) -> Option<Finding> {
    let undenied = config.machines.as_ref()?.undenied();
    let says = format!(
        "its tools.deny lacks {}; control adds them to each new workspace's",
        undenied.join(", ")
    );
    (!undenied.is_empty()).then(|| Finding::well("gateway_config", says))
}

/// Does not bring the schema up to date: the program that serves may be an older one.
pub(super) async fn database(config: &Config) -> Finding {
    const CHECK: &str = "database";
    match examine(&config.database_url).await {
        Ok(Schema::Missing | Schema::None)
            if network::control(config).await.verdict == Verdict::Well =>
        {
            Finding::ill(
                CHECK,
                "there is nothing in it, and control serves: from another one",
                "database_url must name the database that `control serve` was started with; at \
                 its next start it would begin with an empty one.",
            )
        }
        Ok(Schema::Present) => {
            Finding::well(CHECK, "it is there, of this version, and takes writes")
        }
        Ok(Schema::None) => {
            Finding::well(CHECK, "it is there and empty; `control serve` makes what it needs")
        }
        Ok(Schema::Missing) => {
            Finding::well(CHECK, "the file is not there yet; `control serve` makes it")
        }
        Ok(Schema::Older) => Finding::well(
            CHECK,
            "it is of an older version; the next start of `control serve` brings it up to date",
        ),
        Ok(Schema::Newer) => Finding::ill(
            CHECK,
            "it was made by a newer version of control than this one",
            "Install that version again; the database is not taken back to an older one.",
        ),
        Err(error) => Finding::ill(
            CHECK,
            format!("{error:#}"),
            "See whether it runs and database_url names it; for SQLite, whether this user may \
             write to the folder and the file.",
        ),
    }
}

pub(super) fn disk(config: &Config) -> Finding {
    const CHECK: &str = "disk";
    let Some(disk) = disk_of(&config.database_url) else {
        return Finding::unknown(CHECK, "the database is on another machine");
    };
    let percent = disk.free_bytes.saturating_mul(100) / disk.total_bytes.max(1);
    let says = format!("{percent} % free where the database is");
    if percent < DISK_LOW {
        return Finding::ill(CHECK, says, "Free space: a full disk takes no payment.");
    }
    Finding::well(CHECK, says)
}
