//! Somebody who has paid, and whoever asks their agent.

use control::base::clock;
use control::model::task::{Kind, NewTask};
use control::store::{LOG_CHANGES, Store};
use e2e::chat::{Chat, Opening};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use shared::identity::{IDENTITY_HEADER, Identity, IdentityKey};
use shared::{RequestId, Secret, SessionId, Username};

use super::installation::Town;
use crate::common;

/// A moment for rows; nothing here depends on it.
const NOW: u64 = 1_800_000_000_000;

impl Town {
    /// What is there after a payment: returns the task that follows from it.
    pub(crate) async fn pay(&self, username: &str) -> String {
        let id = self.order(username).await;
        self.hurry(&id).await;
        id
    }

    /// [`Self::pay`] without a word to control, which need not run.
    pub(crate) async fn order(&self, username: &str) -> String {
        self.installation.database.run(rows(username, "preparing")).await;
        self.enqueue(username, Kind::Provision).await
    }

    /// What is there after a subscription's end: returns the task that follows from it.
    pub(crate) async fn cancel(&self, username: &str) -> String {
        let ending =
            format!("UPDATE workspaces SET state = 'ending' WHERE username = '{username}'");
        self.installation.database.run(ending).await;
        let id = self.enqueue(username, Kind::Recycle).await;
        self.hurry(&id).await;
        id
    }

    /// Of all that is in a list.
    pub(crate) async fn ids(&self, path: &str) -> Vec<String> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let all = format!("{path}{mark}limit=1000");
        let (_, list) = self.control().api(Method::GET, &all, None).await;
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn enqueue(&self, username: &str, kind: Kind) -> String {
        let url = Secret::new(self.installation.database.url.clone());
        let store = Store::open(&url, LOG_CHANGES).await.unwrap();
        let task = NewTask {
            kind,
            dedupe: format!("{}/{username}", kind.as_str()),
            username: Some(username.parse().unwrap()),
            payload: serde_json::json!({}),
            run_at: None,
        };
        let id = store.enqueue(&task, clock::system()()).await.unwrap();
        store.close().await;
        id.to_string()
    }

    /// Opens the chat page as an edge would that serves the route.
    pub(crate) async fn visit(&self, username: &str) -> (StatusCode, String) {
        let (upstream, identity) = self.way_in(username);
        let request = common::client()
            .get(format!("{upstream}/config.json"))
            .header(IDENTITY_HEADER, identity);
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// Leaves the chat page open for as long as the test runs.
    pub(crate) async fn open_page(&self, username: &str) {
        // Whoever reads answers the agent's pings.
        tokio::spawn(self.page(username).await.linger());
    }

    /// The chat page's socket.
    pub(crate) async fn page(&self, username: &str) -> Chat {
        let (upstream, identity) = self.way_in(username);
        let host = upstream.trim_start_matches("http://");
        let origin = format!("http://{username}.arca.test:8080");
        let headers = [(IDENTITY_HEADER, identity.as_str()), ("origin", &origin)];
        let address = host.parse().unwrap();
        let opening = Opening { address, host, path: "/ws", headers: &headers };
        let mut page = Chat::open(&opening).await.unwrap().unwrap();
        page.hello().await.unwrap();
        page
    }

    /// Where the agent is, and what an edge tells it of whoever asks.
    fn way_in(&self, username: &str) -> (String, String) {
        let route = {
            let table = self.edge.table();
            table.routes.get(&username.parse::<Username>().unwrap()).cloned()
        };
        let route = route.expect("the edge has a route");
        let now = shared::process::time::unix_millis() / 1_000;
        let identity = Identity::of(&route, SessionId::random(), RequestId::random(), now);
        let key = IdentityKey::current(&self.installation.keys, &route.sprite, route.assignment);
        (route.upstream.to_string(), key.sign(&identity))
    }

    /// The workspace is live: one row, one machine, one route, one letter, and the agent
    /// answers.
    pub(crate) async fn check_live(&self, username: &str) {
        let rows = self.rows().await;
        let own: Vec<&Value> = rows.iter().filter(|row| row["username"] == username).collect();
        let [own] = own.as_slice() else { panic!("{username} has not one sprite: {rows:?}") };
        assert_eq!(own["state"], "assigned");
        let names = self.provider.names().await;
        let name = own["name"].as_str().unwrap();
        assert!(names.iter().any(|there| there == name), "{name} is not in {names:?}");
        let route = self.edge.table().routes[&username.parse::<Username>().unwrap()].clone();
        assert_eq!(route.sprite.as_str(), name);
        assert_eq!(route.state, shared::RouteState::Live);
        let letters = self.ids("/api/mails").await;
        let welcome = format!("welcome/su_{}", hex(username));
        assert_eq!(letters.iter().filter(|id| **id == welcome).count(), 1, "{letters:?}");
        let (status, body) = self.visit(username).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let seen: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(seen["username"], username);
        assert_eq!(seen["skills"], serde_json::json!(["weather", "summarize"]));
    }
}

pub(crate) fn rows(username: &str, state: &str) -> String {
    let hex = hex(username);
    format!(
        "INSERT INTO signups (id, email, username, skills, browser_hash, state, attempts,
             looked_at, created_at, changed_at)
         VALUES ('su_{hex}', '{username}@mail.test', '{username}', 'weather,summarize', 'x',
             'paid', 1, {NOW}, {NOW}, {NOW});
         INSERT INTO customers (username, email, epoch, created_at)
         VALUES ('{username}', '{username}@mail.test', 0, {NOW});
         INSERT INTO workspaces (username, signup, state, stripe_customer, subscription,
             subscription_status, looked_at, created_at, changed_at)
         VALUES ('{username}', 'su_{hex}', '{state}', 'cus_{hex}', 'sub_{hex}',
             'active', {NOW}, {NOW}, {NOW});"
    )
}

/// Thirty-two digits that nobody else's name has.
fn hex(username: &str) -> String {
    let digits: String = username.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits:0>32}")
}
