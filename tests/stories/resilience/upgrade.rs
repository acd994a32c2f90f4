//! Everything is upgraded while customers chat, in the order that operators are told: control,
//! the edge by handing over, then the agents. After each step an old and a new program speak.
//!
//! `ARCA_FORMER` names the folder of the former release's programs; `make test-upgrade` builds them.

use std::path::PathBuf;

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Chat, Mirror, Plan, Program, World, binaries, wait_until};
use reqwest::Method;
use shared::session::SESSION_COOKIE;

fn former(name: &str) -> PathBuf {
    let folder = std::env::var_os("ARCA_FORMER").expect("ARCA_FORMER names a folder");
    PathBuf::from(folder).join(name)
}

#[tokio::test]
#[ignore = "needs the programs of a former release; `make test-upgrade` builds them"]
async fn an_upgrade_in_the_documented_order_is_noticed_by_nobody() {
    let plan = Plan::with_tenants(&["ada"]);
    let world = World::prepare(&plan).unwrap();
    let (control, edge, agent) = (&world.control.program, &world.edges[0], world.sprite("ada"));
    control.exchange(former("control"));
    edge.program.exchange(former("edge"));
    agent.agent.exchange(former("sprite-agent"));
    world.begin(&plan).await.unwrap();
    let mirror = Mirror::start().await.unwrap();
    let mut chat = chat(&world).await;
    check(&world, &mirror, &mut chat, "all of the former release").await;

    control.stop();
    control.exchange(binaries::program("control").unwrap());
    control.start().unwrap();
    wait_until("control is back", async || world.control.ensure_ready().await).await.unwrap();
    check(&world, &mirror, &mut chat, "a new control").await;

    // The former one hands its sockets over, and keeps its open chats until the grace is over.
    let config = edge.store().with_file_name("edge.toml");
    let log = edge.store().with_file_name("next.log");
    let next = Program::new("edge-next", binaries::program("edge").unwrap(), log)
        .argument("--config")
        .argument(config)
        .argument("--upgrade");
    next.start().unwrap();
    let former_has_ended = async || {
        next.ensure_running()?;
        ensure(edge.program.ended()?.is_some(), anyhow!("the former edge still runs"))
    };
    wait_until("the new edge has taken over", former_has_ended).await.unwrap();
    let mut chat = self::chat(&world).await;
    check(&world, &mirror, &mut chat, "a new control and edge").await;

    agent.agent.stop();
    agent.agent.exchange(binaries::program("sprite-agent").unwrap());
    agent.agent.start().unwrap();
    let client = e2e::http::client().build().unwrap();
    wait_until("the agent is back", async || agent.ensure_ready(&client).await).await.unwrap();
    let mut chat = self::chat(&world).await;
    check(&world, &mirror, &mut chat, "all of this release").await;
    next.stop();
}

async fn chat(world: &World) -> Chat {
    let visitor = world.signed_in("ada").await.unwrap();
    let mut chat = world.chat(&visitor, "ada").await.unwrap().unwrap();
    chat.hello().await.unwrap();
    chat
}

/// Signing in, an open chat, a route that comes and one that goes.
async fn check(world: &World, mirror: &Mirror, chat: &mut Chat, when: &str) {
    eprintln!("with {when}");
    world.signed_in("ada").await.unwrap_or_else(|error| panic!("{when}: {error:#}"));
    let run = chat.say("agent:main:main", &format!("FAST {when}")).await.unwrap();
    let turn = chat.turn(&run).await.unwrap();
    assert_eq!(turn.state, "final", "{when}: {turn:?}");
    let put = world.control.put_route("bob", mirror.address(), "sprite-bob").await.unwrap();
    let token = world.session_token("bob").await.unwrap();
    let open = async || {
        let visitor = world.visitor();
        let request = visitor.bare(Method::GET, &world.workspace_host("bob"), "/");
        let request = request.header("cookie", format!("{SESSION_COOKIE}={token}"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(open().await, 200, "{when}");
    let removed = world.control.remove_route("bob").await.unwrap();
    assert_eq!(open().await, 404, "{when}");
    for answer in [&put, &removed] {
        assert_eq!(answer["edges"][0]["acknowledged"], true, "{when}: {answer}");
    }
}
