//! The command line: `control serve`, and everything an operator does beside it.

mod client;
mod confirm;
mod customers;
mod dossier;
mod edges;
mod failure;
mod keys;
mod locks;
mod mails;
mod output;
mod pflaster;
mod pool;
mod routes;
mod tasks;
mod tickets;
mod times;
mod workspaces;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
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
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the program until SIGTERM.
    Serve,
    /// Where each workspace is.
    #[command(subcommand)]
    Routes(routes::Command),
    /// Who has a workspace.
    #[command(subcommand)]
    Customers(customers::Command),
    /// Which edge serves which generation.
    Edges,
    /// Refusals of workspaces and of single sessions.
    #[command(subcommand)]
    Locks(locks::Command),
    /// Sprites that stand ready for customers.
    #[command(subcommand)]
    Pool(pool::Command),
    /// What is looked after around tasks.
    #[command(subcommand)]
    Pflaster(pflaster::Command),
    /// What is to be done, and what went wrong with it.
    #[command(subcommand)]
    Tasks(tasks::Command),
    /// What does not come to rest by itself.
    #[command(subcommand)]
    Workspaces(workspaces::Command),
    /// Letters, and whether they were sent.
    #[command(subcommand)]
    Mails(mails::Command),
    /// What a person was told to look at.
    #[command(subcommand)]
    Tickets(tickets::Command),
    /// The key ring, and what is derived from it.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Whether the running program is well, in a few lines.
    Status,
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
        match self.command {
            Command::Keys(keys::Command::New { id }) => keys::new(&id, output),
            Command::Keys(command) => keys::run(command, &Config::read(&self.config)?, output),
            Command::Openapi => output::print_text(&openapi::text()),
            Command::Serve => {
                let config = Config::read(&self.config)?;
                logging::start(config.log, "info");
                serve::until_told_to_stop(&config).await
            }
            command => {
                let config = Config::read(&self.config)?;
                let api = ApiClient::new(&config).context("cannot speak HTTP")?;
                match command {
                    Command::Routes(command) => routes::run(command, &api, output).await,
                    Command::Customers(command) => customers::run(command, &api, output).await,
                    Command::Edges => edges::list(&api, output).await,
                    Command::Locks(command) => locks::run(command, &api, output).await,
                    Command::Pool(command) => pool::run(command, &api, output).await,
                    Command::Pflaster(command) => pflaster::run(command, &api, output).await,
                    Command::Tasks(command) => tasks::run(command, &api, output).await,
                    Command::Workspaces(command) => workspaces::run(command, &api, output).await,
                    Command::Mails(command) => mails::run(command, &api, output).await,
                    Command::Tickets(command) => tickets::run(command, &api, output).await,
                    Command::Status => edges::status(&api, output).await,
                    Command::Serve | Command::Openapi | Command::Keys(_) => {
                        unreachable!("matched above")
                    }
                }
            }
        }
    }
}
