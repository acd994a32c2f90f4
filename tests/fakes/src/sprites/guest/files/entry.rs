//! Listing: what stands in a folder, or the file itself.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::Query;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{Failure, Target};
use crate::vendor::calendar;

/// Longest listing; more is cut.
const ENTRIES_MAX: usize = 10_000;

pub async fn list(Query(target): Query<Target>) -> Result<Json<Value>, Failure> {
    let path = target.resolve()?;
    let listed = path.clone();
    let entries = spawn_blocking(move || {
        entries(&listed, target.recursive, target.pattern.as_deref().unwrap_or("*"))
    });
    let entries = entries.await.expect("it does not panic");
    let entries = entries.map_err(|error| Failure::of(&error, &path))?;
    Ok(Json(json!({"path": path, "entries": entries, "count": entries.len()})))
}

fn entries(path: &Path, recursive: bool, pattern: &str) -> io::Result<Vec<Value>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![describe(path, &fs::symlink_metadata(path)?)]);
    }
    let mut found: Vec<(PathBuf, Metadata)> = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if recursive && metadata.is_dir() {
                folders.push(entry.path());
            }
            if matches(pattern, &entry.file_name().to_string_lossy()) {
                found.push((entry.path(), metadata));
            }
        }
        if found.len() >= ENTRIES_MAX {
            break;
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.truncate(ENTRIES_MAX);
    Ok(found.iter().map(|(path, metadata)| describe(path, metadata)).collect())
}

fn describe(path: &Path, metadata: &Metadata) -> Value {
    let kind = if metadata.is_symlink() {
        "symlink"
    } else if metadata.is_dir() {
        "directory"
    } else {
        "file"
    };
    json!({
        "name": path.file_name().unwrap_or_default().to_string_lossy(),
        "path": path,
        "type": kind,
        "size": metadata.len(),
        "mode": format!("{:o}", metadata.permissions().mode() & 0o7777),
        "modTime": calendar::rfc3339_of(metadata.modified().unwrap_or(std::time::UNIX_EPOCH)),
        "isDir": metadata.is_dir(),
    })
}

/// `*` stands for any letters, `?` for one.
fn matches(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('*') => name
            .char_indices()
            .map(|(at, _)| at)
            .chain([name.len()])
            .any(|at| matches(letters.as_str(), &name[at..])),
        Some(letter) => {
            let mut rest = name.chars();
            let first = rest.next();
            first.is_some_and(|first| letter == '?' || letter == first)
                && matches(letters.as_str(), rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(matches(pattern, name), expected, "{pattern} and {name}");
    }

    #[test]
    fn patterns_match_whole_names() {
        check("*", "anything", true);
        check("*.rs", "main.rs", true);
        check("*.rs", "main.rst", false);
        check("m?in.*", "main.rs", true);
        check("main", "main.rs", false);
    }
}
