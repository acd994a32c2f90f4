//! The key ring is changed for another one, and nobody is signed out on the way.

use anyhow::{Context as _, anyhow};
use e2e::wait::ensure;
use e2e::{BASE_DOMAIN, Chat, Mirror, Plan, Visitor, World, wait_until};
use reqwest::Method;
use serde_json::Value;
use shared::identity::{IDENTITY_HEADER, Identity, IdentityKey};
use shared::request_id::REQUEST_ID_HEADER;
use shared::session::SESSION_COOKIE;
use shared::site_hop::{self, SITE_HOP_HEADER};
use shared::{KeyId, KeyRing, RequestId, SessionKeys, SpriteId};

/// A ring file with `keys`, of which `current` signs.
fn ring(current: &str, keys: &[(&str, &str)]) -> String {
    let lines: String = keys.iter().map(|(id, key)| format!("{id} = \"{key}\"\n")).collect();
    format!("current = \"{current}\"\n\n[keys]\n{lines}")
}

/// The one key of a ring file.
fn key(text: &str, id: &str) -> String {
    let table: toml::Table = text.parse().unwrap();
    table["keys"][id].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_ring_is_rotated_and_nobody_is_signed_out() {
    let world = World::start(Plan::with_tenants(&["ada"]).with_edges(2)).await.unwrap();
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("mirror", mirror.address(), "sprite-mirror").await.unwrap();
    let old_file = std::fs::read_to_string(world.folder().join("keys.toml")).unwrap();
    let old_key = key(&old_file, "k1");
    world.watch("the old key", &old_key, &[world.folder().join("keys.toml")]);
    let new_key = key(&KeyRing::generate_toml(&KeyId::parse("k2").unwrap()), "k2");
    let both = [("k1", old_key.as_str()), ("k2", new_key.as_str())];
    let new_ring = KeyRing::from_toml(&ring("k2", &both[1..])).unwrap();
    let visitor = world.signed_in("ada").await.unwrap();
    let old_token = token(&visitor);
    assert!(old_token.starts_with("1.k1.ada."), "signed by the old key");
    let mut chat = world.chat(&visitor, "ada").await.unwrap().unwrap();
    chat.hello().await.unwrap();
    answers(&mut chat, "before").await;

    // The new key is known everywhere before anybody signs with it.
    world.distribute_keys(&ring("k1", &both)).await.unwrap();
    wait_until("everybody knows the new key", async || knows(&world, &new_ring).await)
        .await
        .unwrap();
    answers(&mut chat, "with two keys").await;
    assert!(is_session_everywhere(&world, &old_token).await);

    world.distribute_keys(&ring("k2", &both)).await.unwrap();
    let newcomer = wait_until("sign-ins use the new key", async || {
        let newcomer = world.signed_in("ada").await?;
        ensure(token(&newcomer).starts_with("1.k2.ada."), anyhow!("the old one"))?;
        Ok::<_, anyhow::Error>(newcomer)
    })
    .await
    .unwrap();
    wait_until("the edges sign with the new key", async || signs_with_k2(&world).await)
        .await
        .unwrap();
    answers(&mut chat, "signed by another key").await;
    let mut further = world.chat(&visitor, "ada").await.unwrap().unwrap();
    further.hello().await.unwrap();
    answers(&mut further, "in a second chat of the old session").await;
    assert!(is_session_everywhere(&world, &old_token).await, "the old session is still one");
    assert!(is_session_everywhere(&world, &token(&newcomer)).await, "and so is the new one");

    world.distribute_keys(&ring("k2", &both[1..])).await.unwrap();
    wait_until("the old session is over", async || {
        let mut sessions = Vec::new();
        for edge in 0..world.edges.len() {
            sessions.push(is_session(&world, edge, &old_token).await?);
        }
        ensure(sessions == [false, false], anyhow!("{sessions:?}"))
    })
    .await
    .unwrap();
    assert!(is_session_everywhere(&world, &token(&newcomer)).await, "the new one is not");
    let mut last = world.chat(&newcomer, "ada").await.unwrap().unwrap();
    last.hello().await.unwrap();
    answers(&mut last, "after").await;
    world.ensure_running().unwrap();
}

fn token(visitor: &Visitor) -> String {
    visitor.jar().value(&format!("ada.{BASE_DOMAIN}"), SESSION_COOKIE).unwrap().to_owned()
}

async fn answers(chat: &mut Chat, when: &str) {
    let run = chat.say("agent:main:main", &format!("FAST {when}")).await.unwrap();
    let turn = chat.turn(&run).await.unwrap();
    assert_eq!(turn.state, "final", "{when}: {turn:?}");
}

async fn is_session(world: &World, edge: usize, token: &str) -> anyhow::Result<bool> {
    let answer = world
        .visitor()
        .at(world.edges[edge].address())
        .bare(Method::GET, &world.workspace_host("ada"), "/auth/session")
        .header("cookie", format!("{SESSION_COOKIE}={token}"))
        .send()
        .await?;
    let answer: Value = answer.json().await?;
    answer["signed_in"].as_bool().with_context(|| format!("{answer}"))
}

async fn is_session_everywhere(world: &World, token: &str) -> bool {
    for edge in 0..world.edges.len() {
        if !is_session(world, edge, token).await.unwrap() {
            return false;
        }
    }
    true
}

/// Does every program take what `ring` signs?
async fn knows(world: &World, ring: &KeyRing) -> anyhow::Result<()> {
    let session = world.session("ada").await?;
    let token = SessionKeys::new(ring).sign(&session);
    for edge in 0..world.edges.len() {
        ensure(is_session(world, edge, &token).await?, anyhow!("edge {edge} does not"))?;
    }

    // Control takes a request's id from nobody but an edge.
    let request = RequestId::random();
    let site = world.visitor().at(world.control.site());
    let answer = site
        .bare(Method::GET, BASE_DOMAIN, "/")
        .header(SITE_HOP_HEADER, site_hop::sign(ring).expose())
        .header(REQUEST_ID_HEADER, request.to_string())
        .send()
        .await?;
    let said = answer.headers().get(REQUEST_ID_HEADER).context("every answer has an id")?;
    ensure(said.to_str()? == request.to_string(), anyhow!("control does not"))?;

    let sprite = world.sprite("ada");
    let identity = Identity {
        username: session.username,
        session: session.id,
        request,
        issued: session.issued,
    };
    let route = world.edges[0].route("ada").await?.context("ada has a route")?;
    let assignment = route["assignment"].as_u64().context("a route has an assignment")?;
    let id = SpriteId::parse(&sprite.name).context("a sprite's name is an id")?;
    let agent = world.visitor().at(sprite.address());
    let answer = agent
        .bare(Method::GET, &sprite.address().to_string(), "/config.json")
        .header(IDENTITY_HEADER, IdentityKey::current(ring, &id, assignment).sign(&identity))
        .send()
        .await?;
    ensure(answer.status() == 200, anyhow!("the agent does not"))
}

async fn signs_with_k2(world: &World) -> anyhow::Result<()> {
    let cookie = format!("{SESSION_COOKIE}={}", world.session_token("mirror").await?);
    for edge in &world.edges {
        let request = world.visitor().at(edge.address());
        let request = request.bare(Method::GET, &world.workspace_host("mirror"), "/");
        let seen: Value = request.header("cookie", &cookie).send().await?.json().await?;
        let headers = seen["headers"].as_array().context("the mirror tells the headers")?;
        let identity = headers.iter().find(|header| header[0] == IDENTITY_HEADER);
        let identity = identity.and_then(|header| header[1].as_str()).unwrap_or_default();
        ensure(identity.starts_with("1.k2."), anyhow!("{} does not", edge.program.name()))?;
    }
    Ok(())
}
