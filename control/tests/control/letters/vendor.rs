//! The vendors' stand-ins, and what they have seen.

use std::time::Duration;

use axum::Router;
use control::base::language::Language;
use control::store::NewCustomer;
use fakes::resend::quota::Limits;
use fakes::vendor::server;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::common::{World, client, wait_until};

pub(crate) const KEY: &str = "a-key-of-a-vendor-for-tests";

const TEAM: &str = "5b1c7a3e-0000-4000-8000-000000000001";

/// Longer than the back-off between any two tries of a letter.
pub(crate) const BACK_OFF: Duration = Duration::from_secs(10 * 60);

/// A vendor on a port of its own.
pub(crate) struct Vendor {
    url: String,
    server: JoinHandle<()>,
}

/// A control with both vendors, and ada, who has no password yet.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) resend: Vendor,
    pub(crate) linear: Vendor,
}

impl Vendor {
    async fn start(make: impl FnOnce(String) -> Router) -> Self {
        let (listener, address) = server::listen(0).await.unwrap();
        let url = format!("http://{address}");
        let router = make(url.clone());
        let server = tokio::spawn(async move { server::serve(listener, router).await.unwrap() });
        Self { url, server }
    }

    pub(crate) async fn resend() -> Self {
        let limits = Limits { requests_per_second: 1_000, ..Limits::default() };
        let (key, domains) = (KEY.to_owned(), vec!["arca.test".to_owned()]);
        let options = fakes::resend::Options { key, restricted: false, domains, limits };
        let resend = fakes::resend::Resend::new(options);
        Self::start(|_| fakes::resend::router(&resend)).await
    }

    pub(crate) async fn linear() -> Self {
        Self::start(|public_url| {
            let (key, team) = (KEY.to_owned(), TEAM.to_owned());
            let options = fakes::linear::Options { key, team, public_url };
            fakes::linear::router(&fakes::linear::Linear::new(options))
        })
        .await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = client().request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        response.json().await.unwrap_or(Value::Null)
    }

    /// The next `times` calls that do something end so.
    pub(crate) async fn fail(&self, times: u32, fault: &str) {
        let rule = json!({ "match": { "method": "POST" }, "times": times, "fault": fault });
        self.call(Method::POST, "/_fake/faults", Some(rule)).await;
    }

    pub(crate) async fn say(&self, path: &str, body: Value) {
        self.call(Method::POST, path, Some(body)).await;
    }

    pub(crate) async fn mails(&self) -> Vec<Value> {
        let emails = self.call(Method::GET, "/_fake/emails", None).await;
        emails["emails"].as_array().unwrap().clone()
    }

    pub(crate) async fn issues(&self) -> Vec<Value> {
        let issues = self.call(Method::GET, "/_fake/issues", None).await;
        issues["issues"].as_array().unwrap().clone()
    }

    /// Every call that arrived, oldest first.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let requests = self.call(Method::GET, "/_fake/requests", None).await;
        requests["requests"].as_array().unwrap().clone()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::open_with("", "").await
    }

    /// With more lines in `[resend]` and `[linear]`.
    pub(crate) async fn open_with(resend_more: &str, linear_more: &str) -> Self {
        let (resend, linear) = (Vendor::resend().await, Vendor::linear().await);
        let sections = format!(
            "[resend]\nurl = '{}'\napi_key = '{KEY}'\nfrom = 'Arcamatrix <hello@arca.test>'\n\
             reply_to = 'help@arca.test'\nper_second = 1000\n{resend_more}\n\
             [linear]\nurl = '{}'\napi_key = '{KEY}'\nteam = '{TEAM}'\n{linear_more}\n",
            resend.url, linear.url
        );
        let world = World::start_with_sections(&[], "", &sections).await;
        add_ada(&world).await;
        Self { world, resend, linear }
    }

    /// What control says of its letters: kind and state, the newest first.
    pub(crate) async fn letters(&self) -> Vec<(String, String)> {
        letters(&self.world).await
    }

    pub(crate) async fn wait_for_letter(&self, kind: &str, state: &str) {
        let expected = Some((kind.to_owned(), state.to_owned()));
        let last = async || self.letters().await.into_iter().next();
        wait_until("the letter is there", expected, last).await;
    }

    /// Waits until a letter has failed and its task may be tried again: the letter is written
    /// first.
    pub(crate) async fn wait_for_failure(&self, kind: &str) {
        self.wait_for_letter(kind, "failed").await;
        let dead = async || {
            let (_, list) = self.world.api(Method::GET, "/api/tasks?state=dead", None).await;
            list["items"].as_array().map(Vec::len)
        };
        wait_until("its task is dead", Some(1), dead).await;
    }

    /// The state of the task of a letter, and how often it was tried.
    pub(crate) async fn task(&self, mail: &str) -> (String, u64) {
        task(&self.world, &format!("mail/{mail}")).await
    }
}

pub(crate) async fn add_ada(world: &World) {
    let username = "ada".parse().unwrap();
    let customer = NewCustomer {
        username,
        email: "ada@mail.test",
        password_hash: None,
        language: Language::English,
    };
    assert!(world.app().store.add_customer(&customer, world.now()).await.unwrap());
}

pub(crate) async fn letters(world: &World) -> Vec<(String, String)> {
    let (status, list) = world.api(Method::GET, "/api/mails", None).await;
    assert!(status.is_success(), "{list}");
    let text = |mail: &Value, name: &str| mail[name].as_str().unwrap().to_owned();
    let mails = list["items"].as_array().unwrap().iter();
    mails.map(|mail| (text(mail, "kind"), text(mail, "state"))).collect()
}

async fn caused_by(world: &World, cause: &str) -> Value {
    let (_, list) = world.api(Method::GET, "/api/tasks", None).await;
    let tasks = list["items"].as_array().unwrap();
    tasks.iter().find(|task| task["cause"] == cause).expect("it was put in").clone()
}

pub(crate) async fn task_id(world: &World, cause: &str) -> String {
    caused_by(world, cause).await["id"].as_str().unwrap().to_owned()
}

/// The state of the task with this cause, and how often it was tried.
pub(crate) async fn task(world: &World, cause: &str) -> (String, u64) {
    let task = caused_by(world, cause).await;
    (task["state"].as_str().unwrap().to_owned(), task["attempts"].as_u64().unwrap())
}

/// Tries the dead task with this cause again, as an operator does.
pub(crate) async fn retry(world: &World, cause: &str) {
    let path = format!("/api/tasks/{}/retry", task_id(world, cause).await);
    let (status, answer) = world.api(Method::POST, &path, None).await;
    assert!(status.is_success(), "{answer}");
}
