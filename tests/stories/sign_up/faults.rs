//! Each call to a vendor that a sign-up and its end make fails, and each vendor in each
//! of its ways: everybody is served once all the same, and taken down.
//!
//! Which calls these are is seen in a story that goes well. At the provider, which is
//! called the most, each fails in one way; all ways of all its calls are in control's
//! own tests.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use e2e::wait::ensure;
use e2e::{Pace, Payer, Plan, Vendor, Vendors, World, audit, wait_until_within};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

const WAYS: [&str; 7] = [
    "status:500",
    "status:429",
    "garbage:502",
    "reset",
    "after-commit:500",
    "after-commit:reset",
    "slow:3000",
];

/// Sprites that stand ready.
const AVAILABLE: u64 = 3;

/// A letter, and a sprite that is made ready, are tried again after twenty seconds and
/// then after forty.
const PATIENCE: Duration = Duration::from_secs(600);

/// A kind of call: the method, and the path with stars for what differs.
type Call = (String, String);

/// Kinds of calls that each vendor got.
struct Seen {
    stripe: BTreeSet<Call>,
    sprites: BTreeSet<Call>,
}

#[tokio::test]
async fn each_call_fails_and_everybody_is_served_once() {
    let vendors = Vendors { available: AVAILABLE, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&[]).with_vendors(vendors)).await.unwrap();
    at_rest(&world, 0).await;
    // What is called at the start only.
    let _start = seen(&world).await.unwrap();
    let first = [payer(&world, WAYS.len())];
    serve(&world, &first).await.unwrap();
    at_rest(&world, 1).await;
    let beginning = seen(&world).await.unwrap();
    take_down(&world, &first).await.unwrap();
    at_rest(&world, 0).await;
    let end = seen(&world).await.unwrap();

    let payers: Vec<Payer> = (0..WAYS.len()).map(|number| payer(&world, number)).collect();
    let armed = arm(&world, &beginning, &payers).await.unwrap();
    serve(&world, &payers).await.unwrap();
    all_struck(&world, armed).await;
    at_rest(&world, payers.len()).await;
    let left = BTreeSet::from([name(WAYS.len())]);
    world.check_served(&payers, &left).await.unwrap();

    let armed = arm(&world, &end, &payers).await.unwrap();
    take_down(&world, &payers).await.unwrap();
    all_struck(&world, armed).await;
    at_rest(&world, 0).await;
    for payer in &payers {
        check_told(&world, payer).await.unwrap();
    }
}

/// A vendor does not answer for a while: what waits for it is shown to the operator with
/// the reason, and done when it is back.
#[tokio::test]
async fn a_vendor_that_is_away_costs_time_and_nothing_else() {
    let vendors = Vendors { available: AVAILABLE, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&[]).with_vendors(vendors)).await.unwrap();
    at_rest(&world, 0).await;
    let fakes = world.fakes();
    let away = [
        ("PROV", "the provider", &fakes.sprites),
        ("MAIL", "Resend", &fakes.resend),
        ("TICKET", "Linear", &fakes.linear),
        ("STRIPE", "Stripe", &fakes.stripe),
    ];
    let payers: Vec<Payer> = (0..away.len()).map(|number| payer(&world, number)).collect();
    for ((kind, name, vendor), payer) in away.into_iter().zip(&payers) {
        let order = payer.order().await.unwrap();
        let path = if kind == "STRIPE" { "/v1/*" } else { "*" };
        let rule = json!({ "match": { "path": path }, "fault": "status:503", "times": 1_000 });
        vendor.tell(Method::POST, "/_fake/faults", Some(rule)).await.unwrap();
        order.make().await.unwrap();
        wait_until_within(PATIENCE, &format!("{name} is said to be away"), async || {
            let tasks = world.ask(&format!("/api/tasks?state=waiting&kind={kind}")).await?;
            let tasks = tasks["items"].as_array().context("the tasks are a list")?;
            let errors: Vec<_> = tasks.iter().map(|task| task["last_error"].to_string()).collect();
            ensure(errors.iter().any(|error| error.contains("503")), anyhow!("{tasks:?}"))
        })
        .await
        .unwrap();
        vendor.tell(Method::DELETE, "/_fake/faults", None).await.unwrap();
    }
    at_rest(&world, payers.len()).await;
    world.check_served(&payers, &BTreeSet::new()).await.unwrap();
}

/// `payer-3`, who wants to be called so.
fn payer(world: &World, number: usize) -> Payer {
    world.payer(number).who_wants(&name(number))
}

fn name(number: usize) -> String {
    format!("payer-{number}")
}

/// They pay at once; comes back when all their workspaces are live.
async fn serve(world: &World, payers: &[Payer]) -> anyhow::Result<()> {
    try_join_all(payers.iter().map(async |payer| payer.order().await?.make().await)).await?;
    wait_until_within(PATIENCE, "all are live", async || {
        let routes = world.routes(0).await?;
        let live = routes.iter().filter(|route| route["state"] == "live").count();
        ensure(live == payers.len(), anyhow!("{live} are live: {}", world.standing().await?))
    })
    .await
}

/// Their subscriptions end at once; comes back when nothing of their workspaces is left.
async fn take_down(world: &World, payers: &[Payer]) -> anyhow::Result<()> {
    for payer in payers {
        let subscriptions = world.of_payer("subscriptions", payer).await?;
        let id = subscriptions[0]["id"].as_str().context("a subscription has an id")?;
        let path = format!("/v1/subscriptions/{id}");
        world.fakes().stripe.tell(Method::DELETE, &path, None).await?;
    }
    wait_until_within(PATIENCE, "all are taken down", async || {
        let (routes, pool) = (world.routes(0).await?, world.ask("/api/pool").await?);
        let is_over = routes.is_empty() && pool["counts"]["assigned"].as_u64() == Some(0);
        ensure(is_over, anyhow!("{routes:?}, {}", world.standing().await?))
    })
    .await
}

/// The kinds of calls since this was last asked. Ours are not among them.
async fn seen(world: &World) -> anyhow::Result<Seen> {
    let fakes = world.fakes();
    let of = async |vendor: &Vendor| -> anyhow::Result<BTreeSet<Call>> {
        let seen = vendor.tell(Method::GET, "/_fake/requests", None).await?;
        vendor.tell(Method::DELETE, "/_fake/requests", None).await?;
        let requests = seen["requests"].as_array().context("the requests are a list")?;
        Ok(requests.iter().filter_map(kind_of).collect())
    };
    Ok(Seen { stripe: of(&fakes.stripe).await?, sprites: of(&fakes.sprites).await? })
}

/// Names and ids of the vendors' make way for stars.
fn kind_of(request: &Value) -> Option<Call> {
    let (method, path) = (request["method"].as_str()?, request["path"].as_str()?);
    if (method, path.starts_with("/v1/subscriptions/")) == ("DELETE", true) {
        return None;
    }
    let is_id =
        |part: &str| ["arca-", "cs_", "sub_"].iter().any(|beginning| part.starts_with(beginning));
    let parts = path.split('/').map(|part| if is_id(part) { "*" } else { part });
    Some((method.to_owned(), parts.collect::<Vec<_>>().join("/")))
}

/// One failure for each payer where it can be told whose call it is, of each way for each
/// kind of call where it cannot, and one for each kind at the provider. Returns how many failures each vendor has before it.
async fn arm(world: &World, calls: &Seen, payers: &[Payer]) -> anyhow::Result<[usize; 4]> {
    let fakes = world.fakes();
    let rules = |calls: &BTreeSet<Call>| {
        let rule = |(call, way): (&Call, &&str)| json!({ "match": { "method": call.0, "path": call.1 }, "fault": way });
        calls.iter().zip(WAYS.iter().cycle()).map(rule).collect::<Vec<_>>()
    };
    let of = |payer: usize, field: &str| json!({ "match": { "method": "POST", "body": field }, "fault": WAYS[payer] });
    let (mut stripe, mut resend, mut linear) = (Vec::new(), Vec::new(), Vec::new());
    for (number, payer) in payers.iter().enumerate() {
        let email = payer.email.replace('@', "%40");
        let has_orders = calls.stripe.iter().any(|(method, _)| method == "POST");
        stripe.extend(has_orders.then(|| of(number, &email)));
        for (method, path) in calls.stripe.iter().filter(|(method, _)| method == "GET") {
            let call = json!({ "method": method, "path": path });
            stripe.push(json!({ "match": call, "fault": WAYS[number] }));
        }
        resend.push(of(number, &payer.email));
        linear.push(of(number, &name(number)));
    }
    let vendors = [&fakes.stripe, &fakes.resend, &fakes.linear, &fakes.sprites];
    let rules = [stripe, resend, linear, rules(&calls.sprites)];
    let counts = rules.each_ref().map(Vec::len);
    ensure(!counts.contains(&0), anyhow!("somebody would not fail: {counts:?}"))?;
    for (vendor, rules) in vendors.into_iter().zip(rules) {
        for rule in rules {
            vendor.tell(Method::POST, "/_fake/faults", Some(rule)).await?;
        }
    }
    Ok(counts)
}

/// Comes back when all failures have happened, and clears them away.
async fn all_struck(world: &World, armed: [usize; 4]) {
    let fakes = world.fakes();
    let vendors = [&fakes.stripe, &fakes.resend, &fakes.linear, &fakes.sprites];
    for (vendor, armed) in vendors.into_iter().zip(armed) {
        wait_until_within(PATIENCE, "every failure has struck", async || {
            let seen = vendor.tell(Method::GET, "/_fake/faults", None).await?;
            let faults = seen["faults"].as_array().context("the faults are a list")?;
            let left = faults.iter().filter(|fault| fault["struck"] == 0).collect::<Vec<_>>();
            ensure(left.is_empty() && faults.len() == armed, anyhow!("left are {left:?}"))
        })
        .await
        .unwrap();
        vendor.tell(Method::DELETE, "/_fake/faults", None).await.unwrap();
    }
}

/// Nothing is under way, the pool is full, and of each task that was given up a ticket
/// tells.
async fn at_rest(world: &World, assigned: usize) {
    wait_until_within(PATIENCE, "nobody has anything to do", async || {
        let mut seen = world.standing().await?;
        let board = world.fakes().linear.tell(Method::GET, "/_fake/issues", None).await?;
        let board = board.to_string();
        if let Some(dead) = seen["dead"].as_array_mut() {
            dead.retain(|id| id.as_str().is_none_or(|id| !board.contains(id)));
        }
        ensure(audit::is_at_rest(&seen, assigned, AVAILABLE), anyhow!("{seen}"))
    })
    .await
    .unwrap();
}

/// They were welcomed once and told of the end once, and so was the operator.
async fn check_told(world: &World, payer: &Payer) -> anyhow::Result<()> {
    let letters = world.fakes().letters(&payer.email).await?;
    let board = world.fakes().linear.tell(Method::GET, "/_fake/issues", None).await?;
    let issues = board["issues"].as_array().context("the issues are a list")?;
    let name = payer.email.split('@').next().unwrap_or_default();
    let count = |list: &[Value], field: &str, part: &str| {
        let has = |one: &&Value| one[field].as_str().is_some_and(|text| text.contains(part));
        list.iter().filter(has).count()
    };
    let counts = [
        count(&letters, "subject", "is ready"),
        count(&letters, "subject", "is cancelled"),
        count(issues, "title", &format!("New: {name}")),
        count(issues, "title", &format!("Cancelled: {name}")),
    ];
    let subjects: Vec<_> = letters.iter().map(|letter| &letter["subject"]).collect();
    ensure(counts == [1; 4], anyhow!("{name}: {counts:?}, {subjects:?}"))
}
