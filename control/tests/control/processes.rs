//! Several control processes on one PostgreSQL. Where none is named there is
//! nothing to tell: SQLite belongs to one process.

use crate::common::browser::{ADA, Browser, Page};
use crate::common::edge::TestEdge;
use crate::common::process::{Installation, Process};
use crate::common::wait_until;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use shared::Generation;

/// Both at once: also the schema is made only once.
async fn two(installation: &Installation) -> (Process, Process) {
    tokio::join!(installation.start(), installation.start())
}

fn generation(answer: &Value) -> Generation {
    Generation(answer["generation"].as_u64().unwrap())
}

fn is_acknowledged(answer: &Value) -> bool {
    answer["edges"].as_array().unwrap().iter().all(|edge| edge["acknowledged"] == true)
}

#[tokio::test]
async fn what_one_process_changes_the_other_knows_in_a_moment() {
    let edge = TestEdge::start("one").await;
    let Some(installation) = Installation::prepare(&[&edge], "").await else { return };
    let (one, other) = two(&installation).await;
    for (process, name) in [(&one, "ada"), (&other, "bob"), (&one, "eve")] {
        let answer = process.put_route(name).await;
        assert!(is_acknowledged(&answer), "{answer}");
        let newest = Some(generation(&answer));
        for process in [&one, &other] {
            wait_until("both know it", newest, async || process.in_step().await).await;
        }
    }
    assert_eq!(edge.names(), ["ada", "bob", "eve"]);
}

#[tokio::test]
async fn whoever_loses_the_database_for_a_while_hears_of_changes_again() {
    let edge = TestEdge::start("one").await;
    let Some(installation) = Installation::prepare(&[&edge], "").await else { return };
    let (one, other) = two(&installation).await;
    one.put_route("ada").await;
    installation.database.cut_connections().await;
    // Whether it was heard, or found after the gap.
    let newest = Some(generation(&one.put_route("bob").await));
    wait_until("the other knows it", newest, async || other.in_step().await).await;
    let newest = Some(generation(&one.put_route("eve").await));
    wait_until("the other knows that too", newest, async || other.in_step().await).await;
}

#[tokio::test]
async fn what_a_process_leaves_half_told_when_it_is_killed_the_other_tells() {
    let edge = TestEdge::start("one").await;
    let Some(installation) = Installation::prepare(&[&edge], "").await else { return };
    let (mut one, other) = two(&installation).await;
    let before = Some(generation(&one.put_route("ada").await));
    wait_until("the other knows it", before, async || other.in_step().await).await;
    edge.table().changes.close();
    let newest = Some(generation(&one.put_route_unheard("bob").await));
    wait_until("the edge has the call", true, async || edge.table().changes.waited > 0).await;
    one.kill().await;
    wait_until("the other calls", 2, async || edge.table().changes.waited).await;
    edge.table().changes.open();
    wait_until("the other has told it", newest, async || other.in_step().await).await;
    assert_eq!(edge.names(), ["ada", "bob"]);
    assert!(is_acknowledged(&other.put_route("eve").await));
}

#[tokio::test]
async fn a_process_killed_amid_many_changes_leaves_the_edge_to_the_other() {
    let edge = TestEdge::start("one").await;
    let Some(installation) = Installation::prepare(&[&edge], "").await else { return };
    let (mut one, other) = two(&installation).await;
    let answered = std::sync::atomic::AtomicU32::new(0);
    let client = crate::common::client();
    let many = join_all((0..60).map(|number| {
        let url = format!("http://{}/api/routes/user-{number}?wait=none", one.api);
        let body = serde_json::json!({ "upstream": "https://sprites.test" });
        let request = client.put(url).bearer_auth(crate::common::ADMIN_KEY).json(&body);
        let answered = &answered;
        async move {
            // It may well be killed meanwhile.
            let _lost = request.send().await;
            answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }));
    let killed = async {
        let count = async || answered.load(std::sync::atomic::Ordering::Relaxed) >= 20;
        wait_until("some are answered", true, count).await;
        one.kill().await;
    };
    tokio::join!(many, killed);
    let (_, edges) = other.api(Method::GET, "/api/edges", None).await;
    let newest = generation(&edges);
    let told = async || other.in_step().await.is_some_and(|told| told >= newest);
    wait_until("the other has told all", true, told).await;
    assert!(edge.table().generation >= newest);
}

/// Each process makes forty changes while the other does; returns the generation after them.
async fn change_at_once(one: &Process, other: &Process) -> Generation {
    let all = join_all((0..40).map(async |number| {
        let names = (format!("a-{number}"), format!("b-{number}"));
        tokio::join!(one.put_route(&names.0), other.put_route(&names.1))
    }));
    let mut newest = Generation::default();
    for (answer, other_answer) in all.await {
        for answer in [answer, other_answer] {
            assert!(is_acknowledged(&answer), "{answer}");
            newest = newest.max(generation(&answer));
        }
    }
    newest
}

/// A process that takes the other's work for an edge gone astray jumps over a
/// generation, and sends everybody the whole table.
#[tokio::test]
async fn two_that_push_at_once_do_not_fight() {
    let edge = TestEdge::start("one").await;
    let Some(installation) = Installation::prepare(&[&edge], "").await else { return };
    let (one, other) = two(&installation).await;
    let first = generation(&one.put_route("ada").await);
    // It may still be sending the first table.
    wait_until("both know it", Some(first), async || other.in_step().await).await;
    edge.table().calls.clear();
    let newest = change_at_once(&one, &other).await;
    assert_eq!(newest, Generation(first.0 + 80), "somebody jumped");
    assert_eq!(edge.table().generation, newest);
    assert!(!edge.table().calls.contains(&"table"), "{:?}", edge.table().calls);
}

#[tokio::test]
async fn two_that_send_the_whole_table_at_once_do_not_fight() {
    let edge = TestEdge::start("one").await;
    let settings = "log_changes = 1";
    let Some(installation) = Installation::prepare(&[&edge], settings).await else { return };
    let (one, other) = two(&installation).await;
    let first = generation(&one.put_route("ada").await);
    edge.table().calls.clear();
    let newest = change_at_once(&one, &other).await;
    assert_eq!(newest, Generation(first.0 + 80), "somebody jumped");
    assert_eq!(edge.table().generation, newest);
    assert!(edge.table().calls.contains(&"table"), "{:?}", edge.table().calls);
}

#[tokio::test]
async fn a_table_that_comes_too_late_is_no_reason_to_jump() {
    let edge = TestEdge::start("one").await;
    let Some(installation) = Installation::prepare(&[&edge], "").await else { return };
    let (one, other) = two(&installation).await;
    let first = generation(&one.put_route("ada").await);
    wait_until("both know it", Some(first), async || other.in_step().await).await;
    edge.lose_everything();
    edge.table().tables.close();
    one.put_route_unheard("bob").await;
    wait_until("both send the table", 2, async || edge.table().tables.waited).await;
    let newest = generation(&other.put_route_unheard("eve").await);
    edge.table().tables.let_one_in();
    wait_until("one goes on", newest, async || edge.table().generation).await;
    edge.table().tables.open();
    for process in [&one, &other] {
        wait_until("both know it", Some(newest), async || process.in_step().await).await;
    }
    assert_eq!(generation(&one.put_route("kim").await), Generation(newest.0 + 1));
}

#[tokio::test]
async fn a_code_of_one_process_is_worth_one_session_at_all_of_them() {
    let Some(installation) = Installation::prepare(&[], "").await else { return };
    let (one, other) = two(&installation).await;
    one.add_customer("ada").await;
    let mut browser = Browser::at(one.site, &installation.keys);
    let callback = browser.earn_code("/chat").await;
    let callback = callback.as_str();
    let redeem = |site| {
        let mut browser = browser.clone();
        browser.site = site;
        async move { browser.open(callback).await }
    };
    let pages = join_all([one.site, other.site].repeat(4).into_iter().map(redeem)).await;
    // The others are sent through the sign-in once more, and get no session here.
    assert_eq!(pages.iter().filter(|page| signs_in(page)).count(), 1, "{pages:?}");
    assert!(pages.iter().all(|page| !page.status.is_server_error()), "{pages:?}");
}

fn signs_in(page: &Page) -> bool {
    page.set_cookies.iter().any(|cookie| cookie.starts_with(shared::session::SESSION_COOKIE))
}

#[tokio::test]
async fn failures_at_one_process_count_at_the_other() {
    let Some(installation) = Installation::prepare(&[], "").await else { return };
    let (one, other) = two(&installation).await;
    one.add_customer("ada").await;
    let mut browser = Browser::at(one.site, &installation.keys);
    for site in [one.site, other.site, one.site, other.site, one.site] {
        browser.site = site;
        let page = browser.log_in("ada", "not-the-password").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:?}");
    }
    for site in [one.site, other.site] {
        browser.site = site;
        let page = browser.log_in("ada", crate::common::PASSWORD).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "{page:?}");
    }
    assert!(browser.cookie(ADA, shared::session::SESSION_COOKIE).is_none());
}
