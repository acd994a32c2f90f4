//! Carries out what an event means for a workspace.

use shared::Generation;

use super::notices;
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::mail::MailRenderer;
use crate::model::suspension::{SuspensionReason, Suspensions};
use crate::model::task::kinds::RecycleWorkspace;
use crate::model::task::{NewTask, TaskId};
use crate::model::workspace::state::{Effect, Event};
use crate::model::workspace::{Workspace, WorkspaceState};
use crate::store::accounts::{customers, workspace_access};
use crate::store::billing::{signups, workspaces};
use crate::store::messages::{mails, tickets};
use crate::store::{Actor, StoreError, Write, journal, tasks};
use vendors::stripe::subscription::SubscriptionStatus;

/// A workspace after a change, and the route table's number when edges must hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub workspace: Workspace,
    pub generation: Option<Generation>,
}

/// Carries out what `event` means for a workspace whose row is locked, and commits it.
///
/// Without `renderer` nothing is written to the customer.
pub(super) async fn carry_out(
    mut write: Write,
    mut workspace: Workspace,
    event: Event,
    renderer: Option<&MailRenderer>,
    now: Moment,
) -> Result<Followed, StoreError> {
    let (state, effects) = workspace.state.after(event);
    if let Some(line) = journal_line(workspace.state, state, event) {
        let actor = match (event, &workspace.task) {
            (Event::Prepared(_) | Event::TakenDown, Some(task)) => task.as_str(),
            (Event::Stands { .. }, _) => "stripe",
            _ => "workspaces",
        };
        let subject = format!("workspace {}", workspace.username);
        let about = (subject.as_str(), Some(&workspace.username));
        journal::note(&mut write, Actor::System(actor), about, &line, now).await?;
    }
    if workspace.state != state {
        workspace.changed = now;
    }
    workspace.state = state;
    let customer = customers::find(&mut write, &workspace.username).await?;
    let mut is_over = false;
    for effect in effects {
        match effect {
            // Follows from the state below.
            Effect::Suspend | Effect::Resume => {}
            Effect::End(why) => {
                is_over = true;
                workspace.end_reason = Some(why);
                workspace.task = Some(take_down(&mut write, &workspace, now).await?);
            }
            Effect::Forget => {
                customers::delete(&mut write, &workspace.username).await?;
                signups::forget_email(&mut write, &workspace.signup, now).await?;
            }
            Effect::Tell(notice) => {
                if let Some((customer, renderer)) = customer.as_ref().zip(renderer) {
                    let mail = notices::letter(&workspace, customer, notice, renderer, now);
                    mails::enqueue(&mut write, &mail, now).await?;
                }
            }
            Effect::Report(notice) => {
                let incident = notices::incident(&workspace, notice);
                tickets::open(&mut write, &incident, now).await?;
            }
        }
    }
    workspaces::update(&mut write, &workspace).await?;
    // Last: it locks the route table, for which everybody waits.
    if is_over {
        workspace_access::close(&mut write, &workspace.username).await?;
    } else if !workspace.state.is_over() {
        let reason = suspension(&workspace);
        let change = |present: Suspensions| present.by_subscription(reason);
        workspace_access::change_suspensions(&mut write, &workspace.username, change).await?;
    }
    let generation = write.commit_routes().await?;
    Ok(Followed { workspace, generation })
}

/// What the journal says of a change; `None` when nothing changes that anybody asks about.
fn journal_line(before: WorkspaceState, after: WorkspaceState, event: Event) -> Option<String> {
    if before != after {
        let why = match event {
            Event::Stands { standing, .. } => format!("the subscription is {standing:?}"),
            Event::Prepared(_) => "its machine is ready, and its route published".to_owned(),
            Event::Ends(why) => why.explained().to_owned(),
            Event::TakenDown => "its machine is gone, and nothing is left of it".to_owned(),
        };
        return Some(format!("{} → {}: {why}", before.as_str(), after.as_str()));
    }
    let Event::Stands { ends, known_end, .. } = event else { return None };
    match ends {
        _ if ends == known_end || after.is_over() => None,
        Some(ends) => Some(format!("its end is arranged for {}", iso_time(ends))),
        None => Some("its end is taken back".to_owned()),
    }
}

/// Why it is closed, as far as its subscription is concerned.
fn suspension(workspace: &Workspace) -> Option<SuspensionReason> {
    if workspace.state != WorkspaceState::Suspended {
        return None;
    }
    match workspace.billing.status {
        SubscriptionStatus::Paused => Some(SuspensionReason::Paused),
        _ => Some(SuspensionReason::NonPayment),
    }
}

/// Files the task that takes the machine down; one that still prepares it is called off.
async fn take_down(
    write: &mut Write,
    workspace: &Workspace,
    now: Moment,
) -> Result<TaskId, StoreError> {
    if let Some(task) = &workspace.task {
        tasks::cancel(write, task, Some("the workspace has ended"), now).await?;
    }
    let payload = RecycleWorkspace { signup: workspace.signup.clone() };
    let dedupe = format!("recycle/{}", workspace.subscription);
    let task = NewTask::new(dedupe, Some(workspace.username), &payload);
    tasks::enqueue(write, &task, now).await
}
