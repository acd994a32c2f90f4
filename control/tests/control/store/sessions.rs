//! Sessions: opened with what was proved, handed over, ended and locked.

use control::base::language::Language;
use control::base::token::{Token, TokenHash};
use control::mail::MailRenderer;
use control::model::handover::Nonce;
use control::model::mail::Recipient;
use control::model::sign_in::Proven;
use control::model::user_agent::{BrowserFamily, OperatingSystem, UserAgent};
use control::store::{AccountSession, Store};
use futures_util::future::join_all;
use shared::{Change, Checksum, Lock, PublicSite, ReturnPath, Session, SessionId};

use super::{HOUR, NOW, add_customer, order, store};
use crate::common::database::Database;

fn renderer() -> MailRenderer {
    let site = PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap();
    MailRenderer::new(&site, control::app::site_config::PRICE, None)
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
async fn a_code_taken_by_many_at_once_is_worth_one_session() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let username = "ada".parse().unwrap();
    add_customer(&store, "ada").await;
    let session = AccountSession { id: Token::random().hash(), username };
    sign_in(&store, &session).await;
    let challenge = Nonce::random().challenge();
    let path = ReturnPath::or_root("/chat");
    let codes: Vec<_> = (0..10).map(|_| Token::random().hash()).collect();
    for code in &codes {
        store.add_code(code, &session, &challenge, &path, NOW, HOUR).await.unwrap();
    }
    let redeem = async |_| {
        let code = codes.last().unwrap();
        store.redeem_code(code, &username, &challenge, NOW, NOW.after(HOUR)).await.unwrap()
    };
    let redeemed = join_all((0..8).map(redeem)).await;
    let worth: Vec<_> = redeemed.into_iter().flatten().collect();
    assert_eq!(worth.len(), 1);
    assert_eq!(worth[0].return_path, path);
    // Signing out closes the codes that are still open.
    store.end_account_session(&session.id, NOW).await.unwrap();
    let late = store.redeem_code(&codes[8], &username, &challenge, NOW, NOW.after(HOUR)).await;
    assert_eq!(late.unwrap(), None);
}

#[tokio::test]
async fn who_signs_out_while_a_code_is_taken_is_signed_out() {
    let database = Database::fresh().await;
    let store = store(&database).await;
    let username = "ada".parse().unwrap();
    add_customer(&store, "ada").await;
    let challenge = Nonce::random().challenge();
    for _ in 0..20 {
        let session = AccountSession { id: Token::random().hash(), username };
        sign_in(&store, &session).await;
        let code = Token::random().hash();
        let path = ReturnPath::or_root("/");
        store.add_code(&code, &session, &challenge, &path, NOW, HOUR).await.unwrap();
        let (redeemed, ended) = tokio::join!(
            store.redeem_code(&code, &username, &challenge, NOW, NOW.after(HOUR)),
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
    let challenge = Nonce::random().challenge();
    let session = AccountSession { id: Token::random().hash(), username };
    sign_in(&store, &session).await;
    let hand_over = async || {
        let code = Token::random().hash();
        let path = ReturnPath::or_root("/");
        store.add_code(&code, &session, &challenge, &path, NOW, HOUR).await.unwrap();
        let expires = NOW.after(HOUR);
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
