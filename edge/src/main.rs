//! The edge: every client's request passes here, and only those that may go on do.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::process::{exit, logging};

use edge::config::Config;
use edge::{join, server};

#[cfg(not(any(debug_assertions, feature = "jemalloc")))]
compile_error!("what is shipped has its allocator: --features edge/jemalloc");

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The configuration file; config/edge.toml explains every key.
    #[arg(long, default_value = "edge.toml")]
    config: PathBuf,
    /// Read the configuration, report what is wrong with it, and end.
    #[arg(long)]
    check: bool,
    /// Take over from the edge that serves with this configuration: its listening
    /// sockets, its routes, and the connections that come; it drains what it has.
    #[arg(long)]
    upgrade: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Make an edge of this machine, with a token that `control edges token NAME` makes.
    Join(Box<join::Arguments>),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where it cannot be printed, nobody is there to read it.
            let _unread = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report("edge", &error),
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(Command::Join(arguments)) = &arguments.command {
        return join::run(arguments);
    }
    let config = Config::read(&arguments.config)?;
    if arguments.check {
        return Ok(());
    }
    logging::start(config.log, "info,pingora_core=warn,pingora_proxy=warn,h2=error");
    server::run(config, arguments.upgrade)
}
