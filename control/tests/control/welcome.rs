//! The page after the payment, its password form, and its stream of events.

use crate::common::browser::{Browser, Page};
use crate::common::order::{CHECKOUT, Order, welcome};
use crate::common::{PASSWORD, SITE, World, wait_until};
use e2e::wait::DEADLINE;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use shared::KeyRing;

const EVENTS: &str = "http://arca.test:8080/api/workspaces/ada/events";
const TO_THE_ROUTE: [&str; 6] = ["assign", "wake", "configure", "start", "ready", "route"];

fn stage(page: &Page) -> &str {
    let rest = page.body.split("data-stage=\"").nth(1).unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap()
}

/// The first letters of the states of its steps.
fn steps(page: &Page) -> String {
    let rows = page.body.split("data-step=\"").skip(1);
    rows.map(|row| &row.split("data-state=\"").nth(1).unwrap()[..1]).collect()
}

async fn set(browser: &mut Browser<'_>, password: &str) -> Page {
    let fields = [("session_id", CHECKOUT), ("password", password)];
    browser.submit(&format!("{SITE}/welcome"), &fields).await
}

/// What a stream says, each with its id, until it ends.
fn events(body: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    for event in body.split("\n\n").filter(|event| event.contains("data:")) {
        let field = |name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {event}")).trim().to_owned()
        };
        assert_eq!(field("retry:"), "2000");
        events.push((field("id:"), serde_json::from_str(&field("data:")).unwrap()));
    }
    events
}

#[tokio::test]
async fn every_state_of_a_payment_has_its_page() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.browser();
    let page = browser.open(&welcome()).await;
    assert_eq!((page.status, stage(&page)), (StatusCode::OK, "unpaid"));
    assert!(page.body.contains("https://checkout.test/c/pay/cs_test_a1"), "the way back to pay");
    for (state, expected) in [("unpaid", "pending"), ("failed", "declined"), ("expired", "expired")]
    {
        order.is(state).await;
        assert_eq!(stage(&browser.open(&welcome()).await), expected);
    }
    order.pay().await;
    assert_eq!(stage(&browser.open(&welcome()).await), "preparing");
    order.workspace_is("live").await;
    assert_eq!(stage(&browser.open(&welcome()).await), "live");
    order.workspace_is("suspended").await;
    assert_eq!(stage(&browser.open(&welcome()).await), "suspended");
    order.workspace_is("ending").await;
    let page = browser.open(&welcome()).await;
    assert_eq!(stage(&page), "ended");
    assert!(page.body.contains("Start again") && !page.body.contains("account page"));
}

#[tokio::test]
async fn an_unknown_order_is_said_to_be() {
    let world = World::start(&[]).await;
    for id in ["", "cs_test_unknown", "x%27--", "%00", "%F0%9F%A4%96"] {
        let page = Browser::new(&world).open(&format!("{SITE}/welcome?session_id={id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        assert!(page.body.contains("No such order"), "{}", page.body);
    }
}

#[tokio::test]
async fn another_browser_sees_how_far_it_is_and_nothing_more() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    order.has_done(&["assign"]).await;
    let page = Browser::new(&world).open(&welcome()).await;
    assert_eq!(steps(&page), "ddrwww");
    assert!(page.body.contains("a•••@mail.test") && !page.body.contains("ada@mail.test"));
    assert!(!page.body.contains("name=\"password\"") && !page.body.contains("/events"));
    assert!(page.body.contains("http-equiv=\"refresh\""), "it has no stream");
    let mut stranger = Browser::new(&world);
    assert_eq!(set(&mut stranger, PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stranger.open(EVENTS).await.status, StatusCode::FORBIDDEN);
    order.workspace_is("live").await;
    let page = stranger.open(&welcome()).await;
    assert!(page.body.contains("The mail to a•••@mail.test"), "{}", page.body);
    assert!(page.body.contains("href=\"/forgot-password\""), "another mail can be had");
    assert!(page.body.contains("data-testid=\"opens\" hidden"), "{}", page.body);
}

#[tokio::test]
async fn without_script_the_page_loads_itself_again_but_not_under_somebodys_fingers() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.browser();
    let is_loaded_again =
        |page: &Page| page.body.contains("<noscript><meta http-equiv=\"refresh\"");
    assert!(is_loaded_again(&browser.open(&welcome()).await));
    order.pay().await;
    let page = browser.open(&welcome()).await;
    assert!(!is_loaded_again(&page), "somebody types a password");
    assert!(page.body.contains("See how far it is"), "{}", page.body);
    set(&mut browser, PASSWORD).await;
    assert!(is_loaded_again(&browser.open(&welcome()).await));
    order.task_is("dead").await;
    let page = browser.open(&welcome()).await;
    assert!(
        is_loaded_again(&page) && page.body.contains("content=\"30\""),
        "a person takes longer"
    );
    order.workspace_is("suspended").await;
    assert!(!is_loaded_again(&browser.open(&welcome()).await), "nothing more comes");
}

#[tokio::test]
async fn the_browser_that_paid_sets_the_first_password_and_is_signed_in() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    let mut browser = order.browser();
    for (bad, reason) in [
        ("short", "at least 15 characters"),
        ("passwordpassword", "too easy to guess"),
        ("", "at least 15 characters"),
        (&"x".repeat(1_025), "up 1024 bytes"),
    ] {
        let page = set(&mut browser, bad).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert!(page.body.contains(reason), "{bad}: {}", page.body);
        assert!(page.body.contains("aria-invalid=\"true\" autofocus"), "{bad}");
        assert!(!page.body.contains(&format!("value=\"{bad}\"")) || bad.is_empty(), "{bad}");
    }
    let page = set(&mut browser, PASSWORD).await;
    let then = format!("{}#opens", &welcome()[SITE.len()..]);
    assert_eq!((page.status, page.location), (StatusCode::SEE_OTHER, then));
    let page = browser.open(&welcome()).await;
    assert!(page.body.contains("password-is-set") && !page.body.contains("name=\"password\""));
    order.workspace_is("live").await;
    let page = browser.open(&welcome()).await;
    assert!(page.body.contains("data-testid=\"opens\">"), "{}", page.body);
    let door = "http://ada.arca.test:8080/auth/login?return=%2F";
    assert!(page.body.contains(&format!("href=\"{door}\"")), "{}", page.body);
    // Through the door without typing anything.
    let login = browser.open(door).await.location;
    let callback = browser.open(&login).await.location;
    assert_eq!(browser.open(&callback).await.location, "/");
}

#[tokio::test]
async fn another_password_from_a_second_tab_is_said_not_to_count_and_the_same_one_leads_on() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    let (mut first, mut second) = (order.browser(), order.browser());
    let on = format!("{}#opens", &welcome()[SITE.len()..]);
    assert_eq!(set(&mut first, PASSWORD).await.location, on);
    assert_eq!(set(&mut second, PASSWORD).await.location, on, "sent twice");
    assert_eq!(second.open(&format!("{SITE}/account")).await.status, StatusCode::OK);
    // Too weak for a first one, and another one all the same.
    for other in ["another violet kettle 98", "short", ""] {
        let mut tab = order.browser();
        let page = set(&mut tab, other).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{other}");
        assert!(!page.location.contains("#opens"), "{other}: {}", page.location);
        for (language, told) in [("en", "was not used"), ("de", "wurde nicht verwendet")] {
            tab.language = Some(language);
            let shown = tab.open(&format!("{}{}", &SITE, page.location)).await;
            assert!(shown.body.contains(told), "{other}: {}", shown.body);
            for way in ["/login?workspace=ada", "/forgot-password"] {
                assert!(shown.body.contains(&format!("href=\"{way}\"")), "{way}: {}", shown.body);
            }
        }
        assert_eq!(tab.open(&format!("{SITE}/account")).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(Browser::new(&world).log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_password_form_of_another_origin_is_refused() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    let fields = [("session_id", CHECKOUT), ("password", PASSWORD)];
    let foreign = [("origin", "http://bob.arca.test:8080")];
    let mut browser = order.browser();
    let page =
        browser.send(Method::POST, &format!("{SITE}/welcome"), Some(&fields), &foreign).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_failure_is_told_with_its_ticket_and_what_comes_next() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    order.has_done(&["assign", "wake"]).await;
    order.task_is("dead").await;
    order.has_ticket("ENG-12").await;
    let page = order.browser().open(&welcome()).await;
    assert_eq!((stage(&page), steps(&page).as_str()), ("stuck", "dddfww"));
    for words in ["ticket ENG-12", "will not be charged twice", "write to a•••@mail.test"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}

#[tokio::test]
async fn a_stream_tells_everything_at_once_then_what_changes_and_ends_with_the_story() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    let browser = order.browser();
    let mut page = browser.request(Method::GET, EVENTS, &[]).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/event-stream");
    assert_eq!(page.headers()["x-accel-buffering"], "no");
    let mut body = String::new();
    // Nothing changes before the first event is here.
    while !body.ends_with("\n\n") {
        body += str::from_utf8(&page.chunk().await.unwrap().expect("an event")).unwrap();
    }
    order.has_done(&TO_THE_ROUTE).await;
    order.workspace_is("live").await;
    order.has_done(&[TO_THE_ROUTE.as_slice(), &["mail", "pool"]].concat()).await;
    order.task_is("done").await;
    body += &tokio::time::timeout(DEADLINE, page.text()).await.unwrap().unwrap();
    let told = events(&body);
    let (first, last) = (&told[0].1, &told.last().unwrap().1);
    assert_eq!(
        (first["stage"].as_str(), first["steps"][1]["state"].as_str()),
        (Some("preparing"), Some("running"))
    );
    assert_eq!((last["stage"].as_str(), last["is_final"].as_bool()), (Some("live"), Some(true)));
    assert!(!body.contains("ada@mail.test"), "masked here as well");
    wait_until("its place is free again", 0, async || world.app().sse.count()).await;
}

#[tokio::test]
async fn who_follows_a_stuck_order_hears_when_it_goes_on() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    order.task_is("dead").await;
    let mut browser = order.browser();
    let follower = tokio::time::timeout(DEADLINE, browser.open(EVENTS));
    let helper = async {
        wait_until("somebody follows", 1, async || world.app().sse.count()).await;
        order.workspace_is("live").await;
        order.task_is("done").await;
    };
    let page = tokio::join!(follower, helper).0.unwrap();
    assert_eq!(events(&page.body).last().unwrap().1["stage"], "live");
}

#[tokio::test]
async fn who_comes_back_to_a_stream_hears_nothing_twice_and_misses_nothing() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    order.workspace_is("live").await;
    order.task_is("done").await;
    let mut browser = order.browser();
    let told = events(&browser.open(EVENTS).await.body);
    let (id, _) = &told[0];
    let resume = |id: String| [("last-event-id".to_owned(), id)];
    let again = async |browser: &mut Browser<'_>, id: &str| {
        let headers = resume(id.to_owned());
        let headers: Vec<_> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        browser.send(Method::GET, EVENTS, None, &headers).await
    };
    let page = again(&mut browser, id).await;
    assert_eq!(page.status, StatusCode::NO_CONTENT, "do not ask again");
    set(&mut browser, PASSWORD).await;
    let missed = events(&again(&mut browser, id).await.body);
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0].1["has_password"], true);
    assert_eq!(events(&again(&mut browser, "nonsense").await.body).len(), 1);
}

#[tokio::test]
async fn streams_of_one_place_are_bounded_and_end_when_the_program_does() {
    let mut world = World::start(&[]).await;
    let keys = KeyRing::clone(&world.keys);
    let site = world.site_address();
    {
        let order = Order::begin(&world).await;
        order.pay().await;
        let browser = Browser::at(site, &keys);
        let token = order.browser.expose().to_owned();
        let open = || {
            let mut browser = browser.clone();
            browser.set_cookie(SITE, "__Host-arca_signup", &token);
            async move { browser.open(EVENTS).await.status }
        };
        let mut streams = Vec::new();
        for _ in 0..12 {
            streams.push(Box::pin(open()));
        }
        let followers = futures_util::future::join_all(streams);
        let beyond = async {
            wait_until("twelve follow", 12, async || world.app().sse.count()).await;
            assert_eq!(open().await, StatusCode::TOO_MANY_REQUESTS);
            world.app().sse.close();
        };
        let (ended, ()) = tokio::join!(followers, beyond);
        assert!(ended.iter().all(|status| *status == StatusCode::OK), "{ended:?}");
    }
    tokio::time::timeout(DEADLINE, world.restart()).await.expect("nothing is waited for");
}

#[tokio::test]
async fn who_is_signed_in_to_a_workspace_may_follow_it_too() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    order.workspace_is("live").await;
    order.task_is("done").await;
    set(&mut order.browser(), PASSWORD).await;
    let mut browser = Browser::new(&world);
    browser.log_in("ada", PASSWORD).await;
    assert_eq!(events(&browser.open(EVENTS).await.body).len(), 1);
    let other = browser.open(&EVENTS.replace("ada", "bob")).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
}
