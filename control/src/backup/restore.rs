//! Puts a backup back, where nothing is, and asks the edges what came after it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use shared::process::named_file;
use shared::{Generation, KeyRing, Secret};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::archive::{Head, Line, Reader, examine};
use crate::base::clock::Moment;
use crate::base::ownership::give_to_owner_of_folder;
use crate::model::restored::{Difference, differences};
use crate::routes::{EdgeConfig, EdgeTable, tables_of};
use crate::store::{Restoring, Store};

/// On this machine it answers at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The edges' user reads it by its group.
const KEYS_MODE: u32 = 0o640;

pub struct RestoreOptions<'a> {
    pub url: &'a Secret<String>,
    pub keys: &'a Path,
    /// Where control would answer operators, if it ran.
    pub api: SocketAddr,
    pub edges: &'a [EdgeConfig],
    /// Go on although an edge does not say what it has.
    pub without_edges: bool,
}

#[derive(Debug, Serialize)]
pub struct Restored {
    /// Unix seconds.
    pub made_at: u64,
    pub rows: u64,
    /// Of the route table in the backup, and the largest that an edge has.
    pub generation: Generation,
    pub newest: Generation,
    /// No edge knew what came after the backup, so everybody has to sign in again.
    pub sessions_ended: bool,
    /// Edges that did not answer, and why.
    pub unheard: Vec<(String, String)>,
    pub differences: Vec<Difference>,
}

/// The database takes its place last, in one step. Killed before that, nothing has changed,
/// and the next call does all of it again.
///
/// # Errors
/// When the file is not whole or of a newer release, control runs, something is there already,
/// the key ring is another one, or an edge does not answer and that was not allowed.
pub async fn restore(
    path: &Path,
    options: &RestoreOptions<'_>,
    now: Moment,
) -> anyhow::Result<Restored> {
    check_stopped(options.api).await?;
    let (head, keys) = examine(path)?;
    check_keys(options.keys, &keys)?;
    let mut restoring = Restoring::begin(options.url, head.schema).await?;
    let rows = put_rows(path, &mut restoring).await?;
    let restored = restoring.finish().await?;
    // Late, so that little comes after their answer.
    let (tables, unheard) = ask_edges(options, &restored.store).await?;
    let settled = settle(&restored.store, &head, &tables, now).await?;
    restored.take().await?;
    let Settled { differences, newest, sessions_ended } = settled;
    Ok(Restored {
        made_at: Moment::from_millis(head.made_at).seconds(),
        rows,
        generation: head.generation,
        newest,
        sessions_ended,
        unheard,
        differences,
    })
}

async fn put_rows(path: &Path, restoring: &mut Restoring) -> anyhow::Result<u64> {
    let mut reader = Reader::open(path)?;
    let mut rows = 0;
    while let Some(line) = reader.next()? {
        match line {
            Line::Table(shape) => restoring.table(&shape)?,
            Line::Row(cells) => {
                rows += 1;
                let put = restoring.row(cells).await;
                put.with_context(|| format!("row {rows} of the backup does not fit"))?;
            }
            Line::Head { .. } | Line::Keys { .. } | Line::End { .. } => {}
        }
    }
    Ok(rows)
}

type Unheard = Vec<(String, String)>;

/// Those of the configuration, and those that were in the database when it was backed up.
async fn ask_edges(
    options: &RestoreOptions<'_>,
    restored: &Store,
) -> anyhow::Result<(Vec<EdgeTable>, Unheard)> {
    let (mut tables, mut unheard) = (Vec::new(), Vec::new());
    let ring = KeyRing::from_toml(&named_file::read_text(options.keys)?)?;
    let mut edges = options.edges.to_vec();
    for row in restored.edges().await? {
        match EdgeConfig::of_row(&row, &ring) {
            Ok(edge) => edges.push(edge),
            Err(why) => unheard.push((row.name, why)),
        }
    }
    for (name, table) in tables_of(&edges).await? {
        match table {
            Ok(table) => tables.push(table),
            Err(why) => unheard.push((name, why)),
        }
    }
    if let Some((name, why)) = unheard.first()
        && !options.without_edges
    {
        bail!(
            "edge {name} does not say what it serves ({why}). It may know what was taken away \
             after the backup: start it, or say --without-edges, which asks the others; where \
             none answers, everybody has to sign in again"
        );
    }
    Ok((tables, unheard))
}

struct Settled {
    differences: Vec<Difference>,
    newest: Generation,
    sessions_ended: bool,
}

async fn settle(
    store: &Store,
    head: &Head,
    tables: &[EdgeTable],
    now: Moment,
) -> anyhow::Result<Settled> {
    let newest = tables.iter().max_by_key(|table| table.generation);
    let generation = newest.map_or(Generation(0), |table| table.generation);
    let Some(newest) = newest.filter(|table| table.generation >= head.generation) else {
        // Edges with new disks know nothing either.
        store.end_all_sessions().await?;
        store.settle_restored(&[], generation, now).await?;
        return Ok(Settled { differences: Vec::new(), newest: generation, sessions_ended: true });
    };
    let (ours, locks) = store.whole_table().await?;
    let found = differences(&ours, &locks, &newest.routes, &newest.locks, now.seconds());
    store.settle_restored(&found, generation, now).await?;
    Ok(Settled { differences: found, newest: generation, sessions_ended: false })
}

async fn check_stopped(api: SocketAddr) -> anyhow::Result<()> {
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(api)).await;
    if matches!(connected, Ok(Ok(_))) {
        bail!("something answers at {api}: nothing is restored while control runs. Stop it first");
    }
    Ok(())
}

/// # Errors
/// When the ring lacks a key of the backup's: agents and sessions would be refused.
fn check_keys(path: &Path, from_backup: &str) -> anyhow::Result<()> {
    let keys_of = |text: &str| -> anyhow::Result<toml::Table> {
        KeyRing::from_toml(text)?;
        let ring: toml::Table = toml::from_str(text)?;
        Ok(ring.get("keys").and_then(|keys| keys.as_table()).cloned().unwrap_or_default())
    };
    let name = path.display();
    let present = named_file::read_text(path).with_context(|| format!("cannot read {name}"))?;
    let present = keys_of(&present).with_context(|| format!("{name} is no key ring"))?;
    let needed = keys_of(from_backup).context("the key ring in the backup cannot be read")?;
    let lacking = needed.iter().find(|(id, key)| present.get(*id) != Some(*key));
    if let Some((id, _)) = lacking {
        bail!(
            "{name} has another key {id} than the backup, or none: every machine and session \
             relies on it. Move the file away, and the backup's is put there"
        );
    }
    Ok(())
}

/// Puts the backup's key ring to where there is none; one that is there stays.
///
/// # Errors
/// When the backup is not whole, or the file cannot be written.
pub fn put_keys_back(path: &Path, keys: &Path) -> anyhow::Result<()> {
    let (_, ring) = examine(path)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(KEYS_MODE).open(keys);
    match made {
        Ok(mut file) => {
            file.write_all(ring.as_bytes()).and_then(|()| file.sync_all())?;
            give_to_owner_of_folder(keys)?;
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", keys.display())),
    }
}
