//! Files that root makes for a program that runs as somebody else.

use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

/// Gives the file at `path` to whom its folder belongs, user and group. Whoever may not give
/// anything away keeps it.
///
/// # Errors
/// When one of the two is not there.
pub fn give_to_owner_of_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).metadata()?;
    let own = path.metadata()?;
    if (own.uid(), own.gid()) == (folder.uid(), folder.gid()) {
        return Ok(());
    }
    match chown(path, Some(folder.uid()), Some(folder.gid())) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}
