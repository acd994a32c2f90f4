//! Whether everybody has what they paid for, and nobody has two.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{BASE_DOMAIN, Payer, World, wait_until_within};

/// Subject of the letter that leads to a workspace.
const WELCOME: &str = "Your workspace is ready · Arcamatrix";

/// Cause of the letter for whoever still waits after two minutes.
const LATER: &str = "mail/order/";

/// As many as one page of a list may have.
const ALL: &str = "limit=1000";

impl World {
    /// One live workspace for each of `payers`, and one of everything else. Of those who
    /// have `left` there may be tickets.
    ///
    /// # Errors
    /// Names the first of whom it is not so.
    pub async fn check_served(
        &self,
        payers: &[Payer],
        left: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let mut names = BTreeSet::new();
        for payer in payers {
            names.insert(self.check_letter(payer).await?);
            self.check_subscription(payer).await?;
        }
        ensure!(names.len() == payers.len(), "{} payers have {names:?}", payers.len());
        self.check_tickets(&names.union(left).cloned().collect()).await?;
        self.check_routes(&names).await?;
        self.check_sprites(&names).await
    }

    /// No task is under way, and the pool is full.
    pub async fn until_at_rest(
        &self,
        patience: Duration,
        payers: usize,
        available: u64,
    ) -> anyhow::Result<()> {
        wait_until_within(patience, "nobody has anything to do", async || {
            let seen = self.standing().await?;
            ensure!(is_at_rest(&seen, payers, available), "{seen}");
            Ok(())
        })
        .await
    }

    /// What is under way, and how the pool stands.
    pub async fn standing(&self) -> anyhow::Result<Value> {
        let of_state = async |state: &str| -> anyhow::Result<Vec<Value>> {
            let tasks = self.ask(&format!("/api/tasks?state={state}&{ALL}")).await?;
            let is_later = |task: &&Value| {
                task["cause"].as_str().is_some_and(|cause| cause.starts_with(LATER))
            };
            let tasks = list(&tasks, "items")?.iter().filter(|task| !is_later(task));
            Ok(tasks.map(|task| task["id"].clone()).collect())
        };
        let counts = self.ask("/api/pool").await?["counts"].clone();
        Ok(json!({
            "waiting": of_state("waiting").await?,
            "running": of_state("running").await?,
            "dead": of_state("dead").await?,
            "preparing": counts["preparing"],
            "available": counts["available"],
            "assigned": counts["assigned"],
        }))
    }

    /// One letter that says welcome; returns the name of the workspace that it leads to.
    async fn check_letter(&self, payer: &Payer) -> anyhow::Result<String> {
        let letters = self.fakes().letters(&payer.email).await?;
        let subjects: Vec<&Value> = letters.iter().map(|letter| &letter["subject"]).collect();
        let mut welcome = letters.iter().filter(|letter| letter["subject"] == WELCOME);
        let (first, second) = (welcome.next(), welcome.next());
        ensure!(second.is_none(), "{} is welcomed twice: {subjects:?}", payer.email);
        let first = first.with_context(|| format!("{} has but {subjects:?}", payer.email))?;
        let text = first["text"].as_str().context("a letter has a text")?;
        let (before, _) =
            text.split_once(&format!(".{BASE_DOMAIN}")).context("it leads nowhere")?;
        let (_, name) = before.rsplit_once("://").context("it leads nowhere")?;
        Ok(name.to_owned())
    }

    /// Paid once, for one subscription that runs.
    async fn check_subscription(&self, payer: &Payer) -> anyhow::Result<()> {
        let (subscriptions, invoices) =
            (self.of_payer("subscriptions", payer).await?, self.of_payer("invoices", payer).await?);
        ensure!(
            subscriptions.len() == 1
                && subscriptions[0]["status"] == "active"
                && invoices.len() == 1,
            "{} has {subscriptions:?} and {invoices:?}",
            payer.email
        );
        Ok(())
    }

    /// What Stripe keeps of a payer: `kind` is `subscriptions` or `invoices`.
    ///
    /// # Errors
    /// When Stripe does not know them, or knows two of them.
    pub async fn of_payer(&self, kind: &str, payer: &Payer) -> anyhow::Result<Vec<Value>> {
        let stripe = self.fakes().stripe.tell(Method::GET, "/_fake/state", None).await?;
        let is_theirs = |customer: &&Value| customer["email"] == payer.email.as_str();
        let customers: Vec<&Value> = list(&stripe, "customers")?.iter().filter(is_theirs).collect();
        ensure!(customers.len() == 1, "{} is {} customers", payer.email, customers.len());
        let all = list(&stripe, kind)?.iter();
        Ok(all.filter(|one| one["customer"] == customers[0]["id"]).cloned().collect())
    }

    /// One for each sign-up.
    async fn check_tickets(&self, names: &BTreeSet<String>) -> anyhow::Result<()> {
        let board = self.fakes().linear.tell(Method::GET, "/_fake/issues", None).await?;
        let titles = list(&board, "issues")?.iter().filter_map(|issue| issue["title"].as_str());
        let mut told: Vec<&str> = titles.filter_map(|title| title.strip_prefix("New: ")).collect();
        told.sort_unstable();
        ensure!(told.iter().eq(names), "tickets tell of {told:?}, there are {names:?}");
        Ok(())
    }

    /// One on every edge, and nobody else's.
    async fn check_routes(&self, names: &BTreeSet<String>) -> anyhow::Result<()> {
        for edge in 0..self.edges.len() {
            let routes = self.routes(edge).await?;
            ensure!(routes.iter().all(|route| route["state"] == "live"), "{routes:?}");
            let seen: Vec<&str> =
                routes.iter().filter_map(|route| route["username"].as_str()).collect();
            ensure!(seen.iter().eq(names), "edge {edge} serves {seen:?}, there are {names:?}");
        }
        Ok(())
    }

    /// One each, and the provider has no more than we know of.
    async fn check_sprites(&self, names: &BTreeSet<String>) -> anyhow::Result<()> {
        let ours = self.ask(&format!("/api/pool/sprites?{ALL}")).await?;
        let ours = list(&ours, "items")?;
        let mut owners: Vec<&str> =
            ours.iter().filter_map(|one| one["username"].as_str()).collect();
        owners.sort_unstable();
        ensure!(owners.iter().eq(names), "sprites belong to {owners:?}, there are {names:?}");
        let theirs = self.fakes().sprites.tell(Method::GET, "/_fake/sprites", None).await?;
        let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
        let ours: BTreeSet<String> = ours.iter().map(name).collect();
        let theirs: BTreeSet<String> = list(&theirs, "sprites")?.iter().map(name).collect();
        ensure!(ours == theirs, "we know {ours:?}, the provider has {theirs:?}");
        Ok(())
    }

    pub async fn routes(&self, edge: usize) -> anyhow::Result<Vec<Value>> {
        let path = format!("/v1/routes?{ALL}");
        let answer = self.edges[edge].call(Method::GET, &path, Vec::new()).await?;
        Ok(list(&answer.success()?, "routes")?.clone())
    }

    /// Asks whichever control answers.
    pub async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let answers = self.controls().map(|control| control.call(Method::GET, path, None));
        let mut answers = join_all(answers).await.into_iter();
        let answer = answers.find_map(Result::ok).context("no control answers")?;
        answer.success()
    }
}

/// Machines by which Pflaster expands a pool beyond what is wanted, where a sign-up left too few.
const EXPANSION: u64 = 2;

/// Does [`World::standing`] say that nobody has anything to do?
pub fn is_at_rest(standing: &Value, assigned: usize, available: u64) -> bool {
    let is_empty = |state: &str| standing[state].as_array().is_some_and(Vec::is_empty);
    let is_full = |count: u64| (available..=available + EXPANSION).contains(&count);
    ["waiting", "running", "dead"].into_iter().all(is_empty)
        && standing["preparing"] == 0
        && standing["available"].as_u64().is_some_and(is_full)
        && standing["assigned"] == assigned
}

fn list<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("{key} is no list in {value}"))
}
