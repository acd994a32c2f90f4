//! One sprite: its record, its machine, and how it wakes and sleeps.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tracing::{info, warn};

use super::folder::Folder;
use super::life::{self, Status};
use super::quota;
use super::record::Record;
use super::refusal::Refusal;
use super::settings::Settings;
use super::vm::{Sockets, Vm};
use crate::vendor::calendar;

pub struct Sprite {
    pub name: String,
    pub folder: Folder,
    settings: Arc<Settings>,
    record: Mutex<Record>,
    trouble: Mutex<Trouble>,
    /// Held over every change, which can take seconds.
    power: tokio::sync::Mutex<Power>,
    /// What the API shows meanwhile.
    status: Mutex<Status>,
    /// One permit for each sprite that runs.
    capacity: Arc<Semaphore>,
    users: AtomicUsize,
    /// When the last user left.
    quiet_since: Mutex<Instant>,
    /// Counts how often all connections were cut.
    cuts: watch::Sender<u64>,
    /// Its supervisor of services is not up yet.
    unready: AtomicBool,
}

/// What a test has done to it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trouble {
    /// Calls about services and checkpoints hang; only deletion helps.
    pub wedged: bool,
    /// No checkpoint can be made.
    pub checkpoint_fails: bool,
    /// A restore fails, and leaves a sprite that no longer wakes.
    pub restore_fails: bool,
    /// A restore says that it is done, and has changed nothing.
    pub restore_lies: bool,
    /// It does not wake.
    pub broken: bool,
    /// The list lacks it; asked about by its name, it is there.
    pub hidden: bool,
}

enum Power {
    Off,
    On { vm: Vm, _runs: OwnedSemaphorePermit },
    Frozen(Vm),
    Gone,
}

/// The sprite is awake, and stays so while this is held.
pub struct Awake {
    sprite: Arc<Sprite>,
    pub sockets: Sockets,
    cuts: watch::Receiver<u64>,
}

impl Awake {
    /// Returns when the connections of this sprite are cut.
    pub async fn cut(&mut self) {
        // The sender lives in the sprite that is held here.
        let _ = self.cuts.changed().await;
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        *self.sprite.quiet_since() = Instant::now();
        self.sprite.users.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Sprite {
    /// A cold one.
    pub fn new(
        settings: Arc<Settings>,
        capacity: Arc<Semaphore>,
        folder: Folder,
        record: Record,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: record.name.clone(),
            folder,
            settings,
            record: Mutex::new(record),
            trouble: Mutex::default(),
            power: tokio::sync::Mutex::new(Power::Off),
            status: Mutex::new(Status::Cold),
            capacity,
            users: AtomicUsize::new(0),
            quiet_since: Mutex::new(Instant::now()),
            cuts: watch::channel(0).0,
            unready: AtomicBool::new(false),
        })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn status(&self) -> Status {
        *self.status.lock().expect("nothing panics while holding it")
    }

    pub fn record(&self) -> Record {
        self.locked_record().clone()
    }

    pub fn show(&self) -> Value {
        self.locked_record().show(&self.settings.organization, self.status())
    }

    /// Changes the record, on disk first.
    ///
    /// # Errors
    /// 500 when the disk refuses; nothing is changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> Result<T, Refusal> {
        let mut record = self.locked_record();
        let mut changed = record.clone();
        let result = change(&mut changed);
        changed.updated_at = calendar::rfc3339_now();
        self.folder
            .save(&changed)
            .map_err(|error| Refusal::internal(format!("cannot save {}: {error}", self.name)))?;
        *record = changed;
        Ok(result)
    }

    pub fn trouble(&self) -> Trouble {
        *self.trouble.lock().expect("nothing panics while holding it")
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        *self.trouble.lock().expect("nothing panics while holding it") = trouble;
    }

    /// Whether this is the first service call since it woke, which it is not up to.
    pub fn take_unready(&self) -> bool {
        self.unready.swap(false, Ordering::SeqCst)
    }

    /// Wakes it when it sleeps.
    ///
    /// # Errors
    /// 404 when it is being deleted, 429 when too many run, 503 when it does not wake.
    pub async fn wake(self: &Arc<Self>) -> Result<Awake, Refusal> {
        let mut power = self.power.lock().await;
        let on = match std::mem::replace(&mut *power, Power::Off) {
            on @ Power::On { .. } => Ok(on),
            Power::Frozen(vm) => self.thaw(vm).await,
            Power::Off => self.boot().await.map_err(|refusal| (Power::Off, refusal)),
            Power::Gone => Err((Power::Gone, Refusal::not_found("sprite not found"))),
        };
        let (state, outcome) = match on {
            Ok(Power::On { vm, _runs }) => {
                let sockets = vm.sockets();
                (Power::On { vm, _runs }, Ok(sockets))
            }
            Ok(other) => (other, Err(Refusal::internal("it woke to nothing"))),
            Err((state, refusal)) => (state, Err(refusal)),
        };
        *power = state;
        let sockets = outcome?;
        self.users.fetch_add(1, Ordering::SeqCst);
        Ok(Awake { sprite: self.clone(), sockets, cuts: self.cuts.subscribe() })
    }

    /// Of one that runs, for who only looks: that neither wakes it nor keeps it awake.
    pub async fn sockets(&self) -> Option<Sockets> {
        match &*self.power.lock().await {
            Power::On { vm, .. } => Some(vm.sockets()),
            _ => None,
        }
    }

    /// Puts it to sleep, as far as `to`; never wakes it. Its connections are cut.
    pub async fn sleep(&self, to: Status) {
        let mut power = self.power.lock().await;
        let now = std::mem::replace(&mut *power, Power::Off);
        *power = self.lulled(now, to).await;
    }

    /// Takes the next step towards sleep when it has been quiet for long enough.
    pub async fn doze(&self) {
        let quiet_for = || match self.users.load(Ordering::SeqCst) {
            0 => self.quiet_since().elapsed(),
            _ => Duration::ZERO,
        };
        let due = |quiet| life::due(self.status(), quiet, self.settings.idle, self.settings.cold);
        if due(quiet_for()).is_none() {
            return;
        }
        let mut power = self.power.lock().await;
        // Somebody may have come while it was locked.
        if let Some(to) = due(quiet_for()) {
            if let Power::On { vm, .. } = &*power
                && vm.is_held_awake().await
            {
                *self.quiet_since() = Instant::now();
                return;
            }
            let now = std::mem::replace(&mut *power, Power::Off);
            *power = self.lulled(now, to).await;
        }
    }

    /// Restores a checkpoint: the environment restarts, running or not.
    ///
    /// # Errors
    /// The sprite does not wake again.
    pub async fn restore(self: &Arc<Self>, id: &str) -> anyhow::Result<()> {
        {
            let mut power = self.power.lock().await;
            let now = std::mem::replace(&mut *power, Power::Off);
            *power = self.lulled(now, Status::Cold).await;
            if let Err(error) = self.folder.restore_disk(id).await {
                self.trouble.lock().expect("nothing panics while holding it").broken = true;
                return Err(error);
            }
        }
        let woken = self.wake().await;
        woken.map(drop).map_err(|refusal| anyhow::anyhow!("{}", refusal.body))
    }

    /// Ends all processes and removes the folder. Twice is as good as once.
    ///
    /// # Errors
    /// 500 when the disk refuses; trying again is fine.
    pub async fn delete(&self) -> Result<(), Refusal> {
        let mut power = self.power.lock().await;
        let now = std::mem::replace(&mut *power, Power::Gone);
        self.lulled(now, Status::Cold).await;
        let removed = self.folder.remove().await;
        removed.map_err(|error| Refusal::internal(format!("cannot delete {}: {error}", self.name)))
    }

    async fn lulled(&self, now: Power, to: Status) -> Power {
        match (now, to) {
            (Power::On { vm, _runs }, Status::Warm) => {
                self.cut();
                if let Err(error) = vm.freeze().await {
                    warn!(sprite.name = %self.name, "cannot freeze {}: {error:#}", self.name);
                    vm.stop().await;
                    self.turn(Status::Cold);
                    return Power::Off;
                }
                self.turn(Status::Warm);
                Power::Frozen(vm)
            }
            (Power::On { vm, .. } | Power::Frozen(vm), Status::Cold) => {
                self.cut();
                vm.stop().await;
                self.turn(Status::Cold);
                Power::Off
            }
            (unchanged, _) => unchanged,
        }
    }

    async fn thaw(&self, vm: Vm) -> Result<Power, (Power, Refusal)> {
        let runs = match self.permit() {
            Ok(runs) => runs,
            Err(refusal) => return Err((Power::Frozen(vm), refusal)),
        };
        sleep(self.settings.wake_warm).await;
        if let Err(error) = vm.thaw().await {
            return Err((Power::Frozen(vm), self.does_not_wake(&error)));
        }
        Ok(self.woken(vm, runs))
    }

    async fn boot(&self) -> Result<Power, Refusal> {
        if self.trouble().broken {
            return Err(self.does_not_wake(&anyhow::anyhow!("it is broken")));
        }
        let runs = self.permit()?;
        sleep(self.settings.wake_cold).await;
        let environment = self.record().environment;
        let booted = Vm::boot(&self.settings, &self.folder, &environment).await;
        let vm = booted.map_err(|error| self.does_not_wake(&error))?;
        Ok(self.woken(vm, runs))
    }

    fn woken(&self, vm: Vm, runs: OwnedSemaphorePermit) -> Power {
        *self.quiet_since() = Instant::now();
        self.unready.store(self.settings.unready_after_wake, Ordering::SeqCst);
        self.turn(Status::Running);
        Power::On { vm, _runs: runs }
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let permit = self.capacity.clone().try_acquire_owned();
        permit.map_err(|_| quota::too_many_running(self.settings.running_limit))
    }

    fn does_not_wake(&self, error: &anyhow::Error) -> Refusal {
        warn!(sprite.name = %self.name, "{} does not wake: {error:#}", self.name);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "sprite is not available")
    }

    fn turn(&self, status: Status) {
        info!(sprite.name = %self.name, "{} is {status:?}", self.name);
        *self.status.lock().expect("nothing panics while holding it") = status;
        let mut record = self.locked_record();
        match status {
            Status::Running => record.last_running_at = Some(calendar::rfc3339_now()),
            Status::Warm => record.last_warming_at = Some(calendar::rfc3339_now()),
            Status::Cold => {}
        }
    }

    fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    fn locked_record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("nothing panics while holding it")
    }

    fn quiet_since(&self) -> MutexGuard<'_, Instant> {
        self.quiet_since.lock().expect("nothing panics while holding it")
    }
}
