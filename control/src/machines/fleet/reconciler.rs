//! Begins trials and updates, as many as [`fleet::next`] says.
//!
//! Takes no orders: each round it looks at what is. A base without a version of OpenClaw
//! is not looked after: nothing could tell whether it is what runs.

use tracing::info;

use crate::base::rounds::repeat;
use crate::machines::job_context::JobContext;
use crate::model::fleet::{self, Next, UpdateState, WorkspaceUpdate};
use crate::model::incident::Incident;
use vendors::linear::Priority;

/// Of those that went back, named to the operator.
const NAMED: usize = 20;

pub struct FleetReconciler {
    context: JobContext,
}

impl FleetReconciler {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    /// For ever: drop it to end it, wherever it is.
    pub async fn run(self) {
        repeat(self.context.machines.sweep, || self.round()).await;
    }

    async fn round(&self) -> anyhow::Result<()> {
        let base = &self.context.machines.base;
        let Some(version) = &base.gateway_version else { return Ok(()) };
        let (store, now) = (&self.context.store, self.context.now());
        let next = store.advance_fleet((base.hash(), version), fleet::next, now).await?;
        match next {
            Next::Nothing | Next::Accept => {}
            Next::Try => info!("base {} with OpenClaw {version} is being tried", base.hash()),
            Next::Update(more) => info!("{more} workspaces are being brought to {version}"),
            Next::Refuse => {
                self.tell(version, "too many workspaces went back from it").await?;
            }
        }
        self.context.machines.wake_pool();
        let standing = store.count_fleet(base.hash()).await?;
        if standing.went_back > 0 && standing.is_through() {
            self.tell(version, "the rest of the fleet has it, or is in use").await?;
        }
        Ok(())
    }

    /// Of those that went back, once for each base.
    async fn tell(&self, version: &str, how: &str) -> anyhow::Result<()> {
        let (store, base) = (&self.context.store, self.context.machines.base.hash());
        let updates = store.workspace_updates(base, 1_000).await?;
        let back = updates.iter().filter(|it| it.state == UpdateState::WentBack);
        let line = |it: &WorkspaceUpdate| {
            format!("- `{}`: {}", it.username, it.why.as_deref().unwrap_or_default())
        };
        let lines: Vec<_> = back.map(line).collect();
        let named = lines[..lines.len().min(NAMED)].join("\n");
        let body = format!(
            "{} workspaces were brought to OpenClaw {version} and went back by themselves; \
             {how}.\n\n{named}\n\n`control fleet show` has all of them, `control fleet retry` \
             tries them again.",
            lines.len()
        );
        let title = format!("{} workspaces went back from OpenClaw {version}", lines.len());
        let incident = Incident::new(format!("fleet/back/{base}"), title, body, Priority::High);
        Ok(store.open_incident(&incident, self.context.now()).await?)
    }
}
