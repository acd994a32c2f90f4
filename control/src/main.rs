//! `control`: see `control --help`.

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use control::cli::{Cli, usage_as_json};
use shared::process::exit;
use shared::process::output::complain;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_help =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if !is_help && std::env::args().any(|argument| argument == "--json") {
                complain(&usage_as_json(&error.to_string()));
            } else {
                // Where it cannot be printed, nobody is there to read it.
                let _unread = error.print();
            }
            return if is_help { ExitCode::SUCCESS } else { ExitCode::from(exit::USAGE) };
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot start the runtime");
            exit::report("control", &error)
        }
    }
}
