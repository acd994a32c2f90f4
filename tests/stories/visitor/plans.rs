//! A customer plans something, in the page and by asking for it, and is reminded.

use std::time::Duration;

use anyhow::anyhow;
use e2e::chat::text_of;
use e2e::openclaw::OpenClaw;
use e2e::sprite::Gateway;
use e2e::wait::ensure;
use e2e::{Chat, Chrome, Pace, Plan, Screen, Vendors, World, binaries, wait_until_within};
use reqwest::Method;
use serde_json::{Value, json};
use shared::process::time::unix_millis;

/// The real gateway needs a minute to start, and a loaded machine its time.
const PATIENCE: Duration = Duration::from_secs(240);

const PASSWORD: &str = "a meadow full of quiet horses";

/// A promise: so long after its time a reminder is there.
const LATE_MAX_MS: u64 = 60_000;

#[tokio::test]
async fn a_customer_plans_in_the_page_and_by_asking_and_is_reminded() {
    plans_are_made_kept_and_carried_out(Gateway::Fake, 20).await;
}

#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn a_customer_of_openclaw_plans_in_the_page_and_by_asking_and_is_reminded() {
    let cache = binaries::target_folder().unwrap().join("openclaw");
    let openclaw = OpenClaw::install(&cache).unwrap();
    plans_are_made_kept_and_carried_out(Gateway::Real(openclaw), 60).await;
}

/// In how many seconds the machine is to be needed: control asks what is planned every two
/// minutes, a machine falls asleep after half a minute, and is woken two minutes before.
const ASLEEP_FIRST: u64 = 480;

#[tokio::test]
#[ignore = "slow: make test-openclaw runs it"]
async fn control_wakes_the_sleeping_machine_of_openclaw_for_what_is_planned() {
    let cache = binaries::target_folder().unwrap().join("openclaw");
    let gateway = Gateway::Real(OpenClaw::install(&cache).unwrap());
    let vendors = Vendors { available: 1, pace: Pace::Lifelike };
    let plan = Plan { gateway, ..Plan::with_tenants(&[]).with_vendors(vendors) };
    let world = World::start(plan).await.unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.goto(world.site_url()).await.unwrap();
    chrome.fill("input[name=email]", "liv@example.test").await.unwrap();
    chrome.fill("input[name=username]", "liv").await.unwrap();
    chrome.click("pay").await.unwrap();
    chrome.click_css("#pay").await.unwrap();
    chrome.fill("input[name=password]", PASSWORD).await.unwrap();
    chrome.click("set-password").await.unwrap();
    let online = "document.querySelector('[data-testid=status]')?.dataset.state === 'online'";
    wait_for(&chrome, online).await;

    let asked = unix_millis();
    chrome.fill("[data-testid=composer]", &format!("REMIND {ASLEEP_FIRST}")).await.unwrap();
    chrome.click("send").await.unwrap();
    let answer = "document.querySelector('[data-testid=message-assistant]')";
    wait_for(&chrome, &format!("{answer}?.dataset.state === 'done'")).await;
    let answered = unix_millis();
    chrome.goto(world.site_url()).await.unwrap();
    let (earliest, latest) =
        (asked + ASLEEP_FIRST * 1_000, answered + ASLEEP_FIRST * 1_000 + LATE_MAX_MS);

    // Nobody of this story touches the machine from here on.
    let machine = world.edges[0].route("liv").await.unwrap().unwrap()["sprite"].clone();
    let is = async |wanted: &str| {
        let listed = world.fakes().sprites.tell(Method::GET, "/_fake/sprites", None).await?;
        let all = listed["sprites"].as_array().into_iter().flatten();
        let row = all.clone().find(|row| row["name"] == machine);
        let status = row.map(|row| row["status"].clone()).unwrap_or_default();
        ensure(status == wanted, anyhow!("{machine} is {status}"))
    };
    let patience = Duration::from_secs(ASLEEP_FIRST);
    wait_until_within(patience, "the machine sleeps", async || is("warm").await).await.unwrap();
    let slept = unix_millis();
    wait_until_within(patience, "control wakes it", async || is("running").await).await.unwrap();
    let woken = unix_millis();
    eprintln!(
        "slept for {} s, awake {} s before",
        (woken - slept) / 1_000,
        earliest.saturating_sub(woken) / 1_000
    );
    assert!(woken < earliest, "it is awake only at {woken}, and due at {earliest}");

    until(earliest).await;
    let visitor = world.visitor();
    visitor.sign_in(&world.workspace_url("liv"), "liv", PASSWORD).await.unwrap();
    world.watch_cookies(&visitor);
    let at = wait_until_within(PATIENCE, "it has reminded", async || {
        let mut chat = world.chat(&visitor, "liv").await?.map_err(|it| anyhow!("{it:?}"))?;
        chat.hello().await?;
        said_at(&mut chat, "it is time").await
    })
    .await
    .unwrap();
    assert!((earliest..latest).contains(&at), "it came at {at}, not in {earliest}..{latest}");
}

/// `after`: in how many seconds the assistant is to remind of something.
async fn plans_are_made_kept_and_carried_out(gateway: Gateway, after: u64) {
    let is_real = matches!(gateway, Gateway::Real(_));
    let plan = Plan { gateway, ..Plan::with_tenants(&["ada"]) };
    let world = World::start(plan).await.unwrap();
    let sprite = world.sprite("ada");
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.sign_in(&world, "ada").await.unwrap();
    let (mut operator, _) = sprite.operator().await.unwrap();

    // In the page, in a conversation that nobody has written in yet.
    chrome.click("schedules").await.unwrap();
    chrome.find("no-plans").await.unwrap();
    chrome.click("new-plan").await.unwrap();
    chrome.fill("[data-testid=plan-text]", "FAST drink water").await.unwrap();
    chrome.screenshot(if is_real { "openclaw-11-plan" } else { "desktop-18-plan" }).await.unwrap();
    chrome.evaluate(&choose("weekly", "Date.now()")).await.unwrap();
    chrome.click("plan-add").await.unwrap();
    let plan = "document.querySelector('[data-testid=plan]')";
    wait_for(&chrome, &format!("{plan}?.innerText.includes('FAST drink water')")).await;
    wait_for(&chrome, &format!("{plan}.innerText.includes('Every ')")).await;
    let weekly = jobs(&mut operator).await.remove(0);
    assert_eq!(weekly["sessionTarget"], "current", "{weekly}");
    let when = "document.querySelector('[data-testid=plan-when]').textContent";
    chrome.click("plan-pause").await.unwrap();
    wait_for(&chrome, &format!("{when} === 'Paused'")).await;
    chrome.click("plan-delete").await.unwrap();
    chrome.click("confirm").await.unwrap();
    chrome.find("no-plans").await.unwrap();
    assert!(jobs(&mut operator).await.is_empty());

    // Once: the field knows minutes only, and the story has no time for more than the next one.
    if is_real {
        chrome.click("new-plan").await.unwrap();
        chrome.fill("[data-testid=plan-text]", "FAST drink water").await.unwrap();
        chrome.evaluate(&choose("once", "Date.now() + 90_000")).await.unwrap();
        chrome.click("plan-add").await.unwrap();
        wait_for(&chrome, &format!("{plan}?.innerText.includes('FAST drink water')")).await;
    }
    chrome.evaluate("document.querySelector('dialog[open]').close()").await.unwrap();

    // By asking for it.
    let before = jobs(&mut operator).await.len();
    chrome.fill("[data-testid=composer]", &format!("REMIND {after}")).await.unwrap();
    chrome.click("send").await.unwrap();
    let all = wait_until_within(PATIENCE, "the assistant has planned it", async || {
        let jobs = jobs(&mut operator).await;
        ensure(jobs.len() > before, anyhow!("{jobs:?}"))?;
        anyhow::Ok(jobs)
    })
    .await
    .unwrap();
    let due = |name: &str| {
        let job = all.iter().find(|job| job["name"] == name);
        job.and_then(|job| job["nextRunAtMs"].as_u64())
    };
    let (asked, planned) = (due("reminder").unwrap(), due("FAST drink water"));
    drop(operator);

    // The machine sleeps, and is woken in time for what comes first; here no control knows of it.
    let first = planned.map_or(asked, |planned| planned.min(asked));
    if unix_millis() + 10_000 < first {
        let gateway = sprite.gateway_process().unwrap();
        sprite.agent.freeze();
        gateway.freeze();
        until(first - 5_000).await;
        gateway.thaw();
        sprite.agent.thaw();
    }
    reminded(&world, "it is time", asked).await;
    if let Some(planned) = planned {
        reminded(&world, "drink water", planned).await;
    }
    // Nobody has touched the page.
    let thread = "document.getElementById('thread').innerText";
    wait_for(&chrome, &format!("{thread}.includes('it is time')")).await;
    chrome
        .screenshot(if is_real { "openclaw-12-reminded" } else { "desktop-19-reminded" })
        .await
        .unwrap();
    let (mut operator, _) = sprite.operator().await.unwrap();
    wait_until_within(PATIENCE, "what was planned once is forgotten", async || {
        let jobs = jobs(&mut operator).await;
        ensure(jobs.is_empty(), anyhow!("{jobs:?}"))
    })
    .await
    .unwrap();
}

/// Fills in when; `at` is a time of the browser's.
fn choose(often: &str, at: &str) -> String {
    format!(
        "(() => {{ const at = new Date({at}); const two = it => String(it).padStart(2, '0'); \
         const set = (name, value) => {{ const field = document.getElementById(`plan-${{name}}`); \
         field.value = value; field.dispatchEvent(new Event('change')); }}; \
         set('often', '{often}'); \
         set('date', `${{at.getFullYear()}}-${{two(at.getMonth() + 1)}}-${{two(at.getDate())}}`); \
         set('time', `${{two(at.getHours())}}:${{two(at.getMinutes())}}`); }})()"
    )
}

/// What customers have planned, and not what the gateway declares for itself.
async fn jobs(operator: &mut Chat) -> Vec<Value> {
    let all = json!({"includeDisabled": true});
    let answer = operator.request("cron.list", all).await.unwrap();
    let jobs = answer["payload"]["jobs"].as_array().cloned().unwrap_or_default();
    jobs.into_iter().filter(|job| job["declarationKey"].is_null()).collect()
}

/// Waits until a conversation has the words, which were due at `due`.
async fn reminded(world: &World, words: &str, due: u64) {
    let at = wait_until_within(PATIENCE, &format!("somebody says {words:?}"), async || {
        let (mut operator, _) = world.sprite("ada").operator().await?;
        said_at(&mut operator, words).await
    })
    .await
    .unwrap();
    eprintln!("{words:?} came {} ms after its time", at.saturating_sub(due));
    assert!(at >= due && at < due + LATE_MAX_MS, "{words:?} was due at {due} and came at {at}");
}

/// When the assistant said it in a conversation.
async fn said_at(chat: &mut Chat, words: &str) -> anyhow::Result<u64> {
    let listed = chat.request("sessions.list", json!({})).await?;
    let mut seen = Vec::new();
    for session in listed["payload"]["sessions"].as_array().into_iter().flatten() {
        if session["key"].as_str().is_some_and(|key| key.contains(":cron:")) {
            continue;
        }
        let asked = json!({"sessionKey": session["key"]});
        let history = chat.request("chat.history", asked).await?;
        let messages = history["payload"]["messages"].as_array().cloned().unwrap_or_default();
        // What the assistant called its tool with has the words, too.
        let said = messages
            .iter()
            .find(|message| message["role"] == "assistant" && text_of(message).contains(words));
        if let Some(at) = said.and_then(|message| message["timestamp"].as_u64()) {
            return Ok(at);
        }
        seen.push(messages);
    }
    Err(anyhow!("{seen:?}"))
}

async fn until(moment: u64) {
    wait_until_within(PATIENCE, "its time comes near", async || {
        ensure(unix_millis() >= moment, anyhow!("{} ms", moment.saturating_sub(unix_millis())))
    })
    .await
    .unwrap();
}

async fn wait_for(chrome: &Chrome, expression: &str) {
    wait_until_within(PATIENCE, &format!("{expression} on the page"), async || {
        let is_so = chrome.evaluate(&format!("Boolean({expression})")).await?;
        let text = chrome.evaluate("document.body.innerText").await?;
        ensure(is_so == true, anyhow!("{text}"))
    })
    .await
    .unwrap();
}
