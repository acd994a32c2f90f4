//! An operator with a real browser. Screenshots go to `target/screenshots`.

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Chrome, Plan, Screen, SharedWorld, WorldGuard, wait_until};

static WORLD: SharedWorld = SharedWorld::new();

async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&["ada", "grace"])).await
}

async fn sign_in(chrome: &Chrome, world: &WorldGuard) {
    chrome.goto(&format!("http://{}/", world.control.api())).await.unwrap();
    chrome.fill("input[name=key]", world.control.admin_key()).await.unwrap();
    chrome.click_css("button[type=submit]").await.unwrap();
    chrome.find("promises").await.unwrap();
    chrome.watch_cookies(world).await.unwrap();
}

async fn open(chrome: &Chrome, world: &WorldGuard, path: &str) {
    chrome.goto(&format!("http://{}{path}", world.control.api())).await.unwrap();
    chrome.find_css("h1").await.unwrap();
}

/// Nothing of the page is beside the screen.
async fn ensure_it_fits(chrome: &Chrome, path: &str) {
    let beside =
        chrome.evaluate("document.documentElement.scrollWidth - innerWidth").await.unwrap();
    assert!(beside.as_i64().unwrap() <= 0, "{path} is {beside} px too wide");
}

async fn is_closed(world: &WorldGuard, username: &str) -> bool {
    let path = format!("/api/customers/{username}");
    let answer = world.control.call(reqwest::Method::GET, &path, None).await.unwrap();
    answer.success().unwrap()["suspended"].as_bool().unwrap()
}

#[tokio::test]
async fn an_operator_sees_whether_all_is_well_and_closes_a_workspace() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world).await;
    chrome.screenshot("operator-1-all-is-well").await.unwrap();
    chrome.fill("input[name=search]", "ad").await.unwrap();
    chrome.click_css(".search button").await.unwrap();
    chrome.click_css("td a[href='/console/workspaces/ada']").await.unwrap();
    chrome.find("act-suspend").await.unwrap();
    chrome.screenshot("operator-2-workspace").await.unwrap();
    chrome.click("act-suspend").await.unwrap();
    chrome.find("question").await.unwrap();
    chrome.screenshot("operator-3-question").await.unwrap();
    assert!(!is_closed(&world, "ada").await);
    chrome.click("confirm").await.unwrap();
    wait_until("it is said that it is closed", async || {
        let notice = chrome.texts("notice").await?.concat();
        ensure(notice.contains("It is closed."), anyhow!("{notice:?}"))
    })
    .await
    .unwrap();
    assert!(is_closed(&world, "ada").await);
    chrome.click("act-resume").await.unwrap();
    chrome.find("act-suspend").await.unwrap();
    assert!(!is_closed(&world, "ada").await);
    open(&chrome, &world, "/console/journal").await;
    chrome.screenshot("operator-4-journal").await.unwrap();
    let console = chrome.console().await.unwrap();
    assert!(console.is_empty(), "{console:?}");
    chrome.click("sign-out").await.unwrap();
    chrome.find_css("input[name=key]").await.unwrap();
    chrome.screenshot("operator-5-sign-in").await.unwrap();
}

#[tokio::test]
async fn every_page_fits_on_a_phone() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Phone).await.unwrap();
    sign_in(&chrome, &world).await;
    for (name, path) in [
        ("well", "/console"),
        ("workspaces", "/console/workspaces"),
        ("workspace", "/console/workspaces/grace"),
        ("domains", "/console/domains"),
        ("pool", "/console/pool"),
        ("tasks", "/console/tasks"),
        ("edges", "/console/edges"),
        ("letters", "/console/letters"),
        ("tickets", "/console/tickets"),
        ("pflaster", "/console/pflaster"),
        ("money", "/console/money"),
        ("journal", "/console/journal"),
    ] {
        open(&chrome, &world, path).await;
        ensure_it_fits(&chrome, path).await;
        let tab = "(({left, right}) => left >= 0 && right <= innerWidth)\
                   (document.querySelector('.tabs [aria-current]').getBoundingClientRect())";
        chrome.wait_for(tab).await.unwrap();
        chrome.screenshot(&format!("operator-phone-{name}")).await.unwrap();
    }
}

#[tokio::test]
async fn the_page_works_without_scripts() {
    let world = world().await;
    let chrome = Chrome::start_without_scripts(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world).await;
    open(&chrome, &world, "/console/workspaces/grace").await;
    chrome.click("act-suspend").await.unwrap();
    chrome.click("confirm").await.unwrap();
    chrome.find("notice").await.unwrap();
    assert!(is_closed(&world, "grace").await);
    chrome.click("act-resume").await.unwrap();
    chrome.find("act-suspend").await.unwrap();
    assert!(!is_closed(&world, "grace").await);
}
