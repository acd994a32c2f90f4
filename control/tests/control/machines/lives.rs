//! From an empty pool to a workspace, and to nothing again.

use reqwest::Method;

use super::installation::{Town, Wanted};
use super::provider::Provider;
use crate::common::wait_until;

#[tokio::test]
async fn who_pays_gets_a_sprite_of_the_pool_and_the_pool_another_one() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    let prepared = town.provider.names().await;
    let task = town.pay("ada").await;
    let done = town.until_done(&task).await;
    for step in done["steps"].as_array().unwrap() {
        assert_eq!(step["state"], "done", "{step}");
    }
    town.check_live("ada").await;
    assert_eq!(town.edge.table().routes.len(), 1);
    assert_eq!(
        town.rows().await.iter().filter(|row| row["name"] == prepared[0].as_str()).count(),
        1
    );
    town.until_available(1).await;
    assert_eq!(town.provider.names().await.len(), 2);
}

#[tokio::test]
async fn nothing_stays_of_a_workspace_that_has_ended() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let assigned = town.rows().await.into_iter().find(|row| row["state"] == "assigned").unwrap();
    let name = assigned["name"].as_str().unwrap().to_owned();
    let task = town.cancel("ada").await;
    let done = town.until_done(&task).await;
    let stopped = done["steps"].as_array().unwrap().iter().find(|step| step["name"] == "stop");
    assert!(stopped.unwrap()["result"]["complaint"].is_null(), "{done:#}");
    assert!(town.edge.names().is_empty());
    let (_, receipt) = town.control().api(Method::GET, "/api/workspaces/ada/receipt", None).await;
    let lines = receipt["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 4, "{receipt:#}");
    assert!(lines[2]["what"].as_str().unwrap().contains(&name), "{receipt:#}");
    let (status, _) = town.control().api(Method::GET, "/api/customers/ada", None).await;
    assert_eq!(status, reqwest::StatusCode::NOT_FOUND);
    assert!(!town.provider.names().await.contains(&name));
    assert!(town.rows().await.iter().all(|row| row["name"] != name.as_str()));
}

#[tokio::test]
async fn a_workspace_that_ends_before_it_is_live_never_comes_up() {
    let town = Town::start(0).await;
    let provision = town.pay("ada").await;
    // Nothing is available: it waits.
    wait_until("it waits for a sprite", true, async || {
        town.task(&provision).await["last_error"].as_str().is_some_and(|why| why.contains("sprite"))
    })
    .await;
    let recycle = town.cancel("ada").await;
    town.until_done(&recycle).await;
    town.control()
        .api(Method::POST, "/api/pool/prepare", Some(serde_json::json!({"count": 1})))
        .await;
    town.until_available(1).await;
    town.until_done(&provision).await;
    assert!(town.edge.names().is_empty());
    assert_eq!(town.count("assigned").await, 0);
    assert_eq!(town.count("available").await, 1);
}

#[tokio::test]
async fn whoever_pays_first_is_served_first() {
    let town = Town::start(0).await;
    let first = town.pay("ada").await;
    let second = town.pay("bob").await;
    town.control()
        .api(Method::POST, "/api/pool/prepare", Some(serde_json::json!({"count": 1})))
        .await;
    town.until_done(&first).await;
    // It may be looking again in this moment, in vain.
    let state = async || town.task(&second).await["state"].as_str().unwrap().to_owned();
    wait_until("the second one waits", "waiting".to_owned(), state).await;
    town.control()
        .api(Method::POST, "/api/pool/prepare", Some(serde_json::json!({"count": 1})))
        .await;
    town.until_done(&second).await;
    town.check_live("ada").await;
    town.check_live("bob").await;
}

#[tokio::test]
async fn a_sprite_has_its_base_before_anybody_s_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tool");
    std::fs::write(&file, "echo made by the tool").unwrap();
    let base = format!(
        ", files = [{{ from = '{}', to = '/opt/base/tool', mode = '0755' }}], \
         install = 'sh /opt/base/tool > installed'",
        file.display()
    );
    let wanted = Wanted { available: 1, failure_limit: 3 };
    let town = Town::start_with(Provider::start().await, &wanted, &base).await;
    town.until_available(1).await;
    let name = town.provider.names().await.remove(0);
    let hash = town.pool().await["base"].as_str().unwrap().to_owned();
    assert_eq!(town.provider.read(&name, "/home/sprite/installed").await, "made by the tool\n");
    assert_eq!(town.provider.read(&name, &format!("/home/sprite/.base-{hash}")).await, hash);
    let task = town.tasks_of_kind("PREPARE").await[0]["id"].as_str().unwrap().to_owned();
    let checkpoints = town.provider.checkpoints(&name).await;
    assert_eq!(checkpoints, [format!("base-{hash}-{task}")]);
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    // No other is made of a disk that has somebody's secrets on it.
    assert_eq!(town.provider.checkpoints(&name).await, checkpoints);
    let config = town.provider.read(&name, "/home/sprite/arcamatrix/sprite-agent.toml").await;
    assert!(config.contains("username = \"ada\""), "{config}");
}
