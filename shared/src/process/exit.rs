//! Exit codes, from sysexits(3), and that of a program which SIGPIPE ends.

use std::process::ExitCode;

use super::output::{ReaderGone, complain};

/// The configuration is wrong; starting again will not help.
pub const USAGE: u8 = 64;

/// What a shell says of a program that SIGPIPE has ended: 128 and the signal's number. `pipefail`
/// and scripts know it. We ignore the signal, since sockets break, too.
pub const READER_GONE: u8 = 141;

/// Prints `error` with its causes and gives the code that fits it: [`USAGE`] for complaints about
/// configuration, 1 for the rest. Of a reader who is gone it says nothing.
pub fn report(program: &str, error: &anyhow::Error) -> ExitCode {
    if error.is::<ReaderGone>() {
        return ExitCode::from(READER_GONE);
    }
    if let Some(complaints) = error.downcast_ref::<super::Complaints>() {
        complain(&complaints.to_string());
        return ExitCode::from(USAGE);
    }
    complain(&format!("{program}: {error:#}"));
    ExitCode::FAILURE
}
