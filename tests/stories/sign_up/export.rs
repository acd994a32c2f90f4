//! A customer downloads everything with a browser, before the end and while it is closed.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use e2e::{Chrome, Pace, Plan, Screen, SharedWorld, Vendors, WorldGuard, wait_until};
use flate2::read::GzDecoder;
use reqwest::Method;

static WORLD: SharedWorld = SharedWorld::new();

const PASSWORD: &str = "a meadow full of quiet horses";
const NOTE: &str = "Buy oats for the quiet horses.";

#[tokio::test]
async fn a_customer_downloads_everything_and_opens_it_also_while_it_is_closed() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let world = WORLD.enter(|| Plan::with_tenants(&[]).with_vendors(vendors)).await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_up(&chrome, &world).await;
    write_note(&world).await;

    chrome.goto(&format!("{}/account", world.site_url())).await.unwrap();
    chrome.watch_cookies(&world).await.unwrap();
    chrome.click("export-ask").await.unwrap();
    chrome.find("export-fetch").await.unwrap();
    chrome.screenshot("account-export").await.unwrap();
    chrome.click("export-fetch").await.unwrap();
    let archive = chrome.downloaded(".tar.gz").await.unwrap();
    let name = archive.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("liv-20"), "{name}");
    check(&archive);
    std::fs::remove_file(&archive).unwrap();

    let suspend = "/api/customers/liv/suspend";
    let body = Some(serde_json::json!({}));
    world.control.call(Method::POST, suspend, body).await.unwrap().success().unwrap();
    let visitor = world.visitor();
    let closed = visitor.open(&format!("{}/", world.workspace_url("liv"))).await.unwrap();
    assert!(!closed.status.is_success() || closed.url.path() != "/", "{closed:?}");
    chrome.click("export-fetch").await.unwrap();
    check(&chrome.downloaded(".tar.gz").await.unwrap());
}

async fn sign_up(chrome: &Chrome, world: &WorldGuard) {
    chrome.goto(world.site_url()).await.unwrap();
    chrome.click_css("label[for=skill-weather]").await.unwrap();
    chrome.fill("input[name=email]", "liv@example.test").await.unwrap();
    chrome.fill("input[name=username]", "liv").await.unwrap();
    chrome.click("pay").await.unwrap();
    chrome.click_css("#pay").await.unwrap();
    chrome.fill("input[name=password]", PASSWORD).await.unwrap();
    chrome.click("set-password").await.unwrap();
    chrome.find("composer").await.unwrap();
}

/// As the assistant does for its customer.
async fn write_note(world: &WorldGuard) {
    let route = wait_until("liv has a machine", async || {
        world.edges[0].route("liv").await?.context("no route")
    });
    let machine = route.await.unwrap()["sprite"].as_str().unwrap().to_owned();
    let sprites = &world.fakes().sprites;
    let path = "/home/sprite/openclaw/workspace/horses.md";
    let query = format!("path={path}&workingDir=/&mkdirParents=true");
    let url = format!("{}/v1/sprites/{machine}/fs/write?{query}", sprites.url());
    let client = e2e::http::client().no_proxy().build().unwrap();
    let written = client.put(url).bearer_auth(&sprites.key).body(NOTE).send().await.unwrap();
    assert!(written.status().is_success(), "{}", written.status());
}

fn check(archive: &Path) {
    let file = std::fs::File::open(archive).unwrap();
    let mut names = Vec::new();
    let mut note = String::new();
    for entry in tar::Archive::new(GzDecoder::new(file)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        if name.ends_with("horses.md") {
            entry.read_to_string(&mut note).unwrap();
        }
        names.push(name);
    }
    assert_eq!(note, NOTE);
    for name in ["README.txt", "REPORT.txt", "openclaw/openclaw.json"] {
        assert!(names.iter().any(|there| there == name), "{name} is not in {names:?}");
    }
}
