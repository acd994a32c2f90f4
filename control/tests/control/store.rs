//! The store by itself: what must hold whichever database is below.

mod sessions;

use std::time::Duration;

use crate::common::database::Database;
use control::base::clock::Moment;
use control::base::language::Language;
use control::model::attempts::Counters;
use control::model::route_change::RouteOrder;
use control::model::sync_target::SyncRequest;
use control::store::accounts::domains::DomainAdded;
use control::store::{LOG_CHANGES, NewCustomer, Store, StoreError, TaskFilter, Topic};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;
use shared::{Checksum, Generation, Lock, Secret, SessionId};
use vendors::stripe::Event;

const NOW: Moment = Moment::from_seconds(1_800_000_000);

const HOUR: Duration = Duration::from_secs(3_600);

async fn store(database: &Database) -> Store {
    Store::open(&Secret::new(database.url.clone()), LOG_CHANGES).await.unwrap()
}

fn order(username: &str, number: u32) -> RouteOrder {
    let upstream = format!("https://arca-{number}.test");
    RouteOrder::new(username.parse().unwrap(), upstream.parse().unwrap())
}

async fn add_customer(store: &Store, username: &str) {
    let email = format!("{username}@mail.test");
    let username = username.parse().unwrap();
    let customer =
        NewCustomer { username, email: &email, password_hash: None, language: Language::English };
    assert!(store.add_customer(&customer, NOW).await.unwrap());
}

#[tokio::test]
async fn changes_made_at_once_each_have_their_generation_and_the_checksum_holds() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let change = async |number: u32| {
        store.put_route(order(&format!("user-{}", number % 10), number), NOW).await.unwrap();
        if number.is_multiple_of(3) {
            let username = format!("user-{}", number % 10).parse().unwrap();
            store.remove_route(&username).await.unwrap();
        }
        let session = Some(SessionId::random());
        let lock = Lock { username: "ada".parse().unwrap(), session, until: Some(9) };
        store.put_lock(lock).await.unwrap();
    };
    join_all((0..60).map(change)).await;
    let state = store.table_state().await.unwrap();
    let routes = store.routes("", 1_000).await.unwrap();
    let locks = store.locks(("", ""), 1_000).await.unwrap();
    let sum = routes.iter().fold(Checksum::default(), Checksum::with_route);
    assert_eq!(locks.iter().fold(sum, Checksum::with_lock), state.checksum);
    let log = store.changes_after(Generation(1), 1_000).await.unwrap();
    let numbers: Vec<u64> = log.iter().map(|step| step.generation.0).collect();
    assert_eq!(numbers, (2..=state.generation.0).collect::<Vec<_>>());
    assert_eq!(log.last().unwrap().checksum, state.checksum);
    while store.remove_expired_locks(NOW, 7).await.unwrap().is_some() {}
    let left = store.table_state().await.unwrap();
    assert_eq!(left.checksum, sum);
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    for number in 0..5 {
        store.put_route(order(&format!("user-{number}"), number), NOW).await.unwrap();
    }
    let mut snapshot = store.snapshot().await.unwrap();
    store.put_route(order("late-comer", 99), NOW).await.unwrap();
    let mut lines = 0;
    while let Some(piece) = snapshot.next().await.unwrap() {
        lines += piece.len();
    }
    assert_eq!((snapshot.head().routes, lines), (5, 5));
}

#[tokio::test]
async fn two_who_want_one_name_do_not_both_get_it() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let add = async |number: u32| {
        let email = format!("{number}@mail.test");
        let username = "ada".parse().unwrap();
        let customer = NewCustomer {
            username,
            email: &email,
            password_hash: None,
            language: Language::English,
        };
        store.add_customer(&customer, NOW).await.unwrap()
    };
    let added = join_all((0..8).map(add)).await;
    assert_eq!(added.iter().filter(|was_added| **was_added).count(), 1, "{added:?}");
}

#[tokio::test]
async fn failures_counted_at_once_are_all_counted() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let counters = Counters::of(Some(&"ada".parse().unwrap()), [192, 0, 2, 1].into());
    let limits = counters.limits(false);
    join_all((0..20).map(async |_| store.count(&limits, NOW).await.unwrap())).await;
    for (subject, _) in &limits {
        let tally = store.attempt_counter(subject).await.unwrap().unwrap();
        assert_eq!((tally.failures, tally.since), (20, NOW), "{subject:?}");
    }
}

/// `evt_7`, that a subscription was updated.
fn sync_request(number: u32) -> SyncRequest {
    let event = json!({
        "id": format!("evt_{number}"), "object": "event", "livemode": false,
        "type": "customer.subscription.updated",
        "data": { "object": { "id": format!("sub_{number}") } },
    });
    SyncRequest::of(Event::parse(event.to_string().as_bytes()).unwrap()).unwrap()
}

/// How many of twenty events that come at once, one of them twice, are new and known.
async fn take_at_once(store: &Store) -> Result<(usize, usize), StoreError> {
    let numbers = (0..20).chain([7]);
    let taken =
        join_all(numbers.map(async |number| store.take_event(&sync_request(number), NOW).await));
    let taken = taken.await.into_iter().collect::<Result<Vec<bool>, _>>()?;
    let new = taken.iter().filter(|is_new| **is_new).count();
    Ok((new, taken.len() - new))
}

#[tokio::test]
async fn events_that_come_at_once_are_each_taken_once_with_their_task() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    database.run(rename("tasks", "gone")).await;
    assert!(take_at_once(&store).await.is_err());
    database.run(rename("gone", "tasks")).await;
    assert_eq!(take_at_once(&store).await.unwrap(), (20, 1), "nothing was kept of the failure");
    assert_eq!(take_at_once(&store).await.unwrap(), (0, 21));
    let tasks = store.tasks(&TaskFilter::default(), None, 100).await.unwrap();
    assert_eq!(tasks.len(), 20);
}

#[tokio::test]
async fn what_another_process_changes_is_heard_and_a_lost_connection_is_told() {
    let Some(database) = Database::shareable().await else { return };
    let (ours, theirs) = (store(&database).await, store(&database).await);
    let mut listener = ours.listen(&[Topic::Routes]).await.unwrap().unwrap();
    ours.put_route(order("ada", 1), NOW).await.unwrap();
    theirs.put_route(order("bob", 2), NOW).await.unwrap();
    listener.heard().await.unwrap();
    // It was theirs: of ours there is nothing to hear, before or after.
    assert!(listener.heard().now_or_never().is_none());
    database.cut_connections().await;
    assert!(listener.heard().await.is_err());
}

#[tokio::test]
async fn what_was_answered_is_there_after_opening_again() {
    let database = Database::fresh().await;
    let first = store(&database).await;
    let (route, generation) = first.put_route(order("ada", 1), NOW).await.unwrap().unwrap();
    first.close().await;
    let again = store(&database).await;
    assert_eq!(again.table_state().await.unwrap().generation, generation);
    assert_eq!(again.route(&route.username).await.unwrap(), Some(route));
}

#[tokio::test]
async fn whoever_adds_a_domain_that_is_about_to_be_looked_at_for_another_is_looked_at_at_once() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let domain = "chat.example.org".parse().unwrap();
    let mut listed = Vec::new();
    for username in ["ada", "grace"] {
        add_customer(&store, username).await;
        let added = store.add_domain(&domain, &username.parse().unwrap(), 1, NOW).await.unwrap();
        assert_eq!(added, DomainAdded::Added);
        listed.extend(store.domains_due(NOW, 9).await.unwrap());
    }
    let later = NOW.after(HOUR);
    let [adas, graces] = listed.as_slice() else { panic!("{listed:?}") };
    assert!(!store.claim_domain(adas, NOW, later).await.unwrap(), "it is hers no more");
    assert!(store.claim_domain(graces, NOW, later).await.unwrap());
    assert!(!store.claim_domain(graces, NOW, later).await.unwrap(), "somebody looks already");
}

#[tokio::test]
async fn a_suspension_of_the_earlier_schema_keeps_its_most_likely_reason() {
    let database = Database::fresh().await;
    database.migrate_to(5).await;
    database
        .run(
            "INSERT INTO customers (username, email, epoch, suspended, created_at)
             VALUES ('ada', 'ada@mail.test', 0, 1, 0), ('bob', 'bob@mail.test', 0, 1, 0),
                 ('eve', 'eve@mail.test', 0, 1, 0), ('kim', 'kim@mail.test', 0, 0, 0);
             INSERT INTO workspaces (username, signup, state, stripe_customer, subscription,
                 subscription_status, looked_at, created_at, changed_at)
             VALUES ('bob', 'su_1', 'suspended', 'cus_1', 'sub_1', 'unpaid', 0, 0, 0),
                 ('eve', 'su_2', 'ending', 'cus_2', 'sub_2', 'canceled', 0, 0, 0),
                 ('kim', 'su_3', 'live', 'cus_3', 'sub_3', 'active', 0, 0, 0)"
                .to_owned(),
        )
        .await;
    let store = store(&database).await;
    let seen = store.customers("", 10).await.unwrap();
    let seen: Vec<_> = seen.iter().map(|customer| customer.suspensions.to_string()).collect();
    assert_eq!(seen, ["operator", "non_payment", "ended", ""]);
}
