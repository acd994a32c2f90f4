//! Routes while everything runs: added, removed, with control or an edge away.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use e2e::wait::ensure;
use e2e::{Chat, Mirror, Opening, Plan, World, wait_until};
use futures_util::future::{join_all, try_join_all};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::session::SESSION_COOKIE;

/// Live WebSockets of the route that is removed.
const SOCKETS: usize = 1_000;

async fn two_edges() -> World {
    World::start(Plan::with_tenants(&[]).with_edges(2)).await.unwrap()
}

/// The status that a program with `token` gets for `username` at one edge.
async fn status(world: &World, edge: usize, username: &str, token: &str) -> u16 {
    let request = world
        .visitor()
        .at(world.edges[edge].address())
        .bare(Method::GET, &world.workspace_host(username), "/")
        .header("cookie", format!("{SESSION_COOKIE}={token}"));
    request.send().await.unwrap().status().as_u16()
}

async fn socket(world: &World, edge: usize, username: &str, token: &str) -> anyhow::Result<Chat> {
    let opening = Opening {
        address: world.edges[edge].address(),
        host: &world.workspace_host(username),
        path: "/ws",
        headers: &[
            ("cookie", &format!("{SESSION_COOKIE}={token}")),
            ("origin", &world.workspace_url(username)),
        ],
    };
    Chat::open(&opening).await?.map_err(|refusal| anyhow!("{refusal:?}"))
}

fn acknowledged(answer: &Value) -> Vec<bool> {
    let edges = answer["edges"].as_array().expect("the answer lists the edges");
    edges.iter().map(|edge| edge["acknowledged"] == true).collect()
}

#[tokio::test]
async fn an_added_route_is_served_by_every_edge_when_the_call_returns() {
    let world = two_edges().await;
    let mirror = Mirror::start().await.unwrap();
    let answer = world.control.put_route("ada", mirror.address(), "sprite-1").await.unwrap();
    let token = world.session_token("ada").await.unwrap();
    for edge in 0..2 {
        assert_eq!(status(&world, edge, "ada", &token).await, 200, "edge {edge}");
        let serves = world.edges[edge].generation().await.unwrap().generation;
        assert_eq!(answer["generation"], json!(serves), "edge {edge}");
    }
    assert_eq!(acknowledged(&answer), [true, true], "{answer}");
}

#[tokio::test]
async fn a_removed_route_takes_a_thousand_sockets_with_it_and_no_other() {
    let world = two_edges().await;
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("ada", mirror.address(), "sprite-1").await.unwrap();
    world.control.put_route("grace", mirror.address(), "sprite-2").await.unwrap();
    let token = world.session_token("ada").await.unwrap();
    let mut sockets = Vec::new();
    for batch in 0..SOCKETS / 100 {
        let opened = (0..100).map(|_| socket(&world, batch % 2, "ada", &token));
        sockets.extend(try_join_all(opened).await.unwrap());
    }
    let grace = world.session_token("grace").await.unwrap();
    let mut others = Vec::new();
    for edge in [0, 1] {
        others.push(socket(&world, edge, "grace", &grace).await.unwrap());
    }
    try_join_all(sockets.iter_mut().map(|socket| socket.echo("before"))).await.unwrap();

    let ends = sockets.into_iter().map(|mut socket| async move {
        socket.closed().await.unwrap();
        Instant::now()
    });
    let ends = tokio::spawn(join_all(ends));
    let started = Instant::now();
    let answer = world.control.remove_route("ada").await.unwrap();
    let answered = started.elapsed();
    let last = ends.await.unwrap().into_iter().max().unwrap() - started;
    eprintln!("{SOCKETS} sockets: answered after {answered:?}, the last one gone after {last:?}");

    let edges = answer["edges"].as_array().unwrap();
    let cut: u64 = edges.iter().filter_map(|edge| edge["sockets_cut"].as_u64()).sum();
    assert_eq!(cut, SOCKETS as u64, "{answer}");
    for other in &mut others {
        other.echo("after").await.unwrap();
    }
    wait_until("the sprite has lost the sockets too", async || {
        ensure(mirror.sockets() == others.len(), mirror.sockets())
    })
    .await
    .unwrap();
    for edge in 0..2 {
        assert_eq!(status(&world, edge, "ada", &token).await, 404, "edge {edge}");
        assert_eq!(status(&world, edge, "grace", &grace).await, 200, "edge {edge}");
    }
}

#[tokio::test]
async fn without_control_edges_serve_and_start_again_from_their_own_store() {
    let world = two_edges().await;
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("ada", mirror.address(), "sprite-1").await.unwrap();
    let token = world.session_token("ada").await.unwrap();
    world.control.program.stop();
    for edge in 0..2 {
        assert_eq!(status(&world, edge, "ada", &token).await, 200, "edge {edge}");
        let program = &world.edges[edge].program;
        program.stop();
        program.start().unwrap();
        wait_until("the edge is back", async || world.edges[edge].ensure_ready().await)
            .await
            .unwrap();
        assert_eq!(status(&world, edge, "ada", &token).await, 200, "edge {edge} again");
        let session = world.visitor().at(world.edges[edge].address());
        let url = world.workspace_url("ada");
        session.jar().plant("ada.arcamatrix.localhost", SESSION_COOKIE, &token);
        let info =
            session.fetch(&url, Method::GET, &format!("{url}/auth/session"), &[]).await.unwrap();
        assert_eq!(info.json().unwrap()["signed_in"], true, "asked without control");
    }
    world.control.program.start().unwrap();
    wait_until("control is back", async || world.control.ensure_ready().await).await.unwrap();
    world.control.put_route("grace", mirror.address(), "sprite-2").await.unwrap();
    assert!(world.edges[1].route("grace").await.unwrap().is_some());
}

#[tokio::test]
async fn an_edge_that_was_away_holds_nobody_up_and_catches_up_by_itself() {
    let world = two_edges().await;
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("ada", mirror.address(), "sprite-1").await.unwrap();
    let away = &world.edges[1];
    away.program.stop();
    let answer = world.control.put_route("grace", mirror.address(), "sprite-2").await.unwrap();
    world.control.remove_route("ada").await.unwrap();
    assert_eq!(acknowledged(&answer), [true, false], "{answer}");
    assert!(world.edges[0].route("grace").await.unwrap().is_some());
    away.program.start().unwrap();
    wait_until("the edge that was away serves what the other serves", async || {
        let (there, here) = (world.edges[0].generation().await?, away.generation().await?);
        ensure(there == here, anyhow!("{here:?}, not {there:?}"))
    })
    .await
    .unwrap();
    let token = world.session_token("grace").await.unwrap();
    assert_eq!(status(&world, 1, "grace", &token).await, 200);
    assert_eq!(status(&world, 1, "ada", &token).await, 404);
}

#[tokio::test]
async fn a_call_that_waits_for_nobody_returns_and_the_edges_follow() {
    let world = two_edges().await;
    let mirror = Mirror::start().await.unwrap();
    let upstream = json!({"upstream": format!("http://{}", mirror.address())});
    let path = "/api/routes/ada?wait=none";
    world.control.call(Method::PUT, path, Some(upstream)).await.unwrap().success().unwrap();
    for edge in &world.edges {
        wait_until("the route is served", async || {
            edge.route("ada").await?.context("not yet").map(drop)
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_allowed_is_refused_and_named() {
    let world = two_edges().await;
    let allowed: SocketAddr = "127.0.0.1:9".parse().unwrap();
    world.control.put_route("ada", allowed, "sprite-1").await.unwrap();
    for upstream in [
        "http://169.254.169.254",
        "http://10.0.0.1",
        "http://localhost:9",
        "ftp://sprite.test",
        "https://sprite.test/path",
    ] {
        let body = json!({"upstream": upstream});
        let answer = world.control.call(Method::PUT, "/api/routes/ada", Some(body)).await.unwrap();
        assert!(
            matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY),
            "{upstream}: {answer:?}"
        );
        assert!(answer.body["error"]["message"].is_string(), "{upstream}: {answer:?}");
    }
    let route = world.edges[0].route("ada").await.unwrap().unwrap();
    assert_eq!(route["upstream"], "http://127.0.0.1:9");
}
