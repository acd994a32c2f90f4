//! What the page shows beside conversations: what is planned, and the assistant's files.

use std::fs;

use e2e::{Chrome, Plan, Screen, SharedWorld, WorldGuard};
use serde_json::{Value, json};

static WORLD: SharedWorld = SharedWorld::new();

/// A workspace for each story.
async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&["ada", "grace", "alan"])).await
}

async fn signed_in(world: &WorldGuard, username: &str) -> Chrome {
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.sign_in(world, username).await.unwrap();
    chrome
}

/// The open panel on a phone, dark.
async fn shoot_on_a_phone(chrome: &Chrome, name: &str) {
    chrome.resize(390, 844).await.unwrap();
    chrome.prefer_dark(true).await.unwrap();
    wait_for(chrome, "document.documentElement.scrollWidth <= innerWidth").await;
    wait_for(chrome, "(dialog => dialog.scrollWidth <= dialog.clientWidth)(document.querySelector('dialog[open]'))").await;
    chrome.screenshot(name).await.unwrap();
    chrome.resize(1280, 800).await.unwrap();
    chrome.prefer_dark(false).await.unwrap();
}

/// Waits until `expression` is true on the page.
async fn wait_for(chrome: &Chrome, expression: &str) {
    chrome.wait_for(expression).await.unwrap();
}

#[tokio::test]
async fn what_is_planned_is_seen_paused_resumed_and_deleted_after_a_question() {
    let world = world().await;
    let chrome = signed_in(&world, "ada").await;
    chrome.click("schedules").await.unwrap();
    chrome.find("no-plans").await.unwrap();

    // The assistant plans something while the panel is open.
    let (mut operator, _) = world.sprite("ada").operator().await.unwrap();
    let every = |name: &str, minutes: u64| {
        json!({"name": name, "schedule": {"kind": "every", "everyMs": minutes * 60_000},
            "sessionTarget": "isolated", "wakeMode": "now",
            "payload": {"kind": "agentTurn", "message": "<b>Sum up</b> my mail"}})
    };
    let late = operator.request("cron.add", every("Late", 600)).await.unwrap();
    operator.request("cron.add", every("Mail", 30)).await.unwrap();
    let names = "[...document.querySelectorAll('[data-testid=plan] .name')].map(name => name.textContent).join()";
    wait_for(&chrome, &format!("{names} === 'Mail,Late'")).await;
    let first = "document.querySelector('[data-testid=plan]')";
    wait_for(&chrome, &format!("{first}.innerText.includes('Every 30 minutes')")).await;
    // What it is to do is text, whatever is in it.
    wait_for(&chrome, &format!("{first}.innerText.includes('<b>Sum up</b>')")).await;
    chrome.screenshot("desktop-15-planned").await.unwrap();
    shoot_on_a_phone(&chrome, "phone-6-planned").await;

    chrome.click("plan-pause").await.unwrap();
    // What is paused comes last.
    wait_for(&chrome, &format!("{names} === 'Late,Mail'")).await;
    let paused = "document.querySelectorAll('[data-testid=plan-when]')[1].textContent";
    wait_for(&chrome, &format!("{paused} === 'Paused'")).await;
    wait_for(
        &chrome,
        "document.getElementById('schedules-panel').contains(document.activeElement)",
    )
    .await;
    let jobs = operator.request("cron.list", json!({})).await.unwrap();
    assert_eq!(jobs["payload"]["jobs"].as_array().map(Vec::len), Some(1), "{jobs}");
    chrome.click_css("[data-testid=plan]:nth-child(2) [data-testid=plan-pause]").await.unwrap();
    wait_for(&chrome, &format!("{names} === 'Mail,Late'")).await;

    chrome.click("plan-delete").await.unwrap();
    chrome.click_css("dialog.question button[type=button]").await.unwrap();
    wait_for(&chrome, "document.querySelector('dialog.question') === null").await;
    wait_for(&chrome, &format!("{names} === 'Mail,Late'")).await;
    chrome.click("plan-delete").await.unwrap();
    chrome.click("confirm").await.unwrap();
    wait_for(&chrome, &format!("{names} === 'Late'")).await;

    // Somebody else deletes the last one: a change of it is refused, and the reason is said.
    let id = late["payload"]["id"].clone();
    let gone = "document.querySelector('[data-testid=plan-pause]')";
    chrome.evaluate(&format!("window.button = {gone}")).await.unwrap();
    let removed = operator.request("cron.remove", json!({"id": id})).await.unwrap();
    assert_eq!(removed["payload"]["removed"], Value::Bool(true), "{removed}");
    chrome.find("no-plans").await.unwrap();
    chrome.evaluate("window.button.click()").await.unwrap();
    wait_for(
        &chrome,
        "document.querySelector('#schedules-body [role=alert]')?.textContent.includes('unknown cron job')",
    )
    .await;
}

#[tokio::test]
async fn files_of_the_assistant_are_found_looked_at_and_saved_and_never_run() {
    let world = world().await;
    let folder = world.sprite("grace").folder().join("openclaw/workspace");
    fs::create_dir_all(folder.join("pictures")).unwrap();
    fs::write(folder.join("page.html"), "<script>window.__hacked = 1</script>").unwrap();
    fs::write(folder.join("data.bin"), [0, 159, 146, 150]).unwrap();
    let picture = include_bytes!("../../../sprite-agent/ui/icons/192.png");
    fs::write(folder.join("pictures/mark.png"), picture).unwrap();

    let chrome = signed_in(&world, "grace").await;
    chrome.click("files").await.unwrap();
    chrome.find("entries").await.unwrap();
    chrome.screenshot("desktop-16-files").await.unwrap();
    shoot_on_a_phone(&chrome, "phone-7-files").await;
    chrome.click("folder").await.unwrap();
    let place = "document.querySelector('#folder-body [aria-current]').textContent";
    wait_for(&chrome, &format!("{place} === 'pictures'")).await;
    chrome.click("entry").await.unwrap();
    wait_for(&chrome, "document.querySelector('img.look')?.naturalWidth === 192").await;
    wait_for(&chrome, "document.activeElement?.textContent === 'mark.png'").await;
    chrome.screenshot("desktop-17-picture").await.unwrap();
    shoot_on_a_phone(&chrome, "phone-8-picture").await;
    chrome.click("save-file").await.unwrap();
    let saved = chrome.downloaded("mark.png").await.unwrap();
    assert_eq!(fs::read(saved).unwrap(), picture);

    chrome.click_css("#folder-body .way button").await.unwrap();
    let entry = |name: &str| {
        format!(
            "[...document.querySelectorAll('#folder-body .entry')].find(row => row.innerText.includes('{name}'))"
        )
    };
    wait_for(&chrome, &format!("Boolean({})", entry("page.html"))).await;
    chrome.evaluate(&format!("{}.click()", entry("page.html"))).await.unwrap();
    let text = chrome.find("look-text").await.unwrap().text().await.unwrap();
    assert_eq!(text, "<script>window.__hacked = 1</script>");
    // Asked for by its address it is bytes to be saved, not a page.
    chrome.goto(&format!("{}/files/page.html", world.workspace_url("grace"))).await.ok();
    let saved = chrome.downloaded("page.html").await.unwrap();
    assert_eq!(fs::read(saved).unwrap(), fs::read(folder.join("page.html")).unwrap());
    assert!(chrome.evaluate("window.__hacked ?? null").await.unwrap().is_null());
    let url = chrome.client.current_url().await.unwrap();
    assert!(!url.path().starts_with("/files"), "{url}");

    chrome
        .evaluate(&format!("{}.click()", "document.querySelector('#folder-body .way button')"))
        .await
        .unwrap();
    wait_for(&chrome, &format!("Boolean({})", entry("data.bin"))).await;
    chrome.evaluate(&format!("{}.click()", entry("data.bin"))).await.unwrap();
    chrome.find("look-nothing").await.unwrap();
    fs::remove_file(folder.join("data.bin")).unwrap();
    chrome.click("save-file").await.unwrap();
    wait_for(&chrome, "document.querySelector('#folder-body [role=alert]')?.textContent.includes('does not have this file')").await;
}

#[tokio::test]
async fn a_skill_that_needs_a_key_is_ready_once_it_has_one_and_its_form_fits_a_phone() {
    let world = world().await;
    let chrome = Chrome::start_in(Screen::Desktop, "de").await.unwrap();
    chrome.sign_in(&world, "alan").await.unwrap();
    chrome.click("skills").await.unwrap();
    let row = "document.querySelector('[data-testid=connect-notion]')?.closest('li')";
    wait_for(&chrome, &format!("{row}?.dataset.usable === 'false'")).await;
    wait_for(&chrome, &format!("{row}.innerText.includes('NOTION_API_TOKEN')")).await;
    chrome.find("telegram-token").await.unwrap();

    chrome.resize(390, 844).await.unwrap();
    let ends = "[...document.querySelectorAll('#skills-panel li, #skills-panel form')].map(row => row.getBoundingClientRect().right)";
    wait_for(&chrome, &format!("Math.max(...{ends}) <= 366.5")).await;
    let whole = "[...document.querySelectorAll('#skills-panel .key input')].every(field => { \
         const style = getComputedStyle(field); \
         const pen = document.createElement('canvas').getContext('2d'); \
         pen.font = style.font; \
         const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight); \
         return pen.measureText(field.placeholder).width <= room; })";
    wait_for(&chrome, whole).await;
    shoot_on_a_phone(&chrome, "phone-9-skills").await;

    chrome.fill("[data-testid=key-notion]", "ntn_secret-for-tests").await.unwrap();
    chrome.click("connect-notion").await.unwrap();
    wait_for(&chrome, &format!("{row}?.dataset.usable === 'true'")).await;
    wait_for(&chrome, "!document.documentElement.outerHTML.includes('ntn_secret')").await;
}
