//! Keeps the machine awake exactly as long as its assistant needs it, and knows when
//! it will need it next.
//!
//! Whether something runs is asked of the gateway, not guessed from silence: while the
//! machine is held by `gateway.restart.preflight`, which changes nothing and knows of less,
//! and before it is let go by `gateway.suspend.prepare`, which names whatever would be
//! interrupted. That closes the gateway for as long as an answer takes, and what pages ask
//! meanwhile waits; `docs/decisions/asked-before-sleep.md` has why it is not left
//! closed. A gateway that is found closed although nobody wants it so, such as after a thaw,
//! is opened at once. While nothing happens, nothing is asked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shared::Secret;
use shared::process::time::unix_seconds;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::health_connection::HealthConnection;
use super::machine_task::MachineTask;
use super::suspension::{self, Prepared};
use crate::awake_status::{AwakeFor, AwakeStatus, Known, Why};
use crate::gateway_status::{GatewayStatus, Phase};

/// How soon after an answer the machine is let go, at most twice this.
const LOOK_HELD: Duration = Duration::from_secs(3);

/// For what no event tells of. Within the machine, so that it keeps nobody awake.
const LOOK_IDLE: Duration = Duration::from_secs(60);

/// For the task, which has to be refreshed.
const LOOK_STARTING: Duration = Duration::from_secs(20);

/// How long a gateway may take to come up until the machine may sleep all the same.
const START_MAX: Duration = Duration::from_secs(300);

const RECONNECT: Duration = Duration::from_secs(5);

/// Control wakes the machine two minutes before; its clock may be another one.
const DUE_SOON_SECONDS: u64 = 180;

/// A gateway that starts schedules what it missed within this.
const OVERDUE_SECONDS: u64 = 120;

/// How long control may take to ask when to wake this machine: it asks those that run
/// every two minutes.
const UNTOLD_MAX: Duration = Duration::from_secs(150);

/// Jobs that are looked at; the next one is the first.
const JOBS: u32 = 20;

pub struct Keeper {
    address: SocketAddr,
    token: Secret<String>,
    gateway: watch::Receiver<GatewayStatus>,
    status: Arc<AwakeStatus>,
    task: MachineTask,
    /// How many pages are open.
    pages: Box<dyn Fn() -> usize + Send + Sync>,
    /// Since when what is due is another time than control was told.
    untold_since: Option<(Option<u64>, Instant)>,
    /// Was the gateway closed to new work when it was last looked at?
    is_closed: bool,
    /// When it was last asked to close, to learn what runs.
    asked: Option<Instant>,
}

impl Keeper {
    pub fn new(
        address: SocketAddr,
        token: Secret<String>,
        gateway: watch::Receiver<GatewayStatus>,
        status: Arc<AwakeStatus>,
        socket: Option<PathBuf>,
        pages: impl Fn() -> usize + Send + Sync + 'static,
    ) -> Self {
        Self {
            address,
            token,
            gateway,
            status,
            task: MachineTask::new(socket),
            pages: Box::new(pages),
            untold_since: None,
            is_closed: false,
            asked: None,
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        loop {
            self.until_ready().await;
            if let Ok(connection) = HealthConnection::open(self.address, &self.token).await {
                self.follow(&connection).await;
            }
            sleep(RECONNECT).await;
        }
    }

    /// A machine that was woken in time for something must not fall asleep again before its
    /// gateway is up and does it.
    async fn until_ready(&mut self) {
        let deadline = Instant::now() + START_MAX;
        loop {
            let phase = self.gateway.borrow_and_update().phase;
            if phase == Phase::Ready {
                return;
            }
            let is_held = phase != Phase::Failed && Instant::now() < deadline;
            self.task.hold(is_held).await;
            self.status.set_held(is_held.then_some(Why::Starting));
            self.account();
            tokio::select! {
                () = sleep(LOOK_STARTING) => {}
                changed = self.gateway.changed() => {
                    if changed.is_err() {
                        // The supervisor has ended: the agent is stopping.
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }

    /// Until the connection is lost.
    async fn follow(&mut self, connection: &HealthConnection) {
        let mut activity = connection.activity();
        loop {
            activity.borrow_and_update();
            let Some(why) = self.look(connection).await else { return };
            self.task.hold(why.is_some()).await;
            self.account();
            let wait = if why.is_some() || self.is_closed { LOOK_HELD } else { LOOK_IDLE };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.status.asked() => {}
                changed = activity.changed(), if why.is_none() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Notes what the machine is awake for, for operators.
    fn account(&self) {
        let reason = match self.status.known().held {
            Some(why) => AwakeFor::Held(why),
            None if (self.pages)() > 0 => AwakeFor::Page,
            None => AwakeFor::Nothing,
        };
        self.status.account(reason);
    }

    /// `None` when the gateway does not answer.
    async fn look(&mut self, connection: &HealthConnection) -> Option<Option<Why>> {
        let work = connection.ask("gateway.restart.preflight", json!({})).await?;
        self.is_closed = suspension::is_closed(&work);
        if self.is_closed {
            // What is due was known before, and nothing runs.
            if !self.status.is_closed(unix_seconds()) {
                info!("the gateway was found closed to new work; it is opened");
                suspension::resume(self.address, &self.token, &self.status).await;
            }
            return Some(self.status.known().held);
        }
        let jobs = json!({"enabled": "enabled", "sortBy": "nextRunAtMs", "sortDir": "asc",
            "limit": JOBS});
        let jobs = connection.ask("cron.list", jobs).await?;
        // It may have been closed right before.
        let next_due =
            if jobs["ok"] == true { next_due(&jobs) } else { self.status.known().next_due };
        let known = Known { next_due, ..self.status.known() };
        let waited = self.untold_for(known);
        let is_working = is_working(&work);
        let mut why = why(is_working == Some(true), known, waited, unix_seconds());
        if why.is_none() && must_be_asked(is_working, known.held) {
            why = self.ask_whether_it_may_sleep(is_working, known.held).await;
        }
        self.status.set(why, next_due);
        Some(why)
    }

    /// The gateway tells everybody that it was asked, which makes us look again.
    async fn ask_whether_it_may_sleep(
        &mut self,
        is_working: Option<bool>,
        held: Option<Why>,
    ) -> Option<Why> {
        if self.asked.is_some_and(|asked| asked.elapsed() < LOOK_HELD) {
            return held;
        }
        let answer = suspension::look(self.address, &self.token, &self.status).await;
        self.asked = Some(Instant::now());
        kept(&answer, is_working, held)
    }

    /// How long what is due has not been told.
    fn untold_for(&mut self, known: Known) -> Duration {
        if known.next_due == known.told {
            self.untold_since = None;
            return Duration::ZERO;
        }
        match self.untold_since {
            Some((next_due, since)) if next_due == known.next_due => since.elapsed(),
            _ => {
                self.untold_since = Some((known.next_due, Instant::now()));
                Duration::ZERO
            }
        }
    }
}

/// Why the machine has to stay awake; `waited` is how long control has not asked.
fn why(is_working: bool, known: Known, waited: Duration, now: u64) -> Option<Why> {
    let is_due = known
        .next_due
        .is_some_and(|due| due <= now + DUE_SOON_SECONDS && due + OVERDUE_SECONDS >= now);
    let is_untold = known.next_due != known.told && waited < UNTOLD_MAX;
    match (is_working, is_due, is_untold) {
        (true, ..) => Some(Why::Working),
        (_, true, _) => Some(Why::Due),
        (.., true) => Some(Why::Untold),
        _ => None,
    }
}

/// By the preview, which newer gateways may not have: `None`.
fn is_working(preview: &Value) -> Option<bool> {
    preview["payload"]["safe"].as_bool().map(|is_safe| !is_safe)
}

/// Whether the preview's word is not enough to let the machine sleep.
fn must_be_asked(is_working: Option<bool>, held: Option<Why>) -> bool {
    is_working.is_none() || held.is_some()
}

/// Why the machine stays awake by what the gateway says when it is asked to close.
fn kept(answer: &Prepared, is_working: Option<bool>, held: Option<Why>) -> Option<Why> {
    match answer {
        Prepared::Ready => None,
        Prepared::Busy(_) => Some(Why::Working),
        // It allows thirty questions a minute, and control may have it closed already.
        Prepared::Unanswered => held.filter(|_| is_working.is_none()),
    }
}

/// In Unix seconds, the next job of the customer's. What the gateway schedules for its own
/// housekeeping is done when the machine is awake anyway, and wakes nobody.
fn next_due(jobs: &Value) -> Option<u64> {
    let jobs = jobs["payload"]["jobs"].as_array()?;
    let of_people = jobs.iter().filter(|job| job["declarationKey"].is_null());
    of_people.filter_map(|job| job["nextRunAtMs"].as_u64()).min().map(|millis| millis / 1_000)
}

#[cfg(test)]
mod day;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    #[test]
    fn a_machine_stays_awake_for_work_for_what_is_due_and_until_control_knows() {
        let check = |is_working, next_due, told, waited, expected: Option<Why>| {
            let known = Known { held: None, next_due, is_known: true, told };
            let waited = Duration::from_secs(waited);
            assert_eq!(why(is_working, known, waited, NOW), expected, "{known:?} {waited:?}");
        };
        check(false, None, None, 0, None);
        check(true, None, None, 0, Some(Why::Working));
        let later = Some(NOW + 3_600);
        check(false, later, later, 0, None);
        check(false, later, None, 0, Some(Why::Untold));
        check(false, later, None, 149, Some(Why::Untold));
        check(false, later, None, 150, None);
        check(false, None, later, 0, Some(Why::Untold));
        for soon in [Some(NOW + 180), Some(NOW), Some(NOW - 120)] {
            check(false, soon, soon, 0, Some(Why::Due));
        }
        let missed = Some(NOW - 121);
        check(false, missed, missed, 0, None);
    }

    #[test]
    fn a_machine_is_let_go_by_the_gateways_own_word() {
        let safe = |safe: bool| is_working(&json!({"ok": true, "payload": {"safe": safe}}));
        let unknown = is_working(&json!({"ok": false, "error": {"code": "INVALID_REQUEST"}}));
        assert_eq!([safe(true), safe(false), unknown], [Some(false), Some(true), None]);
        assert!(!must_be_asked(safe(true), None));
        assert!(must_be_asked(safe(true), Some(Why::Working)));
        assert!(must_be_asked(unknown, None));
        let busy = || Prepared::Busy(vec!["1 queued chat turn(s)".into()]);
        let check = |asked, is_working, held, expected| {
            assert_eq!(kept(&asked, is_working, held), expected);
        };
        check(busy(), safe(true), Some(Why::Due), Some(Why::Working));
        check(busy(), unknown, None, Some(Why::Working));
        check(Prepared::Ready, unknown, Some(Why::Working), None);
        check(Prepared::Unanswered, safe(true), Some(Why::Working), None);
        check(Prepared::Unanswered, unknown, Some(Why::Working), Some(Why::Working));
        check(Prepared::Unanswered, unknown, None, None);
    }

    #[test]
    fn the_gateways_own_housekeeping_wakes_nobody() {
        let job = |due: u64, key: Value| json!({"nextRunAtMs": due, "declarationKey": key});
        let list = |jobs: Vec<Value>| json!({"ok": true, "payload": {"jobs": jobs}});
        let jobs = vec![job(5_000, "memory-core:x".into()), job(9_999, Value::Null)];
        assert_eq!(next_due(&list(jobs)), Some(9));
        assert_eq!(next_due(&list(vec![job(5_000, "memory-core:x".into())])), None);
        assert_eq!(next_due(&list(vec![json!({"nextRunAtMs": null})])), None);
        assert_eq!(next_due(&json!({"ok": false})), None);
    }
}
