//! Looks for secrets where they do not belong.

use std::fmt;
use std::fs::{DirEntry, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret, and the files that may hold it.
#[derive(Clone)]
pub struct Watched {
    /// What it is, for the report; never the value.
    pub what: String,
    pub value: String,
    /// Files, and folders with all that is in them.
    pub homes: Vec<PathBuf>,
}

/// What is wrong with one file.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    Leak {
        what: String,
        file: PathBuf,
    },
    /// What was not searched may hold anything.
    Unread {
        file: PathBuf,
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leak { what, file } => write!(formatter, "{what} is in {}", file.display()),
            Self::Unread { file, reason } => {
                write!(formatter, "{} was not searched: {reason}", file.display())
            }
        }
    }
}

/// Bytes read at a time; a secret across two pieces is found all the same.
const PIECE_BYTES: usize = 1 << 20;

/// Anything shorter stands in some file by chance.
const SHORTEST_BYTES: usize = 8;

/// Searches every file below `folder` for every form of every secret.
///
/// # Errors
/// When a secret is shorter than [`SHORTEST_BYTES`].
pub fn search(folder: &Path, watched: &[Watched]) -> anyhow::Result<Vec<Finding>> {
    let search = Search::prepare(watched)?;
    let mut findings = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let unread = |file: &Path, error: &io::Error| Finding::Unread {
            file: file.to_owned(),
            reason: error.to_string(),
        };
        let entries: Vec<DirEntry> = match std::fs::read_dir(&folder).and_then(Iterator::collect) {
            Ok(entries) => entries,
            Err(error) => {
                findings.push(unread(&folder, &error));
                continue;
            }
        };
        for entry in entries {
            let path = entry.path();
            let searched = match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    folders.push(path.clone());
                    Ok(())
                }
                Ok(kind) if kind.is_file() => search.file(&path, &mut findings),
                // Links lead to files that are searched where they are.
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            findings.extend(searched.err().map(|error| unread(&path, &error)));
        }
    }
    Ok(findings)
}

/// All forms of all secrets in one automaton.
struct Search<'a> {
    watched: &'a [Watched],
    forms: AhoCorasick,
    /// Whose form each is, by index.
    owners: Vec<usize>,
    longest: usize,
}

impl<'a> Search<'a> {
    fn prepare(watched: &'a [Watched]) -> anyhow::Result<Self> {
        let mut owners = Vec::new();
        let mut texts = Vec::new();
        for (owner, secret) in watched.iter().enumerate() {
            anyhow::ensure!(secret.value.len() >= SHORTEST_BYTES, "{} is too short", secret.what);
            for form in forms(&secret.value) {
                texts.push(form);
                owners.push(owner);
            }
        }
        let longest = texts.iter().map(String::len).max().unwrap_or(0);
        let forms = AhoCorasick::new(&texts).context("prepare the search for secrets")?;
        Ok(Self { watched, forms, owners, longest })
    }

    fn file(&self, path: &Path, findings: &mut Vec<Finding>) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut is_found = vec![false; self.watched.len()];
        let mut window = Vec::new();
        loop {
            let kept = window.len().min(self.longest);
            window.drain(..window.len() - kept);
            if file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut window)? == 0 {
                break;
            }
            // Overlapping: one secret may stand within another, and two may be equal.
            for found in self.forms.find_overlapping_iter(&window) {
                is_found[self.owners[found.pattern().as_usize()]] = true;
            }
        }
        let found = self.watched.iter().zip(is_found).filter(|(_, is_found)| *is_found);
        let strays =
            found.filter(|(secret, _)| !secret.homes.iter().any(|home| path.starts_with(home)));
        findings.extend(
            strays.map(|(secret, _)| Finding::Leak {
                what: secret.what.clone(),
                file: path.to_owned(),
            }),
        );
        Ok(())
    }
}

/// As it is, percent-encoded, and in base64 with either alphabet, wherever in a longer text it
/// may stand. Each form once.
fn forms(value: &str) -> Vec<String> {
    let percent: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    // Some write %2b, others %2B.
    let lower = percent.split('%').enumerate().map(|(index, part)| match index {
        0 => part.to_owned(),
        _ => format!("%{}{}", part[..2].to_ascii_lowercase(), &part[2..]),
    });
    let mut forms = vec![value.to_owned(), lower.collect(), percent];
    for before in 0..3 {
        // The first and last digits hold bits of the neighbours, so they are left out.
        let bytes = [&[0; 2][..before], value.as_bytes()].concat();
        let unsure = usize::from(bytes.len() % 3 != 0);
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let first = (before * 8).div_ceil(6);
            forms.push(text[first..text.len() - unsure].to_owned());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2+hunter2/";

    fn watched(homes: &[PathBuf]) -> [Watched; 1] {
        [Watched { what: "the key".into(), value: SECRET.into(), homes: homes.to_vec() }]
    }

    #[test]
    fn a_secret_is_found_anywhere_but_at_home() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("deep")).unwrap();
        std::fs::write(path("keys"), format!("key: {SECRET}")).unwrap();
        std::fs::write(path("quiet.log"), "hunter1").unwrap();
        let mut loud = vec![b'x'; PIECE_BYTES - 4];
        loud.extend_from_slice(SECRET.as_bytes());
        std::fs::write(path("deep/loud.log"), loud).unwrap();
        let expected = Finding::Leak { what: "the key".to_owned(), file: path("deep/loud.log") };
        assert_eq!(search(folder.path(), &watched(&[path("keys")])).unwrap(), [expected]);
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let check = |text: String| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("log"), &text).unwrap();
            assert_eq!(search(folder.path(), &watched(&[])).unwrap().len(), 1, "{text}");
        };
        check("?key=hunter2%2Bhunter2%2F&x=y".to_owned());
        check("?key=hunter2%2bhunter2%2f&x=y".to_owned());
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "y", "yz", "}>?~"] {
                let text = format!("{before}{SECRET}{after}");
                check(STANDARD_NO_PAD.encode(&text));
                check(URL_SAFE_NO_PAD.encode(&text));
            }
        }
    }

    #[test]
    fn what_cannot_be_searched_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let findings = search(&missing, &watched(&[])).unwrap();
        assert!(matches!(&findings[..], [Finding::Unread { file, .. }] if *file == missing));
        let short = [Watched { value: "ab".into(), ..watched(&[])[0].clone() }];
        assert!(search(folder.path(), &short).is_err());
    }
}
