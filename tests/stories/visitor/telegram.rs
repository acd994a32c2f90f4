//! A customer's own bot in Telegram, and a message that finds the machine asleep.

use anyhow::anyhow;
use e2e::openclaw::OpenClaw;
use e2e::sprite::Gateway;
use e2e::wait::ensure;
use e2e::{Chrome, Plan, Screen, World, binaries, wait_until};
use fakes::telegram::BotApi;
use serde_json::Value;

const TOKEN: &str = "123456:AAfake-token_for_tests_000000000000000";

/// As Telegram delivers it: to the address it was given, with the secret it was given.
async fn deliver(world: &World, update: &Value, secret: &str) -> reqwest::Response {
    let url = format!("http://{}/hooks/telegram", world.edges[0].address());
    let host = world.workspace_url("ada").replace("http://", "");
    let client = e2e::http::client().build().unwrap();
    let request = client.post(url).header("host", host).json(update);
    request.header("x-telegram-bot-api-secret-token", secret).send().await.unwrap()
}

#[tokio::test]
async fn a_message_in_telegram_wakes_the_machine_and_is_answered() {
    a_bot_is_connected_woken_and_removed(Gateway::Fake).await;
}

#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn a_message_in_telegram_wakes_openclaw_and_is_answered() {
    let cache = binaries::target_folder().unwrap().join("openclaw");
    a_bot_is_connected_woken_and_removed(Gateway::Real(OpenClaw::install(&cache).unwrap())).await;
}

async fn a_bot_is_connected_woken_and_removed(gateway: Gateway) {
    let bot = BotApi::start().await.unwrap();
    let plan = Plan { gateway, telegram: Some(bot.address), ..Plan::with_tenants(&["ada"]) };
    let world = World::start(plan).await.unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    chrome.fill("input[name=username]", "ada").await.unwrap();
    chrome.fill("input[name=password]", &world.customer("ada").password).await.unwrap();
    chrome.click_css("button[type=submit]").await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();

    chrome.click("skills").await.unwrap();
    wait_until("the panel asks for a bot", async || {
        ensure(chrome.texts("telegram-connect").await?.len() == 1, anyhow!("not yet"))
    })
    .await
    .unwrap();
    chrome.screenshot("telegram-1-form").await.unwrap();
    chrome.fill("[data-testid=telegram-token]", TOKEN).await.unwrap();
    chrome.click("telegram-connect").await.unwrap();
    wait_until("the bot is connected", async || {
        let state = chrome.texts("telegram-state").await?;
        ensure(state == ["Connected"], anyhow!("{state:?}"))
    })
    .await
    .unwrap();
    // The gateway says that it runs before it has told Telegram.
    let webhook = wait_until("the assistant has told Telegram its address", async || {
        bot.webhook().ok_or("no address")
    })
    .await
    .unwrap();
    assert_eq!(webhook.url, format!("{}/hooks/telegram", world.workspace_url("ada")));
    let page = chrome.evaluate("document.documentElement.outerHTML").await.unwrap().to_string();
    assert!(!page.contains(TOKEN) && !page.contains(&webhook.secret));

    let refused = deliver(&world, &bot.update("hello"), "k1_wrong").await;
    assert_eq!(refused.status(), 401);

    // Who is not known is shown to the customer, and gets nothing else.
    let first = deliver(&world, &bot.update("hello"), &webhook.secret).await;
    let kept = first.headers().contains_key("x-openclaw-delivery-accepted");
    assert_eq!((first.status().as_u16(), kept), (200, true));
    wait_until("somebody asks to be let in", async || {
        let asking = chrome.texts("telegram-request").await?.join(" ");
        ensure(asking.contains("Ada"), anyhow!("{asking}"))
    })
    .await
    .unwrap();
    chrome.screenshot("telegram-2-request").await.unwrap();
    chrome.click("telegram-allow").await.unwrap();
    wait_until("nobody waits any more", async || {
        let asking = chrome.texts("telegram-request").await?;
        ensure(asking.is_empty(), anyhow!("{asking:?}"))
    })
    .await
    .unwrap();
    // Nothing of the page keeps the machine awake.
    chrome.goto(world.site_url()).await.unwrap();

    let agent = &world.sprite("ada").agent;
    agent.freeze();
    // What a machine that has slept for a while looks like to the edge, without the while.
    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    wait_until("the edge knows that the machine sleeps", async || {
        let silent = "arca_edge_probes_total{outcome=\"asleep\"}";
        let silent = world.edges[0].metric(silent).await?;
        ensure(silent > 0, anyhow!("nothing was asked in vain"))
    })
    .await
    .unwrap();
    chrome.goto(world.site_url()).await.unwrap();
    let update = bot.update("are you there?");
    let ((), answer) = tokio::join!(
        async {
            wait_until("the message is held", async || {
                let held = world.edges[0].metric("arca_edge_requests_held").await?;
                ensure(held == 1, anyhow!("{held} held"))
            })
            .await
            .unwrap();
            agent.thaw();
        },
        deliver(&world, &update, &webhook.secret),
    );
    assert_eq!(answer.status(), 200);
    wait_until("the bot answers", async || {
        let sent = bot.sent();
        ensure(sent.iter().any(|text| text.contains("are you there?")), anyhow!("{sent:?}"))
    })
    .await
    .unwrap();

    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();
    chrome.click("skills").await.unwrap();
    wait_until("the bot can be disconnected", async || {
        ensure(chrome.texts("telegram-disconnect").await?.len() == 1, anyhow!("not yet"))
    })
    .await
    .unwrap();
    chrome.click("telegram-disconnect").await.unwrap();
    wait_until("the panel asks for a bot again", async || {
        ensure(chrome.texts("telegram-connect").await?.len() == 1, anyhow!("not yet"))
    })
    .await
    .unwrap();
    let config = world.sprite("ada").folder().join("openclaw/openclaw.json");
    assert!(!std::fs::read_to_string(config).unwrap().contains(TOKEN));
}
