//! An installation with a provider, an edge and a control that can be killed.

use reqwest::Method;
use serde_json::{Value, json};

use super::provider::{PROGRAMS, Provider, TOKEN};
use crate::common::database::Database;
use crate::common::edge::TestEdge;
use crate::common::process::{Installation, Process};
use crate::common::wait_until;

pub(crate) struct Town {
    pub(crate) provider: Provider,
    pub(crate) edge: TestEdge,
    pub(crate) installation: Installation,
    control: Option<Process>,
}

/// How many sprites are to stand ready, and when preparing them is given up.
pub(crate) struct Wanted {
    pub(crate) available: u64,
    pub(crate) failure_limit: u64,
}

impl Town {
    /// Control runs, and looks at the provider every second.
    pub(crate) async fn start(available: u64) -> Self {
        let wanted = Wanted { available, failure_limit: 3 };
        Self::start_with(Provider::start().await, &wanted, "").await
    }

    /// `base` is added to `[base]`.
    pub(crate) async fn start_with(provider: Provider, wanted: &Wanted, base: &str) -> Self {
        Self::start_with_pool(provider, wanted, "", base).await
    }

    /// What becomes of machines: `replace` or `wipe`.
    pub(crate) async fn start_recycling(
        provider: Provider,
        wanted: &Wanted,
        recycling: &str,
    ) -> Self {
        let pool = format!(", recycling = '{recycling}'");
        Self::start_with_pool(provider, wanted, &pool, "").await
    }

    /// `pool` is added to `[pool]`, and `base` to `[base]`, where it may name another agent.
    pub(crate) async fn start_with_pool(
        provider: Provider,
        wanted: &Wanted,
        pool: &str,
        base: &str,
    ) -> Self {
        let settings = settings(&provider.url, wanted, pool, base);
        Self::start_on(Database::fresh().await, provider, &settings).await
    }

    pub(crate) async fn start_on(database: Database, provider: Provider, settings: &str) -> Self {
        let edge = TestEdge::start("one").await;
        let installation = Installation::on(database, &[&edge], settings);
        let control = Some(installation.start().await);
        Self { provider, edge, installation, control }
    }

    pub(crate) fn control(&self) -> &Process {
        self.control.as_ref().expect("control runs")
    }

    /// As a crash of the machine that it runs on, of which somebody waits out the leases.
    pub(crate) async fn kill_control(&mut self) {
        self.control.take().unwrap().kill().await;
        let later = "UPDATE tasks SET lease_until = 0 WHERE state = 'running'";
        self.installation.database.run(later.to_owned()).await;
    }

    pub(crate) async fn start_control(&mut self) {
        self.control = Some(self.installation.start().await);
    }

    /// With the database as it is on a disk of its own, as large as `kib`.
    pub(crate) async fn start_control_on_small_disk(&mut self, kib: u32) {
        self.control = Some(self.installation.start_on_small_disk(kib).await);
    }

    pub(crate) async fn pool(&self) -> Value {
        self.control().api(Method::GET, "/api/pool", None).await.1
    }

    pub(crate) async fn count(&self, state: &str) -> u64 {
        self.pool().await["counts"][state].as_u64().unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<Value> {
        let all = "/api/pool/sprites?limit=1000";
        let (_, rows) = self.control().api(Method::GET, all, None).await;
        rows["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn until_available(&self, count: u64) {
        let what = format!("{count} sprites are available");
        wait_until(&what, count, async || self.count("available").await).await;
    }

    pub(crate) async fn task(&self, id: &str) -> Value {
        self.control().api(Method::GET, &format!("/api/tasks/{id}"), None).await.1
    }

    pub(crate) async fn tasks_of_kind(&self, kind: &str) -> Vec<Value> {
        let path = format!("/api/tasks?kind={kind}");
        let (_, tasks) = self.control().api(Method::GET, &path, None).await;
        tasks["items"].as_array().unwrap().clone()
    }

    /// Has a task tried at once: what another process puts into SQLite wakes nobody.
    pub(crate) async fn hurry(&self, id: &str) {
        let path = format!("/api/tasks/{id}/retry");
        let _running_or_done = self.control().api(Method::POST, &path, Some(json!({}))).await;
    }

    /// Nobody who waits for their next attempt waits any longer.
    pub(crate) async fn hurry_all(&self) {
        let (_, tasks) = self.control().api(Method::GET, "/api/tasks?state=waiting", None).await;
        for task in tasks["items"].as_array().unwrap() {
            self.hurry(task["id"].as_str().unwrap()).await;
        }
    }

    /// Waits for the end of a task; what is waiting for its next attempt has it now.
    pub(crate) async fn until_done(&self, id: &str) -> Value {
        self.until_state(id, "done").await
    }

    pub(crate) async fn until_state(&self, id: &str, state: &str) -> Value {
        let what = format!("{id} is {state}");
        let look = async || {
            let task = self.task(id).await;
            if task["state"] != state {
                self.hurry_all().await;
                return Err(format!("{task:#}"));
            }
            Ok(task)
        };
        e2e::wait_until_within(PATIENCE, &what, look)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The machine of a customer.
    pub(crate) async fn machine_of(&self, username: &str) -> Option<String> {
        let rows = self.rows().await;
        let own = rows.iter().find(|row| row["username"] == username)?;
        own["name"].as_str().map(str::to_owned)
    }

    /// The machine that the next customer gets.
    pub(crate) async fn next_in_line(&self) -> String {
        let first = "SELECT name FROM sprites WHERE state = 'available'
                     ORDER BY proved_at DESC, created_at, name LIMIT 1";
        self.installation.database.text(first).await.unwrap()
    }

    pub(crate) async fn until_names(&self, expected: &[String]) {
        let names = async || self.provider.names().await;
        wait_until("the provider has these sprites", expected.to_vec(), names).await;
    }
}

/// Several machines boot, on a machine that may be busy.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// What stands at the top of its configuration.
pub(crate) fn settings(provider: &str, wanted: &Wanted, pool: &str, base: &str) -> String {
    let Wanted { available, failure_limit } = wanted;
    let agent = if base.contains("agent = ") {
        String::new()
    } else {
        format!("agent = ['{PROGRAMS}/sprite-agent'], ")
    };
    format!(
        "sprites = {{ url = '{provider}', token = '{TOKEN}', prefix = 'arca' }}\n\
         pool = {{ available = {available}, failure_limit = {failure_limit}, sweep_seconds = 1{pool} }}\n\
         base = {{ {agent}gateway = ['{PROGRAMS}/fake-gateway'], \
         owner = 'root'{base} }}\n"
    )
}
