//! Starts the gateway or its doctor, with the environment, the account and the
//! log that belong to them.

use std::io;
use std::path::PathBuf;

use shared::Secret;
use tracing::warn;

use super::account::Account;
use super::child::{Child, Program};
use super::last_lines::LastLines;
use super::redaction::Redaction;
use super::{environment, leftover, log_file};
use crate::config::SupervisorConfig;

pub struct Launcher {
    environment: Vec<(String, String)>,
    secrets: Vec<Secret<String>>,
    pub account: Option<Account>,
}

/// A child that runs, and what it says.
pub struct Launched {
    pub child: Child,
    pub log: log_file::Following,
    pub last_lines: LastLines,
}

impl Launcher {
    pub fn new(config: &SupervisorConfig, token: &Secret<String>) -> Self {
        let account = config.user.as_deref().and_then(|name| {
            let account = Account::available(name);
            if account.is_none() {
                warn!(user = name, "cannot run the gateway as {name}; it runs as ourselves");
            }
            account
        });
        let home =
            account.as_ref().map_or(config.state_dir.clone(), |account| account.home.clone());
        let secrets = environment::secrets_among(&config.environment)
            .map(|secret| Secret::new(secret.to_owned()))
            .chain([token.clone()])
            .collect();
        let environment = environment::build(&config.state_dir, &home, token, &config.environment);
        Self { environment, secrets, account }
    }

    /// # Errors
    /// When a folder, the log or the program cannot be had.
    pub fn start(&self, config: &SupervisorConfig, command: &[String]) -> io::Result<Launched> {
        self.make_folders(config)?;
        let (reader, writer) = io::pipe()?;
        let secrets = self.secrets.iter().map(|secret| secret.expose().as_str());
        let last_lines = LastLines::default();
        let redaction = Redaction::new(secrets);
        let log = log_file::follow(reader, config.log.clone(), redaction, last_lines.clone())?;
        let program = Program {
            command,
            environment: &self.environment,
            folder: &config.state_dir,
            account: self.account.as_ref(),
        };
        let child = Child::start(&program, writer)?;
        if let Err(error) = leftover::note(&config.log.folder, child.id()) {
            warn!(%error, "cannot write down the gateway's process id");
        }
        Ok(Launched { child, log, last_lines })
    }

    fn make_folders(&self, config: &SupervisorConfig) -> io::Result<()> {
        std::fs::create_dir_all(&config.log.folder)?;
        let state_dir: &PathBuf = &config.state_dir;
        if !state_dir.exists() {
            std::fs::create_dir_all(state_dir)?;
            if let Some(account) = &self.account {
                std::os::unix::fs::chown(state_dir, Some(account.uid), Some(account.gid))?;
            }
        }
        Ok(())
    }
}
