//! Puts the chat page into the binary: one table entry for each file of `ui/`.
//!
//! A table made here, not a crate: it also compresses, computes the ETags and refuses a
//! file whose type nobody has thought about, all of it once and not at each start.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
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

    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut table = String::from("&[\n");
    for file in &files {
        let path = file.strip_prefix(&folder)?.to_str().ok_or("a file name is not UTF-8")?;
        let content_type = content_type(path)?;
        let content = fs::read(file)?;
        let etag = etag(&content)?;
        write!(
            table,
            "Asset {{ path: \"/{path}\", content_type: {content_type:?}, etag: {etag:?}, body: \
             include_bytes!({file:?}), compressed: &["
        )?;
        for (coding, bytes) in compressed(content_type, &content)? {
            let place = out.join(format!("{}.{coding}", etag.trim_matches('"')));
            fs::write(&place, bytes)?;
            write!(table, "({coding:?}, include_bytes!({place:?})), ")?;
        }
        table.push_str("] },\n");
    }
    table.push(']');
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// A body and its content coding.
type Coded = (&'static str, Vec<u8>);

/// The smallest first; empty for what hardly becomes smaller.
fn compressed(content_type: &str, content: &[u8]) -> Result<Vec<Coded>, Box<dyn Error>> {
    if matches!(content_type, "font/woff2" | "image/png" | "image/x-icon") || content.len() < 512 {
        return Ok(Vec::new());
    }
    // The best takes seconds without optimisation.
    let quality = if std::env::var("PROFILE")? == "release" { 11 } else { 5 };
    let mut by_brotli = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, 22);
    by_brotli.write_all(content)?;
    let mut by_gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    by_gzip.write_all(content)?;
    Ok(vec![("br", by_brotli.into_inner()), ("gzip", by_gzip.finish()?)])
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
