//! Jobs that do what a test tells them.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::anyhow;
use control::model::task::{Kind, Task};
use control::queue::{Job, JobError, Run};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

/// Ends each attempt as `answer` says, which is told its number, from 0.
pub(crate) struct Answering {
    pub(crate) kind: Kind,
    pub(crate) answer: fn(u32) -> Result<(), JobError>,
    pub(crate) attempts: AtomicU32,
    pub(crate) deaths: Mutex<Vec<String>>,
}

impl Answering {
    pub(crate) fn new(kind: Kind, answer: fn(u32) -> Result<(), JobError>) -> Arc<Self> {
        Arc::new(Self { kind, answer, attempts: AtomicU32::new(0), deaths: Mutex::default() })
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::SeqCst)
    }
}

pub(crate) fn failed() -> JobError {
    JobError::retry(anyhow!("the vendor is down"))
}

impl Job for Answering {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn run<'a>(&'a self, _run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        async { (self.answer)(self.attempts.fetch_add(1, Ordering::SeqCst)) }.boxed()
    }

    fn on_dead<'a>(&'a self, _task: &'a Task, why: &'a str) -> BoxFuture<'a, Result<(), JobError>> {
        async {
            let mut deaths = self.deaths.lock().unwrap();
            deaths.push(why.to_owned());
            // Who could not be told the first time is told again.
            if deaths.len() == 1 { Err(failed()) } else { Ok(()) }
        }
        .boxed()
    }
}

/// Does every step of its kind at somebody who forgets nothing, and can be halted
/// anywhere, as if the program were killed there.
pub(crate) struct Stepping {
    pub(crate) kind: Kind,
    /// How often each thing was asked for.
    pub(crate) asked: Mutex<BTreeMap<String, u32>>,
    /// Places that were passed.
    passed: AtomicU32,
    halt_at: Option<u32>,
}

/// In each step: before anything, before its work is noted, and after.
pub(crate) const PLACES_A_STEP: u32 = 3;

impl Stepping {
    pub(crate) fn new(kind: Kind, halt_at: Option<u32>) -> Arc<Self> {
        Arc::new(Self { kind, asked: Mutex::default(), passed: AtomicU32::new(0), halt_at })
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.halt_at.is_some_and(|place| self.passed.load(Ordering::SeqCst) > place)
    }

    async fn pass(&self) {
        let place = self.passed.fetch_add(1, Ordering::SeqCst);
        if self.halt_at == Some(place) {
            pending::<()>().await;
        }
    }

    /// Asked twice under one key, it is done once.
    fn ask(&self, key: String) -> usize {
        let length = key.len();
        *self.asked.lock().unwrap().entry(key).or_default() += 1;
        length
    }
}

impl Job for Stepping {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let mut sum = 0;
            for step in self.kind.spec().steps {
                self.pass().await;
                let key = format!("{}/{}/{sum}", run.task().id, step.as_str());
                let found = run
                    .step(*step, async || {
                        let found = self.ask(key);
                        self.pass().await;
                        Ok(found)
                    })
                    .await?;
                // What a later step does depends on what earlier ones found.
                sum += found;
                self.pass().await;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Never comes to an end by itself.
pub(crate) struct Endless {
    kind: Kind,
    begun: AtomicU32,
}

impl Endless {
    pub(crate) fn new(kind: Kind) -> Arc<Self> {
        Arc::new(Self { kind, begun: AtomicU32::new(0) })
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst).try_into().unwrap()
    }
}

impl Job for Endless {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn run<'a>(&'a self, _run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        pending().boxed()
    }
}
