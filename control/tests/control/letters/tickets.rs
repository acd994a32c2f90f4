//! One ticket for one incident.

use std::time::Duration;

use control::model::incident::Incident;
use reqwest::Method;
use serde_json::{Value, json};
use vendors::linear::Priority;

use super::vendor::{self, BACK_OFF, Office};
use crate::common::{World, wait_until};

fn incident() -> Incident {
    let said = "cannot reach ada@mail.test";
    Incident::new("sprite/arca-1", "A sprite does not answer", said, Priority::High)
}

async fn open(world: &World, incident: &Incident) {
    world.app().store.open_incident(incident, world.now()).await.unwrap();
}

async fn identifiers(world: &World) -> Vec<Value> {
    let (status, list) = world.api(Method::GET, "/api/tickets", None).await;
    assert!(status.is_success(), "{list}");
    let items = list["items"].as_array().unwrap().iter();
    items.map(|ticket| ticket["identifier"].clone()).collect()
}

async fn wait_for_ticket(office: &Office) {
    let opened = async || identifiers(&office.world).await.iter().any(Value::is_string);
    wait_until("the ticket is open", true, opened).await;
}

#[tokio::test]
async fn an_incident_told_again_and_again_is_one_ticket() {
    let office = Office::open().await;
    for _ in 0..3 {
        open(&office.world, &incident()).await;
    }
    wait_for_ticket(&office).await;
    open(&office.world, &incident()).await;
    let issues = office.linear.issues().await;
    let [issue] = issues.as_slice() else { panic!("{issues:?}") };
    assert_eq!(issue["title"], "A sprite does not answer");
    assert_eq!(issue["description"], "cannot reach a•••@mail.test");
    assert_eq!(identifiers(&office.world).await, [issue["identifier"].clone()]);
}

#[tokio::test]
async fn a_ticket_whose_answer_was_lost_is_found_and_not_opened_again() {
    let office = Office::open().await;
    office.linear.fail(1, "after-commit:reset").await;
    open(&office.world, &incident()).await;
    let tried = async || vendor::task(&office.world, "ticket/sprite/arca-1").await;
    wait_until("it waits", ("waiting".to_owned(), 1), tried).await;
    office.world.let_pass(BACK_OFF).await;
    wait_for_ticket(&office).await;
    assert_eq!(office.linear.issues().await.len(), 1);
}

#[tokio::test]
async fn a_crash_between_their_commit_and_ours_opens_one_ticket() {
    let mut office = Office::open().await;
    office.linear.fail(1, "after-commit:slow:10000").await;
    open(&office.world, &incident()).await;
    wait_until("it is with them", 1, async || office.linear.issues().await.len()).await;
    office.world.restart().await;
    office.world.turn_clock(BACK_OFF);
    wait_for_ticket(&office).await;
    assert_eq!(office.linear.issues().await.len(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let office = Office::open().await;
    office.linear.say("/_fake/limits", json!({ "requests_per_hour": 0 })).await;
    // Time must not pass while the answer is under way, on the slowest machine either.
    office.linear.fail(1, "slow:500").await;
    open(&office.world, &incident()).await;
    wait_until("it was tried", 1, async || office.linear.calls().await.len()).await;
    let tried = async || vendor::task(&office.world, "ticket/sprite/arca-1").await;
    wait_until("it waits", ("waiting".to_owned(), 0), tried).await;
    office.linear.say("/_fake/limits", json!({ "requests_per_hour": 9 })).await;
    office.world.let_pass(Duration::from_secs(24 * 3_600)).await;
    wait_for_ticket(&office).await;
}

#[tokio::test]
async fn a_ticket_that_cannot_be_opened_opens_no_other() {
    let office = Office::open().await;
    office.linear.fail(9, "status:401").await;
    open(&office.world, &incident()).await;
    let tried = async || vendor::task(&office.world, "ticket/sprite/arca-1").await.0;
    wait_until("it is dead", "dead".to_owned(), tried).await;
    assert_eq!(identifiers(&office.world).await, [Value::Null]);
    assert_eq!(office.linear.issues().await.len(), 0);
}

#[tokio::test]
async fn sign_ups_can_do_without_tickets_and_incidents_cannot() {
    let office = Office::open_with("", "sign_ups = false").await;
    let username = "ada".parse().unwrap();
    let news = [
        Incident::sign_up("su_1", &username, "ada@mail.test", "weather"),
        Incident::cancellation("sub_1", &username, "asked for"),
    ];
    for incident in &news {
        open(&office.world, incident).await;
    }
    open(&office.world, &incident()).await;
    wait_for_ticket(&office).await;
    for incident in &news {
        let cause = format!("ticket/{}", incident.key);
        let state = async || vendor::task(&office.world, &cause).await.0;
        wait_until("it is noted", "done".to_owned(), state).await;
    }
    assert_eq!(office.linear.issues().await.len(), 1);
}

#[tokio::test]
async fn without_linear_incidents_are_noted() {
    let world = World::start(&[]).await;
    open(&world, &incident()).await;
    let state = async || vendor::task(&world, "ticket/sprite/arca-1").await.0;
    wait_until("it is noted", "done".to_owned(), state).await;
    assert_eq!(identifiers(&world).await, [Value::Null]);
}
