//! Users and groups by name, as the packages make them.

use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

/// Whose a file is, and who may read it.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub user: &'static str,
    pub group: &'static str,
    pub mode: u32,
}

/// Files that an edge alone reads.
pub const EDGE: Owner = Owner { user: "arca-edge", group: "arca-edge", mode: 0o600 };

/// Gives `path` to its owner; `false` where this machine has no such user, or we may not: then
/// the file is its maker's, and nobody else reads it.
///
/// # Errors
/// When it is not there, or its folder refuses.
pub fn give(path: &Path, owner: Owner) -> io::Result<bool> {
    let user = id("/etc/passwd", owner.user);
    let group = id("/etc/group", owner.group);
    let Some((user, group)) = user.zip(group) else { return Ok(false) };
    match chown(path, Some(user), Some(group)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        given => given?,
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(owner.mode))?;
    Ok(true)
}

/// The third field of the line that begins with `name`.
fn id(file: &str, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}
