//! The provider is away for an hour, by the program's own clock.

use std::time::Duration;

use control::model::task::{Kind, NewTask};
use control::store::{LOG_CHANGES, Store};
use reqwest::Method;
use serde_json::{Value, json};
use shared::Secret;

use super::customer;
use super::installation::{Wanted, settings};
use super::provider::Provider;
use crate::common::edge::TestEdge;
use crate::common::{World, wait_until};

/// So many make an hour.
const STEPS: u32 = 12;
const STEP: Duration = Duration::from_secs(5 * 60);

/// All that is asked of the provider.
const CALLS: [(&str, &str); 10] = [
    ("GET", "/v1/sprites"),
    ("POST", "/v1/sprites"),
    ("GET", "/v1/sprites/*"),
    ("DELETE", "/v1/sprites/*"),
    ("GET", "/v1/sprites/*/exec"),
    ("PUT", "/v1/sprites/*/fs/write"),
    ("PUT", "/v1/sprites/*/services/*"),
    ("GET", "/v1/sprites/*/services/*"),
    ("POST", "/v1/sprites/*/services/*/stop"),
    ("GET", "/v1/sprites/*/checkpoints"),
];

struct Hour {
    provider: Provider,
    edge: TestEdge,
    world: World,
    store: Store,
}

impl Hour {
    async fn begin() -> Self {
        let (provider, edge) = (Provider::start().await, TestEdge::start("one").await);
        let wanted = Wanted { available: 2, failure_limit: 3 };
        let world = World::start_with(&[&edge], &settings(&provider.url, &wanted, "", "")).await;
        let url = Secret::new(world.database.url.clone());
        let store = Store::open(&url, LOG_CHANGES).await.unwrap();
        Self { provider, edge, world, store }
    }

    async fn count(&self, state: &str) -> u64 {
        let (_, pool) = self.world.api(Method::GET, "/api/pool", None).await;
        pool["counts"][state].as_u64().unwrap()
    }

    async fn stands_ready(&self, count: u64) {
        wait_until("machines stand ready", count, async || {
            self.world.app().queue.wake();
            self.count("available").await
        })
        .await;
    }

    /// Somebody has paid just now; returns the task that follows.
    async fn pays(&self, username: &str) -> String {
        let now = self.world.now();
        let rows = customer::rows(username, "preparing");
        self.world.database.run(rows.replace("1800000000000", &now.millis().to_string())).await;
        let task = NewTask {
            kind: Kind::Provision,
            dedupe: format!("PROV/{username}"),
            username: Some(username.parse().unwrap()),
            payload: json!({}),
            run_at: None,
        };
        let id = self.store.enqueue(&task, now).await.unwrap();
        self.world.app().queue.wake();
        id.to_string()
    }

    /// What waits for its next attempt has it now.
    async fn is_served(&self, task: &str) {
        wait_until("the task is done", json!("done"), async || {
            let path = format!("/api/tasks/{task}/retry");
            let _running_or_done = self.world.api(Method::POST, &path, Some(json!({}))).await;
            self.world.api(Method::GET, &format!("/api/tasks/{task}"), None).await.1["state"]
                .clone()
        })
        .await;
    }

    fn routes(&self) -> Vec<(String, String)> {
        let table = self.edge.table();
        table.routes.values().map(|it| (it.username.to_string(), it.upstream.to_string())).collect()
    }

    async fn incidents(&self) -> Vec<String> {
        let (_, tickets) = self.world.api(Method::GET, "/api/tickets", None).await;
        let tickets = tickets["items"].as_array().unwrap().iter();
        tickets.map(|it| it["incident"].as_str().unwrap().to_owned()).collect()
    }

    async fn tasks_given_up(&self) -> Vec<Value> {
        let (_, tasks) = self.world.api(Method::GET, "/api/tasks?state=dead", None).await;
        tasks["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn an_hour_without_the_provider_costs_nobody_a_machine_and_is_one_ticket() {
    let hour = Hour::begin().await;
    hour.stands_ready(2).await;
    let task = hour.pays("ada").await;
    hour.is_served(&task).await;
    hour.stands_ready(2).await;
    let (machines, routes) = (hour.provider.names().await, hour.routes());
    for (method, path) in CALLS {
        hour.provider.arm(method, path, 1_000_000, "status:503").await;
    }
    let task = hour.pays("bob").await;
    for _ in 0..STEPS {
        hour.world.turn_clock(STEP);
        hour.world.app().queue.wake();
        let failed = async || {
            let machines = hour.world.app().machines.as_ref().unwrap();
            machines.pool.survey().failed_at
        };
        wait_until("the keeper has looked", Some(hour.world.now()), failed).await;
        assert_eq!(hour.routes(), routes, "ada is served all the time");
    }
    let told = async || hour.incidents().await.len();
    wait_until("it is told of", true, async || told().await > 0).await;
    hour.provider.disarm_all().await;
    assert_eq!(hour.provider.names().await, machines);
    hour.is_served(&task).await;
    assert_eq!(hour.routes().len(), 2, "bob is served");
    hour.stands_ready(2).await;
    assert!(hour.routes().contains(&routes[0]), "ada's machine is another one");
    let names = hour.provider.names().await;
    assert!(machines.iter().all(|name| names.contains(name)), "{machines:?}, now {names:?}");
    let incidents = hour.incidents().await;
    assert!(incidents.len() == 1 && incidents[0].starts_with("provider/"), "{incidents:?}");
    assert_eq!(hour.tasks_given_up().await, [json!(null); 0]);
}
