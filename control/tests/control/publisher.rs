//! Routes reach every edge, whatever happened to it meanwhile.

use crate::common::edge::TestEdge;
use crate::common::tls::{Sealed, seal};
use crate::common::{EDGE_TOKEN, World, wait_until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{Checksum, Generation};

fn acknowledged(answer: &Value) -> Vec<bool> {
    let edges = answer["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["acknowledged"].as_bool().unwrap()).collect()
}

/// Is the edge's table exactly ours, under our number?
async fn in_step(world: &World, edge: &TestEdge) -> bool {
    let (_, routes) = world.api(Method::GET, "/api/routes?limit=1000", None).await;
    let routes: Vec<shared::Route> = serde_json::from_value(routes["items"].clone()).unwrap();
    let ours = routes.iter().fold(Checksum::default(), Checksum::with_route);
    let (_, edges) = world.api(Method::GET, "/api/edges", None).await;
    let generation = edges["generation"].as_u64().unwrap();
    let table = edge.table();
    table.checksum() == ours && table.generation == Generation(generation)
}

#[tokio::test]
async fn a_change_is_answered_when_every_edge_serves_it() {
    let (one, two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let world = World::start(&[&one, &two]).await;
    let answer = world.put_route("ada").await;
    assert_eq!(acknowledged(&answer), [true, true], "{answer}");
    assert_eq!((one.names(), two.names()), (vec!["ada".into()], vec!["ada".into()]));

    one.table().cuts = 7;
    let (status, answer) = world.api(Method::DELETE, "/api/routes/ada", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["edges"][0]["sockets_cut"], 7, "{answer}");
    assert_eq!(answer["edges"][0]["requests_cut"], 3);
    assert_eq!(answer["edges"][1]["sockets_cut"], 0);
    assert!(one.names().is_empty() && two.names().is_empty());
    let (status, _) = world.api(Method::DELETE, "/api/routes/ada", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_edge_is_believed_by_its_own_certificate_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let known = seal(one.address, folder.path(), "known").await;
    let stranger = seal(two.address, folder.path(), "stranger").await;
    let section = |name: &str, Sealed { address, .. }: &Sealed| {
        let certificate = known.certificate.display();
        format!(
            "[[edges]]\nname = '{name}'\nurl = 'https://{address}'\ntoken = '{EDGE_TOKEN}'\n\
             ca_file = '{certificate}'\n"
        )
    };
    let sections = [section("known", &known), section("stranger", &stranger)].concat();
    let world = World::start_with_sections(&[], "", &sections).await;
    let answer = world.put_route("ada").await;
    assert_eq!(acknowledged(&answer), [true, false], "{answer}");
    let error = answer["edges"][1]["error"].as_str().unwrap();
    assert!(error.contains("certificate"), "{answer}");
    assert_eq!((one.names(), two.names()), (vec!["ada".into()], Vec::new()));
    assert_eq!(two.table().calls, Vec::<&str>::new());
}

#[tokio::test]
async fn the_same_route_again_changes_nothing() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    let first = world.put_route("ada").await;
    let again = world.put_route("ada").await;
    assert_eq!(first["generation"], again["generation"]);
    assert_eq!(acknowledged(&again), [true]);
}

#[tokio::test]
async fn an_edge_that_is_down_holds_up_nobody_and_catches_up_by_changes() {
    let (one, mut two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let world = World::start(&[&one, &two]).await;
    world.put_route("ada").await;
    two.go_away().await;
    two.table().calls.clear();
    let answer = world.put_route("bob").await;
    assert_eq!(acknowledged(&answer), [true, false], "{answer}");
    assert!(answer["edges"][1]["error"].is_string(), "{answer}");
    world.put_route("eve").await;
    world.api(Method::DELETE, "/api/routes/ada", None).await;
    two.come_back().await;
    wait_until("two is in step", true, async || in_step(&world, &two).await).await;
    assert_eq!(two.names(), ["bob", "eve"]);
    assert!(!two.table().calls.contains(&"table"), "{:?}", two.table().calls);
}

#[tokio::test]
async fn an_edge_that_missed_more_than_the_log_holds_gets_the_whole_table() {
    let mut edge = TestEdge::start("one").await;
    let world = World::start_with(&[&edge], "log_changes = 3").await;
    world.put_route("ada").await;
    edge.go_away().await;
    edge.table().calls.clear();
    for name in ["bob", "eve", "kim", "lee", "mia"] {
        world.put_route(name).await;
    }
    let lock = json!({ "until": world.now_seconds() + 60 });
    world.api(Method::PUT, "/api/locks/bob", Some(lock)).await;
    world.api(Method::DELETE, "/api/locks/bob", None).await;
    edge.come_back().await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert_eq!(edge.names(), ["ada", "bob", "eve", "kim", "lee", "mia"]);
    assert!(edge.table().calls.contains(&"table"));
}

#[tokio::test]
async fn an_edge_that_is_ahead_makes_control_go_on_above_it() {
    let edge = TestEdge::start("one").await;
    edge.table().generation = Generation(70);
    let world = World::start(&[&edge]).await;
    let answer = world.put_route("ada").await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert!(edge.table().generation > Generation(70), "{answer}");
    let answer = world.put_route("bob").await;
    assert_eq!(acknowledged(&answer), [true]);
}

#[tokio::test]
async fn an_edge_with_other_content_under_our_number_gets_the_whole_table() {
    let mut edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.put_route("ada").await;
    edge.go_away().await;
    edge.table().routes.clear();
    edge.come_back().await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert_eq!(edge.names(), ["ada"]);
}

#[tokio::test]
async fn an_edge_that_refuses_changes_gets_the_whole_table() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.put_route("ada").await;
    // The number is right and the content is not: the checksum tells.
    edge.table().routes.clear();
    world.put_route("bob").await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert_eq!(edge.names(), ["ada", "bob"]);
}

#[tokio::test]
async fn a_sum_of_our_table_that_is_wrong_is_put_right_and_stops_nothing() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.put_route("ada").await;
    world.put_route("bob").await;
    let wrong = format!("UPDATE route_table SET checksum = '{}'", "0a".repeat(16));
    world.database.run(wrong).await;
    let (status, _) = world.api(Method::DELETE, "/api/routes/ada", None).await;
    assert_eq!(status, StatusCode::OK);
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert_eq!(edge.names(), ["bob"]);
    assert_eq!(acknowledged(&world.put_route("eve").await), [true], "and it goes on");
}

#[tokio::test]
async fn what_another_process_brings_to_the_edge_is_acknowledged() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    let newest = Generation(world.put_route("ada").await["generation"].as_u64().unwrap() + 1);
    edge.table().looks.close();
    wait_until("a look has begun", true, async || edge.table().looks.waited > 0).await;
    let brought = async {
        let is_made = async || world.api(Method::GET, "/api/routes/bob", None).await.0.is_success();
        wait_until("the change is made", true, is_made).await;
        let (_, route) = world.api(Method::GET, "/api/routes/bob", None).await;
        let route: shared::Route = serde_json::from_value(route).unwrap();
        edge.table().routes.insert(route.username, route);
        edge.table().generation = newest;
        // That one only: it must not be a later look that finds it.
        edge.table().looks.let_one_in();
    };
    let (answer, ()) = tokio::join!(world.put_route("bob"), brought);
    assert_eq!(acknowledged(&answer), [true], "{answer}");
}

#[tokio::test]
async fn an_empty_table_is_told_too() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert_eq!(edge.table().calls, ["table"]);
}

#[tokio::test]
async fn control_comes_back_to_edges_that_are_in_step() {
    let edge = TestEdge::start("one").await;
    let mut world = World::start(&[&edge]).await;
    world.put_route("ada").await;
    edge.table().calls.clear();
    world.restart().await;
    let in_step = async || {
        let (_, edges) = world.api(Method::GET, "/api/edges", None).await;
        edges["edges"][0]["in_step"].clone()
    };
    wait_until("the edge is known to be in step", json!(true), in_step).await;
    assert!(edge.table().calls.is_empty(), "{:?}", edge.table().calls);
}

#[tokio::test]
async fn who_does_not_want_to_wait_is_answered_at_once() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    let body = json!({ "upstream": "https://ada-1.sprites.test" });
    let (status, answer) = world.api(Method::PUT, "/api/routes/ada?wait=none", Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    wait_until("the edge has the route", vec!["ada".to_owned()], async || edge.names()).await;
}

#[tokio::test]
async fn a_poisoned_route_reaches_no_edge() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.put_route("ada").await;
    for (upstream, status) in [
        ("http://sprites.test", StatusCode::UNPROCESSABLE_ENTITY),
        ("https://169.254.169.254", StatusCode::UNPROCESSABLE_ENTITY),
        ("https://10.0.0.1", StatusCode::UNPROCESSABLE_ENTITY),
        ("https://x.test/path", StatusCode::UNPROCESSABLE_ENTITY),
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("http://127.0.0.1:9000", StatusCode::OK),
    ] {
        let body = json!({ "upstream": upstream });
        let (seen, answer) = world.api(Method::PUT, "/api/routes/bob", Some(body)).await;
        assert_eq!(seen, status, "{upstream}: {answer}");
    }
    for body in [json!({}), json!({ "upstream": "https://x.test", "colour": 1 }), json!([])] {
        let (seen, answer) = world.api(Method::PUT, "/api/routes/eve", Some(body)).await;
        assert_eq!(seen, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    }
    let body = json!({ "username": "kim", "spriteUrl": "https://kim-1.sprites.test" });
    let (seen, _) = world.api(Method::POST, "/api/customer-proxy", Some(body)).await;
    assert_eq!(seen, StatusCode::OK);
    assert_eq!(edge.names(), ["ada", "bob", "kim"]);
}

#[tokio::test]
async fn expired_locks_are_taken_from_the_edges() {
    let edge = TestEdge::start("one").await;
    let mut world = World::start(&[&edge]).await;
    let lock = json!({ "until": world.now_seconds() + 60 });
    let (status, answer) = world.api(Method::PUT, "/api/locks/ada", Some(lock)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.api(Method::PUT, "/api/locks/bob", None).await;
    assert_eq!(edge.table().locks.len(), 2);
    world.let_pass(std::time::Duration::from_secs(61)).await;
    // A sweep comes with the start, and then every half minute.
    world.restart().await;
    wait_until("one lock is left", 1, async || edge.table().locks.len()).await;
    let (_, locks) = world.api(Method::GET, "/api/locks", None).await;
    assert_eq!(locks["items"], json!([{ "username": "bob" }]));
}
