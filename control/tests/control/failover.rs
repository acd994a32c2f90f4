//! The server of the database goes away under a running control, and comes back: as itself, and
//! as another one at the same address. Where no PostgreSQL is named there is nothing to tell.

use std::cell::{Cell, RefCell};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::common::database::Database;
use crate::common::edge::TestEdge;
use crate::common::postgres::Server;
use crate::common::process::{Installation, Process};
use crate::common::{ADMIN_KEY, client, wait_until};

async fn readiness(process: &Process) -> StatusCode {
    process.get("/readyz").await.0
}

/// Puts one route after the other until `is_over`; tells which were taken, and how many not.
async fn traffic(
    process: &Process,
    round: &str,
    taken: &RefCell<Vec<String>>,
    failed: &Cell<u32>,
    is_over: &Cell<bool>,
) {
    let client = client();
    for number in 0.. {
        if is_over.get() {
            break;
        }
        let name = format!("{round}-{number}");
        let url = format!("http://{}/api/routes/{name}?wait=none", process.api);
        let body = json!({ "upstream": format!("https://{name}.sprites.test") });
        let sent = client.put(url).bearer_auth(ADMIN_KEY).json(&body).send().await;
        if sent.is_ok_and(|response| response.status() == StatusCode::OK) {
            taken.borrow_mut().push(name);
        } else {
            failed.set(failed.get() + 1);
        }
    }
}

#[tokio::test]
async fn a_database_server_that_goes_and_comes_back_costs_nothing_that_was_answered() {
    let Some(mut server) = Server::start().await else { return };
    let edge = TestEdge::start("one").await;
    let database = Database::on(server.url.clone()).await;
    let installation = Installation::on(database, &[&edge], "");
    let control = installation.start().await;
    control.put_route("ada").await;
    for round in ["itself", "another"] {
        let (taken, failed) = (RefCell::new(Vec::new()), Cell::new(0));
        let is_over = Cell::new(false);
        let outage = async {
            let some = |more: usize| {
                let before = taken.borrow().len();
                let taken = &taken;
                async move || taken.borrow().len() >= before + more
            };
            wait_until("there is traffic", true, some(3)).await;
            server.go_away().await;
            let away = StatusCode::SERVICE_UNAVAILABLE;
            wait_until("control says that it cannot", away, async || readiness(&control).await)
                .await;
            wait_until("a change is refused", true, async || failed.get() > 0).await;
            assert!(edge.names().contains(&"ada".to_owned()), "somebody is cut");
            match round {
                "itself" => server.come_back().await,
                _ => server.be_replaced().await,
            }
            wait_until("control is ready", StatusCode::OK, async || readiness(&control).await)
                .await;
            wait_until("changes are taken again", true, some(3)).await;
            is_over.set(true);
        };
        tokio::join!(traffic(&control, round, &taken, &failed, &is_over), outage);
        let has_all = async || {
            let names = edge.names();
            taken.borrow().iter().filter(|name| !names.contains(name)).count()
        };
        wait_until("the edge has all that was answered", 0, has_all).await;
        assert!(edge.names().contains(&"ada".to_owned()));
    }
    let (_, tickets) = control.api(Method::GET, "/api/tickets", None).await;
    assert!(tickets["items"].as_array().unwrap().len() <= 1, "{tickets:#}");
}
