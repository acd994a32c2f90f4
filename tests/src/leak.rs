//! Looks for secrets where they do not belong.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A secret, and the files that may hold it.
#[derive(Clone)]
pub struct Watched {
    /// What it is, for the report; never the value.
    pub what: String,
    pub value: String,
    /// Files, and folders with all that is in them.
    pub homes: Vec<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Leak {
    pub what: String,
    pub file: PathBuf,
}

impl fmt::Display for Leak {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is in {}", self.what, self.file.display())
    }
}

/// Bytes read at a time; a secret across two pieces is found all the same.
const PIECE_BYTES: usize = 1 << 20;

/// Searches every file below `folder`; a file that cannot be read is passed over.
pub fn search(folder: &Path, watched: &[Watched]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => search_file(&entry.path(), watched, &mut leaks),
                _ => {}
            }
        }
    }
    leaks
}

fn search_file(path: &Path, watched: &[Watched], leaks: &mut Vec<Leak>) {
    let strangers: Vec<&Watched> = watched
        .iter()
        .filter(|secret| !secret.homes.iter().any(|home| path.starts_with(home)))
        .collect();
    let overlap = strangers.iter().map(|secret| secret.value.len()).max().unwrap_or(0);
    let Ok(mut file) = File::open(path) else { return };
    let mut found = vec![false; strangers.len()];
    let mut window = Vec::new();
    loop {
        let kept = window.len().min(overlap);
        window.drain(..window.len() - kept);
        let read = file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut window).unwrap_or(0);
        for (secret, found) in strangers.iter().zip(&mut found) {
            *found = *found || contains(&window, secret.value.as_bytes());
        }
        if read == 0 {
            break;
        }
    }
    let leaked = strangers.iter().zip(found).filter(|(_, found)| *found);
    leaks.extend(
        leaked.map(|(secret, _)| Leak { what: secret.what.clone(), file: path.to_owned() }),
    );
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    let Some(&first) = needle.first() else { return false };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_anywhere_but_at_home() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("deep")).unwrap();
        std::fs::write(path("keys"), "key: hunter2hunter2").unwrap();
        std::fs::write(path("quiet.log"), "hunter1").unwrap();
        let mut loud = vec![b'x'; PIECE_BYTES - 4];
        loud.extend_from_slice(b"hunter2hunter2");
        std::fs::write(path("deep/loud.log"), loud).unwrap();
        let secret = Watched {
            what: "the key".to_owned(),
            value: "hunter2hunter2".to_owned(),
            homes: vec![path("keys")],
        };
        let expected = Leak { what: "the key".to_owned(), file: path("deep/loud.log") };
        assert_eq!(search(folder.path(), &[secret]), [expected]);
    }
}
