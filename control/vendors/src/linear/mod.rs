//! Linear: a ticket, one for each incident.

pub mod error;
pub mod issue;

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Secret, Upstream};

use crate::http::{BuildError, Http, Limits};

pub use error::LinearError;
pub use issue::{Issue, IssueId, NewIssue, Priority};

const LIMITS: Limits = Limits { total: Duration::from_secs(20), answer_max_bytes: 256 * 1024 };

const CREATE: &str = "mutation createIssue($input: IssueCreateInput!) { \
                      issueCreate(input: $input) { \
                      success lastSyncId issue { id identifier url } } }";

const FIND: &str = "query issue($id: String!) { issue(id: $id) { id identifier url } }";

const TEAM: &str = "query team($id: String!) { team(id: $id) { key name } }";

pub struct Linear {
    http: Http,
}

/// Whose tickets are opened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// What its tickets begin with: `OPS` of `OPS-12`.
    pub key: String,
    pub name: String,
}

#[derive(Deserialize)]
struct FoundTeam {
    team: Team,
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "issueCreate")]
    result: Creation,
}

#[derive(Deserialize)]
struct Creation {
    success: bool,
    issue: Option<Issue>,
}

#[derive(Deserialize)]
struct Found {
    issue: Issue,
}

impl Linear {
    /// `base_url` is `https://api.linear.app`, or a stand-in; `api_key` a personal `lin_api_…`.
    ///
    /// # Errors
    /// The key cannot stand in a header.
    pub fn new(base_url: &Upstream, api_key: &Secret<String>) -> Result<Self, BuildError> {
        // A personal key stands alone, without `Bearer`.
        Ok(Self { http: Http::new(base_url, api_key, api_key)? })
    }

    /// Makes the ticket, or finds the one that an earlier call made under the same id.
    pub async fn create_issue(&self, issue: &NewIssue) -> Result<Issue, LinearError> {
        let refused = match self.mutate(issue).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        if !refused.may_be_duplicate() {
            return Err(refused);
        }
        // How Linear words a duplicate is nowhere written, so it is asked.
        self.find_issue(&issue.id).await?.ok_or(refused)
    }

    /// `None` when there is no such ticket, as far as Linear says.
    pub async fn find_issue(&self, id: &IssueId) -> Result<Option<Issue>, LinearError> {
        match self.ask::<Found>(FIND, &json!({ "id": id })).await {
            Ok(found) => Ok(Some(found.issue)),
            Err(error) if error.may_be_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `None` when there is no such team, as far as our key sees. Changes nothing.
    pub async fn team(&self, id: &str) -> Result<Option<Team>, LinearError> {
        match self.ask::<FoundTeam>(TEAM, &json!({ "id": id })).await {
            Ok(found) => Ok(Some(found.team)),
            Err(error) if error.may_be_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn mutate(&self, issue: &NewIssue) -> Result<Issue, LinearError> {
        let created: Created = self.ask(CREATE, &json!({ "input": issue })).await?;
        match created.result {
            Creation { success: true, issue: Some(issue) } => Ok(issue),
            _ => Err(LinearError::Answer("no success and no reason".to_owned())),
        }
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
        variables: &Value,
    ) -> Result<T, LinearError> {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.request(Method::POST, "/graphql").json(&body);
        let reply = self.http.send(request, LIMITS).await?;
        let now = shared::process::time::unix_millis();
        error::judge(&self.http, &reply, now)
    }
}
