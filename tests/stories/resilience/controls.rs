//! Two control processes on one PostgreSQL, one of them killed again and again while
//! people sign up. In the end everybody has what they paid for, and nobody has two.
//!
//! Where no PostgreSQL is named there is nothing to tell: SQLite belongs to one process.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use e2e::{BASE_DOMAIN, Database, Pace, Payer, Plan, Vendors, World, wait_until_within};
use futures_util::future::try_join_all;
use reqwest::Method;
use tokio::sync::Semaphore;

/// Between two kills: a process has the time to start and to take up work.
const KILL_EVERY: Duration = Duration::from_secs(3);

/// Payers who come between two kills, so that each kill finds work under way.
const PAYERS_A_KILL: usize = 2;

/// What a killed process was at is taken up when its lease of a minute is over, and the
/// next one may be killed at the same. A hundred machines take their time to boot, too.
const PATIENCE: Duration = Duration::from_secs(1_800);

#[tokio::test]
async fn a_dozen_payers_are_served_once_though_control_is_killed_all_the_time() {
    check(12, 6).await;
}

#[tokio::test]
#[ignore = "takes minutes; `make test-kills` has the time"]
async fn a_hundred_payers_are_served_once_though_control_is_killed_all_the_time() {
    check(100, 10).await;
}

/// Visitors of the site, and of /auth/* of a workspace, do not notice which control answers.
#[tokio::test]
async fn the_site_is_there_while_either_control_is_away() {
    let Some(database) = Database::fresh().unwrap() else { return };
    let plan = Plan::with_tenants(&["ada"]).with_controls(2, &database.url());
    let world = World::start(plan).await.unwrap();
    let visit = async || {
        for (host, path) in
            [(BASE_DOMAIN, "/login"), (&*world.workspace_host("ada"), "/auth/login")]
        {
            let asked = world.visitor().bare(Method::GET, host, path).send().await.unwrap();
            assert!(asked.status().as_u16() < 400, "{host}{path}: {}", asked.status());
        }
    };
    visit().await;
    let [first, second] = [&world.control, &world.other_controls[0]];
    first.program.kill();
    visit().await;
    first.program.start().unwrap();
    e2e::wait_until("it is back", async || first.ensure_ready().await).await.unwrap();
    visit().await;
    second.program.kill();
    visit().await;
}

async fn check(payers: usize, available: u64) {
    let Some(database) = Database::fresh().unwrap() else { return };
    let plan = Plan::with_tenants(&[])
        .with_edges(2)
        .with_controls(2, &database.url())
        .with_vendors(Vendors { available, pace: Pace::Quick });
    let world = World::start(plan).await.unwrap();
    world.until_at_rest(PATIENCE, 0, available).await.unwrap();
    let payers: Vec<Payer> = (0..payers).map(|number| world.payer(number)).collect();
    let door = Semaphore::new(0);
    tokio::select! {
        lost = kill_in_turn(&world, &door) => panic!("control does not come back: {lost:#}"),
        served = serve(&world, &payers, &door) => served.unwrap(),
    }
    world.until_at_rest(PATIENCE, payers.len(), available).await.unwrap();
    world.check_served(&payers, &BTreeSet::new()).await.unwrap();
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
        let routes = world.routes(0).await?;
        let live = routes.iter().filter(|route| route["state"] == "live").count();
        ensure!(live >= payers.len(), "{live} are live; {}", world.standing().await?);
        Ok(())
    })
    .await
}
