//! The journey in Firefox: signs up, pays, talks, keeps conversations in order, attaches a file
//! and comes back. Runs by `make test-firefox`.

use e2e::{Firefox, Pace, Plan, Screen, Vendors, World};

const PASSWORD: &str = "a meadow full of quiet horses";

/// Who has it dark, too, has a workspace of their own.
const PEOPLE: [(&str, bool); 2] = [("lin", false), ("mae", true)];

#[tokio::test]
#[ignore = "make test-firefox runs it, with firefox-esr and geckodriver"]
async fn a_person_signs_up_and_works_with_their_assistant_in_firefox() {
    journey(Screen::Desktop, "firefox").await;
}

#[tokio::test]
#[ignore = "make test-firefox runs it, with firefox-esr and geckodriver"]
async fn a_person_does_the_same_in_firefox_on_a_phone() {
    journey(Screen::Phone, "firefox-phone").await;
}

async fn journey(screen: Screen, name: &str) {
    let vendors = Vendors { available: 2, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&[]).with_vendors(vendors)).await.unwrap();
    for (person, is_dark) in PEOPLE {
        let firefox = Firefox::start(screen, is_dark).await.unwrap();
        let name = if is_dark { format!("{name}-dark") } else { name.to_owned() };
        sign_up(&firefox, &world, person, &name).await;
        let asked = format!("matchMedia('(prefers-color-scheme: dark)').matches === {is_dark}");
        firefox.wait_for(&asked).await.unwrap();
        say(&firefox, "wanted").await;
        conversations(&firefox).await;
        attach(&firefox, &name).await;
        reload(&firefox).await;
    }
}

/// Nothing of the page stands beside the screen.
async fn shoot(firefox: &Firefox, name: &str) {
    firefox.wait_for("document.documentElement.scrollWidth <= innerWidth").await.unwrap();
    firefox.screenshot(name).await.unwrap();
}

async fn sign_up(firefox: &Firefox, world: &World, person: &str, name: &str) {
    firefox.goto(world.site_url()).await.unwrap();
    firefox.click_css("label[for=skill-weather]").await.unwrap();
    firefox.fill("input[name=email]", &format!("{person}@example.test")).await.unwrap();
    firefox.fill("input[name=username]", person).await.unwrap();
    firefox.wait_for("!!document.querySelector('[data-verdict=free]')").await.unwrap();
    shoot(firefox, &format!("{name}-1-form")).await;
    firefox.click("pay").await.unwrap();
    firefox.click_css("#pay").await.unwrap();
    firefox.fill("input[name=password]", PASSWORD).await.unwrap();
    firefox.click("set-password").await.unwrap();
    // It opens by itself.
    firefox.wait_for_state("status", "online").await.unwrap();
    shoot(firefox, &format!("{name}-2-chat")).await;
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
    // On a phone it stands in the menu.
    firefox.evaluate("document.getElementById('new-conversation').click()").await.unwrap();
    say(firefox, "superfluous").await;
    act("remove").await;
    firefox.click("confirm").await.unwrap();
    let gone = format!("!{TITLES}.some(text => text.includes('superfluous'))");
    firefox.wait_for(&gone).await.unwrap();
}

async fn attach(firefox: &Firefox, name: &str) {
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
    shoot(firefox, &format!("{name}-3-attached")).await;
}

async fn reload(firefox: &Firefox) {
    firefox.client.refresh().await.unwrap();
    firefox.wait_for_state("status", "online").await.unwrap();
    firefox.wait_for("document.body.textContent.includes('please read this')").await.unwrap();
}
