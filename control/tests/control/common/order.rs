//! An order as the rest of control leaves it in the database.

use control::base::token::Token;

use super::browser::Browser;
use super::{PASSWORD, SITE, World};

/// Of ada, from one browser.
pub struct Order<'a> {
    world: &'a World,
    pub browser: Token,
    began: u64,
}

pub const CHECKOUT: &str = "cs_test_a1";
pub const SIGN_UP: &str = "su_0123456789abcdef0123456789abcdef";
const TASK: &str = "PROV-20270115-a1b2c3d4";

impl<'a> Order<'a> {
    /// At the payment page.
    pub async fn begin(world: &'a World) -> Self {
        let order = Self { world, browser: Token::random(), began: world.now().millis() };
        let (now, expires) = (order.began, order.began + 3_600_000);
        let hash = order.browser.hash();
        order
            .run(format!(
                "INSERT INTO signups (id, email, username, skills, browser_hash, state, attempts,
                     checkout, checkout_url, checkout_expires_at, looked_at, created_at, changed_at)
                 VALUES ('{SIGN_UP}', 'ada@mail.test', 'ada', 'weather,github', '{}', 'open', 1,
                     '{CHECKOUT}', 'https://checkout.test/c/pay/{CHECKOUT}', {expires}, {now}, {now}, {now})",
                hash.as_str()
            ))
            .await;
        order
    }

    pub async fn is(&self, state: &str) {
        self.run(format!("UPDATE signups SET state = '{state}'")).await;
    }

    /// The workspace, its customer, and the task that prepares it.
    pub async fn pay(&self) {
        let now = self.world.now().millis();
        self.is("paid").await;
        let body = serde_json::json!({ "username": "ada", "email": "ada@mail.test" });
        let made = self.world.api(reqwest::Method::POST, "/api/customers", Some(body)).await;
        assert_eq!(made.0, reqwest::StatusCode::CREATED, "{made:?}");
        self.run(format!(
            "INSERT INTO workspaces (username, signup, state, stripe_customer, subscription,
                 subscription_status, looked_at, created_at, changed_at)
             VALUES ('ada', '{SIGN_UP}', 'preparing', 'cus_1', 'sub_1', 'active', {now}, {now}, {now})"
        ))
        .await;
        self.run(format!(
            "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,
                 max_attempts, run_at, lease_owner, lease_until, lease_token, created_at, changed_at)
             VALUES ('{TASK}', 'PROV', 'prov/{CHECKOUT}', 'ada', '{{}}', 'running', 1, 20, {now},
                 'somebody', {}, 1, {now}, {now})",
            now + 86_400_000
        ))
        .await;
    }

    /// These steps are done, and the next has begun.
    pub async fn has_done(&self, steps: &[&str]) {
        const ALL: [&str; 8] =
            ["assign", "wake", "configure", "start", "ready", "route", "mail", "pool"];
        let now = self.world.now().millis();
        for (position, name) in ALL.iter().enumerate().take(steps.len() + 1) {
            let is_done = steps.contains(name);
            let (state, end) =
                if is_done { ("done", now.to_string()) } else { ("running", "NULL".to_owned()) };
            self.run(format!(
                "INSERT INTO task_steps (task, position, name, state, attempts, started_at, finished_at)
                 VALUES ('{TASK}', {position}, '{name}', '{state}', 1, {now}, {end})
                 ON CONFLICT (task, name) DO UPDATE SET state = '{state}', finished_at = {end}"
            ))
            .await;
        }
    }

    pub async fn task_is(&self, state: &str) {
        self.run(format!("UPDATE tasks SET state = '{state}'")).await;
    }

    pub async fn workspace_is(&self, state: &str) {
        self.run(format!("UPDATE workspaces SET state = '{state}'")).await;
    }

    pub async fn has_ticket(&self, identifier: &str) {
        let now = self.began;
        self.run(format!(
            "INSERT INTO tickets (incident, issue, title, body, priority, identifier, created_at)
             VALUES ('task/{TASK}', 'x', 'x', 'x', 1, '{identifier}', {now})"
        ))
        .await;
    }

    /// The browser that ordered.
    pub fn browser(&self) -> Browser<'a> {
        let mut browser = Browser::new(self.world);
        browser.set_cookie(SITE, "__Host-arca_signup", self.browser.expose());
        browser
    }

    /// The same, once its workspace is live and it has a password: signed in to the account.
    pub async fn signed_in(&self) -> Browser<'a> {
        self.pay().await;
        self.workspace_is("live").await;
        let mut browser = self.browser();
        let fields = [("session_id", CHECKOUT), ("password", PASSWORD)];
        browser.submit(&format!("{SITE}/welcome"), &fields).await;
        browser
    }

    async fn run(&self, statement: String) {
        self.world.database.run(statement).await;
    }
}

/// Where Stripe leads after the payment.
pub fn welcome() -> String {
    format!("{SITE}/welcome?session_id={CHECKOUT}")
}
