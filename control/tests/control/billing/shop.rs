//! Control with something to sell, and what is asked about it.

use std::time::Duration;

use control::model::sign_up::{SignUp, SignUpId};
use control::model::task::{Kind, Lease};
use control::model::workspace::Workspace;
use control::store::{Store, TaskFilter};
use control::workspaces;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::{Secret, Username};

use super::stripe::{PRICE, Stripe};
use crate::common::browser::{Browser, Page};
use crate::common::edge::TestEdge;
use crate::common::{SITE, World};

pub(crate) const SECRET: &str = "whsec_test_secret";

/// The second one is of a destination that is being replaced.
const OTHER_SECRET: &str = "whsec_5f4dcc3b5aa765d61d8327deb882cf99";

pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) stripe: Stripe,
    pub(crate) store: Store,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(edges: &[&TestEdge]) -> Self {
        let stripe = Stripe::start().await;
        let address = stripe.address;
        Self::open_at(stripe, address, edges, "").await
    }

    /// Its Stripe is at `address`; `stripe` is told nothing where that is another. `more` stands
    /// at the end of the configuration.
    pub(crate) async fn open_at(
        stripe: Stripe,
        address: std::net::SocketAddr,
        edges: &[&TestEdge],
        more: &str,
    ) -> Self {
        let sections = format!(
            "[stripe]\nurl = 'http://{}'\nsecret_key = 'sk_test_0123456789'\nprice = '{PRICE}'\n\
             webhook_secrets = ['{SECRET}', '{OTHER_SECRET}']\n[sign_up]\nmost_an_hour = 1000\n{more}",
            address
        );
        let world = World::start_with_sections(edges, "", &sections).await;
        let store = Store::open(&Secret::new(world.database.url.clone()), 100).await.unwrap();
        Self { world, stripe, store }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::new(&self.world)
    }

    /// A sign-up with an open page at Stripe's.
    pub(crate) async fn sign_up(&self, email: &str) -> SignUp {
        let mut browser = self.browser();
        let page = order(&mut browser, email, "").await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{email}: {}", page.body);
        self.signup_of(&browser).await
    }

    pub(crate) async fn signup_of(&self, browser: &Browser<'_>) -> SignUp {
        let token = browser.cookie(SITE, "__Host-arca_signup").unwrap();
        let token = control::base::token::Token::parse(token).unwrap();
        self.store.signup_of_browser(&token.hash()).await.unwrap().unwrap()
    }

    pub(crate) async fn signup(&self, id: &SignUpId) -> SignUp {
        self.store.signup(id).await.unwrap().unwrap()
    }

    pub(crate) async fn workspace(&self, username: &str) -> Option<Workspace> {
        self.store.workspace(&name(username)).await.unwrap()
    }

    /// Kinds of the letters that were posted, the newest first.
    pub(crate) async fn letters(&self) -> Vec<String> {
        let (_, answer) = self.world.api(Method::GET, "/api/mails", None).await;
        let mails = answer["items"].as_array().unwrap();
        mails.iter().map(|mail| mail["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// `preparing`, or nothing where there is none.
    pub(crate) async fn life(&self, username: &str) -> &'static str {
        self.workspace(username).await.map_or("", |workspace| workspace.state.as_str())
    }

    /// A customer with a workspace that is being prepared.
    pub(crate) async fn customer(&self, subscription: &str) -> Workspace {
        let signup = self.sign_up("ada@example.com").await;
        let checkout = signup.checkout.unwrap().id;
        self.stripe.books().pay(checkout.as_str(), "paid", subscription, "active");
        self.tell("checkout.session.completed", checkout.as_str()).await;
        self.settled().await;
        self.workspace(signup.username.as_str()).await.unwrap()
    }

    /// Delivers an event about `object`, with an id of its own.
    pub(crate) async fn tell(&self, kind: &str, object: &str) {
        let body = event(kind, object);
        assert_eq!(self.deliver(&body).await, StatusCode::OK, "{kind} {object}");
    }

    /// Signed as Stripe signs it.
    pub(crate) async fn deliver(&self, body: &str) -> StatusCode {
        let time = self.world.now_seconds();
        self.send(&signature(SECRET, time, body.as_bytes()), body).await.status
    }

    pub(crate) async fn send(&self, signature: &str, body: impl Into<String>) -> Page {
        let mut browser = self.browser();
        let headers = [("stripe-signature", signature), ("accept", "*/*")];
        browser.send_body(Method::POST, &format!("{SITE}/api/webhook"), body.into(), &headers).await
    }

    /// Everything that Stripe told of has been looked at.
    pub(crate) async fn settled(&self) {
        crate::common::wait_until("no hint waits", 0, async || self.open_tasks(Kind::Stripe).await)
            .await;
    }

    pub(crate) async fn open_tasks(&self, kind: Kind) -> usize {
        let tasks = self.tasks(kind).await;
        tasks.iter().filter(|state| matches!(state.as_str(), "waiting" | "running")).count()
    }

    /// The states of all tasks of a kind.
    pub(crate) async fn tasks(&self, kind: Kind) -> Vec<String> {
        let filter = TaskFilter { kind: Some(kind), ..TaskFilter::default() };
        let tasks = self.store.tasks(&filter, None, 1_000).await.unwrap();
        tasks.iter().map(|task| task.state.as_str().to_owned()).collect()
    }

    /// Whether an incident with this key was noted.
    pub(crate) async fn is_reported(&self, key: &str) -> bool {
        self.store.ticket(key).await.unwrap().is_some()
    }

    /// The right to work at the newest task of a kind, as a worker gets it.
    pub(crate) async fn claim(&self, kind: Kind) -> Lease {
        let now = control::base::clock::Moment::from_seconds(self.world.now_seconds());
        let until = now.after(Duration::from_secs(60));
        self.store.claim(kind, now, until).await.unwrap().unwrap().lease
    }

    /// As the job does that has prepared it.
    pub(crate) async fn goes_live(&self, username: &str) {
        let lease = self.claim(Kind::Provision).await;
        let now = control::base::clock::Moment::from_seconds(self.world.now_seconds());
        workspaces::workspace_is_live(&self.store, &name(username), &lease, now)
            .await
            .unwrap()
            .unwrap();
    }

    /// How often deliveries came to this, as metrics count them.
    pub(crate) async fn counted(&self, outcome: &str) -> u64 {
        let url = format!("http://{}/metrics", self.world.running.as_ref().unwrap().api);
        let text = self.world.http.get(url).send().await.unwrap().text().await.unwrap();
        let name = format!("arca_control_webhooks_total{{outcome=\"{outcome}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

/// Sends the form, as a browser does.
pub(crate) async fn order(browser: &mut Browser<'_>, email: &str, username: &str) -> Page {
    let fields = [("email", email), ("username", username), ("skills", "weather")];
    browser.submit(&format!("{SITE}/api/checkout"), &fields).await
}

pub(crate) fn name(username: &str) -> Username {
    username.parse().unwrap()
}

pub(crate) fn event(kind: &str, object: &str) -> String {
    let id = format!("evt_{}", shared::SessionId::random());
    let data: Value = json!({ "object": { "id": object, "object": "whatever" } });
    json!({ "id": id, "object": "event", "type": kind, "livemode": false, "data": data })
        .to_string()
}

pub(crate) fn signature(secret: &str, time: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("t={time},v1={digits}")
}
