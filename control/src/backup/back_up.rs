//! Writes a backup, while control serves.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;
use shared::{Generation, Secret};

use super::archive::{FORMAT, Head, Line, Writer};
use crate::base::clock::Moment;
use crate::store::{Dump, Dumped};
use shared::process::{named_file, private_file};

#[derive(Debug, Serialize)]
pub struct BackedUp {
    pub file: PathBuf,
    pub bytes: u64,
    pub rows: u64,
    pub schema: u64,
    pub generation: Generation,
}

/// Writes the database at `url` and the key ring at `keys` to `path`, which must not be there.
///
/// Killed on the way it leaves `path.part`, which the next one replaces.
///
/// # Errors
/// When one of the two cannot be read, or the file not be written.
pub async fn back_up(
    path: &Path,
    url: &Secret<String>,
    keys: &Path,
    now: Moment,
) -> anyhow::Result<BackedUp> {
    if path.exists() {
        bail!("{} is there already: nothing is written over a backup", path.display());
    }
    let mut part = path.to_owned().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let keys = named_file::read_text(keys)
        .with_context(|| format!("cannot read the key ring {}", keys.display()))?;
    let dump = Dump::begin(url).await?;
    let (schema, generation) = (dump.version, dump.generation);
    let head = Head {
        format: FORMAT,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now.millis(),
        schema,
        generation,
    };
    let file = write_all(&part, dump, head, keys).await;
    let (file, rows) = file.with_context(|| format!("cannot write {}", part.display()))?;
    let bytes = file.metadata()?.len();
    // There after a power cut, before anybody relies on it.
    file.sync_all().context("cannot write the backup to the disk")?;
    std::fs::rename(&part, path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(BackedUp { file: path.to_owned(), bytes, rows, schema, generation })
}

async fn write_all(
    part: &Path,
    dump: Dump,
    head: Head,
    keys: String,
) -> anyhow::Result<(File, u64)> {
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = private_file::make(part)?;
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, file));
    writer.put(&Line::Head { head })?;
    writer.put(&Line::Keys { keys })?;
    let put = |dumped| {
        let line = match dumped {
            Dumped::Table(shape) => Line::Table(shape),
            Dumped::Row(cells) => Line::Row(cells),
        };
        Ok(writer.put(&line)?)
    };
    dump.read(put).await?;
    let (out, rows) = writer.finish()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((file, rows))
}
