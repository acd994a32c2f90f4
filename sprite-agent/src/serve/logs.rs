//! `/pflaster/logs`: a piece of the gateway's log or of the agent's own, for operators.
//!
//! `?log=gateway|agent`, and `since=2026-02-14T15:45:28` (UTC) or `after=CURSOR` of an
//! earlier answer; without either, the end. Answers `{"text", "cursor", "more"}`: whole
//! lines, at most [`PIECE_MAX_BYTES`], once more without secrets. Nothing but the two newest
//! files of a log is looked at, and of them the last [`LOOKED_AT_BYTES`].

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use shared::Secret;
use tracing::warn;

use crate::agent::Agent;
use crate::http::answer::{self, Answer};
use crate::supervisor::redaction::Redaction;

/// With everything escaped it stays below what control reads of an answer.
const PIECE_MAX_BYTES: usize = 24 << 10;

/// Some hours of a busy gateway.
const LOOKED_AT_BYTES: u64 = 4 << 20;

/// `2026-02-14T15:45:28`, as every line of both logs has it near its beginning.
const TIME_BYTES: usize = 19;

#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    is_agent: bool,
    since: Option<String>,
    /// The file by its number, and how much of it was read.
    after: Option<(u64, u64)>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
struct Piece {
    text: String,
    cursor: String,
    more: bool,
}

/// The caller has checked the health token.
pub async fn answer(agent: &Arc<Agent>, query: Option<&str>) -> Answer {
    let Some(query) = parse(query.unwrap_or_default()) else {
        let message = "This is not a question about a log.";
        return answer::error(StatusCode::BAD_REQUEST, "bad_query", message);
    };
    let Some(folder) = agent.config.log_folder.clone() else {
        let message = "Another program keeps the gateway's log.";
        return answer::error(StatusCode::NOT_FOUND, "not_found", message);
    };
    let name = if query.is_agent { "agent.log" } else { "gateway.log" };
    let path = folder.join(name);
    // A disk that hangs must not hold up the conversations.
    let read = tokio::task::spawn_blocking(move || read(&path, &query)).await;
    match read.map_err(io::Error::other).flatten() {
        Ok(mut piece) => {
            let config = &agent.config;
            piece.text = without(&piece.text, &[&config.gateway.token, &config.health_token]);
            answer::json(StatusCode::OK, &piece)
        }
        Err(error) => {
            warn!(%error, "cannot read {name}");
            let message = "The log cannot be read.";
            answer::error(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", message)
        }
    }
}

fn without(text: &str, secrets: &[&Secret<String>]) -> String {
    let secrets = secrets.iter().map(|secret| secret.expose().as_str());
    String::from_utf8_lossy(&Redaction::new(secrets).whole(text.as_bytes())).into_owned()
}

/// Times and cursors have no characters that would have to be escaped, but `:`.
fn parse(query: &str) -> Option<Query> {
    let mut parsed = Query::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = value.replace("%3A", ":").replace("%3a", ":");
        match name {
            "log" if value == "gateway" => parsed.is_agent = false,
            "log" if value == "agent" => parsed.is_agent = true,
            "since" => parsed.since = Some(value.get(..TIME_BYTES)?.to_owned()),
            "after" => {
                let (file, read) = value.split_once(':')?;
                parsed.after = Some((file.parse().ok()?, read.parse().ok()?));
            }
            _ => return None,
        }
    }
    Some(parsed)
}

/// One file, and where reading it may begin.
struct Part {
    file: File,
    number: u64,
    from: u64,
    length: u64,
}

fn read(path: &Path, query: &Query) -> io::Result<Piece> {
    let mut parts = Vec::new();
    for path in [rotated(path), path.to_owned()] {
        parts.extend(open(&path)?);
    }
    if let Some((number, read)) = query.after {
        // A file that is gone was rotated away: what is there now is all new.
        if let Some(at) = parts.iter().position(|part| part.number == number) {
            parts.drain(..at);
            parts[0].from = read.min(parts[0].length);
        }
    }
    let Some(last) = parts.last() else {
        return Ok(Piece { text: String::new(), cursor: "0:0".to_owned(), more: false });
    };
    let is_from_the_end = query.after.is_none() && query.since.is_none();
    if is_from_the_end {
        let from = last.length.saturating_sub(PIECE_MAX_BYTES as u64);
        let mut only = parts.pop().expect("there is one");
        only.from = from;
        return piece(vec![only], None, from > 0);
    }
    let since = query.since.as_deref().filter(|_| query.after.is_none());
    piece(parts, since, false)
}

/// The first piece of `parts` with lines of `since` or later.
fn piece(parts: Vec<Part>, since: Option<&str>, begins_within_a_line: bool) -> io::Result<Piece> {
    let mut text = Vec::new();
    let mut cursor = (0, 0);
    let (mut is_searching, mut skip) = (since.is_some(), begins_within_a_line);
    let count = parts.len();
    for (index, mut part) in parts.into_iter().enumerate() {
        if is_searching {
            let from = part.length.saturating_sub(LOOKED_AT_BYTES);
            (skip, part.from) = (from > 0, part.from.max(from));
        }
        let mut content = Vec::new();
        part.file.seek(SeekFrom::Start(part.from))?;
        part.file.by_ref().take(LOOKED_AT_BYTES).read_to_end(&mut content)?;
        let mut read = part.from;
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = line.ends_with(b"\n");
            let is_long = line.len() > PIECE_MAX_BYTES;
            if !is_whole && !is_long {
                break;
            }
            is_searching = is_searching && since.is_some_and(|since| !is_of(line, since));
            let line = &line[..line.len().min(PIECE_MAX_BYTES)];
            if !skip && !is_searching {
                if text.len() + line.len() > PIECE_MAX_BYTES {
                    return Ok(said(&text, (part.number, read), true));
                }
                text.extend_from_slice(line);
            }
            skip = false;
            read += line.len() as u64;
        }
        cursor = (part.number, read);
        let is_read_whole = read >= part.length;
        if !is_read_whole && index + 1 < count {
            return Ok(said(&text, cursor, true));
        }
    }
    Ok(said(&text, cursor, false))
}

fn said(text: &[u8], (number, read): (u64, u64), more: bool) -> Piece {
    let text = String::from_utf8_lossy(text).into_owned();
    Piece { text, cursor: format!("{number}:{read}"), more }
}

/// Is this line of `since` or later? One without a time is not.
fn is_of(line: &[u8], since: &str) -> bool {
    let head = String::from_utf8_lossy(&line[..line.len().min(64)]).into_owned();
    let begins = head.find("20").and_then(|at| head.get(at..at + TIME_BYTES));
    begins.is_some_and(|time| time.as_bytes()[10] == b'T' && time >= since)
}

fn open(path: &Path) -> io::Result<Option<Part>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    Ok(Some(Part { file, number: metadata.ino(), from: 0, length: metadata.len() }))
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &Path, query: &str) -> Piece {
        read(path, &parse(query).unwrap()).unwrap()
    }

    #[test]
    fn lines_come_from_a_time_on_then_what_is_new_also_over_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.log");
        let line = |second: u32, text: &str| {
            format!("2026-02-14T15:45:{second:02}.000+00:00 [gateway] {text}\n")
        };
        std::fs::write(&path, line(1, "one") + &line(5, "five") + "  a trace\n").unwrap();
        let first = asked(&path, "log=gateway&since=2026-02-14T15%3A45%3A02Z");
        assert_eq!(first.text, line(5, "five") + "  a trace\n");
        assert!(!first.more);
        let again = asked(&path, &format!("after={}", first.cursor));
        assert_eq!((again.text.as_str(), &again.cursor), ("", &first.cursor));

        std::fs::rename(&path, rotated(&path)).unwrap();
        std::fs::write(&path, line(9, "nine") + "half a li").unwrap();
        let next = asked(&path, &format!("after={}", again.cursor));
        assert_eq!(next.text, line(9, "nine"));
        std::fs::write(rotated(&path), "").unwrap();
        assert_eq!(asked(&path, "since=2026-02-14T15:45:06").text, line(9, "nine"));
        assert_eq!(asked(&path, "since=2027-02-14T15:45:06").text, "");
    }

    #[test]
    fn a_piece_is_bounded_and_the_next_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.log");
        let line = |number: usize| {
            format!("{{\"timestamp\":\"2026-02-14T15:45:28Z\",\"n\":{number:5}}}\n")
        };
        let whole: String = (0..5_000).map(line).collect();
        std::fs::write(&path, &whole).unwrap();
        let mut piece = asked(&path, "log=agent&since=2026-02-14T15:45:28");
        let mut text = piece.text.clone();
        while piece.more {
            assert!(!piece.text.is_empty() && piece.text.len() <= PIECE_MAX_BYTES);
            piece = asked(&path, &format!("log=agent&after={}", piece.cursor));
            text.push_str(&piece.text);
        }
        assert_eq!(text, whole);
        let end = asked(&path, "log=agent");
        assert!(whole.ends_with(&end.text) && end.text.len() > PIECE_MAX_BYTES / 2);
    }

    #[test]
    fn what_is_no_question_and_what_is_no_file_is_said() {
        for query in ["log=secrets", "after=x", "since=now", "x", "file=/etc/passwd"] {
            assert_eq!(parse(query), None, "{query}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.log");
        assert_eq!(asked(&path, "").text, "");
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(read(&path, &Query::default()).is_err());
    }
}
