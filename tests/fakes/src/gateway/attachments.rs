//! Files in messages, told in the history without their bytes.
//!
//! What a person sends with `chat.send` lies in `media/inbound` and is told in the row's
//! `__openclaw.media`; what the assistant gives stands in the content, and is listed and given
//! by `artifacts.*`.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Gateway;
use super::frames::CallError;
use super::session_store::{Body, StoredFile, canonical_key};
use crate::ids;

/// Largest file, decoded: `policy.attachments.maxBytes`.
const FILE_MAX_BYTES: usize = 19_464_192;

/// Largest picture, decoded: `policy.attachments.maxImageBytes`.
const IMAGE_MAX_BYTES: usize = 6_291_456;

/// The files of a `chat.send`.
///
/// # Errors
/// The first that is no file, is empty or too large, in the real gateway's words.
pub fn read(attachments: &Value) -> Result<Vec<StoredFile>, CallError> {
    attachments.as_array().into_iter().flatten().map(read_one).collect()
}

fn read_one(attachment: &Value) -> Result<StoredFile, CallError> {
    let text = |key: &str| attachment[key].as_str().unwrap_or_default().to_owned();
    let (name, mime) = (text("fileName"), text("mimeType"));
    let refuse = |what: &str| CallError::invalid_request(format!("attachment {name}: {what}"));
    let content =
        attachment["content"].as_str().ok_or_else(|| refuse("content must be base64 string"))?;
    if content.is_empty() {
        return Err(refuse("empty payload"));
    }
    let bytes = STANDARD.decode(content).map_err(|_| refuse("invalid base64 content"))?;
    let max = if mime.starts_with("image/") { IMAGE_MAX_BYTES } else { FILE_MAX_BYTES };
    if bytes.len() > max {
        return Err(refuse(&format!("exceeds size limit ({} > {max} bytes)", bytes.len())));
    }
    Ok(StoredFile { content: content.to_owned(), name, mime, id: ids::uuid() })
}

/// Writes what a person sends to where the assistant's tools find it.
///
/// # Errors
/// The folder or a file in it cannot be written.
pub fn keep(gateway: &Gateway, files: &[StoredFile]) -> io::Result<()> {
    let folder = gateway.settings.state_dir.join("media/inbound");
    for file in files {
        std::fs::create_dir_all(&folder)?;
        let bytes = STANDARD.decode(&file.content).unwrap_or_default();
        std::fs::write(folder.join(inbound_name(file)), bytes)?;
    }
    Ok(())
}

/// Of a picture the real gateway forgets the name.
fn inbound_name(file: &StoredFile) -> String {
    let (stem, end) = file.name.rsplit_once('.').unwrap_or((&file.name, "bin"));
    let plain = |text: &str| text.replace(|it: char| !it.is_alphanumeric() && it != '-', "_");
    let end = plain(end);
    if is_picture(file) {
        return format!("{}.{end}", file.id);
    }
    format!("{}---{}.{end}", plain(stem), file.id)
}

fn is_picture(file: &StoredFile) -> bool {
    file.mime.starts_with("image/")
}

/// What a row tells of the files that a person sent.
pub fn media(files: &[StoredFile]) -> Value {
    let told = files.iter().map(|file| {
        let mut told = json!({
            "url": format!("media://inbound/{}", inbound_name(file)),
            "contentType": file.mime,
            "kind": if is_picture(file) { "image" } else { "document" },
            "sizeBytes": size(file),
        });
        if !is_picture(file) {
            told["fileName"] = file.name.as_str().into();
        }
        told
    });
    told.collect()
}

/// Puts files that the assistant gives into a row of the history, without their bytes.
pub fn add_to(row: &mut Value, files: &[StoredFile]) {
    if files.is_empty() {
        return;
    }
    let mut content = match row["content"].take() {
        Value::Array(parts) => parts,
        text => vec![json!({"type": "text", "text": text})],
    };
    content.extend(files.iter().map(|file| {
        let size = size(file);
        if is_picture(file) {
            json!({"type": "image", "mimeType": file.mime, "fileName": file.name, "bytes": size,
                   "omitted": true})
        } else {
            json!({"type": "attachment", "attachment": {
                "kind": "document", "label": file.name, "mimeType": file.mime, "sizeBytes": size}})
        }
    }));
    row["content"] = content.into();
}

pub fn list(gateway: &Gateway, params: &Value) -> Value {
    let artifacts: Vec<Value> = stored(gateway, params)
        .into_iter()
        .map(|(id, seq, file)| summary(&id, seq, &file))
        .collect();
    json!({"artifacts": artifacts})
}

/// # Errors
/// There is no such file.
pub fn download(gateway: &Gateway, params: &Value) -> Result<Value, CallError> {
    let wanted = params["artifactId"].as_str().unwrap_or_default();
    let found = stored(gateway, params).into_iter().find(|(id, _, _)| id == wanted);
    let (id, seq, file) =
        found.ok_or_else(|| CallError::invalid_request(format!("artifact not found: {wanted}")))?;
    Ok(json!({
        "artifact": summary(&id, seq, &file),
        "encoding": "base64",
        "data": file.content,
    }))
}

fn summary(id: &str, seq: usize, file: &StoredFile) -> Value {
    json!({
        "id": id,
        "type": if is_picture(file) { "image" } else { "file" },
        "title": file.name,
        "mimeType": file.mime,
        "sizeBytes": size(file),
        "messageSeq": seq,
        "download": {"mode": "bytes"},
    })
}

/// The files that the assistant gave in a conversation, each with its id and the number of its message.
fn stored(gateway: &Gateway, params: &Value) -> Vec<(String, usize, StoredFile)> {
    let key = canonical_key(params["sessionKey"].as_str().unwrap_or_default());
    let messages = gateway.store.find(key).map(|session| session.messages).unwrap_or_default();
    messages
        .into_iter()
        .enumerate()
        .filter(|(_, message)| !matches!(message.body, Body::User { .. }))
        .flat_map(|(at, message)| {
            let id = message.id;
            message
                .files
                .into_iter()
                .enumerate()
                .map(move |(index, file)| (format!("{id}-{index}"), at + 1, file))
        })
        .collect()
}

fn size(file: &StoredFile) -> usize {
    STANDARD.decode(&file.content).map_or(0, |bytes| bytes.len())
}
