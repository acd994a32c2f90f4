//! A workspace whose machine sleeps when somebody comes.

use std::fs;

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Chrome, Plan, Screen, World, wait_until};
use fakes::telegram::BotApi;
use serde_json::Value;

#[tokio::test]
async fn a_machine_that_sleeps_opens_its_page_by_itself_when_it_wakes() {
    let world = World::start(Plan::with_tenants(&["ada"])).await.unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    chrome.fill("input[name=username]", "ada").await.unwrap();
    chrome.fill("input[name=password]", &world.customer("ada").password).await.unwrap();
    chrome.click_css("button[type=submit]").await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();
    chrome.watch_cookies(&world).await.unwrap();
    chrome.goto(world.site_url()).await.unwrap();

    let agent = &world.sprite("ada").agent;
    agent.freeze();
    chrome.goto(&format!("{}/?from=mail", world.workspace_url("ada"))).await.unwrap();
    wait_until("the page says that the machine wakes", async || {
        let text = chrome.evaluate("document.body.innerText").await?;
        let is_said = text.as_str().is_some_and(|text| text.contains("is waking up"));
        ensure(is_said, anyhow!("{text}"))
    })
    .await
    .unwrap();
    chrome.screenshot("waking").await.unwrap();
    agent.thaw();
    // Nobody touches it any more.
    chrome.wait_for_state("status", "online").await.unwrap();
    let url = chrome.client.current_url().await.unwrap();
    assert_eq!(url.query(), Some("from=mail"), "{url}");
    let complaints = chrome.console().await.unwrap();
    assert!(
        !complaints.iter().any(|text| text.contains("Content Security Policy")),
        "the page breaks its own policy: {complaints:?}"
    );
    assert_eq!(world.edges[0].metric("arca_edge_requests_held").await.unwrap(), 0);
    let awake = "arca_edge_probes_total{outcome=\"awake\"}";
    assert!(world.edges[0].metric(awake).await.unwrap() >= 1);
}

#[tokio::test]
async fn a_page_that_was_left_holds_no_machine_awake_and_comes_back_as_it_was() {
    let world = World::start(Plan::with_tenants(&["ada"])).await.unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.sign_in(&world, "ada").await.unwrap();
    let open = async |wanted: u64| {
        wait_until(&format!("{wanted} sockets are open"), async || {
            let open = world.edges[0].metric("arca_edge_tunnels").await?;
            ensure(open == wanted, anyhow!("{open} are open"))
        })
        .await
        .unwrap();
    };
    open(1).await;
    // The browser keeps the page for a way back, and everything that it has open.
    chrome.goto(world.site_url()).await.unwrap();
    open(0).await;
    chrome.client.back().await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();
    open(1).await;
}

#[tokio::test]
async fn panels_of_a_page_that_rested_say_that_they_connect_and_then_what_there_is() {
    let bot = BotApi::start().await.unwrap();
    let plan = Plan { telegram: Some(bot.address), ..Plan::with_tenants(&["ada"]) };
    let world = World::start(plan).await.unwrap();
    let folder = world.sprite("ada").folder().join("openclaw/workspace");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("notes.md"), "notes").unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.sign_in(&world, "ada").await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();

    // Open while the page rests, and opened while it wakes: each for the first time.
    let panels = [
        ("skills", "skills-panel", "[data-testid=telegram-token]"),
        ("schedules", "schedules-panel", "[data-testid=no-plans]"),
        ("files", "folder-panel", "[data-testid=entries]"),
    ];
    for (button, panel, read) in panels {
        let inside =
            |selector: &str| format!("document.querySelector('#{panel} .panel-body {selector}')");
        chrome.evaluate("dispatchEvent(new Event('pagehide'))").await.unwrap();
        chrome.wait_for_state("status", "asleep").await.unwrap();
        world.sprite("ada").agent.freeze();
        chrome.click(button).await.unwrap();
        let connecting =
            format!("{}?.textContent.includes('Connecting to')", inside("[role=status]"));
        chrome.wait_for(&connecting).await.unwrap();
        let untruths = ":is([role=alert], [data-testid=telegram-token], [data-testid=no-plans])";
        let untruth = chrome.evaluate(&format!("{}?.outerHTML ?? null", inside(untruths))).await;
        assert_eq!(untruth.unwrap(), Value::Null, "{panel}");
        world.sprite("ada").agent.thaw();
        chrome.wait_for_state("status", "online").await.unwrap();
        chrome.wait_for(&format!("Boolean({})", inside(read))).await.unwrap();
        chrome.wait_for(&format!("!{}", inside("[role=alert]"))).await.unwrap();
        chrome.wait_for(&format!("!{}", inside("[role=status]"))).await.unwrap();
        chrome.click_css(&format!("#{panel} .dialog-close")).await.unwrap();
    }
    a_change_waits_for_the_connection(&world, &chrome).await;
}

async fn a_change_waits_for_the_connection(world: &World, chrome: &Chrome) {
    let turn = "#skills-panel [data-testid=switch-weather]";
    chrome.click("skills").await.unwrap();
    chrome.evaluate("dispatchEvent(new Event('pagehide'))").await.unwrap();
    chrome.wait_for_state("status", "asleep").await.unwrap();
    world.sprite("ada").agent.freeze();
    chrome.click_css(turn).await.unwrap();
    chrome.wait_for(&format!("document.querySelector('{turn}').disabled")).await.unwrap();
    world.sprite("ada").agent.thaw();
    let is_off = format!("document.querySelector('{turn}:not(:disabled)')?.checked === false");
    chrome.wait_for(&is_off).await.unwrap();
    chrome.wait_for("!document.querySelector('#skills-panel [role=alert]')").await.unwrap();
}
