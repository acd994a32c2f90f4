//! A fault is made, Debian's Prometheus sees its alert fire, and the alert ends with the fault.
//! Where Prometheus is not installed there is nothing to tell; `make test` installs it.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use e2e::prometheus::{Patience, Prometheus};
use e2e::wait::ensure;
use e2e::{Pace, Payer, Plan, Vendors, World, wait_until, wait_until_within};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpStream;

/// A letter, a ticket and a machine that failed a few times are tried again after minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Connections that visitors may have at an edge.
const CONNECTIONS: usize = 64;

#[tokio::test]
async fn an_alert_fires_while_its_fault_lasts() {
    let limits = format!("connections = {CONNECTIONS}\n");
    let plan = Plan::with_tenants(&["ada"]).with_edges(2).with_edge_limits(&limits);
    let world = World::start(plan).await.unwrap();
    let Some(prometheus) = Prometheus::prepare(&world, Patience::Short).unwrap() else { return };
    prometheus.program.start().unwrap();
    let all = async || ensure(prometheus.targets_up().await? == 3, anyhow!("not all are up"));
    wait_until("everybody is scraped", all).await.unwrap();
    fires(&prometheus, &[]).await;

    let (first, second) = (&world.edges[0], &world.edges[1]);
    wait_until("refused connections are told", async || {
        let crowd = (0..4 * CONNECTIONS).map(|_| TcpStream::connect(first.address()));
        let _held = join_all(crowd).await;
        let firing = prometheus.firing().await?;
        ensure(firing.contains("EdgeConnectionsRefused"), anyhow!("{firing:?} fire"))
    })
    .await
    .unwrap();
    fires(&prometheus, &[]).await;

    second.program.kill();
    fires(&prometheus, &["EdgeDown", "EdgeUnreachable"]).await;
    second.program.start().unwrap();
    fires(&prometheus, &[]).await;

    // It stands still, and misses a change.
    second.program.freeze();
    let change = world.control.put_route("bob", first.address(), "sprite-bob");
    change.await.unwrap();
    fires(&prometheus, &["EdgeBehind", "EdgeDown", "EdgeUnreachable"]).await;
    second.program.thaw();
    fires(&prometheus, &[]).await;

    // An edge that has nothing on its disk, and nobody to tell it.
    world.control.program.kill();
    fires(&prometheus, &["ControlDown"]).await;
    second.program.kill();
    std::fs::remove_file(second.store()).unwrap();
    second.program.start().unwrap();
    fires(&prometheus, &["ControlDown", "EdgeNotReady"]).await;
    world.control.program.start().unwrap();
    fires(&prometheus, &[]).await;
    prometheus.program.stop();
}

/// Every vendor is away while three people pay, and there is a machine for one of them.
#[tokio::test]
async fn an_alert_fires_while_a_vendor_is_away() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&[]).with_vendors(vendors)).await.unwrap();
    let Some(prometheus) = Prometheus::prepare(&world, Patience::Short).unwrap() else { return };
    prometheus.program.start().unwrap();
    fires(&prometheus, &[]).await;

    let fakes = world.fakes();
    let payers: Vec<Payer> = (0..3).map(|number| world.payer(number)).collect();
    let mut payments = Vec::new();
    for payer in &payers {
        payments.push(payer.order().await.unwrap());
    }
    let away = |path: &str| json!({ "match": { "method": "POST", "path": path }, "fault": "status:503", "times": 10_000 });
    for (vendor, path) in
        [(&fakes.sprites, "/v1/sprites"), (&fakes.resend, "*"), (&fakes.linear, "*")]
    {
        vendor.tell(Method::POST, "/_fake/faults", Some(away(path))).await.unwrap();
    }
    for payment in &payments[..2] {
        payment.make().await.unwrap();
    }
    let waiting = ["LettersWait", "PaidAndWaiting", "PoolEmpty", "TicketsNotOpened"];
    fires(&prometheus, &waiting).await;
    let stripe = json!({ "match": { "path": "/v1/*" }, "fault": "status:503", "times": 10_000 });
    fakes.stripe.tell(Method::POST, "/_fake/faults", Some(stripe)).await.unwrap();
    payments[2].make().await.unwrap();
    let stuck = ["LettersWait", "PaidAndWaiting", "PoolEmpty", "TaskStuck", "TicketsNotOpened"];
    fires(&prometheus, &stuck).await;
    for vendor in [&fakes.sprites, &fakes.resend, &fakes.linear, &fakes.stripe] {
        vendor.tell(Method::DELETE, "/_fake/faults", None).await.unwrap();
    }
    fires(&prometheus, &[]).await;

    // They answer, and refuse: machines are tried anew, letters wait for somebody.
    let refuses = |path: &str| json!({ "match": { "method": "POST", "path": path }, "fault": "status:422", "times": 10_000 });
    for (vendor, path) in [(&fakes.sprites, "/v1/sprites"), (&fakes.resend, "*")] {
        vendor.tell(Method::POST, "/_fake/faults", Some(refuses(path))).await.unwrap();
    }
    world.payer(3).order().await.unwrap().make().await.unwrap();
    fires(&prometheus, &["LettersGivenUp", "PoolEmpty", "PreparationsFail"]).await;
    for vendor in [&fakes.sprites, &fakes.resend] {
        vendor.tell(Method::DELETE, "/_fake/faults", None).await.unwrap();
    }
    for letter in given_up(&world).await.unwrap() {
        let path = format!("/api/tasks/{letter}/retry");
        world.control.call(Method::POST, &path, None).await.unwrap().success().unwrap();
    }
    fires(&prometheus, &[]).await;
    prometheus.program.stop();
}

/// The tasks of letters that nobody tries any more.
async fn given_up(world: &World) -> anyhow::Result<Vec<String>> {
    let tasks = world.ask("/api/tasks?state=dead&kind=MAIL").await?;
    let tasks = tasks["items"].as_array().context("the tasks are a list")?;
    Ok(tasks.iter().filter_map(|task| task["id"].as_str()).map(str::to_owned).collect())
}

/// These alerts and no others.
async fn fires(prometheus: &Prometheus, expected: &[&str]) {
    let looks = async || {
        let firing = prometheus.firing().await?;
        ensure(firing.iter().eq(expected.iter()), anyhow!("{firing:?} fire"))
    };
    let what = format!("{expected:?} fire");
    wait_until_within(PATIENCE, &what, looks).await.unwrap();
}
