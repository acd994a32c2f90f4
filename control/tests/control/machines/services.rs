//! What runs in a machine stops while its workspace is closed, and starts when it opens.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::RouteState;

use super::installation::Town;
use crate::common::wait_until;

async fn services(town: &Town) -> String {
    let services = "SELECT services FROM sprites WHERE username = 'ada'";
    town.installation.database.text(services).await.unwrap_or_default()
}

/// As the provider has it.
async fn runs(town: &Town) -> bool {
    let name = "SELECT name FROM sprites WHERE username = 'ada'";
    let name = town.installation.database.text(name).await.unwrap();
    town.provider.service_status(&name).await == "running"
}

async fn call(town: &Town, what: &str) {
    let path = format!("/api/customers/ada/{what}");
    let (status, answer) = town.control().api(Method::POST, &path, Some(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn until_stopped(town: &Town) {
    wait_until("what runs is stopped", "stopped".to_owned(), async || services(town).await).await;
    assert!(!runs(town).await);
}

async fn until_open(town: &Town) {
    let state = async || town.edge.table().routes.values().next().map(|route| route.state);
    wait_until("the way in is open", Some(RouteState::Live), state).await;
    wait_until("it runs", "running".to_owned(), async || services(town).await).await;
    assert!(runs(town).await);
    town.check_live("ada").await;
}

#[tokio::test]
async fn what_runs_stops_while_a_workspace_is_closed_and_starts_before_it_opens() {
    let mut town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    for _ in 0..2 {
        call(&town, "suspend").await;
        until_stopped(&town).await;
        assert_eq!(
            town.edge.table().routes.values().next().map(|route| route.state),
            Some(RouteState::Suspended)
        );
        call(&town, "resume").await;
        until_open(&town).await;
    }
    // Also when nobody was there to see it, or was killed on the way.
    call(&town, "suspend").await;
    until_stopped(&town).await;
    town.kill_control().await;
    let open = "UPDATE customers SET suspensions = '' WHERE username = 'ada'";
    town.installation.database.run(open.to_owned()).await;
    let half = "UPDATE sprites SET services = 'starting' WHERE username = 'ada'";
    town.installation.database.run(half.to_owned()).await;
    town.start_control().await;
    wait_until("it runs", "running".to_owned(), async || services(&town).await).await;
    assert!(runs(&town).await);
}

#[tokio::test]
async fn a_provider_that_is_away_stops_nothing_for_good() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.provider.arm("POST", "/v1/sprites/*/services/*/stop", 2, "500").await;
    call(&town, "suspend").await;
    until_stopped(&town).await;
    town.provider.arm("POST", "/v1/sprites/*/services/*/start", 2, "500").await;
    call(&town, "resume").await;
    until_open(&town).await;
}
