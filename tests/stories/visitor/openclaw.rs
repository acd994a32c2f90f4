//! A conversation with the real OpenClaw, a scripted model behind it.
//!
//! Slow (npm, a minute's start), so it runs by `make test-openclaw` only.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::openclaw::OpenClaw;
use e2e::sprite::{Gateway, Sprite};
use e2e::wait::ensure;
use e2e::{Chat, Chrome, Plan, Screen, World, binaries, wait_until_within};
use serde_json::{Value, json};

/// A gateway that starts again on a loaded machine was seen to take 72 s.
const RESTART: Duration = Duration::from_secs(240);

/// 64 × 64 pixels in one colour; 137 bytes.
const SQUARE: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAUElEQVR42u3PQQkAAAgEsGtgQRvY\
/28E38JgBZaafi0CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC\
ApcFSSZgxLOz5UYAAAAASUVORK5CYII=";

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

/// Waits until `expression` is true on the page.
async fn wait_for(chrome: &Chrome, expression: &str) {
    wait_until_within(RESTART, &format!("{expression} on the page"), async || {
        let is_so = chrome.evaluate(&format!("Boolean({expression})")).await?;
        let text = chrome.evaluate("document.body.innerText").await?;
        ensure(is_so == true, anyhow!("{text}"))
    })
    .await
    .unwrap();
}

/// Ada's workspace with the real OpenClaw, and her browser, signed in.
async fn world_of_ada() -> (World, Chrome) {
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
    (world, chrome)
}

#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn a_conversation_with_openclaw_survives_stop_and_sigkill() {
    let (world, chrome) = world_of_ada().await;

    say(&chrome, "remember the apples").await;
    wait_for_answer(&chrome, "remember the apples").await;
    chrome.screenshot("openclaw-1-answer").await.unwrap();
    chrome.client.refresh().await.unwrap();
    wait_for_answer(&chrome, "remember the apples").await;

    say(&chrome, "ENDLESS please").await;
    wait_for_answer(&chrome, "tick3").await;
    chrome.click("stop").await.unwrap();
    chrome.wait_for_state("message-assistant", "aborted").await.unwrap();

    say(&chrome, "ENDLESS once more").await;
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

/// As a new version is tried, which has to come out well for the one that is pinned.
#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn the_trial_of_a_version_finds_all_that_the_agent_needs() {
    let (world, _chrome) = world_of_ada().await;
    let sprite = world.sprite("ada");
    let mut trial = Command::new(binaries::program("sprite-agent").unwrap());
    trial.arg("--config").arg(sprite.folder().join("sprite-agent.toml")).arg("--try");
    let tried = tokio::task::spawn_blocking(move || trial.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&tried.stdout).into_owned();
    eprintln!("{said}");
    assert!(tried.status.success(), "{said}{}", String::from_utf8_lossy(&tried.stderr));
    assert!(said.contains("with 1 tools"), "{said}");

    // One that is found closed, as after a thaw, is opened although nobody asks how it is.
    let (mut operator, _) = sprite.operator().await.unwrap();
    let lease = json!({"requestId": "arca-agent", "terminalPolicy": "terminate"});
    wait_until_within(RESTART, "the gateway is closed", async || {
        let answer = operator.request("gateway.suspend.prepare", lease.clone()).await?;
        ensure(answer["payload"]["status"] == "ready", anyhow!("{answer}"))
    })
    .await
    .unwrap();
    // By itself it would be after two minutes.
    wait_until_within(Duration::from_secs(60), "it is open again", async || {
        let answer = operator.request("cron.list", json!({})).await?;
        ensure(answer["ok"] == true, anyhow!("{answer}"))
    })
    .await
    .unwrap();
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

#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn plans_files_and_groups_are_those_of_openclaw() {
    let (world, chrome) = world_of_ada().await;
    let sprite = world.sprite("ada");
    say(&chrome, "FAST invoices").await;
    wait_for_answer(&chrome, "invoices").await;

    // Something is planned while the panel is open; it is paused, goes on and is deleted.
    chrome.click("schedules").await.unwrap();
    chrome.find("no-plans").await.unwrap();
    let (mut operator, _) = sprite.operator().await.unwrap();
    let job = json!({"name": "Mail", "schedule": {"kind": "every", "everyMs": 36_000_000},
        "sessionTarget": "isolated", "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": "Sum up my mail"}});
    let added = operator.request("cron.add", job).await.unwrap();
    assert_eq!(added["ok"], true, "{added}");
    let plan = "document.querySelector('[data-testid=plan]')";
    wait_for(&chrome, &format!("{plan}?.innerText.includes('Every 10 hours')")).await;
    chrome.screenshot("openclaw-5-planned").await.unwrap();
    let enabled = async |operator: &mut Chat| {
        let all = json!({"enabled": "all"});
        let jobs = operator.request("cron.list", all).await.unwrap()["payload"]["jobs"].clone();
        jobs.as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == "Mail")
            .map(|it| it["enabled"] == true)
    };
    let when = "document.querySelector('[data-testid=plan-when]').textContent";
    chrome.click("plan-pause").await.unwrap();
    wait_for(&chrome, &format!("{when} === 'Paused'")).await;
    assert_eq!(enabled(&mut operator).await, Some(false));
    chrome.click("plan-pause").await.unwrap();
    wait_for(&chrome, &format!("{when} !== 'Paused'")).await;
    assert_eq!(enabled(&mut operator).await, Some(true));
    chrome.click("plan-delete").await.unwrap();
    chrome.click("confirm").await.unwrap();
    chrome.find("no-plans").await.unwrap();
    assert_eq!(enabled(&mut operator).await, None);
    close(&chrome).await;

    // What lies in its folder is looked at and saved.
    let folder = sprite.folder().join("openclaw/workspace");
    std::fs::create_dir_all(folder.join("reports")).unwrap();
    std::fs::write(folder.join("reports/march.txt"), "all is paid").unwrap();
    chrome.click("files").await.unwrap();
    let entry = |name: &str| {
        format!(
            "[...document.querySelectorAll('#folder-body .entry')]\
             .find(row => row.innerText.includes('{name}'))"
        )
    };
    for name in ["reports", "march.txt"] {
        wait_for(&chrome, &entry(name)).await;
        chrome.evaluate(&format!("{}.click()", entry(name))).await.unwrap();
    }
    wait_for(
        &chrome,
        "document.querySelector('[data-testid=look-text]')?.textContent === 'all is paid'",
    )
    .await;
    chrome.screenshot("openclaw-6-file").await.unwrap();
    chrome.click("save-file").await.unwrap();
    let saved = chrome.downloaded("march.txt").await.unwrap();
    assert_eq!(std::fs::read_to_string(saved).unwrap(), "all is paid");
    close(&chrome).await;

    // Groups are kept by the gateway: they are there after its restart.
    act(&chrome, "group").await;
    chrome.fill("#question-field", "Money").await.unwrap();
    chrome.click("confirm").await.unwrap();
    let headings = "[...document.querySelectorAll('[data-testid=conversations] h2')]\
                    .map(heading => heading.textContent)";
    wait_for(&chrome, &format!("{headings}[0] === 'Money'")).await;
    chrome.screenshot("openclaw-7-group").await.unwrap();
    let (mut operator, _) = sprite.operator().await.unwrap();
    kept(&mut operator, "the group", |row| row["category"] == "Money").await;
    sprite.gateway_process().unwrap().kill();
    wait_for_status(&chrome, &["starting", "restarting"]).await;
    wait_for_status(&chrome, &["online"]).await;
    chrome.client.refresh().await.unwrap();
    wait_for(&chrome, &format!("{headings}[0] === 'Money'")).await;
    let of_group =
        |part: &str| format!("document.querySelector('[data-testid=group-{part}]').click()");
    chrome.evaluate(&of_group("rename")).await.unwrap();
    chrome.fill("#question-field", "Finance").await.unwrap();
    chrome.click("confirm").await.unwrap();
    wait_for(&chrome, &format!("{headings}[0] === 'Finance'")).await;
    chrome.evaluate(&of_group("delete")).await.unwrap();
    chrome.click("confirm").await.unwrap();
    wait_for(&chrome, &format!("!{headings}.includes('Finance')")).await;
    let rows = "document.querySelector('[data-testid=conversations]').innerText";
    wait_for(&chrome, &format!("{rows}.includes('invoices')")).await;
}

/// What a customer does beside talking: each time the gateway itself has it afterwards.
#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn files_names_searches_forks_and_skills_are_those_of_openclaw() {
    let (world, chrome) = world_of_ada().await;
    let (mut operator, _) = world.sprite("ada").operator().await.unwrap();

    // A picture and a PDF: the model sees them, and they stay with their message.
    chrome.evaluate(&chosen("square.png", "image/png", SQUARE)).await.unwrap();
    let invoice = STANDARD.encode(include_bytes!("../../fakes/fixtures/invoice.pdf"));
    chrome.evaluate(&chosen("invoice.pdf", "application/pdf", &invoice)).await.unwrap();
    let ready = "document.querySelectorAll('[data-testid=attachment][data-state=ready]')";
    wait_for(&chrome, &format!("{ready}.length === 2")).await;
    say(&chrome, "SEE what I sent").await;
    wait_for_answer(&chrome, "The invoice is for 42 apples").await;
    wait_for_answer(&chrome, "a picture of 137 bytes").await;
    chrome.client.refresh().await.unwrap();
    let file = |part: &str| {
        format!("document.querySelector('[data-testid=message-user] [data-testid=file] {part}')")
    };
    wait_for(&chrome, &format!("{}?.naturalWidth === 64", file("img"))).await;
    wait_for(&chrome, &format!("{}?.textContent === 'invoice.pdf'", file(".file-name"))).await;
    chrome.screenshot("openclaw-8-files").await.unwrap();
    let save = format!("{}.click()", file(".file-name ~ button"));
    chrome.evaluate(&save).await.unwrap();
    let saved = chrome.downloaded("invoice.pdf").await.unwrap();
    assert_eq!(STANDARD.encode(std::fs::read(saved).unwrap()), invoice);

    act(&chrome, "rename").await;
    chrome.fill("#question-field", "Bills").await.unwrap();
    chrome.click("confirm").await.unwrap();
    kept(&mut operator, "the name", |row| row["label"] == "Bills").await;

    // Another conversation, found by its words, goes on elsewhere from its second message.
    chrome.click("new-conversation").await.unwrap();
    say(&chrome, "FAST about pears").await;
    wait_for_answer(&chrome, "about pears").await;
    say(&chrome, "FAST and plums").await;
    wait_for_answer(&chrome, "and plums").await;
    chrome.fill("#search", "pears").await.unwrap();
    let found = "document.getElementById('results').innerText";
    wait_for(&chrome, &format!("{found}.includes('about pears')")).await;
    assert_eq!(chrome.evaluate(&format!("{found}.includes('Bills')")).await.unwrap(), false);
    chrome.fill("#search", "").await.unwrap();
    chrome
        .evaluate("document.getElementById('search').dispatchEvent(new InputEvent('input'))")
        .await
        .unwrap();
    let before = chrome.evaluate("location.hash").await.unwrap();
    let fork = "[...document.querySelectorAll('[data-testid=fork]')].at(-1)";
    wait_for(&chrome, &format!("{fork} && !{fork}.hidden")).await;
    chrome.evaluate(&format!("{fork}.click()")).await.unwrap();
    wait_for(&chrome, &format!("location.hash !== {before}")).await;
    wait_for(&chrome, "document.getElementById('composer').value === 'FAST and plums'").await;
    let thread = "document.getElementById('thread').innerText";
    wait_for(&chrome, &format!("{thread}.includes('about pears')")).await;
    assert_eq!(chrome.evaluate(&format!("{thread}.includes('plums')")).await.unwrap(), false);
    chrome.screenshot("openclaw-9-fork").await.unwrap();

    // The one that it came from is deleted, everywhere.
    chrome.evaluate(&format!("location.hash = {before}")).await.unwrap();
    wait_for(&chrome, &format!("{thread}.includes('plums')")).await;
    let key = before.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let is_it = |row: &Value| row["key"].as_str().is_some_and(|it| it.ends_with(&key));
    kept(&mut operator, "the conversation", is_it).await;
    act(&chrome, "remove").await;
    chrome.click("confirm").await.unwrap();
    wait_until_within(RESTART, "the gateway has deleted it", async || {
        let rows = listed(&mut operator).await?;
        ensure(!rows.iter().any(is_it), anyhow!("{rows:?}"))
    })
    .await
    .unwrap();

    // A skill is off for the gateway as soon as it is off on the page.
    chrome.click("skills").await.unwrap();
    for on in [false, true] {
        let switch = "document.querySelector('[data-testid=switch-weather]')";
        wait_for(&chrome, &format!("{switch} && !{switch}.disabled && {switch}.checked !== {on}"))
            .await;
        chrome.evaluate(&format!("{switch}.click()")).await.unwrap();
        wait_until_within(RESTART, "the gateway has the skill so", async || {
            let status = operator.request("skills.status", json!({})).await?;
            let skills = status["payload"]["skills"].as_array().cloned().unwrap_or_default();
            let weather = skills.iter().find(|skill| skill["skillKey"] == "weather");
            let is_off = weather.map(|skill| skill["disabled"] == true);
            ensure(is_off == Some(!on), anyhow!("{weather:?}"))
        })
        .await
        .unwrap();
    }
    // One that OpenClaw calls ready without a key is ready once the gateway keeps one.
    let notion = "document.querySelector('[data-testid=connect-notion]')?.closest('li')";
    wait_for(&chrome, &format!("{notion}?.dataset.usable === 'false'")).await;
    chrome.fill("[data-testid=key-notion]", "ntn_secret-for-tests").await.unwrap();
    chrome.click("connect-notion").await.unwrap();
    wait_for(&chrome, &format!("{notion}?.dataset.usable === 'true'")).await;
    chrome.screenshot("openclaw-10-skills").await.unwrap();
}

/// Chooses a file, as a person does in the browser's own dialog.
fn chosen(name: &str, kind: &str, base64: &str) -> String {
    format!(
        "(() => {{ const bytes = Uint8Array.from(atob('{base64}'), it => it.charCodeAt(0)); \
         const files = new DataTransfer(); \
         files.items.add(new File([bytes], '{name}', {{type: '{kind}'}})); \
         const picker = document.getElementById('picker'); picker.files = files.files; \
         picker.dispatchEvent(new Event('change')); }})()"
    )
}

/// The conversations, as the gateway lists them.
async fn listed(operator: &mut Chat) -> anyhow::Result<Vec<Value>> {
    let listed = operator.request("sessions.list", json!({})).await?;
    Ok(listed["payload"]["sessions"].as_array().cloned().unwrap_or_default())
}

/// The page shows a change before it is answered; waits until the gateway has it.
async fn kept(operator: &mut Chat, what: &str, is_so: impl Fn(&Value) -> bool) {
    wait_until_within(RESTART, &format!("the gateway keeps {what}"), async || {
        let rows = listed(operator).await?;
        ensure(rows.iter().any(&is_so), anyhow!("{rows:?}"))
    })
    .await
    .unwrap();
}

/// Presses a button of the open conversation's row.
async fn act(chrome: &Chrome, part: &str) {
    let button = format!(
        "document.querySelector('[data-testid=conversations] .current [data-part={part}]')"
    );
    wait_for(chrome, &button).await;
    chrome.evaluate(&format!("{button}.click()")).await.unwrap();
}

async fn close(chrome: &Chrome) {
    chrome.evaluate("document.querySelector('dialog[open]').close()").await.unwrap();
    wait_for(chrome, "!document.querySelector('dialog[open]')").await;
}
