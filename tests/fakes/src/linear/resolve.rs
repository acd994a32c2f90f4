//! Does what an operation asks.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::graphql::{self, Field, Kind, Operation};
use super::issue::{self, Issue, STATES, TEAM_KEY};
use crate::ids;

/// Tickets kept. Nobody files so many; beyond it no more are taken.
const ISSUES_MAX: usize = 10_000;

/// Tickets of a page by default, and at most.
const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 250;

/// The one workspace behind a key.
#[derive(Debug, Default)]
pub struct Workspace {
    team: String,
    public_url: String,
    /// Oldest first.
    pub issues: Vec<Issue>,
    /// Counts every change.
    sync_id: u64,
}

impl Workspace {
    /// No ticket yet.
    pub fn new(team: String, public_url: String) -> Self {
        Self { team, public_url, ..Self::default() }
    }

    /// Checks the whole operation first, so that a query which asks back for
    /// a field that does not exist changes nothing.
    ///
    /// # Errors
    /// The first field that cannot be answered; what was done stays done.
    pub fn perform(&mut self, operation: &Operation, now: u64) -> Result<Value, ApiError> {
        graphql::check(&operation.fields, &self.shape(operation.kind))?;
        let mut data = Map::new();
        for field in &operation.fields {
            let value = match operation.kind {
                Kind::Query => self.look_up(field)?,
                Kind::Mutation => self.change(field, now)?,
            };
            data.insert(field.key.clone(), graphql::select(&field.inside, &value));
        }
        Ok(Value::Object(data))
    }

    /// By id or identifier.
    pub fn issue(&self, id: &str) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.id == id || issue.identifier() == id)
    }

    fn look_up(&self, field: &Field) -> Result<Value, ApiError> {
        match field.name.as_str() {
            "issue" => {
                let id = text(field, "id")?;
                let found = self.issue(id).map(Issue::body);
                found.ok_or_else(|| ApiError::not_found("issue", "Issue"))
            }
            "issues" => self.page(field),
            "team" => {
                let id = text(field, "id")?;
                let known = id == self.team || id == TEAM_KEY;
                if known { Ok(self.team()) } else { Err(ApiError::not_found("team", "Team")) }
            }
            "workflowStates" => Ok(connection(&states())),
            "viewer" => Ok(viewer()),
            _ => Ok(json!("Query")),
        }
    }

    fn change(&mut self, field: &Field, now: u64) -> Result<Value, ApiError> {
        let id = match field.name.as_str() {
            "issueCreate" => self.create(field, now)?,
            "issueUpdate" => self.update(field, now)?,
            _ => return Ok(json!("Mutation")),
        };
        self.sync_id += 1;
        let issue = self.issue(&id).expect("it was just changed").body();
        Ok(payload(&issue, self.sync_id))
    }

    fn create(&mut self, field: &Field, now: u64) -> Result<String, ApiError> {
        const NAME: &str = "issueCreate";
        let input = input(field)?;
        issue::check_input(NAME, input)?;
        let given = |name: &str| input.get(name).and_then(Value::as_str);
        let team = given("teamId").ok_or_else(|| {
            let message = "Field \"teamId\" of required type \"String!\" was not provided.";
            ApiError::graphql("BAD_USER_INPUT", message)
        })?;
        if team != self.team {
            return Err(ApiError::not_found(NAME, "Team"));
        }
        if given("title").is_none() {
            return Err(ApiError::input(NAME, "title should not be empty."));
        }
        let id = given("id").map_or_else(ids::uuid, str::to_lowercase);
        if self.issue(&id).is_some() {
            let message = format!("Entity Issue with id \"{id}\" already exists.");
            return Err(ApiError::input(NAME, message));
        }
        if self.issues.len() >= ISSUES_MAX {
            return Err(ApiError::input(NAME, "The workspace has too many issues."));
        }
        let mut issue = Issue {
            id: id.clone(),
            number: u64::try_from(self.issues.len()).expect("lists fit in memory") + 1,
            team: self.team.clone(),
            title: String::new(),
            description: None,
            priority: 0,
            labels: Vec::new(),
            state: 0,
            due_date: None,
            estimate: None,
            created: now,
            updated: now,
            public_url: self.public_url.clone(),
        };
        issue.apply(input, now);
        self.issues.push(issue);
        Ok(id)
    }

    fn update(&mut self, field: &Field, now: u64) -> Result<String, ApiError> {
        const NAME: &str = "issueUpdate";
        let (id, input) = (text(field, "id")?, input(field)?);
        issue::check_input(NAME, input)?;
        let named = |issue: &&mut Issue| issue.id == id || issue.identifier() == id;
        let issue = self.issues.iter_mut().find(named);
        let issue = issue.ok_or_else(|| ApiError::not_found(NAME, "Issue"))?;
        issue.apply(input, now);
        Ok(issue.id.clone())
    }

    /// Newest first, as Linear orders by default.
    fn page(&self, field: &Field) -> Result<Value, ApiError> {
        for name in ["filter", "sort", "before", "last"] {
            if field.arguments.get(name).is_some_and(|value| !value.is_null()) {
                let message = format!("this fake lists issues without \"{name}\"");
                return Err(ApiError::input("issues", message));
            }
        }
        let first = field.arguments.get("first").and_then(Value::as_u64).unwrap_or(PAGE_DEFAULT);
        if first > PAGE_MAX {
            return Err(ApiError::input("issues", format!("first must not exceed {PAGE_MAX}.")));
        }
        let after = field.arguments.get("after").and_then(Value::as_str);
        let newest = self.issues.iter().rev();
        let mut rest: Vec<&Issue> = match after {
            None => newest.collect(),
            Some(after) => newest.skip_while(|issue| issue.id != after).skip(1).collect(),
        };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let has_next = rest.len() > first;
        rest.truncate(first);
        let mut page = connection(&rest.iter().map(|issue| issue.body()).collect::<Vec<_>>());
        page["pageInfo"]["hasNextPage"] = json!(has_next);
        page["pageInfo"]["hasPreviousPage"] = json!(after.is_some());
        page["pageInfo"]["startCursor"] = json!(rest.first().map(|issue| &issue.id));
        page["pageInfo"]["endCursor"] = json!(rest.last().map(|issue| &issue.id));
        Ok(page)
    }

    fn team(&self) -> Value {
        json!({"__typename": "Team", "id": self.team, "key": TEAM_KEY, "name": "Operations"})
    }

    /// Everything that can be asked at the top.
    fn shape(&self, kind: Kind) -> Value {
        match kind {
            Kind::Query => json!({
                "__typename": "Query",
                "issue": issue::blank(),
                "issues": connection(&[issue::blank()]),
                "team": self.team(),
                "workflowStates": connection(&states()),
                "viewer": viewer(),
            }),
            Kind::Mutation => json!({
                "__typename": "Mutation",
                "issueCreate": payload(&issue::blank(), 0),
                "issueUpdate": payload(&issue::blank(), 0),
            }),
        }
    }
}

fn payload(issue: &Value, sync_id: u64) -> Value {
    json!({
        "__typename": "IssuePayload",
        "success": true,
        "lastSyncId": sync_id,
        "issue": issue,
    })
}

fn connection(nodes: &[Value]) -> Value {
    json!({
        "nodes": nodes,
        "pageInfo": {
            "__typename": "PageInfo",
            "hasNextPage": false,
            "hasPreviousPage": false,
            "startCursor": null,
            "endCursor": null,
        },
    })
}

fn states() -> Vec<Value> {
    let state = |(id, name, kind): &(&str, &str, &str)| json!({"__typename": "WorkflowState", "id": id, "name": name, "type": kind});
    STATES.iter().map(state).collect()
}

fn viewer() -> Value {
    json!({
        "__typename": "User",
        "id": "5b1c7a3e-0002-4000-8000-000000000001",
        "name": "Arcamatrix",
        "displayName": "arcamatrix",
        "email": "operations@example.com",
        "active": true,
    })
}

fn text<'f>(field: &'f Field, name: &str) -> Result<&'f str, ApiError> {
    field.arguments.get(name).and_then(Value::as_str).ok_or_else(|| {
        let message = format!(
            "Field \"{}\" argument \"{name}\" of type \"String!\" is required, but it was not \
             provided.",
            field.name
        );
        ApiError::graphql("GRAPHQL_VALIDATION_FAILED", message)
    })
}

fn input(field: &Field) -> Result<&Map<String, Value>, ApiError> {
    field.arguments.get("input").and_then(Value::as_object).ok_or_else(|| {
        let message = format!("Field \"{}\" argument \"input\" is required.", field.name);
        ApiError::graphql("GRAPHQL_VALIDATION_FAILED", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: &str = "9f1b8a0e-3f5c-4f0e-9d2b-0a1b2c3d4e5f";
    const ID: &str = "0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0";

    fn ask(workspace: &mut Workspace, query: &str, variables: &Value) -> Result<Value, ApiError> {
        let operation = graphql::read(query, None, variables.as_object().unwrap())?;
        workspace.perform(&operation, 1_763_800_000)
    }

    fn workspace() -> Workspace {
        Workspace::new(TEAM.to_owned(), String::new())
    }

    const CREATE: &str = "mutation($input: IssueCreateInput!) { issueCreate(input: $input) \
                          { success issue { id identifier url } } }";

    #[test]
    fn a_ticket_is_made_once_under_its_own_id() {
        let mut workspace = workspace();
        let input = json!({"input": {"id": ID, "teamId": TEAM, "title": "PROV failed"}});
        let made = ask(&mut workspace, CREATE, &input).unwrap();
        assert_eq!(made["issueCreate"]["issue"]["identifier"], "OPS-1");
        assert!(ask(&mut workspace, CREATE, &input).is_err());
        let found =
            ask(&mut workspace, &format!("{{ issue(id: \"{ID}\") {{ title }} }}"), &json!({}));
        assert_eq!(found.unwrap(), json!({"issue": {"title": "PROV failed"}}));
        assert_eq!(workspace.issues.len(), 1);
    }

    #[test]
    fn a_query_that_asks_back_for_nonsense_changes_nothing() {
        let mut workspace = workspace();
        let query = CREATE.replace("identifier", "identifyer");
        let input = json!({"input": {"teamId": TEAM, "title": "x"}});
        assert!(ask(&mut workspace, &query, &input).is_err());
        assert!(workspace.issues.is_empty());
    }

    #[test]
    fn a_ticket_can_be_closed() {
        let mut workspace = workspace();
        ask(&mut workspace, CREATE, &json!({"input": {"teamId": TEAM, "title": "x"}})).unwrap();
        let done = STATES[2].0;
        let query = format!(
            "mutation {{ issueUpdate(id: \"OPS-1\", input: {{stateId: \"{done}\"}}) \
             {{ issue {{ state {{ name }} completedAt }} }} }}"
        );
        let closed = ask(&mut workspace, &query, &json!({})).unwrap();
        assert_eq!(closed["issueUpdate"]["issue"]["state"]["name"], "Done");
        assert!(closed["issueUpdate"]["issue"]["completedAt"].is_string());
    }
}
