//! From the landing page to the first answer, and to the end of it all.
//! Screenshots go to `target/screenshots`.

use anyhow::{Context as _, anyhow};
use e2e::form::Form;
use e2e::wait::ensure;
use e2e::{
    Chrome, Pace, Page, Plan, Screen, SharedWorld, Vendors, Visitor, WorldGuard, wait_until,
};
use reqwest::Method;
use serde_json::Value;

static WORLD: SharedWorld = SharedWorld::new();

const PASSWORD: &str = "a meadow full of quiet horses";

/// Ready machines, one for each story.
async fn world() -> WorldGuard {
    let vendors = Vendors { available: 4, pace: Pace::Quick };
    let world = WORLD.enter(|| Plan::with_tenants(&[]).with_vendors(vendors)).await;
    wait_until("a machine is available", async || {
        let pool = world.control.call(Method::GET, "/api/pool", None).await?.success()?;
        ensure(pool["counts"]["available"].as_u64() > Some(0), anyhow!("{pool}"))
    })
    .await
    .unwrap();
    world
}

/// The text of the letter that says that all is ready.
async fn welcome_letter(world: &WorldGuard, recipient: &str) -> String {
    wait_until(&format!("{recipient} has the welcome letter"), async || {
        let letters = world.fakes().letters(recipient).await?;
        let is_welcome = |letter: &&Value| letter["subject"].to_string().contains("ready");
        let letter = letters.iter().find(is_welcome).with_context(|| format!("{letters:?}"))?;
        Ok::<_, anyhow::Error>(letter["text"].as_str().context("a letter has a text")?.to_owned())
    })
    .await
    .unwrap()
}

/// Where it leads somebody who has no password yet.
async fn link_of_letter(world: &WorldGuard, recipient: &str) -> String {
    let letter = welcome_letter(world, recipient).await;
    let link = letter.split_whitespace().find(|word| word.contains("/set-password?token="));
    link.unwrap_or_else(|| panic!("no link in {letter}")).to_owned()
}

async fn fill_in(chrome: &Chrome, world: &WorldGuard, email: &str, username: &str) {
    chrome.goto(world.site_url()).await.unwrap();
    chrome.click_css("label[for=skill-weather]").await.unwrap();
    chrome.fill("input[name=email]", email).await.unwrap();
    chrome.fill("input[name=username]", username).await.unwrap();
}

async fn pay(chrome: &Chrome) {
    chrome.click("pay").await.unwrap();
    chrome.click_css("#pay").await.unwrap();
}

async fn shows_chat(chrome: &Chrome) {
    chrome.wait_for_state("status", "online").await.unwrap();
    chrome.fill("[data-testid=composer]", "hello").await.unwrap();
    chrome.click("send").await.unwrap();
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
}

#[tokio::test]
async fn a_person_pays_sets_a_password_and_talks_to_their_assistant() {
    buys(Screen::Desktop, "lin", "desktop").await;
}

#[tokio::test]
async fn the_same_fits_a_phone() {
    buys(Screen::Phone, "kim", "phone").await;
}

/// From the landing page to the first answer. `shots` is part of the screenshots' names.
async fn buys(screen: Screen, username: &str, shots: &str) {
    let world = world().await;
    let chrome = Chrome::start(screen).await.unwrap();
    let shoot = async |name: &str| {
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(chrome.evaluate(fits).await.unwrap(), true, "{name} scrolls sideways");
        chrome.screenshot(&format!("sign-up-{shots}-{name}")).await.unwrap();
    };
    let email = format!("{username}@example.test");
    chrome.goto(world.site_url()).await.unwrap();
    chrome.find("email").await.unwrap();
    shoot("1-landing").await;
    fill_in(&chrome, &world, &email, username).await;
    wait_until("the name is said to be free", async || {
        let verdict = chrome.texts("username-verdict").await?.concat();
        ensure(verdict.contains("is free"), anyhow!("{verdict:?}"))
    })
    .await
    .unwrap();
    shoot("2-form").await;
    chrome.click("pay").await.unwrap();
    chrome.find_css("#pay").await.unwrap();
    shoot("3-payment").await;
    chrome.click_css("#pay").await.unwrap();
    chrome.fill("input[name=password]", PASSWORD).await.unwrap();
    shoot("4-progress").await;
    chrome.click("set-password").await.unwrap();
    // It opens by itself.
    shows_chat(&chrome).await;
    shoot("5-chat").await;
    let complaints = chrome.console().await.unwrap();
    assert!(
        !complaints.iter().any(|text| text.contains("Content Security Policy")),
        "a page breaks its own policy: {complaints:?}"
    );
    chrome.watch_cookies(&world).await.unwrap();
    chrome.goto(&format!("{}/account", world.site_url())).await.unwrap();
    chrome.find("plan").await.unwrap();
    shoot("6-account").await;
    let letter = welcome_letter(&world, &email).await;
    assert!(letter.contains(&world.workspace_url(username)), "{letter}");
}

#[tokio::test]
async fn without_scripts_a_person_signs_up_and_in() {
    let world = world().await;
    let chrome = Chrome::start_without_scripts(Screen::Desktop).await.unwrap();
    chrome.goto(world.site_url()).await.unwrap();
    chrome.find("email").await.unwrap();
    chrome.screenshot("sign-up-plain-1-landing").await.unwrap();
    fill_in(&chrome, &world, "mo@example.test", "-mo-").await;
    chrome.click("pay").await.unwrap();
    chrome.find("problems").await.unwrap();
    chrome.screenshot("sign-up-plain-2-refused").await.unwrap();
    chrome.fill("input[name=username]", "mo").await.unwrap();
    pay(&chrome).await;
    chrome.find("welcome").await.unwrap();
    chrome.screenshot("sign-up-plain-3-progress").await.unwrap();
    let link = link_of_letter(&world, "mo@example.test").await;
    chrome.goto(&link).await.unwrap();
    chrome.fill("input[name=password]", PASSWORD).await.unwrap();
    chrome.screenshot("sign-up-plain-4-password").await.unwrap();
    chrome.click("set-password").await.unwrap();
    wait_until("the password is set", async || {
        let url = chrome.client.current_url().await?;
        ensure(!url.path().starts_with("/set-password"), anyhow!("{}", url.path()))
    })
    .await
    .unwrap();
    chrome.goto(&format!("{}/login", world.site_url())).await.unwrap();
    chrome.screenshot("sign-up-plain-5-signed-in").await.unwrap();
    chrome.goto(&format!("{}/account", world.site_url())).await.unwrap();
    chrome.find("plan").await.unwrap();
    chrome.screenshot("sign-up-plain-6-account").await.unwrap();
}

/// The way of somebody with a text browser, up to a live workspace.
async fn sign_up(world: &WorldGuard, visitor: &Visitor, email: &str, username: &str) -> Page {
    let landing = visitor.open(world.site_url()).await.unwrap();
    let mut form = Form::first_of(&landing.body).unwrap();
    form.fields.retain(|(name, _)| name != "skills");
    let form = form.with("email", email).with("username", username).with("skills", "weather");
    let to_pay = visitor.submit(&landing, &form).await.unwrap();
    let paid = Form::first_of(&to_pay.body).unwrap().with("action", "pay");
    let welcome = visitor.submit(&to_pay, &paid).await.unwrap();
    assert_eq!(welcome.url.path(), "/welcome", "{welcome:?}");
    wait_until("the workspace is live", async || {
        let page = visitor.open(welcome.url.as_str()).await?;
        ensure(page.body.contains("data-stage=\"live\""), anyhow!("{}", page.body))
    })
    .await
    .unwrap();
    welcome
}

#[tokio::test]
async fn a_subscription_that_ends_takes_everything_with_it() {
    let world = world().await;
    let visitor = world.visitor();
    let welcome = sign_up(&world, &visitor, "zoe@example.test", "zoe").await;
    let link = link_of_letter(&world, "zoe@example.test").await;
    let page = visitor.open(&link).await.unwrap();
    let form = Form::first_of(&page.body).unwrap().with("password", PASSWORD);
    visitor.submit(&page, &form).await.unwrap();
    let workspace = format!("{}/", world.workspace_url("zoe"));
    let chat = visitor.open(&workspace).await.unwrap();
    assert_eq!((chat.status.as_u16(), chat.url.as_str()), (200, workspace.as_str()));
    world.watch_cookies(&visitor);
    let machine = sprite_of(&world, "zoe").await.expect("zoe has a machine");

    cancel_at_once(&world, &welcome).await;
    wait_until("access has ended", async || {
        let route = world.edges[0].route("zoe").await?;
        ensure(route.is_none(), anyhow!("{route:?}"))
    })
    .await
    .unwrap();
    let gone = visitor.open(&workspace).await.unwrap();
    assert_eq!(gone.status.as_u16(), 404);
    wait_until("the machine is destroyed", async || {
        let there = world.fakes().sprites.tell(Method::GET, "/_fake/sprites", None).await?;
        ensure(!there.to_string().contains(&machine), anyhow!("{there}"))
    })
    .await
    .unwrap();
    wait_until("all of it is taken down", async || {
        let path = "/api/tasks?username=zoe&kind=RECYCLE";
        let tasks = world.control.call(Method::GET, path, None).await?.success()?;
        ensure(tasks["items"][0]["state"] == "done", anyhow!("{tasks}"))
    })
    .await
    .unwrap();
    let customer = world.control.call(Method::GET, "/api/customers/zoe", None).await.unwrap();
    assert_eq!(customer.status.as_u16(), 404, "{customer:?}");
    let name = format!("{}/api/usernames/zoe", world.site_url());
    let verdict = visitor.fetch(world.site_url(), Method::GET, &name, &[]).await.unwrap();
    assert_eq!(verdict.json().unwrap()["available"], false, "the name rests");
}

/// As somebody at Stripe's dashboard does for a customer who asks for it.
async fn cancel_at_once(world: &WorldGuard, welcome: &Page) {
    let stripe = &world.fakes().stripe;
    let (_, checkout) = welcome.url.query_pairs().find(|(name, _)| name == "session_id").unwrap();
    let path = format!("/v1/checkout/sessions/{checkout}");
    let session = stripe.tell(Method::GET, &path, None).await.unwrap();
    let path = format!("/v1/subscriptions/{}", session["subscription"].as_str().unwrap());
    stripe.tell(Method::DELETE, &path, None).await.unwrap();
}

/// The provider's name of the machine behind a workspace.
async fn sprite_of(world: &WorldGuard, username: &str) -> Option<String> {
    let route = world.edges[0].route(username).await.unwrap()?;
    Some(route["sprite"].as_str().unwrap().to_owned())
}
