//! After a busy day nothing that was written down contains a secret of somebody else's.

use e2e::{Plan, World, leak};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn no_log_metric_page_or_folder_holds_a_secret_that_is_not_its_own() {
    let plan = Plan::with_tenants(&["ada", "grace"]).with_edges(2);
    let world = World::start(plan).await.unwrap();
    for username in ["ada", "grace"] {
        keep_busy(&world, username).await;
    }
    // What is refused is where secrets tend to be quoted.
    let admin = world.control.admin_key().to_owned();
    let mistaken = format!("/api/nothing?key={admin}");
    world.control.call(Method::GET, &mistaken, None).await.unwrap();
    for edge in &world.edges {
        let poison = json!({"base": 0, "generation": 1, "changes": [{"put": edge.token()}]});
        edge.call(Method::POST, "/v1/changes", poison.to_string().into()).await.unwrap();
    }
    save_command_lines(&world);
    world.control.remove_route("ada").await.unwrap();
    world.end().unwrap_or_else(|error| panic!("{error:#}"));
    for (program, _) in world.logs() {
        let metrics = world.folder().join(format!("metrics-{program}"));
        let metrics = std::fs::read_to_string(metrics).unwrap();
        assert!(metrics.contains("# TYPE"), "{program} is for Prometheus: {metrics}");
    }
}

/// Signs in, chats, makes the usual mistakes, signs out.
async fn keep_busy(world: &World, username: &str) {
    let url = world.workspace_url(username);
    let password = &world.customer(username).password;
    let stranger = world.visitor();
    stranger.sign_in(&url, username, "not the password of anybody").await.unwrap();
    world.watch_cookies(&stranger);

    let visitor = world.signed_in(username).await.unwrap();
    let login = visitor.step(&format!("{url}/auth/login")).await.unwrap();
    let issued = visitor.step(login.header("location")).await.unwrap();
    let callback = issued.header("location").to_owned();
    let (_, code) = callback.split_once("code=").unwrap();
    world.watch("a sign-in code", code, &[]);
    world.watch_cookies(&visitor);
    visitor.step(&callback).await.unwrap();
    visitor.step(&callback).await.unwrap();
    world.watch_cookies(&visitor);

    let mut chat = world.chat(&visitor, username).await.unwrap().unwrap();
    chat.hello().await.unwrap();
    let run = chat.say("agent:main:main", "FAST TOOLCALL").await.unwrap();
    chat.turn(&run).await.unwrap();
    let site = world.site_url().trim_start_matches("http://").to_owned();
    let portal = async |username: &str, password: &str| {
        let body = json!({"username": username, "password": password});
        let request = visitor.bare(Method::POST, &site, "/api/portal").json(&body);
        request.send().await.unwrap().json::<serde_json::Value>().await.unwrap()
    };
    // The right password in the wrong field, as people do.
    portal(password, username).await;
    let portal = portal(username, password).await;
    world.watch("a portal session", portal["session"].as_str().unwrap(), &[]);
    let logout = format!("{url}/auth/logout");
    visitor.fetch(&url, Method::POST, &logout, &[]).await.unwrap();
}

/// Everybody on a machine can read them.
fn save_command_lines(world: &World) {
    let lines: Vec<String> =
        e2e::census::of_world(world.folder()).into_iter().map(|process| process.command).collect();
    assert!(lines.len() >= world.pids().len(), "{lines:?}");
    std::fs::write(world.folder().join("command-lines"), lines.join("\n")).unwrap();
}

#[tokio::test]
async fn the_search_finds_what_it_looks_for() {
    let world = World::start(Plan::with_tenants(&["ada"])).await.unwrap();
    let secret = world.customer("ada").password.clone();
    let stray = world.folder().join("control/stray.log");
    std::fs::write(&stray, format!("password={secret}")).unwrap();
    let error = world.end().unwrap_err().to_string();
    assert_eq!(error, format!("customers/ada/password is in {}", stray.display()));
    assert!(!error.contains(&secret));
    std::fs::remove_file(stray).unwrap();
    let watched = [leak::Watched { what: "x".into(), value: secret, homes: vec![] }];
    let found = leak::search(world.folder(), &watched).unwrap();
    assert_eq!(found.len(), 1, "only the world's own list has it: {found:?}");
}
