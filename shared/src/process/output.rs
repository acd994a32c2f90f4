//! Standard output of commands that say something and end.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;

/// Whoever read the output has closed it, as `| head` does. Nothing is left to be said.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct ReaderGone;

/// # Errors
/// [`ReaderGone`], or why it cannot be written.
pub fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    heard(output.write_all(text).and_then(|()| output.flush()).context("cannot print"))
}

/// What was done with standard output, where a pipe that broke can be no other than its.
///
/// # Errors
/// [`ReaderGone`] for that one; others as they are.
pub fn heard<T>(done: anyhow::Result<T>) -> anyhow::Result<T> {
    done.map_err(|error| {
        let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        let is_gone = causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe);
        if is_gone { ReaderGone.into() } else { error }
    })
}

/// On standard error. Who has closed it does not want to know.
pub fn complain(text: &str) {
    let _unread = writeln!(io::stderr().lock(), "{text}");
}
