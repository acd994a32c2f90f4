//! A person with a real browser. Screenshots go to `target/screenshots`.

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Chrome, Plan, Screen, SharedWorld, WorldGuard, wait_until};

static WORLD: SharedWorld = SharedWorld::new();

/// A workspace for each story, so that they do not meet in one conversation list.
async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&["ada", "grace", "edith", "joan", "karen", "mary"])).await
}

/// Opens the workspace, meets the sign-in form, fills it in, waits for the chat.
async fn sign_in(chrome: &Chrome, world: &WorldGuard, username: &str) {
    chrome.goto(&world.workspace_url(username)).await.unwrap();
    chrome.fill("input[name=username]", username).await.unwrap();
    let password = &world.customer(username).password;
    chrome.fill("input[name=password]", password).await.unwrap();
    chrome.click_css("button[type=submit]").await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();
    chrome.watch_cookies(world).await.unwrap();
}

async fn say(chrome: &Chrome, message: &str) {
    chrome.fill("[data-testid=composer]", message).await.unwrap();
    chrome.click("send").await.unwrap();
}

/// Waits until the last answer holds `text`.
async fn wait_for_answer(chrome: &Chrome, text: &str) {
    wait_until(&format!("an answer says {text:?}"), async || {
        let answers = chrome.texts("message-assistant").await?;
        let last = answers.last().cloned().unwrap_or_default();
        ensure(last.contains(text), anyhow!("{last:?}"))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_person_signs_in_chats_reloads_and_signs_out() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();
    chrome.screenshot("desktop-1-sign-in").await.unwrap();
    sign_in(&chrome, &world, "ada").await;
    chrome.screenshot("desktop-2-empty").await.unwrap();

    say(&chrome, "please show some markdown").await;
    chrome.wait_for_state("message-assistant", "streaming").await.unwrap();
    chrome.screenshot("desktop-3-streaming").await.unwrap();
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    wait_for_answer(&chrome, "hello from the assistant").await;
    chrome.screenshot("desktop-4-answer").await.unwrap();

    chrome.client.refresh().await.unwrap();
    wait_for_answer(&chrome, "hello from the assistant").await;
    let questions = chrome.texts("message-user").await.unwrap();
    assert!(questions.iter().any(|text| text.contains("some markdown")), "{questions:?}");

    chrome.click("new-conversation").await.unwrap();
    say(&chrome, "a second subject").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    wait_for_answer(&chrome, "a second subject").await;
    wait_until("two conversations are listed", async || {
        let rows = chrome
            .evaluate("document.querySelectorAll('[data-testid=conversations] [data-key]').length")
            .await?;
        ensure(rows == 2, anyhow!("{rows}"))
    })
    .await
    .unwrap();
    chrome.click("skills").await.unwrap();
    chrome.find("skills-panel").await.unwrap();
    chrome.screenshot("desktop-5-skills").await.unwrap();
    chrome.evaluate("document.querySelector('[data-testid=skills-panel]').close()").await.unwrap();

    chrome.click("settings").await.unwrap();
    chrome.find("sign-out").await.unwrap();
    chrome.screenshot("desktop-6-settings").await.unwrap();
    let complaints = chrome.console().await.unwrap();
    assert!(
        !complaints.iter().any(|text| text.contains("Content Security Policy")),
        "the page breaks its own policy: {complaints:?}"
    );
    chrome.click("sign-out").await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();
    let url = chrome.client.current_url().await.unwrap();
    assert!(url.as_str().starts_with(&format!("{}/login", world.site_url())), "{url}");
    chrome.screenshot("desktop-7-signed-out").await.unwrap();
    chrome.goto(&world.workspace_url("ada")).await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();
}

#[tokio::test]
async fn the_page_fits_a_phone() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Phone).await.unwrap();
    chrome.goto(&world.workspace_url("grace")).await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();
    chrome.screenshot("phone-1-sign-in").await.unwrap();
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(chrome.evaluate(fits).await.unwrap(), true, "the sign-in page scrolls sideways");
    sign_in(&chrome, &world, "grace").await;
    chrome.screenshot("phone-2-empty").await.unwrap();
    say(&chrome, "please show some markdown").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    wait_for_answer(&chrome, "hello from the assistant").await;
    assert_eq!(chrome.evaluate(fits).await.unwrap(), true, "the chat scrolls sideways");
    chrome.screenshot("phone-3-answer").await.unwrap();
    chrome.click("menu").await.unwrap();
    chrome.find("new-conversation").await.unwrap();
    wait_until("the menu has slid in", async || {
        let left = "document.getElementById('sidebar').getBoundingClientRect().left";
        let left = chrome.evaluate(left).await?;
        ensure(left.as_f64() == Some(0.0), anyhow!("{left}"))
    })
    .await
    .unwrap();
    chrome.screenshot("phone-4-menu").await.unwrap();
    chrome.click("settings").await.unwrap();
    chrome.find("sign-out").await.unwrap();
    chrome.screenshot("phone-5-settings").await.unwrap();
}

#[tokio::test]
async fn an_answer_can_be_stopped() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world, "edith").await;
    say(&chrome, "ENDLESS please").await;
    wait_for_answer(&chrome, "tick3").await;
    chrome.click("stop").await.unwrap();
    chrome.wait_for_state("message-assistant", "aborted").await.unwrap();
    chrome.screenshot("desktop-8-stopped").await.unwrap();
    say(&chrome, "and now something else").await;
    wait_for_answer(&chrome, "and now something else").await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_comes_back_with_the_conversation() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world, "joan").await;
    say(&chrome, "remember the apples").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    say(&chrome, "ENDLESS please").await;
    wait_for_answer(&chrome, "tick3").await;
    world.sprite("joan").gateway_process().unwrap().kill();
    wait_until("the page says that the assistant is away", async || {
        let state = chrome.evaluate("document.getElementById('status').dataset.state").await?;
        let is_away = ["starting", "restarting"].contains(&state.as_str().unwrap_or_default());
        ensure(is_away, anyhow!("{state}"))
    })
    .await
    .unwrap();
    chrome.screenshot("desktop-9-restarting").await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();
    wait_until("the history is there again", async || {
        let questions = chrome.texts("message-user").await?.join(" ");
        let has_both = questions.contains("apples") && questions.contains("ENDLESS");
        ensure(has_both, anyhow!("{questions}"))
    })
    .await
    .unwrap();
    say(&chrome, "are you back?").await;
    wait_for_answer(&chrome, "are you back?").await;
    chrome.screenshot("desktop-10-recovered").await.unwrap();
}

#[tokio::test]
async fn a_tab_that_was_signed_out_elsewhere_says_so_and_stays_quiet() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world, "karen").await;
    let first = chrome.client.window().await.unwrap();
    let second = chrome.client.new_window(true).await.unwrap().handle;
    chrome.client.switch_to_window(second).await.unwrap();
    chrome.goto(&world.workspace_url("karen")).await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();

    chrome.client.switch_to_window(first.clone()).await.unwrap();
    let count = "(() => { const Real = WebSocket; window.opened = 0; \
                 window.WebSocket = class extends Real { constructor(...all) { super(...all); \
                 window.opened += 1; } }; })()";
    chrome.evaluate(count).await.unwrap();
    chrome.fill("[data-testid=composer]", "a letter to my doctor").await.unwrap();
    let second = chrome.client.windows().await.unwrap().into_iter().find(|tab| *tab != first);
    chrome.client.switch_to_window(second.unwrap()).await.unwrap();
    chrome.click("settings").await.unwrap();
    chrome.click("sign-out").await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();

    chrome.client.switch_to_window(first).await.unwrap();
    chrome.find("signed-out-link").await.unwrap();
    // Signing out has cleared what the browser kept.
    let says_kept = "document.getElementById('shut').innerText.includes('kept in this browser')";
    chrome.wait_for(&format!("!{says_kept}")).await.unwrap();
    chrome.screenshot("desktop-11-signed-out-elsewhere").await.unwrap();
    let opened = chrome.evaluate("window.opened").await.unwrap();
    // What makes a page that merely lost the network try again at once.
    let nudge = "['online', 'focus', 'pageshow'].map(name => window.dispatchEvent(new Event(name)))\
                 && document.dispatchEvent(new Event('visibilitychange'))";
    chrome.evaluate(nudge).await.unwrap();
    assert_eq!(chrome.evaluate("window.opened").await.unwrap(), opened);
    chrome.click("signed-out-link").await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();
}

#[tokio::test]
async fn who_signs_out_on_the_site_leaves_no_draft_in_the_browser() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world, "karen").await;
    let draft = "document.querySelector('[data-testid=composer]').value";
    let written = "a letter to my doctor";
    chrome.fill("[data-testid=composer]", written).await.unwrap();
    chrome.goto(&world.workspace_url("karen")).await.unwrap();
    chrome.wait_for_state("status", "online").await.unwrap();
    assert_eq!(chrome.evaluate(draft).await.unwrap(), written, "it is kept until then");

    chrome.goto(&format!("{}/logout", world.site_url())).await.unwrap();
    chrome.click_css("main button[type=submit]").await.unwrap();
    chrome.find_css("input[name=password]").await.unwrap();
    assert!(chrome.client.current_url().await.unwrap().as_str().ends_with("/login?signed_out=1"));
    sign_in(&chrome, &world, "karen").await;
    assert_eq!(chrome.evaluate(draft).await.unwrap(), "");
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    sign_in(&chrome, &world, "mary").await;
    say(&chrome, "XSS <img src=x onerror=\"window.__hacked='question'\">").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    chrome.screenshot("desktop-12-hostile").await.unwrap();
    let links = "document.querySelectorAll('[data-testid=thread] a').forEach(a => a.click())";
    chrome.evaluate(links).await.unwrap();
    let harmful = "[...document.querySelectorAll('[data-testid=thread] *')].filter(e => \
                   ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED'].includes(e.tagName) || \
                   [...e.attributes].some(a => a.name.startsWith('on') || \
                   /^\\s*(javascript|data):/i.test(a.value))).map(e => e.outerHTML)";
    assert_eq!(chrome.evaluate(harmful).await.unwrap(), serde_json::json!([]));
    assert!(chrome.evaluate("window.__hacked ?? null").await.unwrap().is_null());
    // Reading it from the history is no different.
    chrome.client.refresh().await.unwrap();
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    assert_eq!(chrome.evaluate(harmful).await.unwrap(), serde_json::json!([]));
    assert!(chrome.evaluate("window.__hacked ?? null").await.unwrap().is_null());
}
