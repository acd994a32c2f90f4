//! Exit codes, from sysexits(3).

use std::process::ExitCode;

/// The configuration is wrong; starting again will not help.
pub const USAGE: u8 = 64;

/// Prints `error` with its causes and gives the code that fits it:
/// [`USAGE`] for complaints about configuration, 1 for the rest.
pub fn report(program: &str, error: &anyhow::Error) -> ExitCode {
    if let Some(complaints) = error.downcast_ref::<super::Complaints>() {
        eprintln!("{complaints}");
        return ExitCode::from(USAGE);
    }
    eprintln!("{program}: {error:#}");
    ExitCode::FAILURE
}
