//! The provider fails: in each of its ways, at each call. The story still ends well.

use reqwest::Method;
use serde_json::json;

use super::installation::{Town, Wanted};
use super::provider::Provider;
use crate::common::wait_until;

/// What each kind of call looks like, in the order in which a workspace needs them.
const CALLS: [(&str, &str); 6] = [
    ("POST", "/v1/sprites"),
    ("GET", "/v1/sprites/*/exec"),
    ("PUT", "/v1/sprites/*/fs/write"),
    ("POST", "/v1/sprites/*/checkpoint"),
    ("GET", "/v1/sprites/*/checkpoints"),
    ("PUT", "/v1/sprites/*/services/*"),
];

const FAULTS: [&str; 6] =
    ["status:500", "status:429", "garbage:502", "reset", "after-commit:500", "after-commit:reset"];

#[tokio::test]
async fn each_call_may_fail_once_in_each_way() {
    for fault in FAULTS {
        let wanted = Wanted { available: 1, failure_limit: 100 };
        let provider = Provider::start().await;
        for (method, path) in CALLS {
            provider.arm(method, path, 1, fault).await;
        }
        let town = Town::start_with(provider, &wanted, "").await;
        let task = town.pay("ada").await;
        town.until_done(&task).await;
        town.check_live("ada").await;
        assert!(town.provider.struck().await >= 5, "{fault}");
        let cancelled = town.cancel("ada").await;
        town.provider.arm("DELETE", "/v1/sprites/*", 1, fault).await;
        town.provider.arm("POST", "/v1/sprites/*/services/*/stop", 1, fault).await;
        town.until_done(&cancelled).await;
        assert!(town.edge.names().is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn a_dead_sprite_is_set_aside_and_the_next_one_taken() {
    let town = Town::start(2).await;
    town.until_available(2).await;
    let dead = town.next_in_line().await;
    town.provider.sleep(&dead).await;
    town.provider.set_trouble(&dead, json!({ "broken": true })).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    // Destroyed, and replaced.
    wait_until("the dead one is gone", false, async || town.provider.names().await.contains(&dead))
        .await;
    town.until_available(2).await;
}

#[tokio::test]
async fn when_all_that_are_ready_answer_nothing_a_fresh_one_is_taken_and_they_are_examined() {
    let town = Town::start(2).await;
    town.until_available(2).await;
    let wedged = town.provider.names().await;
    for name in &wedged {
        town.provider.set_trouble(name, json!({ "wedged": true })).await;
    }
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    // Nothing is destroyed because it did not answer.
    let unreachable = async || town.count("unreachable").await;
    wait_until("both are unreachable", 2, unreachable).await;
    let names = town.provider.names().await;
    assert!(wedged.iter().all(|name| names.contains(name)), "{names:?}");
    let done = town.task(&task).await;
    assert_eq!(done["attempts"], 1, "no second attempt was needed: {done:#}");
    for name in &wedged {
        town.provider.set_trouble(name, json!({ "wedged": false })).await;
    }
    // Nothing of a customer's is on them: they stand ready again.
    wait_until("none is unreachable", 0, unreachable).await;
    let rows = town.rows().await;
    let again = rows.iter().filter(|row| wedged.iter().any(|name| row["name"] == name.as_str()));
    assert!(again.clone().count() == 2 && again.clone().all(|row| row["state"] == "available"));
}

/// The third time is once too often while the others answer; nobody is given it.
#[tokio::test]
async fn a_machine_that_comes_and_goes_is_quarantined() {
    let town = Town::start(2).await;
    town.until_available(2).await;
    let flaky = town.next_in_line().await;
    let rows = async || town.rows().await;
    let own = async |name: &str| rows().await.into_iter().find(|row| row["name"] == name).unwrap();
    let database = &town.installation.database;
    for (setbacks, then) in [(0, "available"), (1, "available"), (2, "quarantined")] {
        let away = format!(
            "UPDATE sprites SET state = 'unreachable', task = NULL, changed_at = 1,
                 setbacks = {setbacks} WHERE name = '{flaky}'"
        );
        database.run(away).await;
        wait_until("it was looked at", json!(then), async || own(&flaky).await["state"].clone())
            .await;
        let counted = format!("SELECT CAST(setbacks AS TEXT) FROM sprites WHERE name = '{flaky}'");
        assert_eq!(database.text(&counted).await, Some((setbacks + 1).to_string()));
    }
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    assert!(tickets.to_string().contains(&format!("pool/quarantined/{flaky}")), "{tickets:#}");
    // The pool fills itself up, and the next customers get others.
    town.until_available(2).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    assert_ne!(town.machine_of("ada").await, Some(flaky.clone()));
    assert!(town.provider.names().await.contains(&flaky), "it is kept to be looked at");
}

/// While no machine answers it is the provider, and no machine is blamed for it.
#[tokio::test]
async fn when_nobody_answers_no_machine_is_blamed() {
    let town = Town::start(2).await;
    town.until_available(2).await;
    let names = town.provider.names().await;
    let later = shared::process::time::unix_millis() + 3_600_000;
    let away = format!(
        "UPDATE sprites SET state = 'unreachable', task = NULL, changed_at = {later}, setbacks = 2"
    );
    town.installation.database.run(away).await;
    // Others may have been made meanwhile.
    let are_back = async || {
        let rows = town.rows().await;
        let rows = rows.iter().filter(|row| row["state"] == "available");
        rows.filter(|row| names.iter().any(|name| row["name"] == **name)).count()
    };
    wait_until("so many of the former are available again", names.len(), are_back).await;
    assert_eq!(town.count("quarantined").await, 0);
}

#[tokio::test]
async fn a_sprite_that_is_gone_when_it_is_needed_is_replaced() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    let name = town.provider.names().await.pop().unwrap();
    town.provider.delete(&name).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    assert!(!town.provider.names().await.contains(&name));
}

#[tokio::test]
async fn the_provider_away_for_a_while_costs_time_and_nothing_else() {
    // Where everything is slow a machine may be given up because it is; not three in a row.
    for _ in 0..3 {
        let town = Town::start(1).await;
        town.until_available(1).await;
        let prepared = town.next_in_line().await;
        town.provider.arm("GET", "/v1/sprites/*", 4, "status:503").await;
        let task = town.pay("ada").await;
        town.until_done(&task).await;
        town.check_live("ada").await;
        assert_eq!(town.provider.struck().await, 4);
        // Nothing followed for the sprite from what the provider did not say.
        let rows = town.rows().await;
        let own = rows.iter().find(|row| row["username"] == "ada").unwrap();
        if own["name"] == prepared.as_str() {
            return;
        }
    }
    panic!("ada got another machine than the one that was ready, each time");
}
