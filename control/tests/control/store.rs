//! The store by itself: what must hold whichever database is below.

use std::time::Duration;

use crate::common::database::Database;
use control::base::clock::Moment;
use control::base::language::Language;
use control::base::token::{Token, TokenHash};
use control::mail::MailRenderer;
use control::model::attempts::Counters;
use control::model::handover::Nonce;
use control::model::mail::Recipient;
use control::model::route_change::RouteOrder;
use control::model::sign_in::Proven;
use control::model::sync_target::SyncRequest;
use control::model::user_agent::{BrowserFamily, OperatingSystem, UserAgent};
use control::store::accounts::domains::DomainAdded;
use control::store::{
    AccountSession, LOG_CHANGES, NewCustomer, Store, StoreError, TaskFilter, Topic,
};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;
use shared::{
    Change, Checksum, Generation, Lock, PublicSite, ReturnPath, Secret, Session, SessionId,
};
use vendors::stripe::Event;

const NOW: Moment = Moment::from_seconds(1_800_000_000);

const HOUR: Duration = Duration::from_secs(3_600);

async fn store(database: &Database) -> Store {
    Store::open(&Secret::new(database.url.clone()), LOG_CHANGES).await.unwrap()
}

fn renderer() -> MailRenderer {
    let site = PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap();
    MailRenderer::new(&site, control::app::site_config::PRICE, None)
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

/// Opens `session` for who has just proved who they are.
async fn sign_in(store: &Store, session: &AccountSession) {
    let epoch = store.credentials(&session.username).await.unwrap().unwrap().epoch;
    let proven = Proven { username: session.username, epoch };
    assert!(
        store
            .open_account_session(&session.id, &proven, UserAgent::default(), NOW, HOUR)
            .await
            .unwrap()
    );
}

/// Signs a session of `username` out that nobody has an account session for.
async fn sign_out(store: &Store, username: &str) {
    let session = Session {
        username: username.parse().unwrap(),
        id: SessionId::random(),
        issued: NOW.seconds(),
        expires: NOW.seconds() + 60,
        epoch: 0,
    };
    store.end_workspace_session(&session).await.unwrap();
}

async fn session_locks(store: &Store, username: &str) -> usize {
    let locks = store.locks(("", ""), 1_000).await.unwrap();
    let is_theirs = |lock: &&Lock| lock.session.is_some() && lock.username.as_str() == username;
    locks.iter().filter(is_theirs).count()
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
async fn a_code_taken_by_many_at_once_is_worth_one_session() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let username = "ada".parse().unwrap();
    let customer = NewCustomer {
        username,
        email: "ada@mail.test",
        password_hash: None,
        language: Language::English,
    };
    store.add_customer(&customer, NOW).await.unwrap();
    let session = AccountSession { id: Token::random().hash(), username };
    let hour = Duration::from_secs(3_600);
    sign_in(&store, &session).await;
    let challenge = Nonce::random().challenge();
    let path = ReturnPath::or_root("/chat");
    let codes: Vec<_> = (0..10).map(|_| Token::random().hash()).collect();
    for code in &codes {
        store.add_code(code, &session, &challenge, &path, NOW, hour).await.unwrap();
    }
    let redeem = async |_| {
        let code = codes.last().unwrap();
        store.redeem_code(code, &username, &challenge, NOW, NOW.after(hour)).await.unwrap()
    };
    let redeemed = join_all((0..8).map(redeem)).await;
    let worth: Vec<_> = redeemed.into_iter().flatten().collect();
    assert_eq!(worth.len(), 1);
    assert_eq!(worth[0].return_path, path);
    // Signing out closes the codes that are still open.
    store.end_account_session(&session.id, NOW).await.unwrap();
    let late = store.redeem_code(&codes[8], &username, &challenge, NOW, NOW.after(hour)).await;
    assert_eq!(late.unwrap(), None);
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
async fn who_signs_out_while_a_code_is_taken_is_signed_out() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let username = "ada".parse().unwrap();
    let customer = NewCustomer {
        username,
        email: "ada@mail.test",
        password_hash: None,
        language: Language::English,
    };
    store.add_customer(&customer, NOW).await.unwrap();
    let (challenge, hour) = (Nonce::random().challenge(), Duration::from_secs(3_600));
    for _ in 0..20 {
        let session = AccountSession { id: Token::random().hash(), username };
        sign_in(&store, &session).await;
        let code = Token::random().hash();
        let path = ReturnPath::or_root("/");
        store.add_code(&code, &session, &challenge, &path, NOW, hour).await.unwrap();
        let (redeemed, ended) = tokio::join!(
            store.redeem_code(&code, &username, &challenge, NOW, NOW.after(hour)),
            store.end_account_session(&session.id, NOW),
        );
        ended.unwrap();
        if let Some(redeemed) = redeemed.unwrap() {
            let locks = store.locks(("", ""), 1_000).await.unwrap();
            assert!(locks.iter().any(|lock| lock.session == Some(redeemed.session)), "{locks:?}");
        }
    }
}

#[tokio::test]
async fn beyond_64_locked_sessions_of_a_workspace_its_epoch_takes_their_place() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    add_customer(&store, "ada").await;
    let (route, _) = store.put_route(order("ada", 1), NOW).await.unwrap().unwrap();
    let whole = Lock { username: route.username, session: None, until: None };
    store.put_lock(whole.clone()).await.unwrap();
    sign_out(&store, "bob").await;
    for _ in 0..64 {
        sign_out(&store, "ada").await;
    }
    assert_eq!(session_locks(&store, "ada").await, 64);
    let before = store.table_state().await.unwrap().generation;
    sign_out(&store, "ada").await;
    assert_eq!((session_locks(&store, "ada").await, session_locks(&store, "bob").await), (0, 1));
    assert!(store.locks(("", ""), 1_000).await.unwrap().contains(&whole));
    let raised = store.route(&route.username).await.unwrap().unwrap();
    assert_eq!(raised.epoch, route.epoch + 1);
    let credentials = store.credentials(&route.username).await.unwrap().unwrap();
    assert_eq!(credentials.epoch, raised.epoch);
    // An edge is told of the epoch before it is told to forget the locks.
    let log = store.changes_after(before, 1_000).await.unwrap();
    let put = log.iter().position(|step| matches!(step.change, Change::Put(_))).unwrap();
    let unlocked = log.iter().position(|step| matches!(step.change, Change::Unlock(_))).unwrap();
    assert!(put < unlocked, "{log:?}");
    let sum = Checksum::default().with_route(&raised);
    let locks = store.locks(("", ""), 1_000).await.unwrap();
    let state = store.table_state().await.unwrap();
    assert_eq!(locks.iter().fold(sum, Checksum::with_lock), state.checksum);
}

#[tokio::test]
async fn locked_sessions_of_a_route_without_a_customer_are_bounded_too() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let (route, _) = store.put_route(order("ada", 1), NOW).await.unwrap().unwrap();
    for _ in 0..65 {
        sign_out(&store, "ada").await;
    }
    assert_eq!(session_locks(&store, "ada").await, 0);
    let raised = store.route(&route.username).await.unwrap().unwrap();
    assert_eq!(raised.epoch, route.epoch + 1);
}

#[tokio::test]
async fn an_id_that_is_locked_is_not_handed_over_again() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    add_customer(&store, "ada").await;
    let username = "ada".parse().unwrap();
    let (challenge, hour) = (Nonce::random().challenge(), Duration::from_secs(3_600));
    let session = AccountSession { id: Token::random().hash(), username };
    sign_in(&store, &session).await;
    let hand_over = async || {
        let code = Token::random().hash();
        let path = ReturnPath::or_root("/");
        store.add_code(&code, &session, &challenge, &path, NOW, hour).await.unwrap();
        let expires = NOW.after(hour);
        store.redeem_code(&code, &username, &challenge, NOW, expires).await.unwrap().unwrap()
    };
    let first = hand_over().await.session;
    assert_eq!(hand_over().await.session, first);
    let lock = format!("INSERT INTO locks (username, session) VALUES ('ada', '{first}')");
    database.run(lock).await;
    let fresh = hand_over().await.session;
    assert_ne!(fresh, first);
    assert_eq!(hand_over().await.session, fresh);
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
async fn who_proved_an_old_password_is_not_signed_in_with_it() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    add_customer(&store, "ada").await;
    let username = "ada".parse().unwrap();
    let old = Proven { username, epoch: 0 };
    let recipient = Recipient { username, email: "ada@mail.test", language: Language::English };
    let notice = renderer().password_changed("1", recipient, NOW);
    let ended = store.set_password(&username, "$argon2id$new", &notice, NOW).await.unwrap();
    let open = async |proven: &Proven| {
        let id = Token::random().hash();
        store.open_account_session(&id, proven, UserAgent::default(), NOW, HOUR).await.unwrap()
    };
    assert!(!open(&old).await);
    assert!(open(&Proven { username, epoch: ended.unwrap().epoch }).await);
    assert!(!open(&Proven { username: "bob".parse().unwrap(), epoch: 0 }).await);
}

#[tokio::test]
async fn whatever_overlaps_a_password_change_leaves_no_session_behind() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    add_customer(&store, "ada").await;
    let username = "ada".parse().unwrap();
    let recipient = Recipient { username, email: "ada@mail.test", language: Language::English };
    for round in 0..10 {
        let epoch = store.credentials(&username).await.unwrap().unwrap().epoch;
        let ids: Vec<_> = (0..8).map(|_| Token::random().hash()).collect();
        let open = async |id: &TokenHash| {
            let proven = Proven { username, epoch };
            store.open_account_session(id, &proven, UserAgent::default(), NOW, HOUR).await.unwrap();
        };
        let change = async {
            let notice = renderer().password_changed(&round.to_string(), recipient, NOW);
            store.set_password(&username, "$argon2id$new", &notice, NOW).await.unwrap();
        };
        tokio::join!(
            join_all(ids[..4].iter().map(open)),
            change,
            join_all(ids[4..].iter().map(open))
        );
        for id in &ids {
            assert_eq!(store.account_session(id, None, NOW, HOUR).await.unwrap(), None);
        }
    }
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

#[tokio::test]
async fn a_session_of_the_earlier_schema_goes_on_without_a_browser_s_name() {
    let database = Database::fresh().await;
    database.migrate_to(28).await;
    let (old, new, later) =
        (Token::random().hash(), Token::random().hash(), Token::random().hash());
    let insert = |columns, id: &TokenHash, values| {
        format!(
            "INSERT INTO account_sessions
                 (id_hash, username, created_at, last_seen_at, expires_at{columns})
             VALUES ('{}', 'ada', {start}, {start}, {}{values});",
            id.as_str(),
            NOW.after(HOUR).millis(),
            start = NOW.millis(),
        )
    };
    let customer = "INSERT INTO customers (username, email, epoch, created_at)
                    VALUES ('ada', 'ada@mail.test', 0, 0);";
    database.run(format!("{customer}{}", insert("", &old, ""))).await;
    let store = store(&database).await;
    let username = "ada".parse().unwrap();
    assert!(store.account_session(&old, None, NOW, HOUR).await.unwrap().is_some());
    let firefox =
        UserAgent { browser: Some(BrowserFamily::Firefox), system: Some(OperatingSystem::Linux) };
    let proven = Proven { username, epoch: 0 };
    assert!(store.open_account_session(&new, &proven, firefox, NOW, HOUR).await.unwrap());
    let columns = ", browser, system";
    database.run(insert(columns, &later, ", 'netscape', 'windows'")).await;
    let open = store.open_sessions(&username, NOW).await.unwrap();
    let of = |id: &TokenHash| open.iter().find(|it| it.id == *id).unwrap().user_agent;
    assert_eq!((of(&old), of(&new)), (UserAgent::default(), firefox));
    let windows = Some(OperatingSystem::Windows);
    assert_eq!(of(&later), UserAgent { browser: None, system: windows });
}
