//! The journey in Firefox: signs up, pays, talks, keeps conversations in order, attaches a file
//! and comes back. Runs by `make test-firefox`.

use e2e::{Firefox, Pace, Plan, Vendors, World};

const PASSWORD: &str = "a meadow full of quiet horses";

#[tokio::test]
#[ignore = "make test-firefox runs it, with firefox-esr and geckodriver"]
async fn a_person_signs_up_and_works_with_their_assistant_in_firefox() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&[]).with_vendors(vendors)).await.unwrap();
    let firefox = Firefox::start().await.unwrap();
    sign_up(&firefox, &world).await;
    say(&firefox, "wanted").await;
    conversations(&firefox).await;
    attach(&firefox).await;
    reload(&firefox).await;
}

async fn sign_up(firefox: &Firefox, world: &World) {
    firefox.goto(world.site_url()).await.unwrap();
    firefox.click_css("label[for=skill-weather]").await.unwrap();
    firefox.fill("input[name=email]", "lin@example.test").await.unwrap();
    firefox.fill("input[name=username]", "lin").await.unwrap();
    firefox.wait_for("!!document.querySelector('[data-verdict=free]')").await.unwrap();
    firefox.screenshot("firefox-1-form").await.unwrap();
    firefox.click("pay").await.unwrap();
    firefox.click_css("#pay").await.unwrap();
    firefox.fill("input[name=password]", PASSWORD).await.unwrap();
    firefox.click("set-password").await.unwrap();
    // It opens by itself.
    firefox.wait_for_state("status", "online").await.unwrap();
    firefox.screenshot("firefox-2-chat").await.unwrap();
}

async fn say(firefox: &Firefox, message: &str) {
    firefox.fill("[data-testid=composer]", message).await.unwrap();
    firefox.click("send").await.unwrap();
    firefox.wait_for_state("message-assistant", "done").await.unwrap();
}

const TITLES: &str = "[...document.querySelectorAll('[data-testid=conversations] .title')]\
                      .map(title => title.textContent)";

/// Renamed and deleted.
async fn conversations(firefox: &Firefox) {
    let act = async |part: &str| {
        let button = format!(
            "document.querySelector('[data-testid=conversations] .current [data-part={part}]')"
        );
        firefox.wait_for(&format!("Boolean({button})")).await.unwrap();
        firefox.evaluate(&format!("{button}.click()")).await.unwrap();
    };
    act("rename").await;
    firefox.fill("#question-field", "kept").await.unwrap();
    firefox.click("confirm").await.unwrap();
    firefox.wait_for(&format!("{TITLES}.includes('kept')")).await.unwrap();
    firefox.click("new-conversation").await.unwrap();
    say(firefox, "superfluous").await;
    act("remove").await;
    firefox.click("confirm").await.unwrap();
    let gone = format!("!{TITLES}.some(text => text.includes('superfluous'))");
    firefox.wait_for(&gone).await.unwrap();
}

async fn attach(firefox: &Firefox) {
    let choose = "(() => { const files = new DataTransfer(); \
        files.items.add(new File(['buy milk'], 'notes.txt', {type: 'text/plain'})); \
        const picker = document.getElementById('picker'); picker.files = files.files; \
        picker.dispatchEvent(new Event('change')); })()";
    firefox.evaluate(choose).await.unwrap();
    firefox.wait_for_state("attachment", "ready").await.unwrap();
    say(firefox, "please read this").await;
    let files = "[...document.querySelectorAll('[data-testid=message-user] .file-name')]\
                 .map(name => name.textContent).join()";
    firefox.wait_for(&format!("{files} === 'notes.txt'")).await.unwrap();
    firefox.screenshot("firefox-3-attached").await.unwrap();
}

async fn reload(firefox: &Firefox) {
    firefox.client.refresh().await.unwrap();
    firefox.wait_for_state("status", "online").await.unwrap();
    firefox.wait_for("document.body.textContent.includes('please read this')").await.unwrap();
}
