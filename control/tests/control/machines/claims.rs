//! Who gets which sprite, asked of the database by several at once. No machine is needed.

use std::collections::BTreeSet;

use control::base::clock::{self, Moment};
use control::machines::pool::settle_preparations;
use control::model::pool::{Assigned, Claim, Labels, SpriteState};
use control::model::task::{Kind, Lease, NewTask};
use control::store::{Examined, LOG_CHANGES, LeaseError, Prepared, SetAside, Store};
use futures_util::future::join_all;
use shared::{Secret, Username};
use vendors::sprites::CheckpointId;

use super::customer;
use crate::common::database::Database;

const BASE: &str = "0011223344556677";

async fn open(database: &Database) -> Store {
    Store::open(&Secret::new(database.url.clone()), LOG_CHANGES).await.unwrap()
}

fn now() -> Moment {
    clock::system()()
}

/// `count` sprites in the pool, by the way that they get there.
async fn fill(store: &Store, count: u64) {
    let labels = Labels::new("arca", "0a1b2c3d");
    let begun = store.begin_preparations(|_, _| count, &labels, BASE, now()).await.unwrap();
    for task in begun {
        let claimed = store.claim(Kind::Prepare, now(), later()).await.unwrap().unwrap();
        let name = labels.name(&claimed.task.id).unwrap();
        let upstream = format!("https://{name}.sprites.test").parse().unwrap();
        let checkpoint = CheckpointId::parse("v1").unwrap();
        let prepared = Prepared { name, upstream, checkpoint };
        for _ in 0..2 {
            store.offer_sprite(&claimed.lease, &prepared, now()).await.unwrap();
        }
        let _ = task;
    }
}

fn later() -> Moment {
    now().after(std::time::Duration::from_secs(600))
}

/// A customer who waits for a sprite, and the task that gets it.
async fn customer(database: &Database, store: &Store, name: &str) -> (Username, Lease) {
    database.run(customer::rows(name, "preparing")).await;
    let username: Username = name.parse().unwrap();
    let task = NewTask {
        kind: Kind::Provision,
        dedupe: format!("prov/{name}"),
        username: Some(username),
        payload: serde_json::json!({}),
        run_at: None,
    };
    store.enqueue(&task, now()).await.unwrap();
    let claimed = store.claim(Kind::Provision, now(), later()).await.unwrap().unwrap();
    (username, claimed.lease)
}

async fn claim(store: &Store, (username, lease): &(Username, Lease)) -> Claim {
    store.claim_sprite(lease, username, BASE, now()).await.unwrap()
}

fn taken(claim: Claim) -> Assigned {
    match claim {
        Claim::Taken(assigned) => assigned,
        other => panic!("expected a sprite, got {other:?}"),
    }
}

#[tokio::test]
async fn many_at_once_get_one_each_and_never_the_same() {
    let database = Database::fresh().await;
    let (store, other) = (open(&database).await, open(&database).await);
    fill(&store, 12).await;
    let mut customers = Vec::new();
    for number in 0..12 {
        customers.push(customer(&database, &store, &format!("user-{number}")).await);
    }
    let all = join_all(customers.iter().enumerate().map(|(number, customer)| {
        let store = if number % 2 == 0 { &store } else { &other };
        async move {
            // Who finds it taken in this moment asks again, as its task would.
            loop {
                if let Claim::Taken(assigned) = claim(store, customer).await {
                    return assigned;
                }
            }
        }
    }));
    let names: BTreeSet<_> = all.await.into_iter().map(|assigned| assigned.name).collect();
    assert_eq!(names.len(), 12);
    let counts = store.count_sprites().await.unwrap();
    assert_eq!((counts.available, counts.assigned), (0, 12));
}

#[tokio::test]
async fn a_claim_is_the_same_each_time_and_the_newest_proof_of_life_comes_first() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let ada = customer(&database, &store, "ada").await;
    assert_eq!(claim(&store, &ada).await, Claim::Empty);
    fill(&store, 1).await;
    fill(&store, 1).await;
    let mut available = store.sprites_in(SpriteState::Available, 9).await.unwrap();
    let (oldest, available) = (available.remove(0).name, SpriteState::Available);
    let alive = Examined { from: available, to: available, why: None, is_setback: false };
    store.examined_sprite(&oldest, &alive, later()).await.unwrap();
    let first = taken(claim(&store, &ada).await);
    assert_eq!((&first.name, first.assignment), (&oldest, 1));
    assert_eq!(taken(claim(&store, &ada).await), first);
    let bob = customer(&database, &store, "bob").await;
    assert_ne!(taken(claim(&store, &bob).await).name, first.name);
}

#[tokio::test]
async fn who_asked_first_is_left_one() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let ada = customer(&database, &store, "ada").await;
    let bob = customer(&database, &store, "bob").await;
    fill(&store, 1).await;
    assert_eq!(claim(&store, &bob).await, Claim::Empty);
    taken(claim(&store, &ada).await);
    fill(&store, 1).await;
    taken(claim(&store, &bob).await);
}

#[tokio::test]
async fn a_sprite_that_was_set_aside_is_nobodys_any_more() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let ada = customer(&database, &store, "ada").await;
    fill(&store, 2).await;
    let first = taken(claim(&store, &ada).await);
    let aside = SetAside { to: SpriteState::Failed, is_touched: true, why: "dead" };
    for _ in 0..2 {
        store.set_sprite_aside(&ada.1, &ada.0, &first.name, &aside, now()).await.unwrap();
    }
    let failed = store.sprite(&first.name).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.username), (SpriteState::Failed, None));
    assert_eq!(failed.last_error.as_deref(), Some("dead"));
    assert_ne!(taken(claim(&store, &ada).await).name, first.name);
    store.forget_sprite(&first.name, now()).await.unwrap();
    assert!(store.sprite(&first.name).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_gets_a_sprite_for_a_workspace_that_has_ended() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let ada = customer(&database, &store, "ada").await;
    fill(&store, 1).await;
    for state in ["ending", "ended"] {
        database.run(format!("UPDATE workspaces SET state = '{state}'")).await;
        assert_eq!(claim(&store, &ada).await, Claim::Unwanted);
    }
    database.run("DELETE FROM workspaces".to_owned()).await;
    assert_eq!(claim(&store, &ada).await, Claim::Unwanted);
    assert_eq!(store.count_sprites().await.unwrap().available, 1);
}

#[tokio::test]
async fn who_lost_the_task_takes_nothing() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let (username, lease) = customer(&database, &store, "ada").await;
    fill(&store, 1).await;
    let stale = Lease { token: lease.token - 1, ..lease };
    let lost = store.claim_sprite(&stale, &username, BASE, now()).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert_eq!(store.count_sprites().await.unwrap().available, 1);
}

#[tokio::test]
async fn preparations_that_fail_in_a_row_pause_the_pool_until_one_goes_well_or_somebody_looks() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let labels = Labels::new("arca", "0a1b2c3d");
    let fail = async || {
        store.begin_preparations(|_, _| 1, &labels, BASE, now()).await.unwrap();
        database.run("UPDATE tasks SET state = 'dead' WHERE kind = 'PREPARE'".to_owned()).await;
        settle_preparations(&store, 2, now()).await.unwrap()
    };
    assert_eq!((fail().await.failed, store.pool_standing().await.unwrap().failures), (1, 1));
    fill(&store, 1).await;
    assert_eq!(store.pool_standing().await.unwrap().failures, 0);
    assert_eq!(fail().await.paused, None);
    assert!(fail().await.paused.is_some());
    assert_eq!(fail().await.paused, None, "it is told once");
    assert!(store.pool_standing().await.unwrap().pause.is_some());
    assert!(store.resume_pool().await.unwrap());
    assert!(!store.resume_pool().await.unwrap());
    assert_eq!(store.pool_standing().await.unwrap(), control::model::pool::Standing::default());
}

#[tokio::test]
async fn two_keepers_begin_no_more_than_are_missing() {
    let database = Database::fresh().await;
    let (store, other) = (open(&database).await, open(&database).await);
    let labels = Labels::new("arca", "0a1b2c3d");
    let begin = async |store: &Store| {
        let missing = |counts: control::model::pool::Counts, _: &control::model::pool::Standing| {
            3_u64.saturating_sub(counts.available + counts.preparing)
        };
        store.begin_preparations(missing, &labels, BASE, now()).await.unwrap().len()
    };
    let (one, two) = tokio::join!(begin(&store), begin(&other));
    assert_eq!(one + two, 3);
    let drawn = (store.installation("aaaaaaaa").await, other.installation("bbbbbbbb").await);
    assert_eq!((drawn.0.unwrap().as_str(), drawn.1.unwrap().as_str()), ("aaaaaaaa", "aaaaaaaa"));
}

#[tokio::test]
async fn what_an_agent_counts_is_kept_for_its_customer_and_for_nobody_else() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    fill(&store, 1).await;
    let ada = customer(&database, &store, "ada").await;
    let machine = taken(claim(&store, &ada).await);
    let seconds = async || {
        let time = store.awake_time(&"ada".parse().unwrap()).await.unwrap();
        time.and_then(|time| time.this_month(now())).map(|awake| awake.as_secs())
    };
    assert_eq!(seconds().await, None);
    for (counted, expected) in [(100, 0), (160, 60), (160, 60), (20, 80)] {
        store.note_awake(&machine, counted, now()).await.unwrap();
        assert_eq!(seconds().await, Some(expected), "{counted}");
    }
    let former = Assigned { assignment: machine.assignment + 1, ..machine.clone() };
    store.note_awake(&former, 9_000, now()).await.unwrap();
    assert_eq!(seconds().await, Some(80), "it is another assignment's");
    database.run("DELETE FROM customers WHERE username = 'ada'".to_owned()).await;
    store.note_awake(&machine, 9_000, now()).await.unwrap();
    assert_eq!(seconds().await, None);
}

/// Asked twice at once, whichever question came first would decide whether it is asked again.
#[tokio::test]
async fn a_machine_is_woken_or_asked_and_not_both() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    fill(&store, 1).await;
    let ada = customer(&database, &store, "ada").await;
    let machine = taken(claim(&store, &ada).await);
    let (due, asked) = (now(), later());
    let to_wake =
        async || store.machines_to_wake((due, std::time::Duration::ZERO), asked, 9).await.unwrap();
    let to_ask = async || store.machines_to_ask(due, asked, 9).await.unwrap();
    assert_eq!((to_wake().await, to_ask().await.len()), (vec![], 1));
    store.note_next_due(&machine, Some(later())).await.unwrap();
    assert_eq!((to_wake().await, to_ask().await.len()), (vec![], 1));
    store.note_next_due(&machine, Some(due)).await.unwrap();
    assert_eq!((to_wake().await.len(), to_ask().await), (1, vec![]));
}
