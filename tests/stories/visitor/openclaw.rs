//! A conversation with the real OpenClaw, a scripted model behind it.
//!
//! Slow (npm, a minute's start), so it runs by `make test-openclaw` only.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::anyhow;
use e2e::openclaw::OpenClaw;
use e2e::sprite::{Gateway, Sprite};
use e2e::wait::ensure;
use e2e::{Chrome, Plan, Screen, World, binaries, wait_until_within};
use serde_json::Value;

/// A gateway that starts again on a loaded machine was seen to take 72 s.
const RESTART: Duration = Duration::from_secs(240);

async fn wait_for_answer(chrome: &Chrome, text: &str) {
    wait_until_within(RESTART, &format!("an answer says {text:?}"), async || {
        let answers = chrome.texts("message-assistant").await?;
        let last = answers.last().cloned().unwrap_or_default();
        ensure(last.contains(text), anyhow!("{last:?}"))
    })
    .await
    .unwrap();
}

async fn wait_for_status(chrome: &Chrome, states: &[&str]) {
    wait_until_within(RESTART, &format!("the page says one of {states:?}"), async || {
        let state = chrome.evaluate("document.getElementById('status').dataset.state").await?;
        ensure(states.contains(&state.as_str().unwrap_or_default()), anyhow!("{state}"))
    })
    .await
    .unwrap();
}

async fn say(chrome: &Chrome, message: &str) {
    chrome.fill("[data-testid=composer]", message).await.unwrap();
    chrome.click("send").await.unwrap();
}

#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn a_conversation_with_openclaw_survives_stop_and_sigkill() {
    let cache = binaries::target_folder().unwrap().join("openclaw");
    let openclaw = OpenClaw::install(&cache).unwrap();
    let plan = Plan { gateway: Gateway::Real(openclaw), ..Plan::with_tenants(&["ada"]) };
    let world = World::start(plan).await.unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    chrome.fill("input[name=username]", "ada").await.unwrap();
    chrome.fill("input[name=password]", &world.customer("ada").password).await.unwrap();
    chrome.click_css("button[type=submit]").await.unwrap();
    wait_for_status(&chrome, &["online"]).await;

    say(&chrome, "remember the apples").await;
    wait_for_answer(&chrome, "remember the apples").await;
    chrome.screenshot("openclaw-1-answer").await.unwrap();
    chrome.client.refresh().await.unwrap();
    wait_for_answer(&chrome, "remember the apples").await;

    say(&chrome, "SLOW please").await;
    wait_for_answer(&chrome, "tick3").await;
    chrome.click("stop").await.unwrap();
    chrome.wait_for_state("message-assistant", "aborted").await.unwrap();

    say(&chrome, "SLOW once more").await;
    wait_for_answer(&chrome, "tick3").await;
    world.sprite("ada").gateway_process().unwrap().kill();
    wait_for_status(&chrome, &["starting", "restarting"]).await;
    chrome.screenshot("openclaw-2-restarting").await.unwrap();
    wait_for_status(&chrome, &["online"]).await;
    wait_until_within(RESTART, "the history is there again", async || {
        let questions = chrome.texts("message-user").await?.join(" ");
        ensure(questions.contains("apples"), anyhow!("{questions}"))
    })
    .await
    .unwrap();
    say(&chrome, "are you back?").await;
    wait_for_answer(&chrome, "are you back?").await;
    // What it told itself to go on with the killed turn is not the customer's.
    let questions = chrome.texts("message-user").await.unwrap();
    assert_eq!(questions.len(), 4, "{questions:?}");
    wait_until_within(RESTART, "nothing is being answered any more", async || {
        let busy = chrome.evaluate("document.querySelectorAll('[aria-busy=true]').length").await?;
        let idle = chrome.evaluate("document.getElementById('stop').hidden").await?;
        ensure(busy == 0 && idle == true, anyhow!("{busy} busy, stop button hidden: {idle}"))
    })
    .await
    .unwrap();
    chrome.screenshot("openclaw-3-recovered").await.unwrap();

    // The gateway's own page goes through the same doors, once it is switched on, and knows the
    // conversation.
    let switch_on = "fetch('/settings.json', { method: 'PUT', body: '{\"gateway_page\":true}' })";
    chrome.evaluate(switch_on).await.unwrap();
    wait_until_within(RESTART, "the gateway's page is switched on", async || {
        let facts = chrome.evaluate("fetch('/settings.json').then(facts => facts.text())").await?;
        ensure(facts.to_string().contains("true,"), anyhow!("{facts}"))
    })
    .await
    .unwrap();
    let key = "'agent:main:' + decodeURIComponent(location.hash.slice('#/c/'.length))";
    let key = chrome.evaluate(key).await.unwrap().as_str().unwrap().replace(':', "%3A");
    let page = format!("{}/openclaw/chat?session={key}", world.workspace_url("ada"));
    chrome.goto(&page).await.unwrap();
    wait_until_within(RESTART, "the gateway's page shows the conversation", async || {
        let text = chrome.evaluate("document.body.innerText").await?;
        ensure(text.to_string().contains("are you back?"), anyhow!("{text}"))
    })
    .await
    .unwrap();
    chrome.screenshot("openclaw-4-control-ui").await.unwrap();

    // A plugin that is not loaded brings no methods; one that nobody has judged is the danger.
    let methods = methods_of_the_gateway(world.sprite("ada")).await;
    let unknown: Vec<_> = methods.difference(&recorded_methods()).cloned().collect();
    assert!(methods.len() > 400 && unknown.is_empty(), "{} methods, {unknown:?}", methods.len());
}

/// The record that the tables of methods are tested against.
fn recorded_methods() -> BTreeSet<String> {
    let features = include_str!("../../fakes/src/gateway/features.json");
    let features: Value = serde_json::from_str(features).unwrap();
    let methods = features["methods"].as_array().unwrap().iter();
    methods.map(|pair| pair[0].as_str().unwrap().to_owned()).collect()
}

/// As it lists them to a client with every right.
async fn methods_of_the_gateway(sprite: &Sprite) -> BTreeSet<String> {
    let (_, hello) = sprite.operator().await.unwrap();
    let methods = hello["features"]["methods"].as_array().unwrap().iter();
    methods.map(|name| name.as_str().unwrap().to_owned()).collect()
}
