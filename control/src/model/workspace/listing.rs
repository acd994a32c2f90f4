//! A workspace as it stands in a list: what support needs to tell one from another.

use shared::{RouteState, Username};

use super::WorkspaceState;
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::suspension::Suspensions;
use crate::model::user_agent::UserAgent;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWorkspace {
    pub username: Username,
    /// `None` once it has ended: what names the customer is gone then.
    pub email: Option<String>,
    pub has_password: bool,
    pub suspensions: Suspensions,
    /// `None` for one that an operator added by hand.
    pub state: Option<WorkspaceState>,
    /// As Stripe names how its subscription stands.
    pub subscription_status: Option<String>,
    pub period_end: Option<Moment>,
    pub cancel_at: Option<Moment>,
    pub sprite: Option<String>,
    pub route: Option<RouteState>,
    pub created: Option<Moment>,
    pub changed: Option<Moment>,
}

/// A browser that is signed in on the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    pub id: TokenHash,
    pub user_agent: UserAgent,
    pub created: Moment,
    pub last_seen: Moment,
    pub expires: Moment,
}
