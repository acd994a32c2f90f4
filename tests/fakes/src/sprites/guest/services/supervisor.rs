//! Keeps one service running: starts it, starts it again when it dies, stops it for good.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::Signal;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::definition::Definition;
use super::log::Log;
use crate::clock;
use crate::sprites::guest::process::{self, Environment, Spec};
use crate::vendor::calendar;

/// First pause before a service that died is started again; doubles each time.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Events a slow reader may be behind before it misses some.
const EVENTS_KEPT: usize = 1024;

/// Orders that may wait for the supervisor.
const ORDERS_WAITING_MAX: usize = 16;

const PIECE_BYTES: usize = 16 * 1024;

/// The time that means "none" to the API.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

pub struct Service {
    pub name: String,
    pub definition: Definition,
    pub log: Log,
    spec: Spec,
    state: Mutex<State>,
    events: broadcast::Sender<Event>,
    orders: mpsc::Sender<Order>,
    /// Up, or coming up by itself.
    standing: watch::Sender<bool>,
}

#[derive(Debug, Clone, Serialize)]
struct State {
    status: Status,
    pid: Option<u32>,
    started_at: Option<String>,
    error: Option<String>,
    restart_count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Stopped,
    Starting,
    Running,
    Stopping,
    Failed,
}

/// One line of a service's NDJSON streams.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Event {
    Started { timestamp: u64 },
    Stdout { data: String, timestamp: u64 },
    Stderr { data: String, timestamp: u64 },
    Exit { exit_code: u8, timestamp: u64 },
    Error { data: String, timestamp: u64 },
    Stopping { timestamp: u64 },
    Stopped { exit_code: u8, timestamp: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Start,
    Stop {
        grace: Duration,
    },
    /// The service is deleted: stop at once and end.
    End,
}

/// Why an inner loop was left.
enum Next {
    Restart,
    Rest,
    End,
}

impl Service {
    /// Rests until it is told to start.
    pub fn new(
        name: &str,
        definition: Definition,
        base: &Environment,
        logs: &std::path::Path,
    ) -> Arc<Self> {
        let (orders, received) = mpsc::channel(ORDERS_WAITING_MAX);
        let service = Arc::new(Self {
            name: name.to_owned(),
            spec: definition.spec(base),
            log: Log::new(logs, name),
            definition,
            state: Mutex::new(State {
                status: Status::Stopped,
                pid: None,
                started_at: None,
                error: None,
                restart_count: 0,
            }),
            events: broadcast::channel(EVENTS_KEPT).0,
            orders,
            standing: watch::channel(false).0,
        });
        tokio::spawn(service.clone().supervise(received));
        service
    }

    /// Subscribe before giving an order, to miss nothing.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Up, or coming up by itself.
    pub fn is_up(&self) -> bool {
        *self.standing.borrow()
    }

    pub async fn start(&self) {
        self.standing.send_replace(true);
        self.state().status = Status::Starting;
        self.order(Order::Start).await;
    }

    /// Returns at once; [`Self::rested`] waits for the end.
    pub async fn stop(&self, grace: Duration) {
        self.order(Order::Stop { grace }).await;
    }

    /// Waits until the service neither runs nor will by itself.
    pub async fn rested(&self) {
        let mut standing = self.standing.subscribe();
        let _ = standing.wait_for(|up| !up).await;
    }

    pub async fn end(&self) {
        self.order(Order::End).await;
        self.rested().await;
    }

    /// A crash as far as the supervisor is concerned. False when nothing runs.
    pub fn signal(&self, signal: Signal) -> bool {
        let pid = self.state().pid;
        if let Some(pid) = pid {
            process::signal_group(pid, signal);
        }
        pid.is_some()
    }

    /// `ServiceWithState` of the API.
    pub fn describe(&self) -> Value {
        let state = self.state().clone();
        let definition = &self.definition;
        json!({
            "name": self.name,
            "cmd": definition.cmd,
            "args": definition.args,
            "env": definition.env,
            "dir": definition.dir,
            "needs": if definition.needs.is_empty() { Value::Null } else { json!(definition.needs) },
            "http_port": definition.http_port,
            "state": {
                "name": self.name,
                "status": state.status,
                "pid": state.pid,
                "started_at": state.started_at,
                "error": state.error,
                "restart_count": state.restart_count,
                "next_restart_at": NO_TIME,
            },
        })
    }

    async fn order(&self, order: Order) {
        // The supervisor has ended: there is nothing left to order.
        let _ = self.orders.send(order).await;
    }

    async fn supervise(self: Arc<Self>, mut orders: mpsc::Receiver<Order>) {
        let mut pause = RESTART_PAUSE;
        let mut next = Next::Rest;
        loop {
            match next {
                Next::End => break,
                Next::Rest => {
                    pause = RESTART_PAUSE;
                    self.standing.send_replace(false);
                    match orders.recv().await {
                        None | Some(Order::End) => break,
                        Some(Order::Stop { .. }) => {}
                        Some(Order::Start) => next = self.run(&mut orders).await,
                    }
                }
                Next::Restart => {
                    next = tokio::select! {
                        () = sleep(pause) => {
                            self.state().restart_count += 1;
                            self.run(&mut orders).await
                        }
                        order = orders.recv() => match order {
                            None | Some(Order::End) => Next::End,
                            Some(Order::Stop { .. }) => Next::Rest,
                            Some(Order::Start) => self.run(&mut orders).await,
                        },
                    };
                    pause = (pause * 2).min(RESTART_PAUSE_MAX);
                }
            }
        }
        self.standing.send_replace(false);
    }

    /// One life of the process.
    async fn run(&self, orders: &mut mpsc::Receiver<Order>) -> Next {
        self.standing.send_replace(true);
        let mut child = match process::spawn(&self.spec, false) {
            Ok(child) => child,
            Err(error) => {
                let reason = format!("failed to start {}: {error}", self.definition.cmd);
                self.fail(reason.clone());
                self.emit(Event::Error { data: reason, timestamp: clock::unix_millis() });
                return Next::Rest;
            }
        };
        let pid = child.id().expect("it has not been waited for");
        {
            let mut state = self.state();
            (state.status, state.pid, state.error) = (Status::Running, Some(pid), None);
            state.started_at = Some(calendar::rfc3339_now());
        }
        self.emit(Event::Started { timestamp: clock::unix_millis() });
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let pumps = async {
            tokio::join!(
                self.pump(stdout, |data, timestamp| Event::Stdout { data, timestamp }),
                self.pump(stderr, |data, timestamp| Event::Stderr { data, timestamp }),
            );
            std::future::pending::<()>().await;
        };
        tokio::select! {
            next = self.watch(&mut child, pid, orders) => next,
            () = pumps => Next::Rest,
        }
    }

    async fn watch(&self, child: &mut Child, pid: u32, orders: &mut mpsc::Receiver<Order>) -> Next {
        loop {
            tokio::select! {
                status = child.wait() => {
                    let exit_code = status.map_or(255, process::exit_code);
                    self.fail(format!("exited with code {exit_code}"));
                    self.emit(Event::Exit { exit_code, timestamp: clock::unix_millis() });
                    return Next::Restart;
                }
                order = orders.recv() => match order {
                    Some(Order::Start) => {}
                    Some(Order::Stop { grace }) => {
                        self.finish(child, pid, grace).await;
                        return Next::Rest;
                    }
                    None | Some(Order::End) => {
                        self.finish(child, pid, Duration::ZERO).await;
                        return Next::End;
                    }
                },
            }
        }
    }

    /// SIGTERM, and SIGKILL after the grace.
    async fn finish(&self, child: &mut Child, pid: u32, grace: Duration) {
        self.state().status = Status::Stopping;
        self.emit(Event::Stopping { timestamp: clock::unix_millis() });
        process::signal_group(pid, Signal::TERM);
        let status = match timeout(grace, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                process::signal_group(pid, Signal::KILL);
                child.wait().await
            }
        };
        // What it started in turn ends with it.
        process::signal_group(pid, Signal::KILL);
        let exit_code = status.map_or(255, process::exit_code);
        if exit_code == 0 {
            let mut state = self.state();
            (state.status, state.pid) = (Status::Stopped, None);
        } else {
            // The live service calls this failed, too.
            self.fail(format!("exited with code {exit_code}"));
        }
        self.emit(Event::Stopped { exit_code, timestamp: clock::unix_millis() });
    }

    async fn pump(&self, mut pipe: impl AsyncRead + Unpin, event: fn(String, u64) -> Event) {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let Ok(count @ 1..) = pipe.read(&mut piece).await else { return };
            // A full disk must not stop the service.
            let _ = self.log.append(&piece[..count]);
            self.emit(event(
                String::from_utf8_lossy(&piece[..count]).into_owned(),
                clock::unix_millis(),
            ));
        }
    }

    fn fail(&self, error: String) {
        let mut state = self.state();
        (state.status, state.pid, state.error) = (Status::Failed, None, Some(error));
    }

    fn emit(&self, event: Event) {
        // Nobody may be reading.
        let _ = self.events.send(event);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while holding it")
    }
}
