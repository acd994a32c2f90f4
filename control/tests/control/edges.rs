//! Edges that come and go while control runs: added by hand, joined by a token, removed.

use std::time::Duration;

use crate::common::edge::TestEdge;
use crate::common::process::{Installation, Process};
use crate::common::tls::{Sealed, seal};
use crate::common::{EDGE_TOKEN, World, wait_until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::KeyRing;
use shared::join::{JoinAnswer, JoinRequest, JoinToken};

/// Nobody has to reach what it says: the tests know the ports.
const JOIN: &str = "[join]\nlisten = '127.0.0.1:0'\nurl = 'https://control.test:9002'\n\
                    site_upstream = ['http://control.test:9000', 'http://next.test:9000']\n";

async fn world(edges: &[&TestEdge]) -> World {
    World::start_with_sections(edges, "", JOIN).await
}

async fn token(world: &World, name: &str) -> JoinToken {
    let body = json!({ "name": name, "minutes": 10 });
    let (status, made) = world.api(Method::POST, "/api/edge-tokens", Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(made["command"], "edge join https://control.test:9002");
    JoinToken::parse(made["token"].as_str().unwrap()).unwrap()
}

/// What a machine would say whose private API is `sealed`.
fn request(token: &JoinToken, sealed: &Sealed) -> Vec<u8> {
    let request = JoinRequest {
        edge: token.edge.clone(),
        secret: token.secret.expose().clone(),
        url: format!("https://{}", sealed.address),
        visitors: None,
        admin_token: EDGE_TOKEN.to_owned(),
        certificate: std::fs::read_to_string(&sealed.certificate).unwrap(),
    };
    serde_json::to_vec(&request).unwrap()
}

/// Without a look at the certificate: `edge join` has its own tests.
async fn call(world: &World, body: Vec<u8>) -> (StatusCode, Value) {
    let client = e2e::http::client().danger_accept_invalid_certs(true).no_proxy().build().unwrap();
    let address = world.running.as_ref().unwrap().join.unwrap();
    let sent = client.post(format!("https://{address}/v1/join")).body(body).send().await.unwrap();
    let status = sent.status();
    (status, sent.json().await.unwrap())
}

async fn names(world: &World) -> Vec<String> {
    let (_, edges) = world.api(Method::GET, "/api/edges", None).await;
    let names = edges["edges"].as_array().unwrap().iter();
    names.map(|edge| edge["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_machine_joins_once_and_is_sent_the_whole_table() {
    let (folder, first, second) =
        (tempfile::tempdir().unwrap(), TestEdge::start("one").await, TestEdge::start("two").await);
    let mut world = world(&[&first]).await;
    world.put_route("ada").await;
    let sealed = seal(second.address, folder.path(), "two").await;
    let token = token(&world, "two").await;
    let (status, answer) = call(&world, request(&token, &sealed)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let told: JoinAnswer = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(KeyRing::from_toml(&told.keys).unwrap().current(), world.keys.current());
    assert_eq!(told.site_upstream, "http://control.test:9000");
    assert_eq!(told.other_site_upstreams, ["http://next.test:9000"]);
    assert_eq!(told.allow_http, ["127.0.0.0/8"]);
    wait_until("it has the table", vec!["ada".to_owned()], async || second.names()).await;
    assert_eq!(names(&world).await, ["one", "two"]);
    let published = world.put_route("bob").await;
    assert_eq!(published["edges"][1]["acknowledged"], true, "{published}");

    // Nobody else joins by it; the same machine is told the same again, also by the next control.
    let stranger = seal(second.address, folder.path(), "stranger").await;
    let (status, refused) = call(&world, request(&token, &stranger)).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::FORBIDDEN, &json!("wrong_token")));
    world.restart().await;
    assert_eq!(call(&world, request(&token, &sealed)).await, (StatusCode::OK, answer));
    assert_eq!(names(&world).await, ["one", "two"]);
    let published = world.put_route("eve").await;
    assert_eq!(published["edges"][1]["acknowledged"], true, "{published}");
    let (_, journal) = world.api(Method::GET, "/api/journal?limit=50", None).await;
    let journal = journal.to_string();
    assert_eq!(journal.matches("joined").count(), 1, "{journal}");
}

#[tokio::test]
async fn a_removed_edge_is_sent_nothing_more_and_its_token_is_worth_nothing() {
    let (folder, edge) = (tempfile::tempdir().unwrap(), TestEdge::start("two").await);
    let world = world(&[]).await;
    let sealed = seal(edge.address, folder.path(), "two").await;
    let token = token(&world, "two").await;
    let joined = request(&token, &sealed);
    assert_eq!(call(&world, joined.clone()).await.0, StatusCode::OK);
    world.put_route("ada").await;
    let (status, left) = world.api(Method::DELETE, "/api/edges/two", None).await;
    assert_eq!((status, &left["edges"]), (StatusCode::OK, &json!([])));
    let calls = edge.table().calls.len();
    let published = world.put_route("bob").await;
    assert_eq!(published["edges"], json!([]));
    assert_eq!((edge.names(), edge.table().calls.len()), (vec!["ada".to_owned()], calls));
    assert_eq!(call(&world, joined).await.0, StatusCode::FORBIDDEN);
    assert!(!world.metrics().await.contains("edge=\"two\"} 1\n"), "nothing is told of it");
    let (status, _) = world.api(Method::DELETE, "/api/edges/two", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_that_is_not_good_lets_nobody_join() {
    let (folder, edge) = (tempfile::tempdir().unwrap(), TestEdge::start("two").await);
    let world = world(&[]).await;
    let sealed = seal(edge.address, folder.path(), "two").await;
    let (first, second) = (token(&world, "two").await, token(&world, "two").await);
    // Another one was made since.
    assert_eq!(call(&world, request(&first, &sealed)).await.0, StatusCode::FORBIDDEN);
    world.turn_clock(Duration::from_secs(601));
    assert_eq!(call(&world, request(&second, &sealed)).await.0, StatusCode::FORBIDDEN);
    let (status, refused) = call(&world, b"{}".to_vec()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    assert_eq!(names(&world).await, Vec::<String>::new());
    // Ten wrong ones, and even a good one has to wait.
    for _ in 0..8 {
        assert_eq!(call(&world, request(&first, &sealed)).await.0, StatusCode::FORBIDDEN);
    }
    let good = request(&token(&world, "two").await, &sealed);
    assert_eq!(call(&world, good.clone()).await.0, StatusCode::TOO_MANY_REQUESTS);
    let again = token(&world, "two").await;
    world.turn_clock(Duration::from_secs(901));
    assert_eq!(call(&world, request(&again, &sealed)).await.0, StatusCode::FORBIDDEN, "too late");
    let good = request(&token(&world, "two").await, &sealed);
    assert_eq!(call(&world, good).await.0, StatusCode::OK);
    assert_eq!(names(&world).await, ["two"]);
}

#[tokio::test]
async fn what_is_wrong_with_an_edge_is_said_and_nothing_is_added() {
    let edge = TestEdge::start("one").await;
    let world = world(&[&edge]).await;
    let body = |name: &str, url: &str| json!({ "name": name, "url": url, "token": EDGE_TOKEN });
    for (name, url, field) in
        [("a b", "http://10.0.0.2:9100", "name"), ("two", "ftp://x", "url"), ("two", "", "url")]
    {
        let (status, said) = world.api(Method::POST, "/api/edges", Some(body(name, url))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert_eq!(said["error"]["field"], field, "{said}");
    }
    let taken = body("one", "http://10.0.0.2:9100");
    for (method, path, body) in [
        (Method::POST, "/api/edges", Some(taken)),
        (Method::POST, "/api/edge-tokens", Some(json!({ "name": "one" }))),
        (Method::DELETE, "/api/edges/one", None),
    ] {
        let (status, said) = world.api(method, path, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{said}");
    }
    assert_eq!(names(&world).await, ["one"]);
    let without = World::start(&[]).await;
    let body = Some(json!({ "name": "two" }));
    let (status, said) = without.api(Method::POST, "/api/edge-tokens", body).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{said}");
}

#[tokio::test]
async fn the_command_line_adds_lists_and_removes() {
    let edge = TestEdge::start("two").await;
    let world = world(&[]).await;
    std::fs::write(world.path("token"), EDGE_TOKEN).unwrap();
    let token_file = world.path("token").display().to_string();
    let url = format!("http://{}", edge.address);
    world.cli(&format!("edges add two {url} --token-file {token_file}")).await;
    world.put_route("ada").await;
    let listed = world.cli("edges list").await;
    assert!(listed.contains("two") && listed.contains("in step"), "{listed}");
    let made = world.cli("edges token three").await;
    assert!(made.contains("edge join https://control.test:9002"), "{made}");
    let (code, _, complaint) = world.cli_ended("edges remove two").await;
    assert_ne!(code, Some(0));
    assert!(complaint.contains("rotate the ring") && complaint.contains("--yes"), "{complaint}");
    world.cli("edges remove two --yes").await;
    assert_eq!(names(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_token_of_an_edge_outlives_the_key_that_sealed_it() {
    let edge = TestEdge::start("two").await;
    let mut world = world(&[]).await;
    let url = format!("http://{}", edge.address);
    let body = json!({ "name": "two", "url": url, "token": EDGE_TOKEN });
    world.api(Method::POST, "/api/edges", Some(body)).await;
    let ring = std::fs::read_to_string(world.path("keys.toml")).unwrap();
    let (_, k1) = ring.split_once("k1 = ").unwrap();
    let k2 = format!("k2 = \"{}\"\n", "2".repeat(64));
    let rotate = |text: String| {
        std::fs::write(world.path("keys.toml"), text).unwrap();
        world.app().keys.reload().unwrap();
    };
    rotate(format!("current = \"k2\"\n[keys]\n{k2}k1 = {k1}"));
    let sealed = async || {
        let rows = world.app().store.edges().await.unwrap();
        rows[0].sealed_token.split_once('.').unwrap().0.to_owned()
    };
    wait_until("it is sealed by the new key", "k2".to_owned(), sealed).await;
    rotate(format!("current = \"k2\"\n[keys]\n{k2}"));
    world.restart().await;
    let published = world.put_route("ada").await;
    assert_eq!(published["edges"][0]["acknowledged"], true, "{published}");
}

/// Whatever one control process is told, the others do as well.
#[tokio::test]
async fn every_control_process_hears_of_edges_that_come_and_go() {
    let (one, two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let Some(installation) = Installation::prepare(&[&one], "").await else { return };
    let (first, other) = tokio::join!(installation.start(), installation.start());
    let known = async |process: &Process| {
        let (_, edges) = process.api(Method::GET, "/api/edges", None).await;
        edges["edges"].as_array().unwrap().len()
    };
    let url = format!("http://{}", two.address);
    let body = json!({ "name": "two", "url": url, "token": EDGE_TOKEN });
    let (status, said) = first.api(Method::POST, "/api/edges", Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    wait_until("the other knows it", 2, async || known(&other).await).await;
    let published = other.put_route("ada").await;
    assert_eq!(published["edges"][1]["acknowledged"], true, "{published}");
    let (status, _) = other.api(Method::DELETE, "/api/edges/two", None).await;
    assert_eq!(status, StatusCode::OK);
    wait_until("the first knows that, too", 1, async || known(&first).await).await;
    first.put_route("bob").await;
    assert_eq!(two.names(), ["ada"]);
}
