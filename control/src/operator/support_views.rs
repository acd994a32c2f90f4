//! One workspace, or many, as whoever answers a customer needs them. Read by the command
//! line as well.

use serde::{Deserialize, Serialize};
use shared::{Lock, Route, Username};
use utoipa::ToSchema;

use super::domains::DomainView;
use super::money::AwakeView;
use super::pflaster::RoundView;
use super::responses::{CustomerView, MailView, SpriteView, TaskDetails, TicketView};
use super::routes::RouteShape;
use super::schemas::LockShape;
use crate::base::clock::Moment;
use crate::model::workspace::Workspace;
use crate::model::workspace::listing::{ListedWorkspace, OpenSession};

/// A workspace in a list. All moments are in unix seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceView {
    #[schema(value_type = String)]
    pub username: Username,
    /// None once it has ended: what names the customer is gone then.
    pub email: Option<String>,
    pub workspace_url: String,
    pub has_password: bool,
    pub suspended: bool,
    /// `preparing`, `live`, `suspended`, `ending` or `ended`; none where nobody has paid.
    pub state: Option<String>,
    /// Why it is closed, while it is: `operator`, `non_payment`, `paused` or `ended`.
    pub suspended_for: Vec<String>,
    /// As Stripe names how its subscription stands.
    pub subscription_status: Option<String>,
    /// The end of what is paid for; unix seconds.
    pub period_end_at: Option<u64>,
    /// When access ends, where that is arranged; unix seconds.
    pub cancel_at: Option<u64>,
    pub sprite: Option<String>,
    /// The state of its route: `preparing`, `live` or `suspended`.
    pub route: Option<String>,
    /// When it was paid for, or added; unix seconds.
    pub created_at: Option<u64>,
    pub changed_at: Option<u64>,
}

/// What was paid for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    pub state: String,
    pub stripe_customer: String,
    pub subscription: String,
    pub subscription_status: String,
    pub skills: Vec<String>,
    /// Unix seconds.
    pub period_end_at: Option<u64>,
    /// Unix seconds.
    pub cancel_at: Option<u64>,
    /// Until when a failed renewal is forgiven; unix seconds.
    pub grace_until_at: Option<u64>,
    /// The task that prepares it or takes it down.
    pub task: Option<String>,
    /// Unix seconds.
    pub created_at: u64,
    /// Unix seconds.
    pub changed_at: u64,
}

/// A browser that is signed in on the site.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Unix seconds.
    pub created_at: u64,
    /// To some minutes; unix seconds.
    pub last_seen_at: u64,
    /// Unix seconds.
    pub expires_at: u64,
}

/// Everything about one workspace that answers a customer's question.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceDetails {
    #[schema(value_type = String)]
    pub username: Username,
    pub workspace_url: String,
    /// None once the workspace has ended.
    pub customer: Option<CustomerView>,
    /// None where nobody has paid.
    pub plan: Option<PlanView>,
    #[schema(value_type = Option<RouteShape>)]
    pub route: Option<Route>,
    #[schema(value_type = Vec<LockShape>)]
    pub locks: Vec<Lock>,
    pub machine: Option<SpriteView>,
    /// None when no agent of it has said anything this month.
    #[serde(default)]
    pub awake: Option<AwakeView>,
    /// Of the customer's own.
    #[serde(default)]
    pub domains: Vec<DomainView>,
    /// The latest seen first.
    pub sessions: Vec<SessionView>,
    /// The newest twenty, with their steps.
    pub tasks: Vec<TaskDetails>,
    /// The newest twenty.
    pub mails: Vec<MailView>,
    /// The newest twenty incidents that name it.
    pub tickets: Vec<TicketView>,
    /// The last twenty rounds of checks around its tasks, the newest first.
    pub pflaster: Vec<RoundView>,
}

impl WorkspaceView {
    pub(super) fn new(listed: ListedWorkspace, workspace_url: String) -> Self {
        Self {
            username: listed.username,
            email: listed.email,
            workspace_url,
            has_password: listed.has_password,
            suspended: !listed.suspensions.is_empty(),
            state: listed.state.map(|state| state.as_str().to_owned()),
            suspended_for: listed.suspensions.iter().map(|it| it.as_str().to_owned()).collect(),
            subscription_status: listed.subscription_status,
            period_end_at: listed.period_end.map(Moment::seconds),
            cancel_at: listed.cancel_at.map(Moment::seconds),
            sprite: listed.sprite,
            route: listed.route.map(|state| state.as_str().to_owned()),
            created_at: listed.created.map(Moment::seconds),
            changed_at: listed.changed.map(Moment::seconds),
        }
    }

    /// How it stands, in one word or two.
    pub fn standing(&self) -> String {
        let state = match (self.state.as_deref(), self.email.is_some()) {
            (Some("live"), _) if !self.suspended_for.is_empty() => "suspended",
            (Some(state), _) => state,
            (None, true) if !self.suspended_for.is_empty() => "suspended",
            (None, true) => "active",
            (None, false) => "route only",
        };
        if state == "suspended" && !self.suspended_for.is_empty() {
            return format!("suspended ({})", self.suspended_for.join(", "));
        }
        state.to_owned()
    }
}

impl PlanView {
    pub(super) fn new(workspace: Workspace, skills: Vec<String>) -> Self {
        let billing = workspace.billing;
        Self {
            state: workspace.state.as_str().to_owned(),
            stripe_customer: workspace.payer.as_str().to_owned(),
            subscription: workspace.subscription.as_str().to_owned(),
            subscription_status: billing.status.as_str().to_owned(),
            skills,
            period_end_at: billing.period_end.map(Moment::seconds),
            cancel_at: billing.cancel_at.map(Moment::seconds),
            grace_until_at: billing.grace_until.map(Moment::seconds),
            task: workspace.task.map(|task| task.to_string()),
            created_at: workspace.created.seconds(),
            changed_at: workspace.changed.seconds(),
        }
    }
}

impl SessionView {
    pub(super) fn new(session: &OpenSession) -> Self {
        Self {
            created_at: session.created.seconds(),
            last_seen_at: session.last_seen.seconds(),
            expires_at: session.expires.seconds(),
        }
    }
}
