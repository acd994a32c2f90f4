//! How sessions end: by their owner, by an operator, by a new password, by age.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use shared::session::SESSION_COOKIE;

use super::{session, world};
use crate::common::browser::{ADA, Browser};
use crate::common::edge::TestEdge;
use crate::common::{PASSWORD, SITE, World};

const ACCOUNT: &str = "__Host-arca_account";

#[tokio::test]
async fn signing_out_on_the_workspace_ends_both_sessions() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    let mut browser = Browser::new(&world);
    let session = session(&world, &browser.sign_in().await);
    let page = browser.submit(&format!("{ADA}/auth/logout"), &[]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.headers["clear-site-data"], "\"storage\"");
    let locks: Vec<_> = edge.table().locks.values().cloned().collect();
    assert_eq!(locks.len(), 1);
    assert_eq!((locks[0].session, locks[0].until), (Some(session.id), Some(session.expires)));
    assert!(browser.cookie(ADA, SESSION_COOKIE).is_none());
    // The browser may still have the site's cookie, but it opens nothing.
    assert!(browser.cookie(SITE, ACCOUNT).is_some());
    let form = browser.open(&page.location).await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.body.contains("You are signed out."), "{}", form.body);
    let account = browser.open(&format!("{SITE}/account")).await;
    assert_eq!(account.location, "/login?to=account");
}

#[tokio::test]
async fn signing_out_on_the_site_locks_the_workspace_session() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    let mut browser = Browser::new(&world);
    let session = session(&world, &browser.sign_in().await);
    let page = browser.submit(&format!("{SITE}/logout"), &[]).await;
    assert_eq!(page.location, format!("{ADA}/auth/signed-out"));
    let sessions: Vec<_> = edge.table().locks.values().map(|lock| lock.session).collect();
    assert_eq!(sessions, [Some(session.id)]);
}

#[tokio::test]
async fn a_session_that_an_operator_locks_ends_in_the_form_and_not_in_a_circle() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let locked = session(&world, &browser.sign_in().await);
    let path = format!("/api/locks/ada/{}", locked.id);
    let (status, answer) = world.api(Method::PUT, &path, None).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let door = browser.open(&format!("{ADA}/auth/login?return=/")).await;
    let form = browser.open(&door.location).await;
    assert_eq!(form.status, StatusCode::OK, "{form:?}");
    let fresh = session(&world, &browser.sign_in().await);
    assert_ne!(fresh.id, locked.id);
}

#[tokio::test]
async fn a_new_password_ends_every_session_at_every_edge_but_not_this_browser() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let (mut browser, mut other) = (Browser::new(&world), Browser::new(&world));
    let before = session(&world, &browser.sign_in().await);
    other.sign_in().await;
    let url = format!("{SITE}/account/password");
    let new = "seven purple walruses";
    let page = browser.submit(&url, &[("current", "not my password"), ("new", new)]).await;
    assert!(page.body.contains("This is not your present password."), "{}", page.body);
    let page = browser.submit(&url, &[("current", PASSWORD), ("new", "too short")]).await;
    assert!(page.body.contains("at least 15 characters"), "{}", page.body);
    let page = browser.submit(&url, &[("current", PASSWORD), ("new", new)]).await;
    assert_eq!(page.location, "/account?changed=password");
    let epoch = edge.table().routes.values().next().unwrap().epoch;
    assert!(epoch > before.epoch);
    let account = format!("{SITE}/account");
    assert_eq!(browser.open(&account).await.status, StatusCode::OK);
    assert_eq!(other.open(&account).await.status, StatusCode::SEE_OTHER);
    assert_eq!(other.log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(session(&world, &browser.sign_in().await).epoch, epoch);
}

#[tokio::test]
async fn signing_out_everywhere_raises_the_epoch() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let mut browser = Browser::new(&world);
    let first = session(&world, &browser.sign_in().await).epoch;
    let url = format!("{SITE}/account/sign-out-everywhere");
    let page = browser.submit(&url, &[]).await;
    assert_eq!(page.location, format!("{ADA}/auth/signed-out"));
    assert_eq!(edge.table().routes.values().next().unwrap().epoch, first + 1);
    let (_, answer) = world.api(Method::POST, "/api/customers/ada/sign-out-everywhere", None).await;
    assert_eq!(answer["edges"][0]["acknowledged"], true, "{answer}");
    assert_eq!(edge.table().routes.values().next().unwrap().epoch, first + 2);
}

#[tokio::test]
async fn a_session_of_a_name_s_former_owner_opens_nothing_of_the_next_one() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    let epoch = || edge.table().routes[&"ada".parse().unwrap()].epoch;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let former = session(&world, &Browser::new(&world).sign_in().await);
    let erase = "/api/customers/ada/erase";
    let (status, answer) = world.api(Method::POST, erase, None).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.turn_clock(Duration::from_secs(1));
    // Edges let in whoever has the epoch of the route, or a larger one.
    world.put_route("ada").await;
    assert!(epoch() > former.epoch, "{} {}", epoch(), former.epoch);
    world.add_customer("ada").await;
    let present = session(&world, &Browser::new(&world).sign_in().await);
    assert_eq!(present.epoch, epoch());
    world.api(Method::POST, erase, None).await;
    world.turn_clock(Duration::from_secs(1));
    world.add_customer("ada").await;
    world.put_route("ada").await;
    assert!(epoch() > present.epoch, "{} {}", epoch(), present.epoch);
}

#[tokio::test]
async fn one_browser_is_signed_out_from_another_one_and_a_stranger_s_is_not() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    for name in ["ada", "grace"] {
        world.add_customer(name).await;
        world.put_route(name).await;
    }
    let mut here = Browser::new(&world);
    here.log_in("ada", PASSWORD).await;
    let mut lost = Browser::new(&world);
    lost.log_in("ada", PASSWORD).await;
    let mut stranger = Browser::new(&world);
    stranger.log_in("grace", PASSWORD).await;
    let account = format!("{SITE}/account");
    let page = here.open(&account).await;
    let (_, rest) = page.body.split_once("name=\"browser\" value=\"").expect("another browser");
    let (id, _) = rest.split_once('"').unwrap();
    let (_, label) = rest.split_once("Sign out: A browser, last seen on ").unwrap();
    assert!(label.split('"').next().unwrap().ends_with(" UTC"), "two of one day are told apart");
    let url = format!("{SITE}/account/sign-out-one");
    stranger.submit(&url, &[("browser", id)]).await;
    assert_eq!(lost.open(&account).await.status, StatusCode::OK);
    assert_eq!(here.submit(&url, &[("browser", id)]).await.location, "/account#browsers");
    assert_eq!(lost.open(&account).await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.open(&account).await.status, StatusCode::OK);
    // Twice is once.
    assert_eq!(here.submit(&url, &[("browser", id)]).await.location, "/account#browsers");
}

#[tokio::test]
async fn the_account_page_says_which_browser_each_session_is() {
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 \
                          (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
    let world = world().await;
    let account = format!("{SITE}/account");
    let (mut here, mut phone) = (Browser::new(&world), Browser::new(&world));
    (here.user_agent, phone.user_agent) = (Some(FIREFOX), Some(CHROME));
    here.log_in("ada", PASSWORD).await;
    phone.log_in("ada", PASSWORD).await;
    Browser::new(&world).log_in("ada", PASSWORD).await;
    let page = here.open(&account).await.body;
    for said in [
        "<strong>Firefox on Linux</strong> (this one)",
        "<strong>Chrome on Android</strong>\n",
        "<strong>A browser</strong>\n",
        "aria-label=\"Sign out: Chrome on Android, last seen on ",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("142.0") && !page.contains("140.0"), "{page}");
    here.language = Some("de");
    let page = here.open(&account).await.body;
    assert!(page.contains("<strong>Chrome unter Android</strong>\n"), "{page}");
}

#[tokio::test]
async fn account_sessions_end_when_idle_and_in_any_case_after_a_month() {
    let world = world().await;
    let account = format!("{SITE}/account");
    let day = Duration::from_secs(86_400);
    let mut idle = Browser::new(&world);
    idle.sign_in().await;
    let mut busy = Browser::new(&world);
    busy.sign_in().await;
    for _ in 0..4 {
        world.let_pass(6 * day).await;
        assert_eq!(busy.open(&account).await.status, StatusCode::OK);
    }
    assert_eq!(idle.open(&account).await.status, StatusCode::SEE_OTHER);
    world.let_pass(6 * day).await;
    assert_eq!(busy.open(&account).await.status, StatusCode::SEE_OTHER);
}
