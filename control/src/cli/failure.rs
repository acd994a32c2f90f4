//! How a command ends that did not do what it was asked: what is said, and the exit code.

use std::process::ExitCode;

use serde_json::{Value, json};
use shared::process::output::{ReaderGone, complain};
use shared::process::{Complaints, exit};

use super::client::ApiError;
use super::confirm::NotConfirmed;

/// Something that was looked at is not well.
const NOT_WELL: u8 = 3;

/// A question was not answered with yes: nothing was changed.
const NOT_CONFIRMED: u8 = 4;

/// The running program does not answer; the number is that of sysexits(3).
const UNREACHABLE: u8 = 69;

/// For `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0   it is done, and what was asked about is well
  1   it failed
  3   `status` or `doctor` found something that is not well, or an edge does not serve a change yet, or the database does not have it
  4   nothing was changed: a question was not answered with yes, and --yes was not said
  64  the command or the configuration is wrong
  69  control does not answer
  141 whoever read the output has closed it, as `| head` does";

/// It was told already, and only the exit code is left to say it.
#[derive(Debug, thiserror::Error)]
#[error("not all is well")]
pub(super) struct NotWell;

/// The command line asks for what there is not.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct WrongUsage(pub(super) &'static str);

/// Tells people on standard error, programs in JSON.
pub(super) fn report(error: &anyhow::Error, is_json: bool) -> ExitCode {
    say(error, is_json);
    ExitCode::from(exit_code(error))
}

/// As [`report`], for what goes on all the same.
pub(super) fn say(error: &anyhow::Error, is_json: bool) {
    if error.is::<NotWell>() || error.is::<ReaderGone>() {
        return;
    }
    if is_json {
        complain(&body(error).to_string());
    } else if error.is::<Complaints>() {
        // Each line begins with the file's name.
        complain(&error.to_string());
    } else {
        complain(&format!("control: {error:#}"));
    }
}

/// A command line that cannot be understood, for programs.
pub fn usage_as_json(message: &str) -> String {
    json!({ "error": { "code": "usage", "message": message.trim() } }).to_string()
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Complaints>() || error.is::<WrongUsage>() {
        exit::USAGE
    } else if error.is::<ReaderGone>() {
        exit::READER_GONE
    } else if error.is::<NotWell>() {
        NOT_WELL
    } else if error.is::<NotConfirmed>() {
        NOT_CONFIRMED
    } else if matches!(error.downcast_ref(), Some(ApiError::Unreachable { .. })) {
        UNREACHABLE
    } else {
        1
    }
}

/// As the API's own errors are.
fn body(error: &anyhow::Error) -> Value {
    let message = format!("{error:#}");
    let code = match error.downcast_ref() {
        Some(ApiError::Refused { detail, .. }) => {
            return json!({ "error": {
                "code": detail.code, "message": detail.message, "field": detail.field,
            }});
        }
        Some(ApiError::Unreachable { .. }) => "unreachable",
        Some(ApiError::Unreadable { .. }) => "unreadable_answer",
        None if error.is::<Complaints>() => "configuration",
        None if error.is::<WrongUsage>() => "usage",
        None if error.is::<NotConfirmed>() => "not_confirmed",
        None => "failed",
    };
    json!({ "error": { "code": code, "message": message } })
}
