//! The command line: `control serve`, and everything an operator does beside it.

mod backup;
mod client;
mod confirm;
mod customers;
mod doctor;
mod dossier;
mod edges;
mod failure;
mod fleet;
mod init;
mod journal;
mod keys;
mod locks;
mod logs;
mod mails;
mod manual;
mod money;
mod output;
mod pflaster;
mod pool;
mod published;
mod routes;
mod status;
mod support_bundle;
mod tasks;
mod tickets;
mod times;
mod watch;
mod workspaces;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use shared::process::logging;

use crate::operator::openapi;
use crate::serve;
use crate::serve::config::Config;
use client::ApiClient;
pub use failure::usage_as_json;
use output::Output;

/// Customers, routes and edges of Arcamatrix.
#[derive(Parser)]
#[command(version, about, after_help = failure::EXIT_CODES)]
pub struct Cli {
    /// Where the configuration is.
    #[arg(long, global = true, default_value = "control.toml", env = "ARCA_CONTROL_CONFIG")]
    config: PathBuf,
    /// Print JSON, for scripts: errors too, and times as RFC 3339.
    #[arg(long, global = true)]
    json: bool,
    /// Do it without a question, also what takes something away from a customer.
    #[arg(long, global = true)]
    yes: bool,
    /// Say what would be done, and change nothing.
    #[arg(long, global = true, conflicts_with = "yes")]
    dry_run: bool,
    /// Show it again every two seconds, or as often as is said: --watch=10. Ctrl-C ends it.
    #[arg(
        long, global = true, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
        default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..=3_600)
    )]
    watch: Option<u64>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Run the program until SIGTERM.
    Serve,
    /// Where each workspace is.
    #[command(subcommand)]
    Routes(routes::Command),
    /// Who has a workspace.
    #[command(subcommand)]
    Customers(customers::Command),
    /// Which edge serves which generation; how one is added, joins and is removed.
    Edges(edges::Arguments),
    /// Refusals of workspaces and of single sessions.
    #[command(subcommand)]
    Locks(locks::Command),
    /// Sprites that stand ready for customers.
    #[command(subcommand)]
    Pool(pool::Command),
    /// The version of OpenClaw that workspaces have, and how a new one comes to them.
    #[command(subcommand)]
    Fleet(fleet::Command),
    /// What is looked after around tasks.
    #[command(subcommand)]
    Pflaster(pflaster::Command),
    /// What is to be done, and what went wrong with it.
    #[command(subcommand)]
    Tasks(tasks::Command),
    /// What does not come to rest by itself.
    #[command(subcommand)]
    Workspaces(workspaces::Command),
    /// What a workspace's gateway, or its agent, has logged; wakes its machine.
    Logs(logs::Arguments),
    /// Letters, and whether they were sent.
    #[command(subcommand)]
    Mails(mails::Command),
    /// What a person was told to look at.
    #[command(subcommand)]
    Tickets(tickets::Command),
    /// The key ring, and what is derived from it.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Is all well, and if not, what is to be done?
    Status,
    /// Who did what to which workspace, machine, route and price, the newest first.
    Journal(journal::Arguments),
    /// What comes in each month.
    Money,
    /// Try whatever the configuration names, and say how to mend what does not work.
    Doctor,
    /// Ask what a new installation needs, and write its configuration and keys.
    Init(init::Arguments),
    /// Write database and keys to a file, while control serves.
    Backup(backup::BackupArguments),
    /// Put a backup back, where control does not run and the database is empty; asks the edges
    /// what was taken away since.
    Restore(backup::RestoreArguments),
    /// Collect for somebody who helps what they have to know, without secrets and addresses.
    SupportBundle {
        /// Where to: not there yet.
        file: PathBuf,
    },
    /// Completions for a shell, to be put where it looks for them.
    Completions {
        #[arg(value_enum)]
        shell: manual::KnownShell,
    },
    /// Write the manual pages into a folder.
    Man { folder: PathBuf },
    /// The description of the JSON APIs, in OpenAPI 3.1.
    Openapi,
}

impl Cli {
    /// Says what went wrong, where something did.
    pub async fn run(self) -> ExitCode {
        let is_json = self.json;
        match self.execute().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failure::report(&error, is_json),
        }
    }

    async fn execute(self) -> anyhow::Result<()> {
        let output = Output { json: self.json, yes: self.yes, dry_run: self.dry_run };
        if let Some(seconds) = self.watch {
            if !self.command.may_be_watched() {
                let rule = "--watch is for commands that only look, such as status or tasks list";
                return Err(failure::WrongUsage(rule).into());
            }
            let show = async || run(self.command.clone(), &self.config, output).await;
            match watch::repeat(Duration::from_secs(seconds), self.json, show).await? {}
        }
        run(self.command, &self.config, output).await
    }
}

impl Command {
    /// It changes nothing, and may be done again and again.
    fn may_be_watched(&self) -> bool {
        match self {
            Self::Status | Self::Money | Self::Mails(_) | Self::Tickets(_) => true,
            Self::Journal(_) => true,
            Self::Edges(arguments) => arguments.only_look(),
            Self::Routes(routes::Command::List) | Self::Locks(locks::Command::List) => true,
            Self::Customers(command) => {
                matches!(command, customers::Command::List { .. } | customers::Command::Show { .. })
            }
            Self::Pool(command) => {
                matches!(command, pool::Command::Show | pool::Command::List { .. })
            }
            Self::Fleet(command) => matches!(command, fleet::Command::Show),
            Self::Tasks(command) => {
                matches!(command, tasks::Command::List { .. } | tasks::Command::Show { .. })
            }
            Self::Pflaster(command) => !matches!(command, pflaster::Command::Export),
            _ => false,
        }
    }
}

async fn run(command: Command, config: &Path, output: Output) -> anyhow::Result<()> {
    match command {
        Command::Keys(keys::Command::New { id }) => keys::new(&id, output),
        Command::Keys(command) => keys::run(command, &Config::read(config)?, output),
        Command::Openapi => output::print_text(&openapi::text()),
        Command::Completions { shell } => manual::completions(shell, Cli::command()),
        Command::Man { folder } => manual::pages(&folder, Cli::command(), output),
        Command::Doctor => doctor::run(config, output).await,
        Command::SupportBundle { file } => support_bundle::run(&file, config, output).await,
        Command::Init(arguments) => init::run(&arguments, output),
        Command::Backup(arguments) => backup::write(&arguments, config, output).await,
        Command::Restore(arguments) => backup::read(&arguments, config, output).await,
        Command::Serve => {
            let config = Config::read(config)?;
            logging::start(config.log, "info");
            serve::until_told_to_stop(&config).await
        }
        command => ask(command, &Config::read(config)?, output).await,
    }
}

/// What the running program answers.
async fn ask(command: Command, config: &Config, output: Output) -> anyhow::Result<()> {
    let api = ApiClient::new(config).context("cannot speak HTTP")?;
    match command {
        Command::Routes(command) => routes::run(command, &api, output).await,
        Command::Customers(command) => customers::run(command, &api, output).await,
        Command::Edges(arguments) => edges::run(arguments, &api, output).await,
        Command::Locks(command) => locks::run(command, &api, output).await,
        Command::Pool(command) => pool::run(command, &api, output).await,
        Command::Fleet(command) => fleet::run(command, &api, output).await,
        Command::Pflaster(command) => pflaster::run(command, &api, output).await,
        Command::Tasks(command) => tasks::run(command, &api, output).await,
        Command::Workspaces(command) => workspaces::run(command, &api, output).await,
        Command::Logs(arguments) => logs::run(&arguments, &api, output).await,
        Command::Mails(command) => mails::run(command, &api, output).await,
        Command::Tickets(command) => tickets::run(command, &api, output).await,
        Command::Status => status::run(&api, output).await,
        Command::Journal(arguments) => journal::run(&arguments, &api, output).await,
        Command::Money => money::run(&api, output).await,
        Command::Serve
        | Command::Openapi
        | Command::Keys(_)
        | Command::Doctor
        | Command::SupportBundle { .. }
        | Command::Init(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Completions { .. }
        | Command::Man { .. } => unreachable!("they ask nobody"),
    }
}
