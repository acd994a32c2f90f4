//! The keeper: fills, gives up, tells, clears away.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::customer;
use super::installation::{Town, Wanted};
use super::provider::Provider;
use crate::common::wait_until;

#[tokio::test]
async fn a_pool_that_cannot_be_filled_is_paused_and_told_of_and_resumed() {
    let provider = Provider::start().await;
    // Refused for good, so that no attempt follows.
    provider.arm("PUT", "/v1/sprites/*/fs/write", 1_000, "status:400").await;
    let wanted = Wanted { available: 2, failure_limit: 2 };
    let town = Town::start_with(provider, &wanted, "").await;
    let is_paused = async || town.pool().await["paused"].is_object();
    wait_until("the pool is paused", true, is_paused).await;
    let tasks = town.tasks_of_kind("PREPARE").await;
    let why = tasks[0]["last_error"].as_str().unwrap();
    assert!(why.contains("refused the call: 400"), "{why}");
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    let incidents = tickets["items"].as_array().unwrap().iter();
    let incidents: Vec<_> = incidents.map(|it| it["incident"].as_str().unwrap()).collect();
    assert!(incidents.len() == 1 && incidents[0].starts_with("pool/paused/"), "{incidents:?}");
    // What they left behind is destroyed.
    town.until_names(&[]).await;
    assert_eq!(tasks.len(), 2);
    town.provider.disarm_all().await;
    let path = "/api/pool/resume";
    let (status, answer) = town.control().api(Method::POST, path, Some(json!({}))).await;
    assert_eq!((status, &answer["was_paused"]), (StatusCode::OK, &json!(true)));
    town.until_available(2).await;
    assert_eq!(town.pool().await["failures"], 0);
}

#[tokio::test]
async fn a_limit_on_creations_is_waited_out() {
    let provider = Provider::start_with(&["--creations", "1", "--creation-window", "2s"]).await;
    let wanted = Wanted { available: 2, failure_limit: 1 };
    let town = Town::start_with(provider, &wanted, "").await;
    town.until_available(2).await;
    assert!(town.pool().await["paused"].is_null());
    assert_eq!(town.provider.names().await.len(), 2);
}

#[tokio::test]
async fn a_provider_that_is_away_while_somebody_waits_is_told_of_once() {
    let town = Town::start(0).await;
    let incidents = async || {
        let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
        let keys = tickets["items"].as_array().unwrap().iter();
        let keys = keys.map(|it| it["incident"].as_str().unwrap().split('/').next().unwrap());
        keys.map(str::to_owned).collect::<Vec<_>>()
    };
    let error = async || town.pool().await["survey_error"].is_string();
    town.provider.arm("GET", "/v1/sprites", 1_000, "status:503").await;
    wait_until("the provider is away", true, error).await;
    assert!(incidents().await.is_empty(), "nobody waits");
    town.installation.database.run(customer::rows("ada", "preparing")).await;
    town.installation.database.run(customer::rows("bob", "preparing")).await;
    let long_ago = "UPDATE workspaces SET created_at = 1";
    town.installation.database.run(long_ago.to_owned()).await;
    wait_until("it is told of", vec!["provider".to_owned()], incidents).await;
    town.provider.disarm_all().await;
    wait_until("it is back", false, error).await;
    assert_eq!(incidents().await, ["provider"]);
    // It comes back and goes again, in the next hour.
    let before = "UPDATE tickets SET incident = 'provider/1'";
    town.installation.database.run(before.to_owned()).await;
    for _ in 0..2 {
        town.provider.arm("GET", "/v1/sprites", 1_000, "status:503").await;
        wait_until("it is away again", true, error).await;
        let struck = town.provider.struck().await;
        let looked = async || town.provider.struck().await > struck + 2;
        wait_until("it was looked at while it is away", true, looked).await;
        town.provider.disarm_all().await;
        wait_until("it is back again", false, error).await;
        assert_eq!(incidents().await, ["provider"]);
    }
}

#[tokio::test]
async fn strangers_are_reported_and_left_alone() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    town.provider.create("arca-stranger", &["somebody".to_owned()]).await;
    town.provider.create("other-one", &[]).await;
    wait_until("it is reported", json!(["arca-stranger"]), async || {
        town.pool().await["orphans"].clone()
    })
    .await;
    let looks = async || town.pool().await["surveyed_at"].as_u64();
    let first = looks().await;
    wait_until("it was looked at again", true, async || looks().await > first).await;
    assert_eq!(town.provider.names().await.len(), 3);
}

#[tokio::test]
async fn an_available_sprite_that_is_lost_is_replaced() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    let lost = town.provider.names().await.pop().unwrap();
    town.provider.delete(&lost).await;
    wait_until("another one is available", true, async || {
        let rows = town.rows().await;
        rows.iter().any(|row| row["state"] == "available" && row["name"] != lost.as_str())
            && rows.len() == 1
    })
    .await;
}

#[tokio::test]
async fn without_a_provider_nothing_is_prepared_and_the_rest_works() {
    let edge = crate::common::edge::TestEdge::start("one").await;
    let world = crate::common::World::start(&[&edge]).await;
    let (status, answer) = world.api(Method::GET, "/api/pool", None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("not_configured"))
    );
}

async fn incidents(town: &Town, beginning: &str) -> usize {
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    let keys = tickets["items"].as_array().unwrap().iter();
    keys.filter(|it| it["incident"].as_str().unwrap().starts_with(beginning)).count()
}

#[tokio::test]
async fn a_customer_whose_machine_is_gone_gets_another_one_and_is_told_what_is_lost() {
    let wanted = Wanted { available: 2, failure_limit: 3 };
    let provider = Provider::start().await;
    let mut town = Town::start_with_pool(provider, &wanted, ", lost_seconds = 0", "").await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.until_available(2).await;
    let lost = town.machine_of("ada").await.unwrap();
    town.provider.delete(&lost).await;
    let moved = async || {
        let machine = town.machine_of("ada").await;
        machine.is_some_and(|machine| machine != lost)
    };
    wait_until("she has another machine", true, moved).await;
    let prov = town.tasks_of_kind("PROV").await;
    let next = prov.iter().find(|it| it["id"] != task.as_str()).unwrap()["id"].clone();
    town.until_done(next.as_str().unwrap()).await;
    town.check_live("ada").await;
    // The kept record of it does no harm, and a restart tells nothing again.
    town.kill_control().await;
    town.start_control().await;
    town.until_available(2).await;
    let (_, mails) = town.control().api(Method::GET, "/api/mails", None).await;
    let told = mails["items"].as_array().unwrap().iter();
    assert_eq!(told.filter(|it| it["kind"] == "machine_replaced").count(), 1);
    assert_eq!(incidents(&town, &format!("sprite/{lost}/replaced")).await, 1);
    assert_eq!(town.tasks_of_kind("PROV").await.len(), 2);
}

#[tokio::test]
async fn a_list_that_lacks_more_than_it_has_replaces_nobody() {
    let wanted = Wanted { available: 0, failure_limit: 3 };
    let provider = Provider::start().await;
    let town = Town::start_with_pool(provider, &wanted, ", lost_seconds = 0", "").await;
    let (_, begun) =
        town.control().api(Method::POST, "/api/pool/prepare", Some(json!({ "count": 1 }))).await;
    town.until_done(begun["tasks"][0].as_str().unwrap()).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let machine = town.machine_of("ada").await.unwrap();
    town.provider.delete(&machine).await;
    let lost = format!("sprite/{machine}/lost/");
    wait_until("it is told of", 1, async || incidents(&town, &lost).await).await;
    let looks = async || town.pool().await["surveyed_at"].as_u64();
    let first = looks().await;
    wait_until("it was looked at again", true, async || looks().await > first).await;
    assert_eq!(town.machine_of("ada").await, Some(machine));
    assert_eq!(town.tasks_of_kind("PROV").await.len(), 1);
}

#[tokio::test]
async fn a_crowd_that_signs_up_has_more_machines_stand_ready_within_the_bound() {
    let wanted = Wanted { available: 1, failure_limit: 3 };
    let provider = Provider::start().await;
    let town = Town::start_with_pool(provider, &wanted, ", most_available = 2", "").await;
    town.until_available(1).await;
    for name in ["ada", "bob", "eve", "joe", "kim", "leo", "mia", "ned", "oda"] {
        town.installation.database.run(customer::rows(name, "ended")).await;
    }
    let lately = "UPDATE workspaces SET created_at = ";
    let now = shared::process::time::unix_millis();
    town.installation.database.run(format!("{lately}{now}")).await;
    town.until_available(2).await;
    assert_eq!(town.pool().await["wanted"], 2, "three are wanted, and two allowed");
    town.installation.database.run(format!("{lately}1")).await;
    wait_until("the crowd is gone", json!(1), async || town.pool().await["wanted"].clone()).await;
    assert_eq!(town.count("available").await, 2, "what stands ready is not destroyed");
}

/// Looks at the provider's list that are over, `count` of them from now on.
async fn looks(town: &Town, count: usize) {
    let at = async || town.pool().await["surveyed_at"].as_u64();
    for _ in 0..count {
        let before = at().await;
        wait_until("it was looked at again", true, async || at().await > before).await;
    }
}

#[tokio::test]
async fn machines_that_the_list_lacks_although_they_are_there_stay_whose_they_are() {
    let wanted = Wanted { available: 1, failure_limit: 3 };
    let provider = Provider::start().await;
    let town = Town::start_with_pool(provider, &wanted, ", lost_seconds = 0", "").await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.until_available(1).await;
    let before = town.provider.names().await;
    for name in &before {
        town.provider.set_trouble(name, json!({ "hidden": true })).await;
    }
    looks(&town, 3).await;
    town.check_live("ada").await;
    for name in &before {
        town.provider.set_trouble(name, json!({ "hidden": false })).await;
    }
    looks(&town, 2).await;
    assert_eq!(town.provider.names().await, before, "nothing is destroyed, nothing made");
    assert_eq!(town.count("available").await, 1);
    town.check_live("ada").await;
    assert_eq!(incidents(&town, "").await, 0);
}

/// However often it comes and goes: who has a machine keeps it, who waits gets one.
#[tokio::test]
async fn a_provider_that_flaps_costs_nobody_a_machine() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.until_available(1).await;
    let machines = town.provider.names().await;
    let is_away = async || town.pool().await["survey_error"].is_string();
    let mut tasks = Vec::new();
    for (round, name) in ["bob", "eve", "kim"].into_iter().enumerate() {
        for path in ["/v1/sprites", "/v1/sprites/*", "/v1/sprites/*/exec"] {
            town.provider.arm("GET", path, 1_000, "status:503").await;
        }
        wait_until("the provider is away", true, is_away).await;
        tasks.push(town.pay(name).await);
        assert_eq!(town.count("unreachable").await + town.count("failed").await, 0, "{round}");
        town.provider.disarm_all().await;
        wait_until("it is back", false, is_away).await;
    }
    for task in tasks {
        town.until_done(&task).await;
    }
    let names = town.provider.names().await;
    assert!(machines.iter().all(|name| names.contains(name)), "{machines:?}, now {names:?}");
    for name in ["ada", "bob", "eve", "kim"] {
        town.check_live(name).await;
    }
    assert_eq!(incidents(&town, "sprite/").await + incidents(&town, "pool/").await, 0);
}
