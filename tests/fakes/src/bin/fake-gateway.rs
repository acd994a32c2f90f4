//! Runs the stand-in for the OpenClaw gateway.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use fakes::gateway::command_line::CommandLine;
use fakes::gateway::program;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).init();
    program::run(CommandLine::parse()).await.map_or_else(ExitCode::from, |()| ExitCode::SUCCESS)
}
