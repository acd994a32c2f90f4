//! A crowd signs up within seconds at a whole installation, whose provider makes machines as
//! slowly as the live one. `make bench-sign-ups` runs it.
//!
//! ```text
//! sign_ups                                   forty people: about five minutes
//! sign_ups --sign-ups 200                    DESIGN's crowd: about twenty-five
//! sign_ups --sign-ups 20 --window 10         to see that it works
//! ```
//!
//! Prints a table in Markdown; writes `target/bench/sign-ups.json`.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use benches::programs::target_folder;
use benches::quantity::{self, Figure};
use benches::sign_up::{SignUp, overtaken, quantile};
use clap::Parser;
use e2e::{Pace, Payment, Plan, Vendors, World, wait_until_within};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;
use shared::process::time::unix_seconds;

#[derive(Parser, Serialize)]
#[command(about = "Measures a crowd that signs up within seconds")]
struct Arguments {
    /// How many sign up; all must fit on one page of routes.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=500))]
    sign_ups: u32,
    /// Seconds in which they press the button, one after the other; with 0 all at the
    /// same moment, which asks how fast this machine can play Stripe and all of them.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=600))]
    over: u64,
    /// Sprites that stand ready.
    #[arg(long, default_value_t = 3)]
    pool: u64,
    /// Sprites that the provider creates in a window.
    #[arg(long, default_value_t = 10)]
    creations: u32,
    /// Seconds of the provider's window.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    window: u64,
}

/// One look at everybody's route and at the pool. Short beside the seconds it measures.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// For each sign-up, beyond its share of the provider's limit.
const PATIENCE_EACH: Duration = Duration::from_secs(30);

/// Moments of one username, counted from the start.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    served: Option<Duration>,
    live: Option<Duration>,
}

/// What was seen while the crowd was served.
#[derive(Default)]
struct Watch {
    routes: BTreeMap<String, Seen>,
    /// Sprites that stand ready or are being made.
    most_in_pool: u64,
}

#[derive(Serialize)]
struct Report {
    at: u64,
    profile: &'static str,
    arguments: Arguments,
    figures: Vec<Figure>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let pace = Pace::Limited {
        creations: arguments.creations,
        window: Duration::from_secs(arguments.window),
    };
    let plan = Plan::with_tenants(&[]).with_vendors(Vendors { available: arguments.pool, pace });
    let world = World::start(plan).await?;
    let figures = measure(&world, &arguments).await;
    if figures.is_err() {
        world.mark_failed();
    }
    let figures = figures?;
    world.end()?;
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    publish(&Report { at: unix_seconds(), profile, arguments, figures })
}

async fn measure(world: &World, arguments: &Arguments) -> anyhow::Result<Vec<Figure>> {
    let patience = patience(arguments);
    wait_until_within(patience, "the pool is full", async || {
        let available = pool(world).await?["available"].as_u64();
        ensure!(available == Some(arguments.pool), "{available:?} are available");
        Ok(())
    })
    .await?;
    let names: Vec<String> = (0..arguments.sign_ups).map(|one| format!("payer-{one}")).collect();
    let orders = names
        .iter()
        .enumerate()
        .map(async |(number, name)| world.payer(number).who_wants(name).order().await);
    let payments = try_join_all(orders).await?;
    let start = Instant::now();
    let mut watch = Watch::default();
    let (pressed, served) = tokio::join!(pay(&payments, start, arguments.over), async {
        wait_until_within(patience, "all are live", async || {
            tokio::time::sleep(LOOK_EVERY).await;
            look(world, start, &mut watch).await?;
            let live = watch.routes.values().filter(|seen| seen.live.is_some()).count();
            ensure!(live == names.len(), "{live} of {} are live", names.len());
            Ok(())
        })
        .await
    });
    served?;
    let turns = turns(world).await?;
    let mut crowd = Vec::new();
    for (name, began_to_pay) in names.iter().zip(pressed?) {
        let seen = watch.routes.get(name).copied().unwrap_or_default();
        crowd.push(SignUp {
            began_to_pay,
            turn: turns.iter().position(|other| other == name).context("they have a turn")?,
            served: seen.served.context("who is live was served")?,
            live: seen.live.context("they are live")?,
            found_ready: found_ready(world, name).await?,
        });
    }
    let mut figures = waits(&crowd);
    figures.extend(webhooks(world).await?);
    figures.extend(bounds(world, arguments, &crowd, &watch).await?);
    Ok(figures)
}

/// Twice as long as the provider's limit alone makes it, and something for each.
fn patience(arguments: &Arguments) -> Duration {
    let windows = arguments.sign_ups.div_ceil(arguments.creations.max(1)) + 1;
    Duration::from_secs(arguments.over)
        + 2 * windows * Duration::from_secs(arguments.window)
        + arguments.sign_ups * PATIENCE_EACH
}

/// Everybody presses the button within `over` seconds; says when each did.
async fn pay(payments: &[Payment], start: Instant, over: u64) -> anyhow::Result<Vec<Duration>> {
    let people = u32::try_from(payments.len())?.max(1);
    let each = Duration::from_secs(over) / people;
    try_join_all((0..).zip(payments).map(async |(number, payment)| {
        tokio::time::sleep_until((start + number * each).into()).await;
        let began = start.elapsed();
        payment.make().await?;
        Ok(began)
    }))
    .await
}

async fn look(world: &World, start: Instant, watch: &mut Watch) -> anyhow::Result<()> {
    let routes = world.edges[0].call(Method::GET, "/v1/routes?limit=1000", Vec::new()).await?;
    let now = start.elapsed();
    for route in list(&routes.success()?, "routes")? {
        let name = route["username"].as_str().context("a route has a name")?;
        let seen = watch.routes.entry(name.to_owned()).or_default();
        seen.served.get_or_insert(now);
        if route["state"] == "live" {
            seen.live.get_or_insert(now);
        }
    }
    let counts = pool(world).await?;
    let of = |state: &str| counts[state].as_u64().unwrap_or_default();
    watch.most_in_pool = watch.most_in_pool.max(of("available") + of("preparing"));
    Ok(())
}

/// The names in the order in which control noted their payments: each has one task.
async fn turns(world: &World) -> anyhow::Result<Vec<String>> {
    let tasks = call(world, "/api/tasks?kind=PROV&limit=1000").await?;
    let newest_first = list(&tasks, "items")?.iter().rev();
    let names = newest_first.filter_map(|task| task["username"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Whether their task had a sprite when it first asked for one.
async fn found_ready(world: &World, name: &str) -> anyhow::Result<bool> {
    let tasks = call(world, &format!("/api/tasks?kind=PROV&username={name}")).await?;
    let tasks = list(&tasks, "items")?;
    ensure!(tasks.len() == 1, "{name} has {} tasks", tasks.len());
    let id = tasks[0]["id"].as_str().context("a task has an id")?;
    let task = call(world, &format!("/api/tasks/{id}")).await?;
    let mut steps = list(&task, "steps")?.iter();
    let assign = steps.find(|step| step["name"] == "assign").context("it has the step")?;
    Ok(assign["attempts"] == 1)
}

fn waits(crowd: &[SignUp]) -> Vec<Figure> {
    let ready = || crowd.iter().filter(|one| one.found_ready).map(SignUp::wait);
    let all = || crowd.iter().map(SignUp::wait);
    let of_ready = format!("the {} that found a sprite ready", ready().count());
    let of_all = format!("all {}", crowd.len());
    let last = crowd.iter().map(|one| one.live).max().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
    let overtaken = overtaken(crowd) as f64;
    vec![
        quantity::WARM_P50.found(quantile(ready(), 0.5), &of_ready),
        quantity::WARM_P95.found(quantile(ready(), 0.95), of_ready),
        quantity::LIVE_P50.found(quantile(all(), 0.5), &of_all),
        quantity::LIVE_P95.found(quantile(all(), 0.95), &of_all),
        quantity::LAST_LIVE.found(last.as_secs_f64(), of_all),
        quantity::OVERTAKEN.found(overtaken, "by the order in which control noted the payments"),
    ]
}

/// As Stripe sees it, through the edge.
async fn webhooks(world: &World) -> anyhow::Result<[Figure; 2]> {
    let seen = world.fakes().stripe.tell(Method::GET, "/_fake/deliveries", None).await?;
    let deliveries = list(&seen, "deliveries")?;
    let attempts = || deliveries.iter().filter_map(|one| one["attempts"].as_array()).flatten();
    let took =
        || attempts().filter_map(|attempt| attempt["took_us"].as_u64()).map(Duration::from_micros);
    let refused = attempts().filter(|attempt| attempt["status"] != 200).count();
    let note = format!("{} deliveries through the edge, {refused} not taken", took().count());
    Ok([
        quantity::WEBHOOK_P50.found(quantile(took(), 0.5) * 1e3, &note),
        quantity::WEBHOOK_P99.found(quantile(took(), 0.99) * 1e3, note),
    ])
}

/// What must never be more than it may.
async fn bounds(
    world: &World,
    arguments: &Arguments,
    crowd: &[SignUp],
    watch: &Watch,
) -> anyhow::Result<[Figure; 2]> {
    let assigned = pool(world).await?["assigned"].as_u64().context("it is counted")?;
    let over = |seen: u64, wanted: usize| {
        #[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
        let over = seen as f64 - wanted as f64;
        over
    };
    let most = watch.most_in_pool;
    Ok([
        quantity::SPRITES_OVER.found(over(assigned, crowd.len()), format!("{assigned} assigned")),
        quantity::POOL_OVER
            .found(over(most, usize::try_from(arguments.pool)?), format!("{most} at most")),
    ])
}

async fn pool(world: &World) -> anyhow::Result<Value> {
    Ok(call(world, "/api/pool").await?["counts"].clone())
}

async fn call(world: &World, path: &str) -> anyhow::Result<Value> {
    world.control.call(Method::GET, path, None).await?.success()
}

fn list<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("{key} is no list in {value}"))
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn publish(report: &Report) -> anyhow::Result<()> {
    let Arguments { sign_ups, over, pool, creations, window } = report.arguments;
    println!(
        "{sign_ups} sign-ups within {over} s, a pool of {pool}, {creations} creations in {window} s; \
         built with profile {}\n\n| what | figure | bar | | how |\n|---|--:|--:|---|---|",
        report.profile
    );
    report.figures.iter().for_each(|figure| println!("{figure}"));
    if report.profile != "release" {
        println!("\n**An unoptimised run: no figure of it counts.**");
    }
    let folder = target_folder()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let json = folder.join("sign-ups.json");
    fs::write(&json, serde_json::to_string_pretty(report)?)
        .with_context(|| format!("writing {}", json.display()))?;
    println!("\nKept in {}", json.display());
    Ok(())
}
