//! What people and programs on the way do to addresses and forms, and what is read all the same.

use control::base::language::Language;
use control::mail::MailRenderer;
use control::model::mail::{Message, Recipient};
use control::model::password_link::{NewLink, Purpose};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::common::browser::{ADA, Browser};
use crate::common::{PASSWORD, SITE, World};

const FORM: &str = "application/x-www-form-urlencoded";

async fn world() -> World {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    world
}

#[tokio::test]
async fn a_field_of_an_address_that_comes_twice_is_what_it_was_first() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let login = "/login?workspace=ada&return=%2Fa&workspace=bob&return=%2Fb";
    let page = browser.open(&format!("{SITE}{login}")).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.body.contains("name=\"workspace\" value=\"ada\""), "{page:?}");
    assert!(page.body.contains("name=\"return\" value=\"/a\""), "{page:?}");
    for (path, status) in [
        ("/?signup=a&signup=b", StatusCode::OK),
        ("/?signup=%ff%00", StatusCode::OK),
        ("/cancelled?signup=a&signup=b", StatusCode::OK),
        ("/set-password?token=a&token=b", StatusCode::GONE),
        ("/confirm-email?token=a&token=b", StatusCode::GONE),
        ("/welcome?session_id=a&session_id=b", StatusCode::NOT_FOUND),
        ("/welcome?session_id=%00&x=%", StatusCode::NOT_FOUND),
        ("/account?changed=a&changed=b", StatusCode::SEE_OTHER),
        ("/assets/site.css?v=a&v=b", StatusCode::OK),
        ("/assets/%ff", StatusCode::BAD_REQUEST),
    ] {
        let page = browser.open(&format!("{SITE}{path}")).await;
        assert_eq!(page.status, status, "{path}: {page:?}");
        let kind = page.headers.get("content-type").map(|kind| kind.to_str().unwrap());
        assert!(!kind.is_some_and(|kind| kind.starts_with("text/plain")), "{path}: {page:?}");
    }
    let door = browser.open(&format!("{ADA}/auth/login?return=%2Fa&return=%2Fb")).await;
    assert!(door.location.contains("return=%2Fa"), "{door:?}");
}

#[tokio::test]
async fn a_form_is_read_with_a_field_too_many_and_a_type_in_capitals() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let form =
        format!("username=ada&password={PASSWORD}&username=bob&password=x").replace(' ', "+");
    let url = format!("{SITE}/login");
    for kind in [FORM, "Application/X-WWW-Form-URLencoded", &format!("{FORM} ; charset=UTF-8")] {
        let headers = [("origin", SITE), ("content-type", kind)];
        let page = browser.send_body(Method::POST, &url, form.clone(), &headers).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{kind}: {page:?}");
    }
    for kind in ["", "text/plain", "application/x-www-form-urlencodedx"] {
        let headers = [("origin", SITE), ("content-type", kind)];
        let page = browser.send_body(Method::POST, &url, form.clone(), &headers).await;
        assert_eq!(page.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}: {page:?}");
    }
}

#[tokio::test]
async fn a_name_is_read_without_what_nobody_sees_around_it() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for around in ["\u{200b}", "\u{feff}", "\u{200e}", "\u{2060}", " \u{a0}"] {
        let page = browser.log_in(&format!("{around}Ada{around}"), PASSWORD).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{around:?}: {page:?}");
        let only = browser.submit(&format!("{SITE}/forgot-password"), &[("account", around)]).await;
        assert_eq!(only.status, StatusCode::UNPROCESSABLE_ENTITY, "{around:?}: {only:?}");
        let name = format!("{SITE}/api/usernames/bob{around}");
        let page = browser.open(&name).await;
        assert!(page.body.contains("\"available\":true"), "{around:?}: {page:?}");
    }
}

async fn add(world: &World, username: &str, email: &str) {
    let body = json!({ "username": username, "email": email, "password": PASSWORD });
    let (status, answer) = world.api(Method::POST, "/api/customers", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn a_name_and_an_address_are_the_same_in_every_spelling() {
    let world = world().await;
    // As the sign-up form's field for addresses sends it.
    add(&world, "zoe", "Zo\u{eb}@xn--exmple-cua.de").await;
    add(&world, "ute", "\u{dc}TE@ex\u{e4}mple.de").await;
    add(&world, "strasse", "strasse@mail.test").await;
    let mut browser = Browser::new(&world);
    for (typed, name) in [
        ("zo\u{eb}@ex\u{e4}mple.de", "zoe"),
        ("ZOE\u{308}@EXA\u{308}MPLE.de", "zoe"),
        ("zo\u{eb}＠xn--exmple-cua。de", "zoe"),
        ("\u{fc}te@ex\u{e4}mple.de", "ute"),
        ("ａｄａ", "ada"),
        ("ada.arca.test", "ada"),
        ("http://Ada.arca.test:8080/chat?x", "ada"),
        (" https://ada.arca.test/\u{200b}", "ada"),
    ] {
        let page = browser.log_in(typed, PASSWORD).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{typed}: {page:?}");
        assert!(page.location.contains(&format!("//{name}.arca.test")), "{typed}: {page:?}");
    }
    for typed in ["stra\u{df}e@mail.test", "ada.evil.test", "arca.test", "ada.arca.test.evil"] {
        let page = browser.log_in(typed, PASSWORD).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{typed}: {page:?}");
    }
}

#[tokio::test]
async fn a_mailed_link_works_with_what_stood_behind_it() {
    let world = world().await;
    let (app, now) = (world.app(), world.now());
    let renderer = MailRenderer::new(&app.site, control::app::site_config::PRICE, None);
    let mut browser = Browser::new(&world);
    for behind in [".", ")", ",", "%3E", "%E2%80%8B", "&token=", "%20and"] {
        let username = "ada".parse().unwrap();
        let to = Recipient { username, email: "ada@mail.test", language: Language::English };
        let link = NewLink::draw(username, Purpose::Reset, now);
        let message = Message::ResetPassword { link: &link };
        let letter = renderer.write(format!("link/{behind}"), to, message, now);
        app.store.enqueue_with_link(&letter, Some(&link), now).await.unwrap();
        let token = format!("{}{behind}", link.token.expose());
        let page = browser.open(&format!("{SITE}/set-password?token={token}")).await;
        assert_eq!(page.status, StatusCode::OK, "{behind}: {page:?}");
        let (_, rest) = page.body.split_once("name=\"token\" value=\"").unwrap();
        let token = rest.split('"').next().unwrap().replace("&#62;", ">");
        let form = [("token", &*token), ("password", "another meadow of horses 5")];
        let page = browser.submit(&format!("{SITE}/set-password"), &form).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{behind}: {page:?}");
    }
}

#[tokio::test]
async fn an_asset_that_the_browser_has_in_any_version_is_not_sent_again() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let url = format!("{SITE}/assets/site.css");
    let page = browser.send(Method::GET, &url, None, &[("if-none-match", "*")]).await;
    assert_eq!(page.status, StatusCode::NOT_MODIFIED, "{page:?}");
}

#[tokio::test]
async fn who_opens_the_address_of_a_form_gets_the_page_that_it_is_on() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for (url, page) in [
        (format!("{SITE}/account/password"), "/account"),
        (format!("{SITE}/account/cancel"), "/account"),
        (format!("{SITE}/account/keep"), "/account"),
        (format!("{SITE}/account/billing"), "/account"),
        (format!("{SITE}/account/domain/remove"), "/account"),
        (format!("{SITE}/api/checkout"), "/"),
        (format!("{ADA}/auth/logout"), "/"),
    ] {
        let answer = browser.open(&url).await;
        assert_eq!((answer.status, &*answer.location), (StatusCode::SEE_OTHER, page), "{url}");
        let accept = [("accept", "application/json")];
        let answer = browser.send(Method::GET, &url, None, &accept).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{url}");
        let answer = browser.send(Method::DELETE, &url, None, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{url}");
    }
}

#[tokio::test]
async fn a_slash_behind_an_address_is_left_out() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for (path, page) in [
        ("/login/", "/login"),
        ("/login/?return=%2Fx/", "/login?return=%2Fx/"),
        ("/account/", "/account"),
        ("/account/email//", "/account/email"),
        ("/welcome/", "/welcome"),
    ] {
        let answer = browser.open(&format!("{SITE}{path}")).await;
        let expected = (StatusCode::PERMANENT_REDIRECT, page);
        assert_eq!((answer.status, &*answer.location), expected, "{path}");
    }
    let answer = browser.open(&format!("{SITE}//evil.test/")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
}
