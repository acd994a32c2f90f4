//! Deleting, moving, copying, and changing whose a file is and who may use it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown as change_owner};
use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::Query;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{Failure, Target, mode, resolve};

/// Where names of users and groups are looked up.
const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    source: String,
    dest: String,
    working_dir: Option<String>,
    #[serde(default)]
    recursive: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    path: String,
    working_dir: Option<String>,
    #[serde(default)]
    recursive: bool,
    mode: Option<String>,
    uid: Option<Value>,
    gid: Option<Value>,
}

pub async fn delete(Query(target): Query<Target>) -> Result<Json<Value>, Failure> {
    let path = target.resolve()?;
    let recursive = target.recursive;
    blocking(path.clone(), move |path| match fs::symlink_metadata(path)?.is_dir() {
        true if recursive => fs::remove_dir_all(path),
        true => fs::remove_dir(path),
        false => fs::remove_file(path),
    })
    .await?;
    Ok(Json(json!({"deleted": [path], "count": 1})))
}

pub async fn rename(Json(pair): Json<Pair>) -> Result<Json<Value>, Failure> {
    let (source, dest) = pair.resolve()?;
    let target = dest.clone();
    blocking(source.clone(), move |source| fs::rename(source, target)).await?;
    Ok(Json(json!({"source": source, "dest": dest})))
}

pub async fn copy(Json(pair): Json<Pair>) -> Result<Json<Value>, Failure> {
    let (source, dest) = pair.resolve()?;
    let recursive = pair.recursive;
    let copied = blocking(source, move |source| {
        if source.is_dir() && !recursive {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut copied = Vec::new();
        let mut total = 0;
        for file in tree(source)? {
            let below = file.strip_prefix(source).expect("found below it");
            let to = if below.as_os_str().is_empty() { dest.clone() } else { dest.join(below) };
            if file.is_dir() {
                fs::create_dir_all(&to)?;
            } else {
                total += fs::copy(&file, &to)?;
                copied.push(json!({"source": file, "dest": to}));
            }
        }
        Ok(json!({"count": copied.len(), "copied": copied, "totalBytes": total}))
    });
    Ok(Json(copied.await?))
}

pub async fn chmod(Json(wanted): Json<Attributes>) -> Result<Json<Value>, Failure> {
    let path = resolve(&wanted.path, wanted.working_dir.as_deref())?;
    let text = wanted.mode.as_deref().unwrap_or_default();
    let mode = mode(text, &wanted.path)?;
    let affected = blocking(path, move |path| {
        wanted
            .affected(path)?
            .into_iter()
            .map(|path| {
                fs::set_permissions(&path, Permissions::from_mode(mode))?;
                Ok(json!({"path": path, "mode": format!("{mode:04o}")}))
            })
            .collect::<io::Result<Vec<_>>>()
    });
    let affected = affected.await?;
    Ok(Json(json!({"count": affected.len(), "affected": affected})))
}

pub async fn chown(Json(wanted): Json<Attributes>) -> Result<Json<Value>, Failure> {
    let path = resolve(&wanted.path, wanted.working_dir.as_deref())?;
    let uid = id(wanted.uid.as_ref(), PASSWD, &wanted.path)?;
    let gid = id(wanted.gid.as_ref(), GROUP, &wanted.path)?;
    if uid.is_none() && gid.is_none() {
        return Err(Failure::invalid("uid or gid is required", &wanted.path));
    }
    let affected = blocking(path, move |path| {
        wanted
            .affected(path)?
            .into_iter()
            .map(|path| {
                change_owner(&path, uid, gid)?;
                Ok(json!({"path": path, "uid": uid, "gid": gid}))
            })
            .collect::<io::Result<Vec<_>>>()
    });
    let affected = affected.await?;
    Ok(Json(json!({"count": affected.len(), "affected": affected})))
}

impl Pair {
    fn resolve(&self) -> Result<(PathBuf, PathBuf), Failure> {
        let folder = self.working_dir.as_deref();
        Ok((resolve(&self.source, folder)?, resolve(&self.dest, folder)?))
    }
}

impl Attributes {
    fn affected(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        if self.recursive { tree(path) } else { Ok(vec![path.to_owned()]) }
    }
}

/// A number, or a name from `table`.
fn id(wanted: Option<&Value>, table: &str, path: &str) -> Result<Option<u32>, Failure> {
    let Some(wanted) = wanted.filter(|value| !value.is_null()) else { return Ok(None) };
    let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
    let named = || {
        let rows = fs::read_to_string(table).unwrap_or_default();
        let row = rows.lines().find(|row| row.split(':').next() == Some(&text))?;
        row.split(':').nth(2)?.parse().ok()
    };
    let id = text.parse().ok().or_else(named);
    id.map(Some).ok_or_else(|| Failure::invalid(format!("unknown user or group: {text}"), path))
}

/// The path and all below it, parents first.
fn tree(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![path.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next) {
        if fs::symlink_metadata(path)?.is_dir() {
            for entry in fs::read_dir(path.clone())? {
                found.push(entry?.path());
            }
        }
        next += 1;
    }
    Ok(found)
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let worked = spawn_blocking(move || work(&path).map_err(|error| Failure::of(&error, &path)));
    worked.await.expect("it does not panic")
}
