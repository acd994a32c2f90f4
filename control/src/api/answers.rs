//! Bodies of the operator's API, read by the command line as well.

use serde::{Deserialize, Serialize};
use shared::{Generation, Lock, Route, Username};

use crate::publisher::Acknowledgement;
use crate::store::Customer;

/// What a change of routes, locks or epochs is answered with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Published {
    pub generation: Generation,
    pub edges: Vec<Acknowledgement>,
}

/// A page of a list; `next` is the `after` of the page that follows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

pub type Routes = Page<Route>;
pub type Locks = Page<Lock>;
pub type Customers = Page<CustomerView>;

#[derive(Debug, Serialize, Deserialize)]
pub struct CustomerView {
    pub username: Username,
    pub email: String,
    pub workspace_url: String,
    pub has_password: bool,
    pub suspended: bool,
    /// Unix seconds.
    pub created_at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Edges {
    pub generation: Generation,
    pub edges: Vec<EdgeView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct EdgeView {
    pub name: String,
    pub url: String,
    /// What it said it serves; `None` before it was heard of.
    pub generation: Option<Generation>,
    /// Generations it is behind.
    pub lag: Option<u64>,
    pub in_step: bool,
    pub reachable: bool,
    /// Unix seconds.
    pub last_heard: Option<u64>,
    pub error: Option<String>,
}

impl CustomerView {
    pub(super) fn new(customer: Customer, workspace_url: String) -> Self {
        Self {
            username: customer.username,
            email: customer.email,
            workspace_url,
            has_password: customer.has_password,
            suspended: customer.suspended,
            created_at: customer.created.seconds(),
        }
    }
}

impl EdgeView {
    pub(super) fn new(edge: crate::publisher::EdgeView, ours: Generation) -> Self {
        let status = edge.status;
        Self {
            name: edge.name,
            url: edge.url,
            generation: status.generation,
            lag: status.generation.map(|theirs| ours.0.saturating_sub(theirs.0)),
            in_step: status.proven == ours,
            reachable: status.heard.is_some() && status.error.is_none(),
            last_heard: status.heard.map(crate::clock::Moment::seconds),
            error: status.error,
        }
    }
}
