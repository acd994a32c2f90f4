//! Control is killed in the middle of each call. Whoever comes after it goes on.

use reqwest::Method;
use serde_json::json;

use super::installation::Town;
use crate::common::wait_until;

/// A kind of call, and whether it hangs before or after it was done.
pub(crate) type Call = (&'static str, &'static str, &'static str);

pub(crate) const BEFORE: &str = "slow:120000";
pub(crate) const AFTER: &str = "after-commit:slow:120000";

/// Has the first of `calls` hang as soon as somebody makes it.
pub(crate) async fn lie_in_wait(town: &Town, calls: &[Call]) {
    if let Some((method, path, fault)) = calls.first() {
        town.provider.arm(method, path, 1, fault).await;
    }
}

/// Kills control in each of `calls`, one after the other, and has it started again.
pub(crate) async fn kill_in_each(town: &mut Town, calls: &[Call]) {
    for (index, (method, path, _)) in calls.iter().enumerate() {
        let what = format!("{method} {path} is called");
        let struck = u64::try_from(index).unwrap() + 1;
        wait_until(&what, struck, async || town.provider.struck().await).await;
        town.kill_control().await;
        lie_in_wait(town, &calls[index + 1..]).await;
        town.start_control().await;
    }
}

#[tokio::test]
async fn a_preparation_goes_on_where_it_was_killed() {
    let mut town = Town::start(0).await;
    let calls = [
        ("POST", "/v1/sprites", BEFORE),
        ("POST", "/v1/sprites", AFTER),
        ("GET", "/v1/sprites/*/exec", BEFORE),
        ("PUT", "/v1/sprites/*/fs/write", AFTER),
        ("POST", "/v1/sprites/*/checkpoint", BEFORE),
    ];
    // A preparation has three attempts, and a worker that dies ends one.
    for (done, calls) in calls.chunks(2).enumerate() {
        lie_in_wait(&town, calls).await;
        let body = Some(json!({ "count": 1 }));
        town.control().api(Method::POST, "/api/pool/prepare", body).await;
        kill_in_each(&mut town, calls).await;
        town.until_available(done as u64 + 1).await;
        town.provider.disarm_all().await;
    }
    assert_eq!(town.provider.names().await.len(), 3);
    assert_eq!(town.rows().await.len(), 3);
}

#[tokio::test]
async fn a_workspace_comes_up_once_however_often_control_is_killed() {
    let mut town = Town::start(1).await;
    town.until_available(1).await;
    let calls = [
        ("GET", "/v1/sprites/*/exec", BEFORE),
        ("PUT", "/v1/sprites/*/fs/write", BEFORE),
        ("PUT", "/v1/sprites/*/fs/write", AFTER),
        ("PUT", "/v1/sprites/*/services/*", BEFORE),
        ("PUT", "/v1/sprites/*/services/*", AFTER),
    ];
    lie_in_wait(&town, &calls).await;
    let task = town.pay("ada").await;
    kill_in_each(&mut town, &calls).await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    assert_eq!(town.edge.table().routes.len(), 1);
    assert_eq!(town.count("assigned").await, 1);
}

#[tokio::test]
async fn killed_while_the_edge_is_told_the_route_is_told_by_the_next() {
    let mut town = Town::start(1).await;
    town.until_available(1).await;
    town.edge.table().changes.close();
    let task = town.pay("ada").await;
    wait_until("the edge has the call", true, async || town.edge.table().changes.waited > 0).await;
    town.kill_control().await;
    town.edge.table().changes.open();
    town.start_control().await;
    town.until_done(&task).await;
    town.check_live("ada").await;
}

#[tokio::test]
async fn a_workspace_goes_once_however_often_control_is_killed() {
    let mut town = Town::start(1).await;
    let provision = town.pay("ada").await;
    town.until_done(&provision).await;
    let calls = [
        ("POST", "/v1/sprites/*/services/*/stop", BEFORE),
        ("DELETE", "/v1/sprites/*", BEFORE),
        ("DELETE", "/v1/sprites/*", AFTER),
    ];
    lie_in_wait(&town, &calls).await;
    let recycle = town.cancel("ada").await;
    kill_in_each(&mut town, &calls).await;
    town.until_done(&recycle).await;
    assert!(town.edge.names().is_empty());
    assert_eq!(town.count("recycling").await, 0);
    assert_eq!(town.count("assigned").await, 0);
}
