//! Puts the files to their places, all of them or none.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::answers::Answers;
use shared::process::owner::{EDGE, Owner, give};
use shared::process::private_file;

#[derive(Debug, Serialize)]
pub struct Written {
    pub files: Vec<PathBuf>,
    /// Files that are not the users' yet that the programs run as.
    pub ownerless: Vec<PathBuf>,
}

const CONTROL: Owner = Owner { user: "arca-control", group: "arca-control", mode: 0o600 };
/// Control and the edges have it.
const BOTH: Owner = Owner { user: "root", group: "arcamatrix", mode: 0o640 };

/// # Errors
/// Names every file that is there already: then none is written.
pub fn write(answers: &Answers, folder: &Path) -> anyhow::Result<Written> {
    let files = [
        ("keys.toml", answers.keys.expose(), BOTH),
        ("control.toml", answers.control.expose(), CONTROL),
        ("edge.toml", &answers.edge, EDGE),
        ("edge-admin-token", answers.edge_token.expose(), EDGE),
    ];
    let present: Vec<_> = files
        .iter()
        .map(|(name, ..)| folder.join(name))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if !present.is_empty() {
        bail!("nothing was written, because there is already: {}", present.join(", "));
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut written = Written { files: Vec::new(), ownerless: Vec::new() };
    for (name, text, owner) in files {
        let path = folder.join(name);
        if let Err(error) = put(&path, text) {
            // What was written without the rest would only be in the way of the next try.
            for path in &written.files {
                let _left = std::fs::remove_file(path);
            }
            return Err(error).with_context(|| format!("cannot write {}", path.display()));
        }
        if !give(&path, owner)? {
            written.ownerless.push(path.clone());
        }
        written.files.push(path);
    }
    Ok(written)
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = private_file::make(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
