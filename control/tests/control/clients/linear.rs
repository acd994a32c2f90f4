//! One ticket for one incident.

use serde_json::{Value, json};
use vendors::Again;
use vendors::linear::{IssueId, Linear, LinearError, NewIssue, Priority};

use super::sink::{Answer, Sink, secret};

const INCIDENT: &str = "PROV-20260214-a1b2c3d4/dead";

fn linear(sink: &Sink) -> Linear {
    Linear::new(&sink.url, &secret("lin_api_never_printed")).unwrap()
}

fn ticket() -> NewIssue {
    NewIssue {
        id: IssueId::of_key(INCIDENT),
        team_id: "7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned(),
        title: "Provisioning failed: su_1".to_owned(),
        description: "markdown".to_owned(),
        priority: Priority::High,
        label_ids: Vec::new(),
    }
}

fn issue() -> Value {
    let id = IssueId::of_key(INCIDENT).to_string();
    json!({ "id": id, "identifier": "ENG-12", "url": "https://linear.app/a/issue/ENG-12" })
}

fn created() -> Answer {
    let result = json!({ "success": true, "lastSyncId": 1, "issue": issue() });
    Answer::json(200, &json!({ "data": { "issueCreate": result } }))
}

fn found() -> Answer {
    Answer::json(200, &json!({ "data": { "issue": issue() } }))
}

fn refused(status: u16, kind: &str, code: &str) -> Answer {
    let extensions = json!({ "type": kind, "code": code, "userError": true });
    let errors = json!([{ "message": "no", "path": ["issueCreate"], "extensions": extensions }]);
    Answer::json(status, &json!({ "errors": errors, "data": null }))
}

fn duplicate() -> Answer {
    refused(200, "invalid input", "INPUT_ERROR")
}

/// `mutation` or `query` of each request.
fn words(sink: &Sink) -> Vec<String> {
    let first_word = |body: Value| {
        let query = body["query"].as_str().unwrap().to_owned();
        query.split_whitespace().next().unwrap().to_owned()
    };
    sink.seen().iter().map(|seen| first_word(seen.json())).collect()
}

#[tokio::test]
async fn a_ticket_is_made_as_the_vendors_client_makes_it() {
    let sink = Sink::start([created()]).await;
    let made = linear(&sink).create_issue(&ticket()).await.unwrap();
    assert_eq!(made.identifier, "ENG-12");
    let seen = &sink.seen()[0];
    assert_eq!(sink.calls(), ["POST /graphql"]);
    assert_eq!(seen.header("authorization"), Some("lin_api_never_printed"), "without Bearer");
    let body = seen.json();
    assert_eq!(
        body["query"],
        "mutation createIssue($input: IssueCreateInput!) { issueCreate(input: $input) { \
         success lastSyncId issue { id identifier url } } }"
    );
    let expected = json!({ "input": {
        "id": IssueId::of_key(INCIDENT).to_string(),
        "teamId": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "title": "Provisioning failed: su_1", "description": "markdown", "priority": 2,
    }});
    assert_eq!(body["variables"], expected);
}

#[tokio::test]
async fn the_same_incident_twice_is_one_ticket() {
    let sink = Sink::start([created(), duplicate(), found()]).await;
    let linear = linear(&sink);
    let first = linear.create_issue(&ticket()).await.unwrap();
    assert_eq!(linear.create_issue(&ticket()).await.unwrap(), first);
    assert_eq!(words(&sink), ["mutation", "mutation", "query"]);
    let seen = sink.seen();
    assert_eq!(seen[0].json(), seen[1].json());
    assert_eq!(seen[2].json()["variables"], json!({ "id": issue()["id"] }));
}

#[tokio::test]
async fn a_ticket_whose_making_was_cut_off_is_found_by_the_next_call() {
    let sink = Sink::start([Answer::HangUp, duplicate(), found()]).await;
    let linear = linear(&sink);
    let lost = linear.create_issue(&ticket()).await.unwrap_err();
    assert_eq!(lost.again(), Again::Soon);
    assert_eq!(linear.create_issue(&ticket()).await.unwrap().identifier, "ENG-12");
}

#[tokio::test]
async fn a_refusal_that_is_no_duplicate_stays_a_refusal() {
    let missing = refused(200, "invalid input", "INPUT_ERROR");
    let sink = Sink::start([refused(200, "user error", "TEAM"), missing]).await;
    let error = linear(&sink).create_issue(&ticket()).await.unwrap_err();
    assert_eq!(error.again(), Again::Never);
    assert!(error.to_string().contains("user error"), "{error}");
    assert_eq!(words(&sink), ["mutation", "query"]);
}

#[tokio::test]
async fn a_rate_limit_comes_as_400_and_asks_nothing_more() {
    let limited = refused(400, "ratelimited", "RATELIMITED").header("retry-after", "60");
    let sink = Sink::start([limited]).await;
    let error = linear(&sink).create_issue(&ticket()).await.unwrap_err();
    assert_eq!(error.again(), Again::After(std::time::Duration::from_secs(60)));
    assert_eq!(words(&sink), ["mutation"]);
}

#[tokio::test]
async fn unknown_is_not_missing() {
    let sink = Sink::start([refused(401, "authentication error", "AUTHENTICATION_ERROR")]).await;
    let error = linear(&sink).find_issue(&ticket().id).await.unwrap_err();
    assert!(matches!(error, LinearError::Refused { .. }));
    let sink = Sink::start([refused(200, "invalid input", "INPUT_ERROR"), found()]).await;
    assert!(linear(&sink).find_issue(&ticket().id).await.unwrap().is_none());
    assert!(linear(&sink).find_issue(&ticket().id).await.unwrap().is_some());
}
