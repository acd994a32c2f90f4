//! Access is taken away also while somebody else has the database locked.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{LockKey, RouteState, Username};
use sqlx::Connection as _;

use crate::common::edge::TestEdge;
use crate::common::{World, wait_until};

/// Whoever changes a route waits for this one; on SQLite everybody who writes.
const HELD: &str = "UPDATE route_table SET generation = generation";

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

/// How each of `edges` acknowledged what is not in the database.
fn told(answer: &(StatusCode, Value)) -> Vec<bool> {
    assert_eq!((answer.0, &answer.1["durable"]), (StatusCode::OK, &json!(false)), "{answer:?}");
    let edges = answer.1["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["acknowledged"].as_bool().unwrap()).collect()
}

fn state_of(edge: &TestEdge, username: &str) -> Option<RouteState> {
    edge.table().routes.get(&name(username)).map(|route| route.state)
}

/// Do all edges have our table, as far as control knows?
async fn are_in_step(world: &World) -> bool {
    let (_, edges) = world.api(Method::GET, "/api/edges", None).await;
    edges["edges"].as_array().unwrap().iter().all(|edge| edge["in_step"] == true)
}

#[tokio::test]
async fn access_is_taken_away_while_the_database_takes_no_writes() {
    let (one, two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let world = World::start(&[&one, &two]).await;
    for username in ["ada", "bob", "eve"] {
        world.add_customer(username).await;
        world.put_route(username).await;
    }
    one.table().cuts = 7;
    let epoch = one.table().routes[&name("bob")].epoch;
    let held = world.database.hold(HELD).await;
    let post = async |path: &str| world.api(Method::POST, path, None).await;
    let closed = post("/api/customers/ada/suspend").await;
    assert_eq!(told(&closed), [true, true]);
    assert_eq!(closed.1["edges"][0]["sockets_cut"], 7, "{closed:?}");
    // Again it is the same one.
    assert_eq!(told(&post("/api/customers/ada/suspend").await), [true, true]);
    assert_eq!(told(&post("/api/customers/bob/sign-out-everywhere").await), [true, true]);
    let removed = world.api(Method::DELETE, "/api/routes/eve", None).await;
    assert_eq!(told(&removed), [true, true]);
    let locked = world.api(Method::PUT, "/api/locks/kim", None).await;
    assert_eq!(told(&locked), [true, true]);
    for edge in [&one, &two] {
        assert_eq!(state_of(edge, "ada"), Some(RouteState::Suspended));
        assert_eq!(state_of(edge, "eve"), None);
        let table = edge.table();
        assert_eq!(table.routes[&name("bob")].epoch, epoch + 1);
        assert!(table.locks.contains_key(&LockKey { username: name("kim"), session: None }));
    }
    // What is not written cannot be given back: it would be taken away again afterwards.
    let (status, answer) = post("/api/customers/ada/resume").await;
    let code = answer["error"]["code"].as_str();
    assert_eq!((status, code), (StatusCode::SERVICE_UNAVAILABLE, Some("unwritten")));
    let (code, said, _) = world.cli_ended("customers suspend ada --yes").await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("Not in the database yet"), "{said}");

    for edge in [&one, &two] {
        edge.table().calls.clear();
    }
    held.close().await.unwrap();
    wait_until("all of it is written", true, async || {
        let (_, ada) = world.api(Method::GET, "/api/customers/ada", None).await;
        let (_, locks) = world.api(Method::GET, "/api/locks", None).await;
        let is_locked = locks["items"].as_array().is_some_and(|locks| locks.len() == 1);
        ada["suspended"] == true && is_locked && are_in_step(&world).await
    })
    .await;
    for edge in [&one, &two] {
        assert!(!edge.table().calls.contains(&"table"), "{:?}", edge.table().calls);
    }
    let (status, answer) = post("/api/customers/ada/resume").await;
    assert_eq!((status, &answer["durable"]), (StatusCode::OK, &json!(true)), "{answer}");
    assert_eq!(state_of(&two, "ada"), Some(RouteState::Live));
}

#[tokio::test]
async fn an_edge_that_was_away_or_lost_all_hears_of_it_before_the_database() {
    let (one, mut two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let world = World::start(&[&one, &two]).await;
    for username in ["ada", "bob"] {
        world.add_customer(username).await;
        world.put_route(username).await;
    }
    let held = world.database.hold(HELD).await;
    two.go_away().await;
    let closed = world.api(Method::POST, "/api/customers/ada/suspend", None).await;
    assert_eq!(told(&closed), [true, false]);
    one.lose_everything();
    two.come_back().await;
    for edge in [&one, &two] {
        let served = async || (state_of(edge, "ada"), state_of(edge, "bob"));
        let expected = (Some(RouteState::Suspended), Some(RouteState::Live));
        wait_until("it is closed here, too", expected, served).await;
    }
    held.close().await.unwrap();
    wait_until("it is written", true, async || {
        let (_, ada) = world.api(Method::GET, "/api/customers/ada", None).await;
        ada["suspended"] == true && are_in_step(&world).await
    })
    .await;
    for edge in [&one, &two] {
        assert_eq!(state_of(edge, "ada"), Some(RouteState::Suspended));
    }
}
