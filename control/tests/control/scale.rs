//! What is asked of the database in a large installation: `make bench-scale`.
//!
//! Ten times the workspaces may cost ten times the time where all are read, and hardly more
//! where a page is. It prints; nothing here depends on how fast the machine is.

mod edges;

use std::time::{Duration, Instant};

use control::machines::pool::inventory;
use control::model::pool::Labels;
use control::store::{LOG_CHANGES, Store, TaskFilter, WorkspaceFilter};
use shared::Secret;
use vendors::sprites::Sprite;

use crate::common::database::Database;

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

/// The best of so many.
const TIMES: u32 = 3;

const NOW: u64 = 1_800_000_000_000;

/// `count` customers who all have what a customer has.
fn rows(from: u32, count: u32) -> String {
    let every = |columns: &str, values: &str| {
        format!("INSERT INTO {columns} SELECT {values} FROM generate_series({from}, {count}) AS n;")
    };
    [
        every(
            "signups (id, email, username, skills, browser_hash, state, attempts, looked_at,
                 created_at, changed_at)",
            &format!(
                "'su_' || lpad(to_hex(n), 32, '0'), 'p' || n || '@mail.test', 'person-' || n,
                 'weather', 'x', 'paid', 1, {NOW}, {NOW}, {NOW}"
            ),
        ),
        every(
            "customers (username, email, epoch, created_at)",
            &format!("'person-' || n, 'p' || n || '@mail.test', 0, {NOW}"),
        ),
        every(
            "workspaces (username, signup, state, stripe_customer, subscription,
                 subscription_status, looked_at, created_at, changed_at)",
            &format!(
                "'person-' || n, 'su_' || lpad(to_hex(n), 32, '0'), 'live', 'cus_' || n,
                 'sub_' || n, 'active', {NOW} - n, {NOW} - n * CAST(60000 AS BIGINT), {NOW}"
            ),
        ),
        every(
            "sprites (name, state, upstream, base, username, assignment, created_at, changed_at)",
            &format!(
                "'arca-' || lpad(to_hex(n), 8, '0'), 'assigned',
                 'https://arca-' || n || '.sprites.test', 'b', 'person-' || n, 1, {NOW}, {NOW}"
            ),
        ),
        every(
            "routes (username, upstream, sprite, assignment, state, epoch)",
            "'person-' || n, 'https://arca-' || n || '.sprites.test',
                 'arca-' || lpad(to_hex(n), 8, '0'), 1, 'live', 0",
        ),
        "ANALYZE".to_owned(),
    ]
    .join("\n")
}

async fn best(ask: impl AsyncFn()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..TIMES {
        let began = Instant::now();
        ask().await;
        best = best.min(began.elapsed());
    }
    best
}

#[tokio::test]
#[ignore = "a measurement: `make bench-scale`"]
#[expect(clippy::print_stdout, reason = "it is run for what it prints")]
async fn a_hundred_thousand_workspaces() {
    let database = Database::shareable().await.expect("it measures PostgreSQL");
    let store = Store::open(&Secret::new(database.url.clone()), LOG_CHANGES).await.unwrap();
    let now = control::base::clock::Moment::from_millis(NOW + 3_600_000);
    let mut done = 0;
    println!(
        "{:>10}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "workspaces", "hourly", "whole table", "keeper", "list", "found", "tasks", "counts"
    );
    for size in SIZES {
        database.run(rows(done + 1, size)).await;
        done = size;
        let hourly = best(async || {
            let due = store.workspaces_to_look_at(now, now, 2_000).await.unwrap();
            assert!(!due.is_empty());
        })
        .await;
        let whole = best(async || {
            let (routes, _) = store.whole_table().await.unwrap();
            assert_eq!(routes.len(), size as usize);
        })
        .await;
        let keeper = best(async || {
            let ours = store.sprites("", 200_000).await.unwrap();
            assert_eq!(ours.len(), size as usize);
            let listed: Vec<Sprite> = Vec::new();
            let found = inventory::compare(&listed, &ours, &Labels::new("arca", "0a1b2c3d"));
            assert_eq!(found.absent.len(), size as usize);
        })
        .await;
        let list = best(async || {
            let page = store.list_workspaces(&WorkspaceFilter::default(), "", 100).await.unwrap();
            assert_eq!(page.len(), 100);
        })
        .await;
        let text = format!("person-{size}");
        let found = best(async || {
            let filter =
                WorkspaceFilter { search: Some(text.clone()), ..WorkspaceFilter::default() };
            assert!(!store.list_workspaces(&filter, "", 100).await.unwrap().is_empty());
        })
        .await;
        let tasks = best(async || {
            store.tasks(&TaskFilter::default(), None, 100).await.unwrap();
            store.tasks_due().await.unwrap();
        })
        .await;
        let counts = best(async || {
            store.count_workspaces().await.unwrap();
            store.count_sprites().await.unwrap();
            store.count_unrouted().await.unwrap();
            store.unsettled_workspaces(1_000).await.unwrap();
        })
        .await;
        println!(
            "{size:>10}{:>12.1?}{:>12.1?}{:>12.1?}{:>12.1?}{:>12.1?}{:>12.1?}{:>12.1?}",
            hourly, whole, keeper, list, found, tasks, counts
        );
    }
}
