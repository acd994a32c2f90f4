//! From a password on the site to a session on the workspace, and nowhere else.

mod guesses;
mod sessions_end;

use std::time::Duration;

use crate::common::browser::{ADA, Browser, Page};
use crate::common::edge::TestEdge;
use crate::common::{PASSWORD, SITE, World};
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::session::SESSION_COOKIE;
use shared::{Session, SessionKeys};

const NONCE: &str = "__Host-arca_nonce";

const ACCOUNT: &str = "__Host-arca_account";

async fn world() -> World {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    world
}

fn session(world: &World, token: &str) -> Session {
    let keys = SessionKeys::new(&world.keys);
    keys.verify(token, &"ada".parse().unwrap(), world.now_seconds()).unwrap()
}

/// The code was not taken: signing in begins anew, once.
fn assert_begins_anew(page: &Page) {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{page:?}");
    let anew = format!("{ADA}/auth/login?return=");
    assert!(page.location.starts_with(&anew), "{page:?}");
    assert!(page.location.ends_with("&again=1"), "{page:?}");
    assert!(page.set_cookies.is_empty(), "{page:?}");
}

#[tokio::test]
async fn a_password_on_the_site_opens_the_workspace_at_the_page_asked_for() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let callback = browser.earn_code("/chat?x=1").await;
    assert!(callback.starts_with(&format!("{ADA}/auth/callback?code=")), "{callback}");
    let page = browser.open(&callback).await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/chat?x=1"));
    let cookie = page.set_cookies.iter().find(|c| c.starts_with(SESSION_COOKIE)).unwrap();
    for guard in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(guard), "{cookie}");
    }
    assert!(browser.cookie(ADA, NONCE).is_none(), "the nonce is used up");
    let token = browser.cookie(ADA, SESSION_COOKIE).unwrap();
    let session = session(&world, token);
    assert_eq!(session.expires - session.issued, 7 * 86_400);
}

#[tokio::test]
async fn an_open_account_session_needs_no_second_password_and_keeps_the_session_id() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let first = session(&world, &browser.sign_in().await);
    let door = browser.open(&format!("{ADA}/auth/login?return=/")).await;
    let site = browser.open(&door.location).await;
    assert_eq!(site.status, StatusCode::SEE_OTHER, "no form: {site:?}");
    browser.open(&site.location).await;
    let again = session(&world, browser.cookie(ADA, SESSION_COOKIE).unwrap());
    assert_eq!(first.id, again.id);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let callback = browser.earn_code("/").await;
    let nonce = browser.cookie(ADA, NONCE).unwrap().to_owned();
    assert_eq!(browser.open(&callback).await.status, StatusCode::SEE_OTHER);
    browser.set_cookie(ADA, NONCE, &nonce);
    assert_eq!(browser.open(&callback).await.location, "/", "the browser has its session");
    browser.forget(ADA, SESSION_COOKIE);
    assert_begins_anew(&browser.open(&callback).await);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let callback = browser.earn_code("/").await;
    world.let_pass(Duration::from_secs(60)).await;
    assert_begins_anew(&browser.open(&callback).await);
}

#[tokio::test]
async fn a_code_is_good_in_its_own_browser_only_and_others_do_not_use_it_up() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let callback = browser.earn_code("/").await;
    let mut stranger = Browser::new(&world);
    assert_begins_anew(&stranger.open(&callback).await);
    stranger.open(&format!("{ADA}/auth/login")).await;
    assert!(stranger.cookie(ADA, NONCE).is_some());
    assert_begins_anew(&stranger.open(&callback).await);
    let peek = browser.send(Method::HEAD, &callback, None, &[]).await;
    assert_eq!(peek.status, StatusCode::NO_CONTENT, "a look uses nothing up");
    assert_eq!(browser.open(&callback).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_code_is_good_for_its_own_workspace_only() {
    let world = world().await;
    world.add_customer("bob").await;
    let mut browser = Browser::new(&world);
    let callback = browser.earn_code("/").await;
    let nonce = browser.cookie(ADA, NONCE).unwrap().to_owned();
    let bob = "http://bob.arca.test:8080";
    browser.set_cookie(bob, NONCE, &nonce);
    let page = browser.open(&callback.replace(ADA, bob)).await;
    assert_eq!(page.location, format!("{bob}/auth/login?return=%2F&again=1"));
    assert!(page.set_cookies.is_empty(), "{page:?}");
    // Signed in as ada, asking for bob's workspace: a form, and never a code.
    let challenge = "0a".repeat(32);
    let page =
        browser.open(&format!("{SITE}/login?workspace=bob&challenge={challenge}&return=/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("signed in as <strong>ada</strong>"), "{}", page.body);
    let fields = [
        ("username", "ada"),
        ("password", PASSWORD),
        ("workspace", "bob"),
        ("challenge", &challenge),
        ("return", "/secret"),
    ];
    let page = browser.submit(&format!("{SITE}/login"), &fields).await;
    assert_eq!(page.location, format!("{ADA}/auth/login?return=%2F&again=1"));
}

/// Where a browser comes to that keeps no cookies, or one that has two of the account's.
async fn told_of_cookies(world: &World, fields: &[(&str, &str)], spoiled: bool) -> Page {
    let mut browser = Browser::new(world);
    let mut page = browser.submit(&format!("{SITE}/login"), fields).await;
    for _ in 0..6 {
        if page.status != StatusCode::SEE_OTHER {
            break;
        }
        if !spoiled {
            for (host, name) in [(SITE, ACCOUNT), (ADA, NONCE), (ADA, SESSION_COOKIE)] {
                browser.forget(host, name);
            }
        } else if let Some(value) = browser.cookie(SITE, ACCOUNT) {
            let two = format!("{}; {ACCOUNT}=another", value.split(';').next().unwrap());
            browser.set_cookie(SITE, ACCOUNT, &two);
        }
        let location = page.location.clone();
        let url = if location.starts_with('/') { format!("{SITE}{location}") } else { location };
        page = browser.open(&url).await;
    }
    page
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookies_or_has_two_is_told_so() {
    let world = world().await;
    let challenge = "0a".repeat(32);
    let with = |more: &[(&'static str, &'static str)]| {
        [&[("username", "ada"), ("password", PASSWORD)], more].concat()
    };
    for spoiled in [false, true] {
        for fields in [with(&[]), with(&[("to", "account")]), with(&[("workspace", "ada")])] {
            let page = told_of_cookies(&world, &fields, spoiled).await;
            assert_eq!(page.status, StatusCode::OK, "{fields:?}: {page:?}");
            assert!(page.body.contains("Please allow cookies"), "{fields:?}: {page:?}");
        }
    }
    let fields = [with(&[("workspace", "ada")]), vec![("challenge", &*challenge)]].concat();
    let page = told_of_cookies(&world, &fields, false).await;
    assert!(page.body.contains("Please allow cookies"), "{page:?}");
    // Who keeps them is told nothing of the kind.
    let mut browser = Browser::new(&world);
    let first = browser.open(&format!("{SITE}/login?to=account")).await;
    assert!(!first.body.contains("allow cookies"), "{first:?}");
    let page = browser.submit(&format!("{SITE}/login"), &with(&[("to", "account")])).await;
    let page = browser.open(&format!("{SITE}{}", page.location)).await;
    assert!(page.status == StatusCode::OK && !page.body.contains("allow cookies"), "{page:?}");
}

#[tokio::test]
async fn who_signs_in_for_a_page_of_the_account_lands_on_it() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    for page in ["/account/email", "/account/delete"] {
        let mut browser = Browser::new(&world);
        let asked = browser.open(&format!("{SITE}{page}")).await;
        let form = browser.open(&format!("{SITE}{}", asked.location)).await;
        let hidden = format!("name=\"return\" value=\"{page}\"");
        assert!(form.body.contains(&hidden), "{form:?}");
        let fields =
            [("username", "ada"), ("password", PASSWORD), ("to", "account"), ("return", page)];
        let on = browser.submit(&format!("{SITE}/login"), &fields).await;
        let on = browser.open(&format!("{SITE}{}", on.location)).await;
        assert_eq!(on.location, page, "{on:?}");
        assert_eq!(browser.open(&format!("{SITE}{page}")).await.status, StatusCode::OK);
        // Who is signed in is led there at once.
        let again = browser.open(&format!("{SITE}{}", asked.location)).await;
        assert_eq!(again.location, page, "{again:?}");
    }
}

/// Opens what each answer leads to, until one does not.
async fn follow(browser: &mut Browser<'_>, url: &str) -> Page {
    let mut page = browser.open(url).await;
    for _ in 0..10 {
        match page.location.as_str() {
            "" => return page,
            // The workspace itself, where an edge would ask the machine.
            path if path.starts_with('/') => return page,
            location => page = browser.open(location).await,
        }
    }
    panic!("still redirecting: {page:?}")
}

#[tokio::test]
async fn the_tab_that_signs_in_second_gets_where_it_wanted_to_go() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let first = browser.earn_code("/a?x=1%26y=2").await;
    let second = browser.earn_code("/b").await;
    assert_eq!(follow(&mut browser, &second).await.location, "/b");
    assert_eq!(follow(&mut browser, &first).await.location, "/a?x=1&y=2");
    assert_eq!(follow(&mut browser, &first).await.location, "/a?x=1&y=2", "and once more");
}

#[tokio::test]
async fn a_form_left_open_and_a_bookmarked_one_lead_into_the_workspace() {
    let world = world().await;
    let long = format!("/deep?q={}", "a".repeat(6_000));
    for path in ["/deep", long.as_str()] {
        let mut browser = Browser::new(&world);
        let callback = browser.earn_code(path).await;
        world.let_pass(Duration::from_secs(11 * 60)).await;
        browser.forget(ADA, NONCE);
        assert_eq!(follow(&mut browser, &callback).await.location, path);
        // Days later, in another browser: the challenge is of a nonce that is gone.
        let challenge = "0b".repeat(32);
        let mut other = Browser::new(&world);
        let fields = [
            ("username", "ada"),
            ("password", PASSWORD),
            ("workspace", "ada"),
            ("challenge", &challenge),
            ("return", path),
        ];
        let page = other.submit(&format!("{SITE}/login"), &fields).await;
        assert_eq!(follow(&mut other, &page.location).await.location, path);
    }
}

#[tokio::test]
async fn a_browser_without_cookies_goes_round_once_and_is_told() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let callback = browser.earn_code("/").await;
    browser.forget(ADA, NONCE);
    let anew = browser.open(&callback).await;
    let site = browser.open(&anew.location).await;
    browser.forget(ADA, NONCE);
    let callback = browser.open(&site.location).await;
    let told = browser.open(&callback.location).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST, "{told:?}");
    assert!(told.body.contains("did not keep the cookie"), "{}", told.body);
}

#[tokio::test]
async fn a_chain_from_elsewhere_ends_in_a_page_that_goes_on_by_itself() {
    let world = world().await;
    for from in ["", "cross-site", "anything"] {
        let mut browser = Browser::new(&world);
        let callback = browser.earn_code("/x?a=1%26b=2").await;
        let headers = [("sec-fetch-site", from)];
        let page = browser.send(Method::GET, &callback, None, &headers).await;
        assert_eq!(page.status, StatusCode::OK, "{from}: {page:?}");
        assert!(page.body.contains(r#"http-equiv="refresh" content="0;url=/"#), "{}", page.body);
        assert!(browser.cookie(ADA, SESSION_COOKIE).is_some());
    }
}

#[tokio::test]
async fn a_foreign_cookie_keeps_nobody_out() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for host in [ADA, SITE] {
        browser.set_cookie(host, "a_theme", "gr\u{fc}n");
    }
    let callback = browser.earn_code("/x").await;
    assert_eq!(follow(&mut browser, &callback).await.location, "/x");
    assert_eq!(browser.open(&format!("{SITE}/account")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_return_never_leaves_the_host() {
    let world = world().await;
    for bad in ["//evil.test", "https://evil.test/", "/%5Cevil.test", "/%09/evil.test", "x"] {
        let mut browser = Browser::new(&world);
        let callback = browser.earn_code(bad).await;
        assert_eq!(browser.open(&callback).await.location, "/", "{bad}");
    }
}

#[tokio::test]
async fn a_program_gets_a_token() {
    let world = world().await;
    let url = format!("http://{}/api/portal", world.site_address());
    let ask_as = async |username: &str, password: &str| {
        let body = json!({ "username": username, "password": password });
        world.http.post(&url).header("host", "arca.test:8080").json(&body).send().await.unwrap()
    };
    let ask = async |password: &str| ask_as("ada", password).await;
    // As forgiving as the form is.
    let answer: serde_json::Value = ask_as(" Ada ", PASSWORD).await.json().await.unwrap();
    let session = session(&world, answer["session"].as_str().unwrap());
    assert_eq!(answer["expires_at"], session.expires);
    let refused = ask("wrong password here").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().contains_key("x-request-id"));
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "invalid_credentials");
    let huge = ask(&"x".repeat(1_025)).await;
    assert_eq!(huge.status(), StatusCode::UNAUTHORIZED, "refused, not cut");
    let absurd = ask(&"x".repeat(100_000)).await;
    assert_eq!(absurd.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_account_is_signed_in_to_sixty_times_an_hour_and_keeps_fifty_browsers() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    let account = format!("{SITE}/account");
    let mut first = Browser::new(&world);
    let handed_over = session(&world, &first.sign_in().await);
    let mut second = Browser::new(&world);
    for number in 2..=60 {
        world.let_pass(Duration::from_secs(1)).await;
        let mut next = Browser::new(&world);
        next.address = "198.51.100.7";
        let page = next.log_in("ada", PASSWORD).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "sign-in {number}");
        if number == 2 {
            second = next;
        }
        let is_open = first.open(&account).await.status == StatusCode::OK;
        assert_eq!(is_open, number <= 50, "after sign-in {number}");
    }
    assert_eq!(second.open(&account).await.status, StatusCode::SEE_OTHER);
    let locked: Vec<_> = edge.table().locks.values().map(|lock| lock.session).collect();
    assert_eq!(locked, [Some(handed_over.id)], "signed out like by hand");
    let page = first.log_in("ada", PASSWORD).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.headers.contains_key("retry-after"));
    let stranger = first.log_in("ada", "wrong password here").await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "told to who knows the password only");
    world.let_pass(Duration::from_secs(60 * 60)).await;
    assert_eq!(first.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forms_of_other_origins_are_refused() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    browser.sign_in().await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    for path in [
        "/login",
        "/logout",
        "/account/password",
        "/account/sign-out-one",
        "/account/sign-out-everywhere",
    ] {
        for headers in [
            vec![("origin", ADA), ("sec-fetch-site", "same-site")],
            vec![("origin", "https://evil.test")],
            vec![("sec-fetch-site", "cross-site")],
            vec![],
        ] {
            let url = format!("{SITE}{path}");
            let page = browser.send(Method::POST, &url, Some(&fields), &headers).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
    }
    let url = format!("{ADA}/auth/logout");
    let page = browser.send(Method::POST, &url, None, &[("origin", SITE)]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let page = browser.open(&url).await;
    assert_eq!((page.status, &*page.location), (StatusCode::SEE_OTHER, "/"), "a look ends nothing");
    assert!(page.set_cookies.is_empty(), "{page:?}");
    assert_eq!(browser.open(&format!("{SITE}/account")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for (url, allowed) in [
        (format!("{SITE}/login"), "GET,HEAD,POST"),
        (format!("{SITE}/api/portal"), "POST"),
        (format!("{ADA}/auth/login"), "GET,HEAD"),
    ] {
        for accept in ["text/html", "application/json"] {
            let page = browser.send(Method::DELETE, &url, None, &[("accept", accept)]).await;
            assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED, "{page:?}");
            assert_eq!(page.headers["allow"], allowed, "{url}, {accept}");
        }
    }
    let url = format!("http://{}/api/routes", world.running.as_ref().unwrap().api);
    let answer = world.http.delete(url).bearer_auth(crate::common::ADMIN_KEY).send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "GET,HEAD");
}

#[tokio::test]
async fn pages_have_their_guards_and_unknown_addresses_a_page() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for path in ["/", "/login", "/nothing", "/assets/nothing.css"] {
        let page = browser.open(&format!("{SITE}{path}")).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        let ours = format!("<script type=\"module\" src=\"{SITE}/assets/");
        let of_others = page.body.replace(&ours, "");
        assert!(!of_others.contains("<script") && !of_others.contains("style=\""), "{path}");
    }
    assert_eq!(browser.open(&format!("{SITE}/nothing")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.open(&format!("{ADA}/login")).await.status, StatusCode::NOT_FOUND);
    let foreign = browser.open("http://evil.test/").await;
    assert_eq!(foreign.status, StatusCode::MISDIRECTED_REQUEST);
    let www = browser.open("http://www.arca.test:8080/login?to=account").await;
    assert_eq!(www.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(www.location, format!("{SITE}/login?to=account"));
    let login = browser.open(&format!("{SITE}/login")).await.body;
    let link = login.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let style = browser.open(link.split('"').next().unwrap()).await;
    assert!(style.headers["cache-control"].to_str().unwrap().contains("immutable"));
    let tag = style.headers["etag"].to_str().unwrap();
    let url = format!("{SITE}/assets/site.css");
    let again = browser.send(Method::GET, &url, None, &[("if-none-match", tag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn an_address_signs_in_whose_only_one_it_is() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let mut browser = Browser::new(&world);
    let signed_in = browser.log_in(" Ada@Mail.Test ", PASSWORD).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{signed_in:?}");
    let page = browser.open(&format!("{SITE}/account")).await;
    assert!(page.body.contains("ada.arca.test"), "{}", page.body);
    // With a second workspace the address names neither, and the names still do.
    let second = json!({ "username": "eve", "email": "ADA@mail.test", "password": PASSWORD });
    world.api(Method::POST, "/api/customers", Some(second)).await;
    let mut browser = Browser::new(&world);
    let refused = browser.log_in("ada@mail.test", PASSWORD).await;
    let unknown = browser.log_in("nobody@mail.test", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let body = |page: &Page, typed: &str| page.body.replace(typed, "…");
    assert_eq!(body(&refused, "ada@mail.test"), body(&unknown, "nobody@mail.test"));
    for name in ["ada", "eve"] {
        assert_eq!(browser.log_in(name, PASSWORD).await.status, StatusCode::SEE_OTHER, "{name}");
    }
}
