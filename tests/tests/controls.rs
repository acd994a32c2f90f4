//! Two control processes on one PostgreSQL, one of them killed again and again while
//! people sign up. In the end everybody has what they paid for, and nobody has two.
//!
//! Where no PostgreSQL is named there is nothing to tell: SQLite belongs to one process.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use e2e::{BASE_DOMAIN, Database, Pace, Payer, Plan, Vendors, World, wait_until_within};
use futures_util::future::{join_all, try_join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Between two kills: a process has the time to start and to take up work.
const KILL_EVERY: Duration = Duration::from_secs(3);

/// Payers who come between two kills, so that each kill finds work under way.
const PAYERS_A_KILL: usize = 2;

/// What a killed process was at is taken up when its lease of a minute is over, and the
/// next one may be killed at the same. A hundred machines take their time to boot, too.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Subject of the letter that leads to a workspace.
const WELCOME: &str = "Your workspace is ready · Arcamatrix";

/// Cause of the letter for whoever still waits after two minutes.
const LATER: &str = "mail/order/";

/// As many as one page of a list may have.
const ALL: &str = "limit=1000";

#[tokio::test]
async fn a_dozen_payers_are_served_once_though_control_is_killed_all_the_time() {
    check(12, 6).await;
}

#[tokio::test]
#[ignore = "takes five minutes; `make test-kills` has the time"]
async fn a_hundred_payers_are_served_once_though_control_is_killed_all_the_time() {
    check(100, 10).await;
}

async fn check(payers: usize, available: u64) {
    let Some(database) = Database::fresh().unwrap() else { return };
    let plan = Plan::with_tenants(&[])
        .with_edges(2)
        .with_controls(2, &database.url())
        .with_vendors(Vendors { available, pace: Pace::Quick });
    let world = World::start(plan).await.unwrap();
    until_at_rest(&world, 0, available).await.unwrap();
    let payers: Vec<Payer> = (0..payers).map(|number| world.payer(number)).collect();
    let door = Semaphore::new(0);
    tokio::select! {
        lost = kill_in_turn(&world, &door) => panic!("control does not come back: {lost:#}"),
        served = serve(&world, &payers, &door) => served.unwrap(),
    }
    until_at_rest(&world, payers.len(), available).await.unwrap();
    let mut names = BTreeSet::new();
    for payer in &payers {
        names.insert(check_letter(&world, payer).await.unwrap());
        check_subscription(&world, payer).await.unwrap();
    }
    assert_eq!(names.len(), payers.len(), "{names:?}");
    check_tickets(&world, &names).await.unwrap();
    check_routes(&world, &names).await.unwrap();
    check_sprites(&world, &names).await.unwrap();
}

/// Lets payers in between kills; never returns while whoever is killed comes back.
async fn kill_in_turn(world: &World, door: &Semaphore) -> anyhow::Error {
    let mut turns = tokio::time::interval(KILL_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for control in world.controls().cycle() {
        door.add_permits(PAYERS_A_KILL);
        turns.tick().await;
        control.program.kill();
        if let Err(error) = control.program.start() {
            return error;
        }
        let ready = async || control.ensure_ready().await;
        if let Err(error) = e2e::wait_until("a killed control is back", ready).await {
            return error;
        }
    }
    unreachable!("controls are taken in turn for ever")
}

/// Until every payer's workspace is live.
async fn serve(world: &World, payers: &[Payer], door: &Semaphore) -> anyhow::Result<()> {
    let paying = payers.iter().map(async |payer| {
        door.acquire().await?.forget();
        payer.order().await?.make().await
    });
    try_join_all(paying).await?;
    wait_until_within(PATIENCE, "every payer has a live workspace", async || {
        let live = routes(world, 0).await?.into_iter().filter(|route| route["state"] == "live");
        let live = live.count();
        ensure!(live >= payers.len(), "{live} are live; {}", standing(world).await?);
        Ok(())
    })
    .await
}

/// No task is under way, and the pool is full.
async fn until_at_rest(world: &World, payers: usize, available: u64) -> anyhow::Result<()> {
    wait_until_within(PATIENCE, "nobody has anything to do", async || {
        let seen = standing(world).await?;
        let rest = json!({
            "waiting": [], "running": [], "dead": [], "preparing": 0,
            "available": available, "assigned": payers,
        });
        ensure!(seen == rest, "{seen}");
        Ok(())
    })
    .await
}

/// What is under way, and how the pool stands.
async fn standing(world: &World) -> anyhow::Result<Value> {
    let of_state = async |state: &str| -> anyhow::Result<Vec<Value>> {
        let tasks = call(world, &format!("/api/tasks?state={state}&{ALL}")).await?;
        let is_later =
            |task: &&Value| task["cause"].as_str().is_some_and(|cause| cause.starts_with(LATER));
        let tasks = list(&tasks, "items")?.iter().filter(|task| !is_later(task));
        Ok(tasks.map(|task| task["id"].clone()).collect())
    };
    let counts = call(world, "/api/pool").await?["counts"].clone();
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
async fn check_letter(world: &World, payer: &Payer) -> anyhow::Result<String> {
    let letters = world.market().letters(&payer.email).await?;
    let subjects: Vec<&Value> = letters.iter().map(|letter| &letter["subject"]).collect();
    let mut welcome = letters.iter().filter(|letter| letter["subject"] == WELCOME);
    let (first, second) = (welcome.next(), welcome.next());
    ensure!(second.is_none(), "{} is welcomed twice: {subjects:?}", payer.email);
    let first = first.with_context(|| format!("{} has but {subjects:?}", payer.email))?;
    let text = first["text"].as_str().context("a letter has a text")?;
    let (before, _) = text.split_once(&format!(".{BASE_DOMAIN}")).context("it leads nowhere")?;
    let (_, name) = before.rsplit_once("://").context("it leads nowhere")?;
    Ok(name.to_owned())
}

/// Paid once, for one subscription that runs.
async fn check_subscription(world: &World, payer: &Payer) -> anyhow::Result<()> {
    let stripe = world.market().stripe.tell(Method::GET, "/_fake/state", None).await?;
    let is_theirs = |customer: &Value| customer["email"] == payer.email.as_str();
    let customers: Vec<&Value> =
        list(&stripe, "customers")?.iter().filter(|customer| is_theirs(customer)).collect();
    ensure!(customers.len() == 1, "{} is {} customers", payer.email, customers.len());
    let of_theirs = |kind: &str| -> anyhow::Result<Vec<Value>> {
        let all = list(&stripe, kind)?.iter();
        Ok(all.filter(|one| one["customer"] == customers[0]["id"]).cloned().collect())
    };
    let (subscriptions, invoices) = (of_theirs("subscriptions")?, of_theirs("invoices")?);
    ensure!(
        subscriptions.len() == 1 && subscriptions[0]["status"] == "active" && invoices.len() == 1,
        "{} has {subscriptions:?} and {invoices:?}",
        payer.email
    );
    Ok(())
}

/// One for each sign-up.
async fn check_tickets(world: &World, names: &BTreeSet<String>) -> anyhow::Result<()> {
    let board = world.market().linear.tell(Method::GET, "/_fake/issues", None).await?;
    let titles = list(&board, "issues")?.iter().filter_map(|issue| issue["title"].as_str());
    let mut told: Vec<&str> = titles.filter_map(|title| title.strip_prefix("New: ")).collect();
    told.sort_unstable();
    ensure!(told.iter().eq(names), "tickets tell of {told:?}, there are {names:?}");
    Ok(())
}

/// One on every edge, and nobody else's.
async fn check_routes(world: &World, names: &BTreeSet<String>) -> anyhow::Result<()> {
    for edge in 0..world.edges.len() {
        let routes = routes(world, edge).await?;
        ensure!(routes.iter().all(|route| route["state"] == "live"), "{routes:?}");
        let seen: Vec<&str> =
            routes.iter().filter_map(|route| route["username"].as_str()).collect();
        ensure!(seen.iter().eq(names), "edge {edge} serves {seen:?}, there are {names:?}");
    }
    Ok(())
}

/// One each, and the provider has no more than we know of.
async fn check_sprites(world: &World, names: &BTreeSet<String>) -> anyhow::Result<()> {
    let ours = call(world, &format!("/api/pool/sprites?{ALL}")).await?;
    let ours = list(&ours, "items")?;
    let mut owners: Vec<&str> = ours.iter().filter_map(|one| one["username"].as_str()).collect();
    owners.sort_unstable();
    ensure!(owners.iter().eq(names), "sprites belong to {owners:?}, there are {names:?}");
    let theirs = world.market().sprites.tell(Method::GET, "/_fake/sprites", None).await?;
    let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = ours.iter().map(name).collect();
    let theirs: BTreeSet<String> = list(&theirs, "sprites")?.iter().map(name).collect();
    ensure!(ours == theirs, "we know {ours:?}, the provider has {theirs:?}");
    Ok(())
}

async fn routes(world: &World, edge: usize) -> anyhow::Result<Vec<Value>> {
    let path = format!("/v1/routes?{ALL}");
    let answer = world.edges[edge].call(Method::GET, &path, Vec::new()).await?;
    Ok(list(&answer.success()?, "routes")?.clone())
}

/// Asks whichever control answers.
async fn call(world: &World, path: &str) -> anyhow::Result<Value> {
    let answers = world.controls().map(|control| control.call(Method::GET, path, None));
    let mut answers = join_all(answers).await.into_iter();
    let answer = answers.find_map(Result::ok).context("no control answers")?;
    answer.success()
}

fn list<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("{key} is no list in {value}"))
}
