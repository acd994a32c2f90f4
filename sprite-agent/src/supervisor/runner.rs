//! Carries out what [`Machine`] decides: one gateway, or its doctor, at a time.

use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use shared::Secret;
use shared::process::time::unix_seconds;
use shared::retry::chance;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::awake_clock::AwakeClock;
use super::child::Child;
use super::configuration::{Configuration, Fingerprint};
use super::events::{Action, EXIT_CONFIGURATION, Event, Exit, Obstacle, Probe};
use super::inspection::{self, Lack};
use super::last_lines::LastLines;
use super::launcher::{Launched, Launcher};
use super::prober::Prober;
use super::report::{self, Report, Trouble, describe, reason_of};
use super::running::{self, Role, Running};
use super::state::{Machine, Policy, RecoveryStage, State};
use super::{leftover, orphans};
use crate::config::SupervisorConfig;
use crate::gateway_status::{GatewayStatus, Mended, Reason};
use crate::stopping::Stopping;

/// How often the clock is asked, the configuration looked at and memory measured while
/// nothing is probed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For the last words of a child that has ended; a helper may keep the pipe open.
const LAST_WORDS_MAX: Duration = Duration::from_millis(500);

pub struct Supervisor {
    config: SupervisorConfig,
    address: SocketAddr,
    launcher: Launcher,
    configuration: Configuration,
    prober: Prober,
    machine: Machine,
    running: Option<Running>,
    trouble: Trouble,
    /// The configuration when the gateway was last found not running.
    watched: Option<Fingerprint>,
    last_exit: Option<String>,
    version: Option<String>,
    mended: Option<Mended>,
    status: watch::Sender<GatewayStatus>,
}

impl Supervisor {
    pub fn new(
        config: SupervisorConfig,
        address: SocketAddr,
        token: &Secret<String>,
        status: watch::Sender<GatewayStatus>,
    ) -> Self {
        let launcher = Launcher::new(&config, token);
        let policy = Policy {
            ready_budget: config.ready_budget,
            stop_grace: config.stop_grace,
            proven_after: config.proven_after,
            has_doctor: !config.openclaw.doctor.is_empty(),
            has_pinned_version: config.pinned.is_some(),
        };
        Self {
            configuration: Configuration {
                folder: config.state_dir.clone(),
                account: launcher.account.clone(),
            },
            config,
            address,
            launcher,
            prober: Prober::new(address, token.clone(), true),
            machine: Machine::new(policy),
            running: None,
            trouble: Trouble::default(),
            watched: None,
            last_exit: None,
            version: None,
            mended: None,
            status,
        }
    }

    /// Returns when the agent was told to stop and the gateway is gone.
    pub async fn run(mut self, stopping: Stopping) {
        leftover::end(&self.config.log.folder).await;
        orphans::end(&self.config.state_dir, None);
        // Without it, only a changed file or time starts a gateway that was given up.
        let mut hangups = signal(SignalKind::hangup()).ok();
        let mut clock = AwakeClock::new(Instant::now());
        let mut event = Some(Event::StartRequested);
        let mut is_stopping = false;
        loop {
            let now = clock.at(Instant::now());
            orphans::bury(self.children().next().map(Child::id));
            let due = self.machine.deadline().is_some_and(|deadline| deadline <= now);
            let first = event
                .or_else(|| due.then_some(Event::DeadlinePassed))
                .or_else(|| self.configuration_changed());
            self.take(first, now);
            // Asked every time: while a gateway runs, there is always something else.
            let exceeded = self.running.as_ref().and_then(|running| running.excess(&self.config));
            self.take(exceeded, now);
            self.watched = self
                .machine
                .watches_configuration()
                .then(|| self.watched.unwrap_or_else(|| self.configuration.fingerprint()));
            self.publish();
            if is_stopping && self.machine.state() == State::Stopped {
                return;
            }
            let deadline = self.machine.deadline().map(|deadline| clock.real(deadline));
            event = tokio::select! {
                exit = running::ended(&mut self.running) => Some(self.exited(exit).await),
                () = at(deadline) => None,
                probed = next_probe(&self.machine, &mut self.prober) => Some(Event::Probed(probed)),
                () = look(&self.machine) => None,
                () = hangup(&mut hangups) => Some(Event::Nudged),
                () = stopping.requested(), if !is_stopping => {
                    is_stopping = true;
                    Some(Event::StopRequested)
                }
            };
        }
    }

    /// Steps the machine, and on through what its actions bring about at once.
    fn take(&mut self, event: Option<Event>, now: Instant) {
        let mut next = event;
        while let Some(event) = next {
            self.note(event);
            let action = self.machine.step(event, now, chance());
            next = action.and_then(|action| self.carry_out(action));
        }
    }

    async fn exited(&mut self, exit: Exit) -> Event {
        let Some(Running { role, launched }) = self.running.take() else {
            return self.gone(exit, None);
        };
        let Launched { log, last_lines, .. } = launched;
        orphans::end(&self.config.state_dir, None);
        let _ = tokio::time::timeout(LAST_WORDS_MAX, log.ended()).await;
        let text = describe(exit);
        info!("the {role:?} {text}");
        if role == Role::Doctor {
            return self.gone(exit, None);
        }
        self.prober.forget();
        let lack = self.lack(&last_lines);
        match &lack {
            Some(lack) => self.trouble.seen = format!("it {text}; {}", lack.detail),
            // It was told to end, for a reason that is noted already.
            None if self.machine.is_stopping() => {}
            None => self.trouble.seen = format!("it {text}"),
        }
        self.last_exit = Some(text);
        self.gone(exit, lack.map(|lack| lack.obstacle))
    }

    fn gone(&self, exit: Exit, obstacle: Option<Obstacle>) -> Event {
        let is_untried = self.configuration.is_untried(self.expected_version());
        Event::Exited { exit, obstacle, is_untried }
    }

    /// What the gateway lacked when it ended: as we see it, or by its own last words.
    fn lack(&self, last_lines: &LastLines) -> Option<Lack> {
        let by_its_words = || {
            let obstacle = last_lines.complaint()?;
            Some(Lack { obstacle, detail: "it says so with its last lines".to_owned() })
        };
        inspection::inspect(self.address, &self.folders()).or_else(by_its_words)
    }

    fn folders(&self) -> [&Path; 2] {
        [&self.config.state_dir, &self.config.log.folder]
    }

    fn configuration_changed(&self) -> Option<Event> {
        let before = self.watched?;
        (before != self.configuration.fingerprint()).then_some(Event::Nudged)
    }

    /// What follows at once from what was done, if anything does.
    fn carry_out(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Inspect => {
                let lack = inspection::inspect(self.address, &self.folders());
                if let Some(lack) = &lack {
                    self.trouble.seen.clone_from(&lack.detail);
                }
                Some(Event::Inspected(lack.map(|lack| lack.obstacle)))
            }
            Action::StartGateway => self.start(Role::Gateway),
            Action::StartDoctor => {
                self.set_aside();
                self.start(Role::Doctor)
            }
            Action::Terminate => {
                self.children().for_each(Child::terminate);
                None
            }
            Action::Kill => {
                self.children().for_each(Child::kill);
                None
            }
            Action::KeepConfiguration => {
                self.keep_configuration();
                None
            }
            Action::Restore => {
                // What the doctor left of it is not what the customer wrote.
                if self.machine.stage() == RecoveryStage::AsItIs {
                    self.set_aside();
                }
                Some(Event::Restored(self.restore()))
            }
            Action::PinVersion => Some(Event::Pinned(self.pin_version())),
        }
    }

    fn children(&self) -> impl Iterator<Item = &Child> {
        self.running.iter().map(|running| &running.launched.child)
    }

    /// The gateway has been well for a minute.
    fn keep_configuration(&mut self) {
        self.trouble = Trouble::default();
        if let Err(error) = self.configuration.keep(self.version.as_deref()) {
            warn!(%error, "cannot keep a copy of the configuration that works");
        }
        if let Some(by) = self.machine.mended()
            && self.mended.is_none_or(|mended| mended.by != by)
        {
            info!("the gateway was mended: {}", by.label());
            self.mended = Some(Mended { by, at: unix_seconds() });
        }
    }

    fn set_aside(&self) {
        let last_lines = self.status.borrow().detail.clone();
        self.configuration.set_aside(&format!("{}\n{last_lines}\n", self.trouble.seen));
    }

    fn restore(&self) -> bool {
        match self.configuration.restore(self.expected_version()) {
            Ok(()) => {
                warn!("the last good configuration is in place again");
                true
            }
            Err(error) => {
                error!(%error, "there is no other configuration to go back to");
                false
            }
        }
    }

    fn pin_version(&self) -> bool {
        let Some(pinned) = &self.config.pinned else { return false };
        warn!("going back to the pinned version {}", pinned.version.as_deref().unwrap_or("?"));
        if let Some(version) = &pinned.version
            && let Err(error) = self.configuration.restore(Some(version))
        {
            info!(%error, "the pinned version runs with the configuration in place");
        }
        true
    }

    /// The version that a start would run, as far as it is known before it says so.
    fn expected_version(&self) -> Option<&str> {
        let openclaw = match &self.config.pinned {
            Some(pinned) if self.machine.is_pinned() => pinned,
            _ => &self.config.openclaw,
        };
        openclaw.version.as_deref().or(self.version.as_deref())
    }

    fn start(&mut self, role: Role) -> Option<Event> {
        if role == Role::Gateway
            && let Some(version) = self.expected_version()
            && self.configuration.adopt_version(version)
        {
            warn!("OpenClaw {version} has a configuration of its own, which is in place now");
        }
        let openclaw = match &self.config.pinned {
            Some(pinned) if self.machine.is_pinned() => pinned,
            _ => &self.config.openclaw,
        };
        let command = match role {
            Role::Gateway => &openclaw.command,
            Role::Doctor => &openclaw.doctor,
        };
        let program = command.first().map(String::as_str).unwrap_or_default();
        if let Some(kind) = self.configuration.unreadable_kind() {
            error!("openclaw.json is {kind}, which the {role:?} would read without end");
            self.trouble.seen = format!("openclaw.json is {kind} and not a file");
            return Some(self.gone(Exit::Code(EXIT_CONFIGURATION), None));
        }
        match self.launcher.start(&self.config, command) {
            Ok(launched) => {
                info!(pid = launched.child.id(), "started the {role:?}: {program}");
                self.running = Some(Running { role, launched });
                None
            }
            Err(error) => {
                error!(%error, "cannot start the {role:?}: {program}");
                self.trouble.seen = format!("cannot start {program}: {error}");
                Some(self.gone(Exit::NeverStarted, None))
            }
        }
    }

    /// Remembers what went wrong, before anything is decided about it.
    fn note(&mut self, event: Event) {
        let is_doctor = self.machine.is_doctoring();
        let reason = match event {
            Event::Exited { obstacle: Some(obstacle), .. } => reason_of(obstacle),
            Event::Exited { .. } if is_doctor || self.machine.is_stopping() => return,
            Event::Exited { exit: Exit::Code(EXIT_CONFIGURATION), .. } => {
                Reason::ConfigurationRefused
            }
            Event::Exited { .. } => Reason::Crashing,
            Event::Inspected(Some(obstacle)) => reason_of(obstacle),
            Event::Probed(probe) => return self.note_probe(probe),
            Event::MemoryExceeded(_) => Reason::MemoryExceeded,
            Event::ProcessesExceeded => Reason::ProcessesExceeded,
            Event::DeadlinePassed if self.machine.is_starting() => Reason::NotAnswering,
            _ => return,
        };
        self.trouble.reason = Some(reason);
    }

    fn note_probe(&mut self, probe: Probe) {
        if let Some(complaint) = &self.prober.complaint {
            self.trouble.seen.clone_from(complaint);
        }
        match probe {
            Probe::Ready => {
                self.version = self.prober.version().or(self.version.take());
                let disk = inspection::disk(&self.folders());
                let was_full = self.trouble.reason == Some(Reason::DiskFull);
                if let Some(Lack { detail, .. }) = disk {
                    self.trouble = Trouble { reason: Some(Reason::DiskFull), seen: detail };
                } else if was_full {
                    self.trouble = Trouble::default();
                }
            }
            Probe::Refused => self.trouble.reason = Some(Reason::ConnectionRefused),
            Probe::Foreign => self.trouble.reason = Some(reason_of(Obstacle::Port)),
            Probe::NotReady | Probe::Silent => {}
        }
    }

    fn publish(&self) {
        let Report { phase, reason, detail } = report::report(&self.machine, &self.trouble);
        let is_ready = matches!(self.machine.state(), State::Ready(_));
        let gateway = self.running.iter().find(|running| running.role == Role::Gateway);
        let now = unix_seconds();
        self.status.send_if_modified(|status| {
            let next = GatewayStatus {
                phase,
                reason,
                detail,
                pid: gateway.map(|running| running.launched.child.id()),
                version: self.version.clone(),
                restarts: self.machine.restarts(),
                last_exit: self.last_exit.clone(),
                ready_since: is_ready.then(|| status.ready_since.unwrap_or(now)),
                mended: self.mended,
                cannot_plan: self.prober.cannot_plan().map(str::to_owned),
            };
            let is_changed = *status != next;
            if (status.phase, status.reason) != (next.phase, next.reason) {
                info!(reason = reason.label(), "the gateway: {}", next.detail);
            }
            *status = next;
            is_changed
        });
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// A probe is a look of its own, and must not be broken off by another.
async fn look(machine: &Machine) {
    match machine.probe_after() {
        Some(_) => pending().await,
        None => tokio::time::sleep(LOOK_EVERY).await,
    }
}

async fn hangup(hangups: &mut Option<Signal>) {
    let received = match hangups {
        Some(hangups) => hangups.recv().await,
        None => None,
    };
    if received.is_none() {
        pending::<()>().await;
    }
}

async fn next_probe(machine: &Machine, prober: &mut Prober) -> Probe {
    match machine.probe_after() {
        Some(wait) => {
            tokio::time::sleep(wait).await;
            prober.probe().await
        }
        None => pending().await,
    }
}
