//! One letter, however often it is tried; and what becomes of one that cannot be sent.

use std::time::Duration;

use control::base::clock::Moment;
use control::base::language::Language;
use control::mail::{Welcome, enqueue_welcome};
use control::model::mail::Recipient;
use reqwest::Method;
use serde_json::{Value, json};

use super::vendor::{self, BACK_OFF, Office};
use crate::common::{PASSWORD, World, wait_until};

const DAY: Duration = Duration::from_secs(24 * 3_600);

const WELCOME: &str = "welcome/su_1";

fn ada() -> Recipient<'static> {
    Recipient {
        username: "ada".parse().unwrap(),
        email: "ada@mail.test",
        language: Language::English,
    }
}

async fn welcome(world: &World) {
    let next_payment = Some(Moment::from_seconds(1_802_600_000));
    let welcome = Welcome { signup: "su_1", username: ada().username, next_payment };
    let app = world.app();
    assert!(enqueue_welcome(&app.store, &app.renderer, welcome, world.now()).await.unwrap());
}

fn bodies(calls: &[Value]) -> Vec<(&str, &str)> {
    let text = |value: &'_ Value| value.as_str().unwrap().to_owned().leak() as &str;
    calls
        .iter()
        .map(|call| (text(&call["body"]), text(&call["headers"]["idempotency-key"])))
        .collect()
}

/// The link of a letter, out of its text.
fn link(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let link = text.lines().find(|line| line.contains("/set-password?token="));
    link.expect("there is a link").trim().to_owned()
}

#[tokio::test]
async fn a_welcome_letter_asks_for_one_thing_and_is_sent_once() {
    let office = Office::open().await;
    welcome(&office.world).await;
    welcome(&office.world).await;
    office.wait_for_letter("welcome", "sent").await;
    welcome(&office.world).await;
    let mails = office.resend.mails().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!(mail["to"], json!(["ada@mail.test"]));
    assert_eq!(mail["reply_to"], json!(["help@arca.test"]));
    assert_eq!(mail["idempotency_key"], WELCOME);
    let (html, text) = (mail["html"].as_str().unwrap(), mail["text"].as_str().unwrap());
    let link = link(mail);
    assert!(html.contains(&link), "{html}");
    assert_eq!(html.matches("set-password").count(), 3, "one button, and its address: {html}");
    for told in [
        "http://ada.arca.test:8080",
        "$7 a month",
        "14 February 2027",
        "for 3 days",
        "http://arca.test:8080/forgot-password",
        "http://arca.test:8080/account",
        "help@arca.test",
    ] {
        assert!(html.contains(told) && text.contains(told), "{told}: {text}");
    }
    let stored = office.world.app().store.mail(WELCOME).await.unwrap().unwrap();
    assert_eq!(stored.body.as_str(), "", "what was sent holds no link any more");
    let token = link.split_once("token=").unwrap().1;
    let open = office.world.app().accounts.open_link(token).await.unwrap();
    assert_eq!(open.map(|link| link.username), Some(ada().username));
}

#[tokio::test]
async fn who_has_chosen_a_password_is_welcomed_without_a_link_to_set_one() {
    let office = Office::open().await;
    let Recipient { username, .. } = ada();
    let set = office.world.app().accounts.set_first_password(&username, PASSWORD.to_owned());
    set.await.unwrap();
    welcome(&office.world).await;
    office.wait_for_letter("welcome", "sent").await;
    let mails = office.resend.mails().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    let (html, text) = (mail["html"].as_str().unwrap(), mail["text"].as_str().unwrap());
    assert!(text.contains("http://ada.arca.test:8080"), "{text}");
    assert!(!html.contains("token=") && !text.contains("token="), "{text}");
}

#[tokio::test]
async fn a_retry_sends_the_same_bytes_under_the_same_key() {
    let office = Office::open().await;
    office.resend.fail(1, "after-commit:reset").await;
    office.resend.fail(1, "status:503").await;
    welcome(&office.world).await;
    for tries in 1..=2 {
        let tried = async || office.resend.calls().await.len();
        wait_until("it is tried", tries, tried).await;
        let waits = async || office.task(WELCOME).await;
        wait_until("it waits", ("waiting".to_owned(), 0), waits).await;
        office.world.let_pass(BACK_OFF).await;
    }
    office.wait_for_letter("welcome", "sent").await;
    let calls = office.resend.calls().await;
    let bodies = bodies(&calls);
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(office.resend.mails().await.len(), 1);
    assert_eq!(office.linear.issues().await.len(), 0);
}

#[tokio::test]
async fn a_crash_between_their_commit_and_ours_sends_one_letter() {
    let mut office = Office::open().await;
    office.resend.fail(1, "after-commit:slow:10000").await;
    welcome(&office.world).await;
    wait_until("it is with them", 1, async || office.resend.mails().await.len()).await;
    office.world.restart().await;
    office.world.turn_clock(BACK_OFF);
    office.wait_for_letter("welcome", "sent").await;
    assert_eq!(office.resend.calls().await.len(), 2);
    assert_eq!(office.resend.mails().await.len(), 1);
}

#[tokio::test]
async fn an_outage_is_waited_for_and_costs_no_try() {
    let office = Office::open().await;
    office.resend.fail(6, "status:500").await;
    welcome(&office.world).await;
    for tries in 1..=6 {
        wait_until("it is tried", tries, async || office.resend.calls().await.len()).await;
        let waits = async || office.task(WELCOME).await;
        wait_until("it waits", ("waiting".to_owned(), 0), waits).await;
        office.world.let_pass(BACK_OFF).await;
    }
    office.wait_for_letter("welcome", "sent").await;
    assert_eq!(office.linear.issues().await.len(), 0);
}

#[tokio::test]
async fn a_person_is_told_of_a_refusal_and_can_have_it_sent() {
    let office = Office::open().await;
    office.resend.fail(1, "status:422").await;
    welcome(&office.world).await;
    office.wait_for_failure("welcome").await;
    wait_until("there is a ticket", 1, async || office.linear.issues().await.len()).await;
    let ticket = office.linear.issues().await.remove(0);
    assert_eq!(ticket["title"], "The welcome mail to ada was not sent");
    let said = ticket["description"].as_str().unwrap();
    assert!(said.contains("control tasks retry MAIL-"), "{said}");
    assert!(!said.contains("ada@mail.test") && !said.contains("token"), "{said}");
    vendor::retry(&office.world, "mail/welcome/su_1").await;
    office.wait_for_letter("welcome", "sent").await;
    assert_eq!(office.resend.mails().await.len(), 1);
    assert_eq!(office.linear.issues().await.len(), 1);
}

#[tokio::test]
async fn a_used_up_quota_is_waited_out_and_told_once() {
    let office = Office::open().await;
    office.resend.say("/_fake/limits", limits(Some(0))).await;
    welcome(&office.world).await;
    let app = office.world.app();
    let other = app.renderer.password_changed("1", ada(), office.world.now());
    app.store.enqueue_with_link(&other, None, office.world.now()).await.unwrap();
    wait_until("both are tried", 2, async || office.resend.calls().await.len()).await;
    wait_until("there is a ticket", 1, async || office.linear.issues().await.len()).await;
    wait_until("the first waits", ("waiting".to_owned(), 0), async || office.task(WELCOME).await)
        .await;
    let second = async || office.task("password-changed/1").await;
    wait_until("the second waits", ("waiting".to_owned(), 0), second).await;
    office.resend.say("/_fake/limits", limits(None)).await;
    office.world.let_pass(2 * DAY).await;
    wait_until("both are sent", 2, async || office.resend.mails().await.len()).await;
    let issues = office.linear.issues().await;
    assert_eq!(issues.len(), 1, "{issues:?}");
}

fn limits(mails_per_day: Option<usize>) -> Value {
    json!({ "requests_per_second": 1_000, "mails_per_day": mails_per_day })
}

#[tokio::test]
async fn a_rate_limit_costs_no_try() {
    let office = Office::open().await;
    office.resend.fail(4, "status:429").await;
    welcome(&office.world).await;
    for tries in 1..=4 {
        wait_until("it is tried", tries, async || office.resend.calls().await.len()).await;
        let waits = async || office.task(WELCOME).await;
        wait_until("it waits", ("waiting".to_owned(), 0), waits).await;
        office.world.let_pass(BACK_OFF).await;
    }
    office.wait_for_letter("welcome", "sent").await;
    assert_eq!(office.resend.mails().await.len(), 1);
}

#[tokio::test]
async fn while_our_account_is_refused_letters_wait_and_one_ticket_says_so() {
    let office = Office::open().await;
    office.resend.fail(2, "status:403").await;
    welcome(&office.world).await;
    for tries in 1..=2 {
        wait_until("it is tried", tries, async || office.resend.calls().await.len()).await;
        let waits = async || office.task(WELCOME).await;
        wait_until("it waits", ("waiting".to_owned(), 0), waits).await;
        office.world.let_pass(Duration::from_secs(2 * 3_600)).await;
    }
    office.wait_for_letter("welcome", "sent").await;
    wait_until("there is a ticket", 1, async || office.linear.issues().await.len()).await;
}

#[tokio::test]
async fn a_refusal_for_good_is_not_tried_again() {
    for fault in ["status:422", "status:400"] {
        let office = Office::open().await;
        office.resend.fail(9, fault).await;
        welcome(&office.world).await;
        office.wait_for_failure("welcome").await;
        assert_eq!(office.resend.calls().await.len(), 1, "{fault}");
        wait_until("there is a ticket", 1, async || office.linear.issues().await.len()).await;
    }
}

#[tokio::test]
async fn a_key_that_another_letter_used_ends_it() {
    let office = Office::open().await;
    let other = json!({ "from": "hello@arca.test", "to": "bob@mail.test", "subject": "x",
                        "text": "x" });
    let sent = office
        .world
        .http
        .post(format!("{}/emails", office.resend.url()))
        .bearer_auth(vendor::KEY)
        .header("user-agent", "another")
        .header("idempotency-key", WELCOME)
        .json(&other);
    assert!(sent.send().await.unwrap().status().is_success());
    welcome(&office.world).await;
    office.wait_for_failure("welcome").await;
    assert_eq!(office.task(WELCOME).await, ("dead".to_owned(), 1));
    assert_eq!(office.resend.calls().await.len(), 2);
}

#[tokio::test]
async fn what_may_have_been_sent_a_day_ago_is_left_to_a_person() {
    let office = Office::open().await;
    office.resend.fail(1, "after-commit:reset").await;
    welcome(&office.world).await;
    // Before its first try it waits as well.
    wait_until("it was tried", 1, async || office.resend.calls().await.len()).await;
    wait_until("it waits", ("waiting".to_owned(), 0), async || office.task(WELCOME).await).await;
    office.world.let_pass(DAY).await;
    office.wait_for_failure("welcome").await;
    assert_eq!(office.resend.calls().await.len(), 1);
    wait_until("there is a ticket", 1, async || office.linear.issues().await.len()).await;
    let id = vendor::task_id(&office.world, "mail/welcome/su_1").await;
    let again = async |query: &str| {
        let path = format!("/api/tasks/{id}/retry{query}");
        office.world.api(Method::POST, &path, None).await
    };
    let (status, answer) = again("").await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (409, &json!("may_arrive_twice")));
    let (code, said, complaint) = office.world.cli_ended(&format!("tasks retry {id}")).await;
    assert_eq!((code, said.as_str()), (Some(4), ""), "{complaint}");
    assert!(complaint.contains("it may arrive twice. Say --yes"), "{complaint}");
    let said = office.world.cli(&format!("tasks retry {id} --dry-run")).await;
    assert!(said.contains("it may arrive twice"), "{said}");
    assert_eq!(office.task(WELCOME).await.0, "dead");
    assert_eq!(office.resend.calls().await.len(), 1);
    office.world.cli(&format!("tasks retry {id} --yes")).await;
    office.wait_for_letter("welcome", "sent").await;
    assert_eq!(office.resend.calls().await.len(), 2);
    assert_eq!(again("?twice=true").await.0, 409, "it is done");
}

#[tokio::test]
async fn a_letter_that_failed_and_may_have_been_sent_is_tried_again_under_its_key() {
    let office = Office::open().await;
    office.resend.fail(1, "after-commit:reset").await;
    office.resend.fail(1, "status:422").await;
    welcome(&office.world).await;
    wait_until("it was tried", 1, async || office.resend.calls().await.len()).await;
    wait_until("it waits", ("waiting".to_owned(), 0), async || office.task(WELCOME).await).await;
    office.world.let_pass(BACK_OFF).await;
    office.wait_for_failure("welcome").await;
    vendor::retry(&office.world, "mail/welcome/su_1").await;
    office.wait_for_letter("welcome", "sent").await;
    assert_eq!(office.resend.calls().await.len(), 3);
    assert_eq!(office.resend.mails().await.len(), 1, "as the one that it was");
}

/// Only of a server of databases can one client keep a table from the others.
#[tokio::test]
async fn a_day_that_passes_while_the_database_is_slow_counts_as_well() {
    let office = Office::open().await;
    let database = &office.world.database;
    if !database.is_server() {
        return;
    }
    office.resend.fail(1, "after-commit:reset").await;
    welcome(&office.world).await;
    wait_until("it was tried", 1, async || office.resend.calls().await.len()).await;
    wait_until("it waits", ("waiting".to_owned(), 0), async || office.task(WELCOME).await).await;
    let table = database.hold("LOCK TABLE mails IN ACCESS EXCLUSIVE MODE").await;
    office.world.let_pass(vendor::BACK_OFF).await;
    let is_held = "SELECT 'yes' FROM pg_stat_activity
                   WHERE query LIKE '%WHERE m.id = $1%' AND wait_event_type = 'Lock'";
    wait_until("the second try waits", true, async || database.text(is_held).await.is_some()).await;
    office.world.turn_clock(DAY);
    drop(table);
    office.wait_for_failure("welcome").await;
    assert_eq!(office.resend.calls().await.len(), 1);
}

#[tokio::test]
async fn an_order_that_is_live_in_time_is_not_written_about() {
    for (state, end, sent) in [("live", "dropped", 0), ("preparing", "sent", 1)] {
        let office = Office::open().await;
        let workspace = format!(
            "INSERT INTO workspaces (username, signup, state, stripe_customer, subscription,
                 subscription_status, looked_at, created_at, changed_at)
             VALUES ('ada', 'su_1', '{state}', 'cus_1', 'sub_1', 'active', 0, 0, 0)"
        );
        office.world.database.run(workspace).await;
        let app = office.world.app();
        let mail = app.renderer.order_received("su_1", ada(), office.world.now());
        app.store.enqueue_with_link(&mail, None, office.world.now()).await.unwrap();
        assert_eq!(office.task("order/su_1").await, ("waiting".to_owned(), 0));
        office.world.let_pass(control::mail::ORDER_PATIENCE).await;
        office.wait_for_letter("order_received", end).await;
        assert_eq!(office.resend.mails().await.len(), sent);
    }
}

#[tokio::test]
async fn without_resend_letters_are_kept_and_said_to_be_unsent() {
    let world = World::start(&[]).await;
    vendor::add_ada(&world).await;
    welcome(&world).await;
    let expected = vec![("welcome".to_owned(), "unsent".to_owned())];
    wait_until("it is kept", expected, async || vendor::letters(&world).await).await;
    let url = format!("http://{}/metrics", world.running.as_ref().unwrap().api);
    let metrics = world.http.get(url).send().await.unwrap().text().await.unwrap();
    let line = r#"arca_control_mails_total{letter="welcome",outcome="unsent"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert_ne!(world.app().store.mail(WELCOME).await.unwrap().unwrap().body.as_str(), "");
}

#[tokio::test]
async fn a_letter_whose_link_is_too_old_is_dropped() {
    let office = Office::open().await;
    office.resend.fail(1, "status:429").await;
    welcome(&office.world).await;
    wait_until("it is tried", 1, async || office.resend.calls().await.len()).await;
    wait_until("it waits", ("waiting".to_owned(), 0), async || office.task(WELCOME).await).await;
    office.world.let_pass(3 * DAY).await;
    office.wait_for_letter("welcome", "dropped").await;
    assert_eq!(office.resend.mails().await.len(), 0);
}

#[tokio::test]
async fn letters_are_listed_in_pages_without_what_they_say() {
    let office = Office::open().await;
    let app = office.world.app();
    for number in 0..3 {
        let change = number.to_string();
        let mail = app.renderer.password_changed(&change, ada(), office.world.now());
        app.store.enqueue_with_link(&mail, None, office.world.now()).await.unwrap();
    }
    let page = async |query: &str| {
        let path = format!("/api/mails?limit=2{query}");
        let (status, list) = office.world.api(Method::GET, &path, None).await;
        assert!(status.is_success(), "{list}");
        list
    };
    let first = page("").await;
    let ids = |list: &Value| {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["password-changed/2", "password-changed/1"]);
    assert!(!first.to_string().contains("was changed"), "{first}");
    let second = page(&format!("&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!(ids(&second), ["password-changed/0"]);
    let (status, _) = office.world.api(Method::GET, "/api/mails?state=lost", None).await;
    assert_eq!(status, 422);
    let (status, _) = office.world.api(Method::GET, "/api/mails?after=x", None).await;
    assert_eq!(status, 422);
}
