//! A task while a worker holds it.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::JobError;
use crate::base::clock::{Clock, Moment};
use crate::model::task::kinds::{Payload, StepName};
use crate::model::task::{Lease, Step, StepState, Task};
use crate::store::{LeaseError, Store};

pub struct Run {
    store: Store,
    clock: Clock,
    task: Task,
    lease: Lease,
    /// What the steps that are done found out.
    results: HashMap<String, Value>,
}

impl Run {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        task: Task,
        lease: Lease,
        steps: Vec<Step>,
    ) -> Self {
        let done = steps.into_iter().filter(|step| step.state == StepState::Done);
        let results = done.map(|step| (step.name, step.result.unwrap_or(Value::Null))).collect();
        Self { store, clock, task, lease, results }
    }

    pub fn task(&self) -> &Task {
        &self.task
    }

    /// For what a job writes of its own: the store refuses it once the lease is lost.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    /// For a step that asks more than once what time it is.
    pub fn clock(&self) -> Clock {
        Clock::clone(&self.clock)
    }

    /// The payload, as the kind's own type.
    ///
    /// # Errors
    /// Permanent: it will not become readable.
    pub fn payload<P: Payload>(&self) -> Result<P, JobError> {
        let payload = self.task.payload();
        payload
            .with_context(|| format!("the payload of {} cannot be read", self.task.id))
            .map_err(JobError::permanent)
    }

    /// Does `work`, unless an earlier attempt finished this step, whose result is
    /// then returned.
    ///
    /// A crash between the work and our note of it does the work again: it must look
    /// before it acts. The result is stored and shown to the operator: no secret may
    /// be in it.
    ///
    /// # Errors
    /// Those of `work`; and of the store, when a note of it cannot be written.
    ///
    /// # Panics
    /// When the step is another kind's.
    pub async fn step<T: Serialize + DeserializeOwned>(
        &mut self,
        step: StepName,
        work: impl AsyncFnOnce() -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        let name = step.as_str();
        if let Some(result) = self.results.get(name) {
            return T::deserialize(result)
                .with_context(|| format!("the result of step {name} cannot be read"))
                .map_err(JobError::permanent);
        }
        let position = self.task.kind.spec().steps.iter().position(|declared| *declared == step);
        let position = position.expect("a kind declares its steps");
        self.store.begin_step(&self.lease, name, position, self.now()).await?;
        match work().await {
            Ok(found) => {
                let result = serde_json::to_value(&found).expect("a result is plain data");
                self.store.finish_step(&self.lease, name, &result, self.now()).await?;
                self.results.insert(name.to_owned(), result);
                Ok(found)
            }
            Err(trouble) => Err(self.interrupted(name, trouble).await),
        }
    }

    /// Notes why a step is not done. What cannot be noted is still in the log.
    async fn interrupted(&self, name: &str, trouble: JobError) -> JobError {
        let state = match &trouble {
            JobError::Snooze { .. } => StepState::Waiting,
            JobError::Retry { .. } | JobError::Permanent { .. } => StepState::Failed,
            JobError::LostLease => return trouble,
        };
        let why = trouble.to_string();
        match self.store.interrupt_step(&self.lease, name, state, &why, self.now()).await {
            Err(LeaseError::Lost) => JobError::LostLease,
            Ok(()) | Err(LeaseError::Store(_)) => trouble,
        }
    }
}
