//! `sprite-agent --config FILE [--no-supervise] [--check]`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use shared::process::{exit, logging, shutdown};
use sprite_agent::config::Config;
use sprite_agent::run::run;
use sprite_agent::stopping;

/// Gives back what it no longer uses: after a busy hour glibc's keeps ten times the idle memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The agent in a workspace's VM.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; config/sprite-agent.toml explains each key.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Leave the gateway to a service manager and only watch whether it is ready.
    #[arg(long)]
    no_supervise: bool,
    /// Check the configuration and exit: 0 when it is good, 64 when it is not.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report("sprite-agent", &error),
    }
}

fn start(arguments: &Arguments) -> anyhow::Result<()> {
    let mut config = Config::read(&arguments.config)?;
    if arguments.check {
        return Ok(());
    }
    if arguments.no_supervise {
        config.supervisor = None;
    }
    logging::start(config.log_format, "info");
    // One thread: a workspace has one customer, and each further thread costs idle memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let (stop, stopping) = stopping::channel();
        // Before a gateway is started, which a signal would leave behind.
        let requested = shutdown::listen();
        tokio::spawn(async move {
            // Without signals there is only SIGKILL, which needs no help from us.
            if let Ok(requested) = requested {
                requested.await;
                stop.stop();
            }
            std::future::pending::<()>().await;
        });
        run(config, &arguments.config, stopping).await
    })
}
