//! What is known of one order, from the payment to the first letter.

use shared::Username;

use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::mail::MailState;
use crate::model::skills::Skills;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The sign-up's id.
    pub signup: String,
    pub username: Username,
    pub email: String,
    pub skills: Skills,
    /// Of the cookie of the browser that ordered.
    pub browser: TokenHash,
    pub payment: Payment,
    /// Where it can be paid, while it can.
    pub checkout_url: Option<String>,
    pub checkout_expires: Option<Moment>,
    /// When Stripe was asked last.
    pub looked: Moment,
    pub began: Moment,
    pub workspace: Option<OrderedWorkspace>,
    pub task: Option<OrderedTask>,
    /// The ticket under which somebody looks after it.
    pub ticket: Option<String>,
    pub has_password: bool,
    /// What became of the letter with the way in; `None` before it is written, and once
    /// it is forgotten.
    pub letter: Option<MailState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    Open,
    /// By bank: promised, and not here yet.
    Pending,
    Paid,
    Expired,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderedWorkspace {
    pub status: WorkspaceStatus,
    /// The payment was seen then.
    pub since: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkspaceStatus {
    Preparing,
    Live,
    Suspended,
    Ended,
}

/// The task that prepares the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedTask {
    pub is_dead: bool,
    /// Nothing more is done for it.
    pub is_over: bool,
    /// Those that were begun.
    pub steps: Vec<OrderedStep>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedStep {
    pub name: String,
    pub is_done: bool,
    pub attempts: u64,
    pub started: Option<Moment>,
    pub finished: Option<Moment>,
}

impl Order {
    /// Was paid for, and its workspace is gone.
    pub fn has_ended(&self) -> bool {
        let status = self.workspace.map(|workspace| workspace.status);
        self.payment == Payment::Paid && matches!(status, None | Some(WorkspaceStatus::Ended))
    }

    /// Enough for its owner to recognise it: `a•••@example.com`.
    pub fn masked_email(&self) -> String {
        let (local, domain) = self.email.rsplit_once('@').unwrap_or((&self.email, ""));
        let first = local.chars().next().unwrap_or('•');
        format!("{first}•••@{domain}")
    }
}
