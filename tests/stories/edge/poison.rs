//! Changes that must not be: each is refused whole and named, and the edge goes on serving.

use e2e::{Mirror, Plan, World, wait_until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::session::SESSION_COOKIE;
use shared::wire::GenerationState;

/// An edge that serves `ada` from a mirror, with nobody else who would send it changes.
async fn serving_edge() -> (World, Mirror, String) {
    let world = World::start(Plan::with_tenants(&[])).await.unwrap();
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("ada", mirror.address(), "sprite-1").await.unwrap();
    let token = world.session_token("ada").await.unwrap();
    world.control.program.stop();
    (world, mirror, token)
}

async fn is_served(world: &World, token: &str) -> bool {
    let cookie = format!("{SESSION_COOKIE}={token}");
    let request = world.visitor().bare(Method::GET, &world.workspace_host("ada"), "/");
    request.header("cookie", cookie).send().await.unwrap().status() == 200
}

fn put(username: &str, upstream: &str) -> Value {
    json!({"put": {
        "username": username, "upstream": upstream, "sprite": "sprite-9",
        "assignment": 1, "state": "live", "epoch": 0,
    }})
}

#[tokio::test]
async fn a_poisoned_change_is_refused_whole_and_named() {
    let (world, _mirror, token) = serving_edge().await;
    let edge = &world.edges[0];
    let before = edge.generation().await.unwrap();
    let base = before.generation.0;
    let good = || put("bob", "https://sprite-9.example.test");
    let batch = |changes: Value| json!({"base": base, "generation": base + 1, "changes": changes});
    let wrong_type = json!({"put": {"username": 7}});
    let unknown_key = {
        let mut change = good();
        change["put"]["colour"] = json!("red");
        change
    };
    let unknown_state = {
        let mut change = good();
        change["put"]["state"] = json!("up");
        change
    };
    let wrong_sum = {
        let mut body = batch(json!([good()]));
        body["checksum"] = json!("0".repeat(32));
        body
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no JSON", b"{\"base\": ".to_vec()),
        ("not UTF-8", vec![0xff; 64]),
        ("no object", b"[]".to_vec()),
        ("no changes", json!({"base": base, "generation": base + 1}).to_string().into()),
        ("a wrong type", batch(json!([good(), wrong_type])).to_string().into()),
        ("an unknown key", batch(json!([good(), unknown_key])).to_string().into()),
        ("an unknown state", batch(json!([good(), unknown_state])).to_string().into()),
        ("an unknown change", batch(json!([good(), {"drop": "ada"}])).to_string().into()),
        ("a bad name", batch(json!([good(), {"remove": "a_b"}])).to_string().into()),
        (
            "a long name",
            batch(json!([good(), put(&"a".repeat(33), "https://x.test")])).to_string().into(),
        ),
        (
            "a long upstream",
            batch(json!([good(), put("eve", &format!("https://{}.test", "a".repeat(300)))]))
                .to_string()
                .into(),
        ),
        ("a name twice", batch(json!([good(), good()])).to_string().into()),
        ("a wrong checksum", wrong_sum.to_string().into()),
        (
            "the metadata service",
            batch(json!([good(), put("eve", "http://169.254.169.254")])).to_string().into(),
        ),
        (
            "http to a public name",
            batch(json!([good(), put("eve", "http://sprite.example.test")])).to_string().into(),
        ),
        (
            "a path in an upstream",
            batch(json!([good(), put("eve", "https://sprite.example.test/x")])).to_string().into(),
        ),
        (
            "a generation that does not grow",
            json!({"base": base, "generation": base, "changes": [good()]}).to_string().into(),
        ),
        ("an absurd size", vec![b' '; 80 << 20]),
    ];
    for (what, body) in cases {
        let answer = edge.call(Method::POST, "/v1/changes", body).await;
        // Of a body that is too long the edge may also just hang up.
        if let Ok(answer) = answer {
            let status = answer.status.as_u16();
            assert!(matches!(status, 400 | 409 | 413 | 422), "{what}: {answer:?}");
            let is_named = answer.body["error"]["message"].as_str().is_some_and(|m| !m.is_empty())
                || answer.body["generation"].is_u64();
            assert!(is_named, "{what}: {answer:?}");
        } else {
            assert_eq!(what, "an absurd size");
        }
        assert_eq!(edge.generation().await.unwrap(), before, "after {what}");
        assert!(is_served(&world, &token).await, "after {what}");
        assert!(edge.route("bob").await.unwrap().is_none(), "half of {what} was made");
    }
}

#[tokio::test]
async fn a_change_from_elsewhere_gets_the_generation_that_is_served() {
    let (world, _mirror, _) = serving_edge().await;
    let edge = &world.edges[0];
    let served = edge.generation().await.unwrap().generation.0;
    for base in [served + 1, served.saturating_sub(1)] {
        let body = json!({"base": base, "generation": base + 5, "changes": [{"remove": "ada"}]});
        let answer = edge.call(Method::POST, "/v1/changes", body.to_string().into()).await.unwrap();
        assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
        assert_eq!(answer.body["generation"], served);
    }
}

#[tokio::test]
async fn a_poisoned_table_is_refused_whole_and_named() {
    let (world, _mirror, token) = serving_edge().await;
    let edge = &world.edges[0];
    let before: GenerationState = edge.generation().await.unwrap();
    let next = before.generation.0 + 1;
    let head = |routes: u64, checksum: &str| {
        json!({"generation": next, "routes": routes, "locks": 0, "checksum": checksum}).to_string()
    };
    let line = json!({"route": put("bob", "https://sprite-9.example.test")["put"]}).to_string();
    let zero = "0".repeat(32);
    let cases = [
        ("nothing", String::new()),
        ("no head", format!("{line}\n")),
        ("a wrong checksum", format!("{}\n{line}\n", head(1, &zero))),
        ("fewer lines than promised", format!("{}\n{line}\n", head(2, &zero))),
        ("more lines than promised", format!("{}\n{line}\n{line}\n", head(1, &zero))),
        ("a line that is no JSON", format!("{}\n{{\"route\":\n", head(1, &zero))),
        ("absurd promises", format!("{}\n", head(u64::MAX, &zero))),
    ];
    for (what, body) in cases {
        // An empty body must be sent as one, so it gets a line end.
        let body = if body.is_empty() { "\n".to_owned() } else { body };
        let answer = edge.call(Method::PUT, "/v1/table", body.into()).await.unwrap();
        assert!(matches!(answer.status.as_u16(), 400 | 413 | 422), "{what}: {answer:?}");
        assert!(answer.body["error"]["message"].is_string(), "{what}: {answer:?}");
        assert_eq!(edge.generation().await.unwrap(), before, "after {what}");
        assert!(is_served(&world, &token).await, "after {what}");
    }
}

#[tokio::test]
async fn the_private_api_is_for_whoever_holds_its_token() {
    let (world, _mirror, _) = serving_edge().await;
    let admin = world.edges[0].admin();
    let client = e2e::http::client().no_proxy().build().unwrap();
    for path in ["/v1/generation", "/v1/routes", "/v1/routes/ada"] {
        let url = format!("http://{admin}{path}");
        let wrong = client.get(&url).bearer_auth("not-the-token-of-this-edge").send();
        for answer in [client.get(&url).send().await, wrong.await] {
            assert_eq!(answer.unwrap().status(), 401, "{path}");
        }
    }
}

#[tokio::test]
async fn a_spoiled_store_is_moved_aside_and_filled_again() {
    let (world, _mirror, token) = serving_edge().await;
    let edge = &world.edges[0];
    edge.program.stop();
    std::fs::write(edge.store(), b"not a database, not at all ".repeat(500)).unwrap();
    edge.program.start().unwrap();
    wait_until("the edge answers, and is not ready", async || {
        edge.program.ensure_running()?;
        let ready = edge.call(Method::GET, "/readyz", Vec::new()).await?;
        e2e::wait::ensure(
            ready.status == StatusCode::SERVICE_UNAVAILABLE,
            anyhow::anyhow!("{ready:?}"),
        )
    })
    .await
    .unwrap();
    let folder = edge.store().parent().unwrap().to_owned();
    let aside: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("routes.redb") && name != "routes.redb")
        .collect();
    assert_eq!(aside.len(), 1, "the spoiled store is kept for a look: {aside:?}");
    assert!(edge.program.last_lines().contains(&aside[0]), "{}", edge.program.last_lines());
    world.control.program.start().unwrap();
    wait_until("control has sent the table", async || edge.ensure_ready().await).await.unwrap();
    wait_until("the workspace is served again", async || {
        e2e::wait::ensure(is_served(&world, &token).await, "it is not")
    })
    .await
    .unwrap();
}
