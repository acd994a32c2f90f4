//! Puts the chat page into the binary: one table entry for each file of `ui/`.
//!
//! A table made here, not a crate: it also computes the ETags and refuses a
//! file whose type nobody has thought about, both once and not at each start.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Not part of the page: its tests and what describes it to `node`.
const LEFT_OUT: &[&str] = &["tests", "node_modules", "package.json", "README.md"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("ui");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    // By the bytes of their paths, as they are looked up: a folder sorts otherwise than its name.
    files.sort_by_key(|file| file.as_os_str().as_encoded_bytes().to_vec());

    let mut table = String::from("&[\n");
    for file in &files {
        let path = file.strip_prefix(&folder)?.to_str().ok_or("a file name is not UTF-8")?;
        let content_type = content_type(path)?;
        let etag = etag(&fs::read(file)?)?;
        writeln!(
            table,
            "Asset {{ path: \"/{path}\", content_type: {content_type:?}, etag: {etag:?}, body: \
             include_bytes!({file:?}) }},"
        )?;
    }
    table.push(']');
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or("a file name is not UTF-8")?;
        if name.starts_with('.') || LEFT_OUT.contains(&name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn content_type(path: &str) -> Result<&'static str, String> {
    Ok(match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return Err(format!("ui/{path}: say in build.rs which content type this is")),
    })
}

/// A strong ETag: 128 bits of the content's SHA-256.
fn etag(content: &[u8]) -> Result<String, std::fmt::Error> {
    let mut etag = String::from("\"");
    for byte in &Sha256::digest(content)[..16] {
        write!(etag, "{byte:02x}")?;
    }
    etag.push('"');
    Ok(etag)
}
