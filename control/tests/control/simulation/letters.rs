//! Who sends the letters, and at times does not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fakes::resend::quota::Limits;
use fakes::resend::{Options, Resend};
use fakes::vendor::server;
use reqwest::Method;
use serde_json::{Value, json};

use super::chance::Chance;
use crate::common::client;

const KEY: &str = "a-key-of-a-vendor-for-tests";

/// In each of its ways: refused for now, out of order, cut, and taken without an answer.
const FAULTS: [&str; 5] =
    ["status:429", "status:500", "reset", "after-commit:500", "after-commit:reset"];

pub(super) struct Letters {
    url: String,
    resend: Arc<Resend>,
}

impl Letters {
    pub(super) async fn start() -> Self {
        let resend = Resend::new(Options {
            key: KEY.to_owned(),
            restricted: false,
            domains: Vec::new(),
            limits: Limits { requests_per_second: 1_000, ..Limits::default() },
        });
        let (listener, address) = server::listen(0).await.unwrap();
        let url = format!("http://{address}");
        let router = fakes::resend::router(&resend);
        tokio::spawn(async move { server::serve(listener, router).await.unwrap() });
        Self { url, resend }
    }

    /// Of control's configuration; all letters of a run are kept.
    pub(super) fn section(&self) -> String {
        format!(
            "[resend]\nurl = '{}'\napi_key = '{KEY}'\nfrom = 'Arcamatrix <hello@arca.test>'\n\
             per_second = 1000\n[retention]\nmail_days = 400\n",
            self.url
        )
    }

    /// The next few calls go wrong.
    pub(super) async fn fail(&self, chance: &mut Chance) {
        let fault = chance.pick(&FAULTS);
        let times = chance.draw(5) + 1;
        let rule = json!({ "match": { "method": "POST" }, "times": times, "fault": fault });
        let posted = client().post(format!("{}/_fake/faults", self.url)).json(&rule).send().await;
        assert!(posted.unwrap().status().is_success());
    }

    pub(super) async fn works_again(&self) {
        let all = client().request(Method::DELETE, format!("{}/_fake/faults", self.url));
        assert!(all.send().await.unwrap().status().is_success());
    }

    pub(super) fn pass(&self, time: Duration) {
        self.resend.advance(time.as_secs());
    }

    /// Letters that arrived, and those of them that arrived more than once. A letter is what
    /// its key names: whose machine is lost twice is told in the same words.
    pub(super) async fn arrived(&self) -> (usize, Vec<String>) {
        let seen = client().get(format!("{}/_fake/emails", self.url)).send().await.unwrap();
        let seen: Value = seen.json().await.unwrap();
        let emails = seen["emails"].as_array().unwrap();
        let mut copies = HashMap::<String, usize>::new();
        for email in emails {
            let key = email["idempotency_key"].as_str().expect("each has a key");
            let letter = format!("{key} to {}: {}", email["to"], email["subject"]);
            *copies.entry(letter).or_default() += 1;
        }
        let twice = copies.into_iter().filter(|(_, count)| *count > 1);
        (emails.len(), twice.map(|(letter, count)| format!("{count} times: {letter}")).collect())
    }
}
