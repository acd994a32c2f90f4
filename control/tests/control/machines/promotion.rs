//! The primary of PostgreSQL dies under a control that has machines and customers, and its
//! standby takes its place. Where no PostgreSQL is named there is nothing to tell.

use std::cell::Cell;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::installation::{Town, Wanted, settings};
use super::provider::Provider;
use crate::common::database::Database;
use crate::common::postgres::{Address, Server};
use crate::common::{ADMIN_KEY, client, wait_until};

/// How many changes were taken so far, and how many were not.
#[derive(Default)]
struct Seen {
    taken: Cell<u32>,
    failed: Cell<u32>,
}

/// Puts one route after the other until `is_over`; names those that were taken.
async fn traffic(town: &Town, seen: &Seen, is_over: &Cell<bool>) -> Vec<String> {
    let (client, mut taken) = (client(), Vec::new());
    for number in 0.. {
        if is_over.get() {
            break;
        }
        let name = format!("route-{number}");
        let url = format!("http://{}/api/routes/{name}?wait=none", town.control().api);
        let body = json!({ "upstream": format!("https://{name}.sprites.test") });
        let sent = client.put(url).bearer_auth(ADMIN_KEY).json(&body).send().await;
        if sent.is_ok_and(|response| response.status() == StatusCode::OK) {
            taken.push(name);
            seen.taken.set(seen.taken.get() + 1);
        } else {
            seen.failed.set(seen.failed.get() + 1);
        }
    }
    taken
}

/// On threads, so that the address still leads somewhere while the database is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_promoted_takes_over_without_a_loss() {
    let Some(mut primary) = Server::start().await else { return };
    let standby = primary.follower().await;
    let address = Address::of(&primary);
    let provider = Provider::start().await;
    let wanted = Wanted { available: 1, failure_limit: 3 };
    let settings = settings(&provider.url, &wanted, "", "");
    let town = Town::start_on(Database::on(address.url.clone()).await, provider, &settings).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.until_available(1).await;
    let mut machines = town.provider.names().await;
    let (seen, is_over) = (Seen::default(), Cell::new(false));
    let ready = async || town.control().get("/readyz").await.0;
    let until = async |what: &str, status| wait_until(what, status, ready).await;
    let change = async {
        for _ in 0..5 {
            // Wherever in a transaction they are; one of these may be lost, and the next is not.
            address.cut();
            let before = seen.taken.get();
            wait_until("changes are taken", true, async || seen.taken.get() > before + 3).await;
        }
        until("control is ready after the cuts", StatusCode::OK).await;
        primary.go_away().await;
        until("control says that it cannot", StatusCode::SERVICE_UNAVAILABLE).await;
        // It takes no writes yet.
        address.lead_to(&standby);
        let before = seen.failed.get();
        wait_until("changes are refused", true, async || seen.failed.get() > before + 3).await;
        until("control says that it cannot write", StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(town.edge.names().contains(&"ada".to_owned()), "somebody is cut");
        standby.be_promoted().await;
        until("control is ready again", StatusCode::OK).await;
        is_over.set(true);
    };
    let (taken, ()) = tokio::join!(traffic(&town, &seen, &is_over), change);
    let lacking = async || {
        let names = town.edge.names();
        taken.iter().filter(|name| !names.contains(name)).count()
    };
    wait_until("the edge has all that was answered", 0, lacking).await;
    town.check_live("ada").await;
    let mut left = town.provider.names().await;
    machines.sort();
    left.sort();
    assert_eq!(machines, left, "a machine is gone, or too many");
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    assert!(tickets["items"].as_array().unwrap().len() <= 1, "{tickets:#}");
    let task = town.pay("bob").await;
    town.until_done(&task).await;
    town.check_live("bob").await;
}
