//! The pages of mailed links: a first password, a forgotten one, and every no.

use std::time::Duration;

use crate::common::browser::{Browser, Page};
use crate::common::{PASSWORD, SITE, World, wait_until};
use reqwest::{Method, StatusCode};
use serde_json::json;

const NEW: &str = "another-orbit-under-copper-hills";

/// Ada with a password, or without one.
async fn world(password: Option<&str>) -> World {
    let world = World::start(&[]).await;
    let body = json!({ "username": "ada", "email": "ada@mail.test", "password": password });
    let (status, answer) = world.api(Method::POST, "/api/customers", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    world
}

async fn forget(browser: &mut Browser<'_>, account: &str) -> Page {
    browser.submit(&format!("{SITE}/forgot-password"), &[("account", account)]).await
}

/// The address in the latest letter.
async fn link(world: &World) -> String {
    let query = "SELECT body FROM mails ORDER BY created_at DESC, id LIMIT 1";
    let found = async || world.database.text(query).await.is_some();
    wait_until("a letter is written", true, found).await;
    let body = world.database.text(query).await.unwrap();
    let rest = body.split("/set-password?token=").nth(1).unwrap();
    let token: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("{SITE}/set-password?token={token}")
}

/// The address of a link that ada just asked for.
async fn asked_for(world: &World) -> String {
    let page = forget(&mut Browser::new(world), "ada").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    link(world).await
}

async fn set(browser: &mut Browser<'_>, link: &str, password: &str) -> Page {
    let token = link.split("token=").nth(1).unwrap();
    let fields = [("token", token), ("password", password)];
    browser.submit(&format!("{SITE}/set-password"), &fields).await
}

fn assert_is_over(page: &Page) {
    assert_eq!(page.status, StatusCode::GONE, "{page:?}");
    assert!(page.body.contains("This link works no more"), "{}", page.body);
    assert!(page.body.contains("href=\"/forgot-password\""), "{}", page.body);
}

#[tokio::test]
async fn a_link_that_was_looked_at_by_everybody_still_works_once_for_its_owner() {
    let world = world(Some(PASSWORD)).await;
    let link = asked_for(&world).await;
    let mut scanner = Browser::new(&world);
    for method in [Method::HEAD, Method::GET, Method::GET, Method::HEAD] {
        let page = scanner.send(method, &link, None, &[]).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.headers["referrer-policy"], "strict-origin");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    let mut browser = Browser::new(&world);
    let page = browser.open(&link).await;
    assert!(page.body.contains("ada.arca.test:8080"), "{}", page.body);
    let page = set(&mut browser, &link, NEW).await;
    assert_eq!(
        (page.status, page.location.as_str()),
        (StatusCode::SEE_OTHER, "/login?workspace=ada&reset=1")
    );
    let login = browser.open(&format!("{SITE}{}", page.location)).await;
    assert!(login.body.contains("Your new password is set"), "{}", login.body);
    // Sent twice, by a double click, it is set once, and the second answer says so as well.
    assert_eq!(set(&mut browser, &link, NEW).await.location, page.location);
    assert_is_over(&set(&mut browser, &link, "yet-another-orbit-of-copper").await);
    assert_is_over(&browser.open(&link).await);
    assert_eq!(browser.log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.log_in("ada", NEW).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_first_password_opens_the_door_as_well() {
    let world = world(None).await;
    let link = asked_for(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&link).await;
    assert!(page.body.contains("Choose your password"), "{}", page.body);
    let page = set(&mut browser, &link, NEW).await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/login?again=1"));
    let mut twice = Browser::new(&world);
    assert_eq!(set(&mut twice, &link, NEW).await.location, page.location);
    for mut browser in [browser, twice] {
        let door = browser.open(&format!("{SITE}{}", page.location)).await;
        assert!(door.location.starts_with("http://ada.arca.test:8080/"), "{door:?}");
    }
}

#[tokio::test]
async fn a_password_that_may_not_be_set_is_said_to_be_and_takes_nothing() {
    let world = world(Some(PASSWORD)).await;
    let link = asked_for(&world).await;
    let mut browser = Browser::new(&world);
    for (bad, reason) in [
        ("kurz", "at least 15 characters"),
        ("adaadaadaadaadaada", "too easy to guess"),
        (&"x".repeat(1_025), "up 1024 bytes"),
    ] {
        let page = set(&mut browser, &link, bad).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert!(page.body.contains(reason), "{bad}: {}", page.body);
        assert!(page.body.contains(
            "aria-describedby=\"password-hint password-error\" aria-invalid=\"true\" autofocus"
        ));
        assert!(!page.body.contains(bad), "no password is sent back");
    }
    let foreign = [("origin", "http://bob.arca.test:8080")];
    let token = link.split("token=").nth(1).unwrap();
    let fields = [("token", token), ("password", NEW)];
    let url = format!("{SITE}/set-password");
    let page = browser.send(Method::POST, &url, Some(&fields), &foreign).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(set(&mut browser, &link, NEW).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_old_or_made_up_link_offers_a_new_one() {
    let world = world(Some(PASSWORD)).await;
    let link = asked_for(&world).await;
    let mut browser = Browser::new(&world);
    for odd in ["", "x", "%00", &"a".repeat(43), &"a".repeat(9_000)] {
        assert_is_over(&browser.open(&format!("{SITE}/set-password?token={odd}")).await);
    }
    assert_is_over(&browser.open(&format!("{SITE}/set-password")).await);
    world.let_pass(Duration::from_secs(61 * 60)).await;
    assert_is_over(&browser.open(&link).await);
    assert_is_over(&set(&mut browser, &link, NEW).await);
}

#[tokio::test]
async fn asking_for_a_link_tells_nobody_who_has_a_workspace() {
    let world = world(Some(PASSWORD)).await;
    let mut browser = Browser::new(&world);
    let known = forget(&mut browser, "ada").await;
    assert_eq!(known.status, StatusCode::OK);
    assert!(known.body.contains("Look at your mail"), "{}", known.body);
    for unknown in ["bob", "nobody@mail.test", "ada@mail.test", "a_b", "\u{1f916}", " ADA "] {
        let mut browser = browser.clone();
        browser.address = "198.51.100.7";
        let page = forget(&mut browser, unknown).await;
        let seen = (page.status, &page.body, page.headers.len());
        assert_eq!(seen, (known.status, &known.body, known.headers.len()), "{unknown}");
    }
    let empty = forget(&mut browser, "  ").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("aria-invalid=\"true\""), "{}", empty.body);
}

#[tokio::test]
async fn who_asks_too_often_waits_whomever_they_ask_for() {
    let world = world(Some(PASSWORD)).await;
    let mut browser = Browser::new(&world);
    let mut asked = 0;
    let page = loop {
        let page = forget(&mut browser, if asked % 2 == 0 { "ada" } else { "nobody" }).await;
        if page.status != StatusCode::OK {
            break page;
        }
        asked += 1;
        assert!(asked < 100, "there is no limit");
    };
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.headers.contains_key("retry-after"), "{page:?}");
    assert!(page.body.contains("wait a while"), "{}", page.body);
}

#[tokio::test]
async fn programs_set_a_password_with_json() {
    let world = world(None).await;
    let link = asked_for(&world).await;
    let token = link.split("token=").nth(1).unwrap();
    let set = async |password: &str| {
        let sent = world
            .http
            .post(format!("http://{}/api/set-password", world.site_address()))
            .header("host", "arca.test:8080")
            .json(&json!({ "token": token, "password": password }));
        let answer = sent.send().await.unwrap();
        (answer.status(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, answer) = set("kurz").await;
    assert_eq!(
        (status, answer["error"]["field"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("password"))
    );
    assert_eq!(set(NEW).await, (StatusCode::OK, json!({ "username": "ada" })));
    assert_eq!(set(NEW).await.0, StatusCode::GONE);
}
