//! Carries out what [`Machine`] decides: one gateway, or its doctor, at a time.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use shared::Secret;
use shared::process::time::unix_seconds;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::account::Account;
use super::child::{Child, Program};
use super::readiness::{Probe, probe};
use super::redaction::Redaction;
use super::state::{Action, Event, Exit, Machine, Policy, State};
use super::{environment, last_worked, leftover, log_file};
use crate::config::SupervisorConfig;
use crate::gateway_status::{GatewayStatus, Phase};
use crate::stopping::Stopping;
use shared::retry::chance;

pub struct Supervisor {
    config: SupervisorConfig,
    address: SocketAddr,
    account: Option<Account>,
    environment: Vec<(String, String)>,
    secrets: Vec<Secret<String>>,
    machine: Machine,
    child: Option<Child>,
    status: watch::Sender<GatewayStatus>,
}

/// What a child is for.
#[derive(Debug, Clone, Copy)]
enum Role {
    Gateway,
    Doctor,
}

impl Supervisor {
    pub fn new(
        config: SupervisorConfig,
        address: SocketAddr,
        token: &Secret<String>,
        status: watch::Sender<GatewayStatus>,
    ) -> Self {
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
        let policy = Policy {
            ready_budget: config.ready_budget,
            stop_grace: config.stop_grace,
            has_doctor: !config.doctor.is_empty(),
        };
        Self {
            environment: environment::build(&config.state_dir, &home, token, &config.environment),
            config,
            address,
            account,
            secrets,
            machine: Machine::new(policy),
            child: None,
            status,
        }
    }

    /// Returns when the agent was told to stop and the gateway is gone.
    pub async fn run(mut self, stopping: Stopping) {
        leftover::end(&self.config.log.folder).await;
        let mut event = Event::StartRequested;
        let mut is_stopping = false;
        loop {
            let mut next = Some(event);
            while let Some(event) = next {
                self.note(event);
                let action = self.machine.step(event, Instant::now(), chance());
                next = action.and_then(|action| self.carry_out(action));
            }
            self.publish();
            if is_stopping && self.machine.state() == State::Stopped {
                return;
            }
            event = tokio::select! {
                exit = ended(&mut self.child) => Event::Exited(exit),
                () = at(self.machine.deadline()) => Event::DeadlinePassed,
                probed = next_probe(&self.machine, self.address) => Event::Probed(probed),
                () = stopping.requested(), if !is_stopping => {
                    is_stopping = true;
                    Event::StopRequested
                }
            };
        }
    }

    /// What follows at once from what was done, if anything does.
    fn carry_out(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::StartGateway => self.start(Role::Gateway),
            Action::StartDoctor => self.start(Role::Doctor),
            Action::Terminate => {
                self.child.iter().for_each(Child::terminate);
                None
            }
            Action::Kill => {
                self.child.iter().for_each(Child::kill);
                None
            }
            Action::KeepConfiguration => {
                let state_dir = &self.config.state_dir;
                if let Err(error) = last_worked::keep(state_dir, self.account.as_ref()) {
                    warn!(%error, "cannot keep a copy of the configuration that works");
                }
                None
            }
            Action::RestoreConfiguration => {
                let state_dir = &self.config.state_dir;
                let restored = last_worked::restore(state_dir, self.account.as_ref());
                match &restored {
                    Ok(()) => warn!("the last configuration that worked is in place again"),
                    Err(error) => error!(%error, "there is no configuration to go back to"),
                }
                Some(Event::Restored(restored.is_ok()))
            }
        }
    }

    fn start(&mut self, role: Role) -> Option<Event> {
        let command = match role {
            Role::Gateway => &self.config.command,
            Role::Doctor => &self.config.doctor,
        };
        match self.try_start(command) {
            Ok(child) => {
                info!(pid = child.id(), "started the {role:?}: {}", command[0]);
                self.child = Some(child);
                None
            }
            Err(error) => {
                error!(%error, "cannot start the {role:?}: {}", command[0]);
                Some(Event::Exited(Exit::NeverStarted))
            }
        }
    }

    fn try_start(&self, command: &[String]) -> io::Result<Child> {
        self.make_folders()?;
        let (reader, writer) = io::pipe()?;
        let secrets = self.secrets.iter().map(|secret| secret.expose().as_str());
        log_file::follow(reader, self.config.log.clone(), Redaction::new(secrets))?;
        let program = Program {
            command,
            environment: &self.environment,
            folder: &self.config.state_dir,
            account: self.account.as_ref(),
        };
        let child = Child::start(&program, writer)?;
        if let Err(error) = leftover::note(&self.config.log.folder, child.id()) {
            warn!(%error, "cannot write down the gateway's process id");
        }
        Ok(child)
    }

    fn make_folders(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.config.log.folder)?;
        let state_dir: &PathBuf = &self.config.state_dir;
        if !state_dir.exists() {
            std::fs::create_dir_all(state_dir)?;
            if let Some(account) = &self.account {
                std::os::unix::fs::chown(state_dir, Some(account.uid), Some(account.gid))?;
            }
        }
        Ok(())
    }

    /// Remembers and logs what happened, before anything is decided about it.
    fn note(&mut self, event: Event) {
        if let Event::Exited(exit) = event {
            self.child = None;
            let exit = describe(exit);
            info!("the gateway or its doctor {exit}");
            self.status.send_modify(|status| status.last_exit = Some(exit));
        }
    }

    fn publish(&self) {
        let state = self.machine.state();
        let phase = phase(state, self.machine.was_ready());
        let now = unix_seconds();
        self.status.send_if_modified(|status| {
            let next = GatewayStatus {
                phase,
                detail: detail(state).to_owned(),
                pid: self.child.as_ref().map(Child::id),
                restarts: self.machine.restarts(),
                last_exit: status.last_exit.clone(),
                ready_since: match state {
                    State::Ready { .. } => status.ready_since.or(Some(now)),
                    _ => None,
                },
            };
            let is_changed = *status != next;
            if status.phase != next.phase {
                info!("the gateway: {}", next.detail);
            }
            *status = next;
            is_changed
        });
    }
}

fn phase(state: State, was_ready: bool) -> Phase {
    match state {
        // Without an answer it may be busy; pages that are linked stay linked.
        State::Ready { unready_since: None, .. } | State::Ready { silent: 1.., .. } => Phase::Ready,
        State::GivenUp => Phase::Failed,
        _ if was_ready => Phase::Restarting,
        _ => Phase::Starting,
    }
}

fn detail(state: State) -> &'static str {
    match state {
        State::Stopped => "stopped",
        State::Starting { .. } => "started, not ready yet",
        State::Ready { unready_since: None, .. } => "ready",
        State::Ready { silent: 1.., .. } => "ready before, does not answer now",
        State::Ready { .. } => "ready before, says now that it is not",
        State::Terminating { kill_at: Some(_), .. } => "told to stop",
        State::Terminating { kill_at: None, .. } => "killed",
        State::BackingOff { .. } => "ended, waiting before it is started again",
        State::Doctoring { .. } => "refused its configuration; the doctor is at it",
        State::Restoring => "refused its configuration; going back to the last one that worked",
        State::GivenUp => "refuses its configuration, doctored or restored; nothing more is tried",
    }
}

fn describe(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with code {code}"),
        Exit::Signal(signal) => format!("was ended by signal {signal}"),
        Exit::NeverStarted => "could not be started".to_owned(),
    }
}

async fn ended(child: &mut Option<Child>) -> Exit {
    match child {
        Some(child) => child.ended().await,
        None => pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn next_probe(machine: &Machine, address: SocketAddr) -> Probe {
    match machine.probe_after() {
        Some(wait) => {
            tokio::time::sleep(wait).await;
            probe(address).await
        }
        None => pending().await,
    }
}
