//! What the database may do to us: a full disk, a file that is gone, a process that
//! vanishes in the middle of a change.

use std::io::Write as _;
use std::time::Duration;

use control::base::clock::Moment;
use control::base::language::Language;
use control::base::token::Token;
use control::model::sign_in::Proven;
use control::model::task::{Kind, NewTask, TaskState};
use control::model::user_agent::UserAgent;
use control::store::{
    AccountSession, LOG_CHANGES, NewCustomer, RETENTION, RetentionTimes, Store, TaskFilter,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::{Lock, Secret};

use crate::common::database::Database;
use crate::common::process::{Installation, Process};
use crate::common::wait_until;

const NOW: Moment = Moment::from_seconds(1_800_000_000);

const HOUR: Duration = Duration::from_secs(3_600);

async fn open(database: &Database) -> Store {
    Store::open(&Secret::new(database.url.clone()), LOG_CHANGES).await.unwrap()
}

async fn readiness(process: &Process) -> StatusCode {
    process.get("/readyz").await.0
}

/// Of a change: for ever, or until a day.
async fn change(process: &Process, is_put: bool) -> StatusCode {
    let until = if is_put { json!({}) } else { json!({ "until": 4_000_000_000_u64 }) };
    process.api(Method::PUT, "/api/locks/ada", Some(until)).await.0
}

#[tokio::test]
async fn a_disk_that_was_full_and_is_not_any_more_takes_writes_again() {
    let installation = Installation::on(Database::file(), &[], "");
    let process = installation.start_on_small_disk(2_048).await;
    process.add_customer("ada").await;
    assert_eq!(readiness(&process).await, StatusCode::OK);
    let filler = installation.on_disk(&process, "filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4_096]).is_ok() {}
    // What is left of the file's last page is not enough for long.
    wait_until("nothing is written any more", StatusCode::SERVICE_UNAVAILABLE, async || {
        readiness(&process).await
    })
    .await;
    for turn in 0..5 {
        let status = change(&process, turn % 2 == 0).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert!(process.get("/metrics").await.1.contains("\narca_control_database_writable 0\n"));
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(readiness(&process).await, StatusCode::OK);
    assert_eq!(change(&process, true).await, StatusCode::OK);
    assert_eq!(change(&process, false).await, StatusCode::OK);
    assert!(process.get("/metrics").await.1.contains("\narca_control_database_writable 1\n"));
}

#[tokio::test]
async fn a_file_that_was_deleted_or_replaced_takes_no_writes() {
    for replaced in [false, true] {
        let database = Database::file();
        let store = open(&database).await;
        let lock = Lock { username: "ada".parse().unwrap(), session: None, until: None };
        store.put_lock(lock.clone()).await.unwrap();
        let path = database.url.strip_prefix("sqlite://").unwrap();
        if replaced {
            std::fs::copy(path, format!("{path}.copy")).unwrap();
            std::fs::rename(format!("{path}.copy"), path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
        let error = store.remove_lock(&lock.key()).await.unwrap_err();
        let told = format!("{:#}", anyhow::Error::from(error));
        assert!(told.contains(if replaced { "replaced" } else { "deleted" }), "{told}");
        assert!(store.try_write().await.is_err() && !store.takes_writes());
        // Nor is an empty one made in its place.
        assert_eq!(std::path::Path::new(path).exists(), replaced);
        store.close().await;
    }
}

#[tokio::test]
async fn a_process_that_vanishes_with_the_route_table_locked_stops_nobody_for_long() {
    let Some(database) = Database::shareable().await else { return };
    let (vanished, store) = (open(&database).await, open(&database).await);
    let username = "ada".parse().unwrap();
    let customer = NewCustomer {
        username,
        email: "ada@mail.test",
        password_hash: None,
        language: Language::English,
    };
    store.add_customer(&customer, NOW).await.unwrap();
    let lock = Lock { username: "eve".parse().unwrap(), session: None, until: None };
    let mut held = vanished.begin().await.unwrap();
    held.put_lock(lock.clone()).await.unwrap();
    // More who want to change the table than there are connections.
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            let username = format!("user-{number}").parse().unwrap();
            tokio::spawn(async move {
                store.put_lock(Lock { username, session: None, until: None }).await.is_ok()
            })
        })
        .collect();
    // Those who change nothing of the table wait for nobody.
    let reserved = store.reserved();
    let epoch = reserved.credentials(&username).await.unwrap().unwrap().epoch;
    for _ in 0..3 {
        let session = AccountSession { id: Token::random().hash(), username };
        let proven = Proven { username, epoch };
        assert!(
            reserved
                .open_account_session(&session.id, &proven, UserAgent::default(), NOW, HOUR)
                .await
                .unwrap()
        );
        reserved.try_write().await.unwrap();
    }
    wait_until("the table is free again", true, async || {
        store.put_lock(lock.clone()).await.is_ok()
    })
    .await;
    for waiting in waiting {
        waiting.await.unwrap();
    }
    assert!(held.commit().await.is_err(), "what vanished was rolled back");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_and_told() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    for username in ["bob", "eve", "kim"] {
        let email = format!("{username}@mail.test");
        let username = username.parse().unwrap();
        let customer = NewCustomer {
            username,
            email: &email,
            password_hash: None,
            language: Language::English,
        };
        store.add_customer(&customer, NOW).await.unwrap();
    }
    // Written by hand, or by an earlier program with other rules.
    database.run("UPDATE customers SET username = 'Eve!' WHERE username = 'eve'".to_owned()).await;
    let names = async |after, limit| {
        let page = store.customers(after, limit).await.unwrap();
        page.iter().map(|customer| customer.username.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names("", 10).await, ["bob", "kim"]);
    assert_eq!(names("", 2).await, ["bob", "kim"], "a page is not shorter for it");
    let unreadable = store.unreadable_rows();
    assert_eq!(unreadable.len(), 1, "{unreadable:?}");
    assert_eq!((unreadable[0].table, unreadable[0].key.as_str()), ("customers", "Eve!"));
}

#[tokio::test]
async fn a_domain_that_cannot_be_read_hides_and_stops_no_other() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let bob = NewCustomer {
        username: "bob".parse().unwrap(),
        email: "bob@mail.test",
        password_hash: None,
        language: Language::English,
    };
    store.add_customer(&bob, NOW).await.unwrap();
    database
        .run(
            "INSERT INTO domains (domain, username, added_at, look_at, proven_at, fingerprint,
                 expires_at)
             VALUES ('-', 'bob', 0, 0, 0, 'f', 4000000000000),
                 ('chat.example.org', 'bob', 0, 0, 0, 'f', 4000000000000)"
                .to_owned(),
        )
        .await;
    let listed = store.listed_domains("", 1).await.unwrap();
    assert_eq!(listed.len(), 1, "a page is not shorter for it");
    assert_eq!(listed[0].own.domain.as_str(), "chat.example.org");
    assert_eq!(store.domains_of(&bob.username).await.unwrap().len(), 1);
    assert_eq!(store.domains_due(NOW, 10).await.unwrap().len(), 1);
    assert_eq!(store.domains_to_serve(NOW).await.unwrap().len(), 1);
    assert_eq!(store.unreadable_rows()[0].key, "-");
}

#[tokio::test]
async fn a_task_that_cannot_be_read_is_dead_and_the_next_one_is_done() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let mut ids = Vec::new();
    for number in 0..2 {
        let task = NewTask {
            kind: Kind::Ticket,
            dedupe: format!("ticket/{number}"),
            username: None,
            payload: json!({}),
            run_at: Some(Moment::from_seconds(number)),
        };
        ids.push(store.enqueue(&task, NOW).await.unwrap());
    }
    database.run(format!("UPDATE tasks SET payload = '{{' WHERE id = '{}'", ids[0])).await;
    let claimed = store.claim(Kind::Ticket, NOW, NOW.after(HOUR)).await.unwrap().unwrap();
    assert_eq!(claimed.task.id, ids[1]);
    let state = format!("SELECT state FROM tasks WHERE id = '{}'", ids[0]);
    assert_eq!(database.text(&state).await.as_deref(), Some(TaskState::Dead.as_str()));
    assert_eq!(store.tasks(&TaskFilter::default(), None, 10).await.unwrap().len(), 1);
    assert_eq!(store.unreadable_rows()[0].key, ids[0].to_string());
}

#[tokio::test]
async fn every_rule_of_the_sweep_is_understood_and_forgets_what_is_over() {
    let database = Database::fresh().await;
    let store = open(&database).await;
    let long_ago = "
        INSERT INTO signups (id, email, username, skills, browser_hash, state, attempts,
            subscription, looked_at, created_at, changed_at)
        VALUES ('su_1', '', 'ada', '', '', 'paid', 1, 'sub_1', 0, 0, 0),
            ('su_2', '', 'bob', '', '', 'paid', 1, 'sub_2', 0, 0, 0);
        INSERT INTO workspaces (username, signup, state, stripe_customer, subscription,
            subscription_status, looked_at, created_at, changed_at)
        VALUES ('bob', 'su_2', 'live', 'cus_2', 'sub_2', 'active', 0, 0, 0);
        INSERT INTO mails (id, kind, body, state, created_at, ended_at)
        VALUES ('m1', 'welcome', '', 'sent', 0, 0), ('m2', 'welcome', '', 'waiting', 0, NULL);
        INSERT INTO tickets (incident, issue, title, body, priority, created_at)
        VALUES ('t1', '', '', '', 1, 0);
        INSERT INTO handouts (sprite, username, assignment, unused_since_at)
        VALUES ('s1', 'ada', 1, 0), ('s2', 'ada', 1, NULL)";
    database.run(long_ago.to_owned()).await;
    let day = 24 * HOUR;
    let times =
        RetentionTimes { account_idle: day, tasks: day, mails: day, tickets: day, orders: day };
    store.note_unused_handouts(NOW).await.unwrap();
    let mut forgotten = Vec::new();
    for rule in RETENTION {
        if store.forget(rule, &times, NOW).await.unwrap() > 0 {
            forgotten.push(rule.what.split(' ').next().unwrap());
        }
    }
    assert_eq!(forgotten, ["paid", "mails", "incidents,", "to"]);
    let left = database.text("SELECT sprite FROM handouts").await;
    assert_eq!(left.as_deref(), Some("s2"), "it is counted from when it was seen");
    assert_eq!(database.text("SELECT id FROM signups").await.as_deref(), Some("su_2"));
}
