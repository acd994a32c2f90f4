//! `agents.workspace.*`: the folder that the assistant works in, as it lies on the disk.
//!
//! The real gateway's bounds and words; it shows texts and pictures and nothing else.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Gateway;
use super::frames::CallError;

const LIMIT: u64 = 250;
const LIMIT_MAX: u64 = 500;
const TEXT_MAX_BYTES: u64 = 256 << 10;
const PICTURE_MAX_BYTES: u64 = 5 << 20;

/// By their ends; each begins with these bytes.
const PICTURES: &[(&str, &str, &[u8])] = &[
    ("gif", "image/gif", b"GIF8"),
    ("jpg", "image/jpeg", b"\xff\xd8\xff"),
    ("png", "image/png", b"\x89PNG"),
];

/// `None` for a method that is none of this.
pub(super) fn answer(
    gateway: &Gateway,
    method: &str,
    params: &Value,
) -> Option<Result<Value, CallError>> {
    let root = gateway.settings.state_dir.join("workspace");
    match method {
        "agents.workspace.list" => Some(list(&root, params)),
        "agents.workspace.get" => Some(read(&root, params)),
        _ => None,
    }
}

fn inside(root: &Path, params: &Value) -> Result<(PathBuf, String), CallError> {
    let asked = params["path"].as_str().unwrap_or_default().trim_matches('/');
    let is_plain = Path::new(asked).components().all(|part| matches!(part, Component::Normal(_)));
    let path = root.join(asked);
    // As far as it is there, no link leads out of the folder.
    let stays = path
        .canonicalize()
        .map_or(true, |real| root.canonicalize().is_ok_and(|root| real.starts_with(root)));
    if is_plain && stays {
        Ok((path, asked.to_owned()))
    } else {
        Err(CallError::invalid_request("path escapes the agent workspace"))
    }
}

fn list(root: &Path, params: &Value) -> Result<Value, CallError> {
    let (folder, path) = inside(root, params)?;
    let gone = || CallError::invalid_request("workspace directory not found");
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|_| gone())?.flatten() {
        let (Ok(seen), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) else {
            continue;
        };
        let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let mut row = json!({"path": inner, "name": name, "kind": "directory",
            "updatedAtMs": updated(&seen)});
        if seen.is_file() {
            row["kind"] = "file".into();
            row["size"] = seen.len().into();
        } else if !seen.is_dir() {
            continue;
        }
        entries.push((seen.is_file(), name, row));
    }
    entries.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let total = entries.len();
    let number = |key: &str| params[key].as_u64();
    let offset = usize::try_from(number("offset").unwrap_or(0)).unwrap_or(total).min(total);
    let limit = usize::try_from(number("limit").unwrap_or(LIMIT).min(LIMIT_MAX)).unwrap_or(0);
    let rows: Vec<_> =
        entries.into_iter().skip(offset).take(limit).map(|(_, _, row)| row).collect();
    Ok(json!({"agentId": "main", "path": path, "entries": rows, "totalEntries": total,
        "offset": offset}))
}

fn read(root: &Path, params: &Value) -> Result<Value, CallError> {
    let (file, path) = inside(root, params)?;
    let gone = || CallError::invalid_request("workspace file not found");
    let seen = fs::metadata(&file).ok().filter(fs::Metadata::is_file).ok_or_else(gone)?;
    let end = file.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let picture = PICTURES.iter().find(|(known, ..)| *known == end);
    let max = if picture.is_some() { PICTURE_MAX_BYTES } else { TEXT_MAX_BYTES };
    if seen.len() > max {
        let error = CallError::invalid_request("workspace file is too large to preview");
        return Err(error.with_details(json!({"type": "workspace_file_too_large"})));
    }
    let bytes = fs::read(&file).map_err(|_| gone())?;
    let (mime, encoding, content) = match picture {
        Some((_, mime, begin)) if bytes.starts_with(begin) => {
            (*mime, "base64", BASE64_STANDARD.encode(&bytes))
        }
        Some(_) => return Err(unsupported()),
        None => ("text/plain", "utf8", String::from_utf8(bytes).map_err(|_| unsupported())?),
    };
    Ok(json!({"agentId": "main", "file": {"path": path, "name": path.rsplit('/').next(),
        "size": seen.len(), "updatedAtMs": updated(&seen), "mimeType": mime, "encoding": encoding,
        "content": content}}))
}

fn unsupported() -> CallError {
    let words = "workspace file is not UTF-8 text or a supported image";
    CallError::invalid_request(words).with_details(json!({"type": "workspace_file_unsupported"}))
}

fn updated(seen: &fs::Metadata) -> u64 {
    let age = seen.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    age.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}
