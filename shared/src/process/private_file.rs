//! Files that only their owner reads: keys and addresses are in them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Makes the file at `path`, for its owner alone.
///
/// # Errors
/// When something is there already, or it cannot be made.
pub fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
