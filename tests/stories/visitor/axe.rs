//! axe-core on every page that a person can meet, light and dark. Runs by `make test-axe`.

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Axe, Chrome, Pace, Plan, Screen, Vendors, World, wait_until};
use serde_json::json;

/// One browser, and what was found by it.
struct Look {
    axe: Axe,
    chrome: Chrome,
    found: Vec<String>,
}

impl Look {
    async fn start(language: &str) -> Self {
        let axe = Axe::install().unwrap();
        let chrome = Chrome::start_in(Screen::Desktop, language).await.unwrap();
        Self { axe, chrome, found: Vec::new() }
    }

    /// What is shown now, light and dark.
    async fn at(&mut self, name: &str) {
        for is_dark in [false, true] {
            self.chrome.prefer_dark(is_dark).await.unwrap();
            let name = format!("{name}, {}", if is_dark { "dark" } else { "light" });
            if let Err(found) = self.axe.check(&self.chrome, &name).await {
                self.found.push(format!("{found:#}"));
            }
        }
        self.chrome.prefer_dark(false).await.unwrap();
    }

    /// Nothing of the page stands beside the screen.
    async fn fits(&mut self, name: &str) {
        let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let wide = self.chrome.evaluate(wide).await.unwrap();
        if wide != 0 {
            self.found.push(format!("{name} is {wide} pixels too wide"));
        }
        self.chrome.screenshot(&format!("german-320-{name}")).await.unwrap();
    }

    async fn open(&mut self, url: &str) {
        self.chrome.goto(url).await.unwrap();
        self.at(url).await;
    }

    /// A dialog of the chat page once it shows `content`, all of it open; it is closed again.
    async fn panel(&mut self, button: &str, content: &str, name: &str) {
        self.chrome.click(button).await.unwrap();
        self.chrome.find(content).await.unwrap();
        let unfold =
            "document.querySelectorAll('dialog[open] details').forEach(d => d.open = true)";
        self.chrome.evaluate(unfold).await.unwrap();
        self.at(name).await;
        let close = "document.querySelectorAll('dialog[open]').forEach(d => d.close())";
        self.chrome.evaluate(close).await.unwrap();
    }

    async fn sign_in(&self, world: &World) {
        self.chrome.goto(&world.workspace_url("ada")).await.unwrap();
        self.chrome.fill("input[name=username]", "ada").await.unwrap();
        let password = &world.customer("ada").password;
        self.chrome.fill("input[name=password]", password).await.unwrap();
        self.chrome.click_css("button[type=submit]").await.unwrap();
        self.chrome.wait_for_state("status", "online").await.unwrap();
        self.chrome.watch_cookies(world).await.unwrap();
    }

    async fn say(&self, message: &str) {
        self.chrome.fill("[data-testid=composer]", message).await.unwrap();
        self.chrome.click("send").await.unwrap();
        self.chrome.wait_for_state("message-assistant", "done").await.unwrap();
    }

    fn nothing_was_found(self) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n\n"));
    }
}

#[tokio::test]
#[ignore = "make test-axe runs it, with axe-core from npm"]
async fn nobody_is_shut_out_of_the_site_and_its_letters() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&["ada"]).with_vendors(vendors)).await.unwrap();
    let mut look = Look::start("en").await;
    let site = world.site_url().to_owned();
    for path in [
        "/",
        "/login",
        "/forgot-password",
        "/legal",
        "/privacy",
        "/contact",
        "/cancelled",
        "/welcome",
        "/set-password?token=nothing",
        "/nowhere",
    ] {
        look.open(&format!("{site}{path}")).await;
    }
    look.chrome.goto(&format!("{site}/login")).await.unwrap();
    look.chrome.fill("input[name=username]", "ada").await.unwrap();
    look.chrome.fill("input[name=password]", "not the password").await.unwrap();
    look.chrome.click_css("button[type=submit]").await.unwrap();
    look.at("sign-in that was refused").await;
    look.chrome.goto(&site).await.unwrap();
    look.chrome.evaluate("document.querySelector('form').noValidate = true").await.unwrap();
    look.chrome.click("pay").await.unwrap();
    look.at("sign-up with mistakes").await;

    look.chrome.goto(&site).await.unwrap();
    look.chrome.click_css("label[for=skill-weather]").await.unwrap();
    look.chrome.fill("input[name=email]", "grace@example.com").await.unwrap();
    look.chrome.fill("input[name=username]", "grace").await.unwrap();
    look.chrome.click("pay").await.unwrap();
    look.chrome.click_css("#pay").await.unwrap();
    look.chrome.find_css("h1").await.unwrap();
    look.at("welcome").await;
    let letters = wait_until("a letter came", async || {
        let letters = world.fakes().letters("grace@example.com").await?;
        let is_there = !letters.is_empty();
        ensure(is_there, anyhow!("none"))?;
        Ok::<_, anyhow::Error>(letters)
    })
    .await
    .unwrap();
    for letter in letters {
        let html = letter["html"].as_str().unwrap_or_default();
        let shown = format!("document.open(), document.write({html:?}), document.close()");
        look.chrome.goto("about:blank").await.unwrap();
        look.chrome.evaluate(&shown).await.unwrap();
        look.at(&format!("letter {}", letter["subject"])).await;
    }

    look.sign_in(&world).await;
    look.open(&format!("{site}/account")).await;
    look.open(&format!("{site}/account/delete")).await;
    look.open(&format!("{site}/account/email")).await;
    look.open(&format!("{site}/logout")).await;

    look.chrome.goto(&format!("http://{}/", world.control.api())).await.unwrap();
    look.at("console, sign-in").await;
    look.chrome.fill("input[name=key]", world.control.admin_key()).await.unwrap();
    look.chrome.click_css("button[type=submit]").await.unwrap();
    look.chrome.find("promises").await.unwrap();
    look.at("console").await;
    let links = "[...document.querySelectorAll('nav a')].map(link => link.href)";
    let links = look.chrome.evaluate(links).await.unwrap();
    for link in links.as_array().unwrap() {
        look.open(link.as_str().unwrap()).await;
    }
    look.nothing_was_found();
}

#[tokio::test]
#[ignore = "make test-axe runs it, with axe-core from npm"]
async fn nobody_is_shut_out_of_the_site_in_german_nor_on_a_small_phone() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&["ada"]).with_vendors(vendors)).await.unwrap();
    let mut look = Look::start("de").await;
    let site = world.site_url().to_owned();
    look.chrome.resize(320, 640).await.unwrap();
    for (path, name) in [
        ("/", "start"),
        ("/login", "login"),
        ("/cancelled", "cancelled"),
        ("/legal", "legal"),
        ("/privacy", "privacy"),
        ("/contact", "contact"),
        ("/nowhere", "nowhere"),
    ] {
        look.open(&format!("{site}{path}")).await;
        look.fits(name).await;
    }
    look.chrome.goto(&site).await.unwrap();
    look.chrome.evaluate("document.querySelector('form').noValidate = true").await.unwrap();
    look.chrome.click("pay").await.unwrap();
    look.at("sign-up with mistakes, German").await;
    look.fits("mistakes").await;
    look.chrome.goto(&site).await.unwrap();
    look.chrome.fill("input[name=email]", "grace@example.com").await.unwrap();
    look.chrome.fill("input[name=username]", "grace").await.unwrap();
    look.chrome.wait_for("!!document.querySelector('[data-verdict=free]')").await.unwrap();
    look.chrome.click("pay").await.unwrap();
    look.chrome.click_css("#pay").await.unwrap();
    look.chrome.find("welcome").await.unwrap();
    look.at("welcome, German").await;
    look.fits("welcome").await;

    look.chrome.resize(1280, 800).await.unwrap();
    look.sign_in(&world).await;
    for (path, name) in [
        ("/account", "account"),
        ("/account/email", "email"),
        ("/account/delete", "deletion"),
        ("/logout", "logout"),
    ] {
        look.chrome.resize(1280, 800).await.unwrap();
        look.open(&format!("{site}{path}")).await;
        look.chrome.screenshot(&format!("german-{name}")).await.unwrap();
        look.chrome.resize(320, 640).await.unwrap();
        look.fits(name).await;
    }
    look.chrome.goto(&format!("{site}/account/email")).await.unwrap();
    look.chrome.fill("input[name=email]", "ada@elsewhere.test").await.unwrap();
    let password = &world.customer("ada").password;
    look.chrome.fill("input[name=current]", password).await.unwrap();
    look.chrome.click("send-link").await.unwrap();
    look.chrome.find("email-pending").await.unwrap();
    look.at("a link is on its way").await;
    look.fits("email-pending").await;
    let letter = wait_until("a letter came", async || {
        let letters = world.fakes().letters("ada@elsewhere.test").await?;
        letters.first().cloned().ok_or_else(|| anyhow!("none"))
    })
    .await
    .unwrap();
    let text = letter["text"].as_str().unwrap();
    let link = text.split_whitespace().find(|word| word.contains("/confirm-email?")).unwrap();
    look.open(link).await;
    look.fits("confirm-email").await;
    look.chrome.click("confirm-email").await.unwrap();
    look.chrome.wait_for("location.search === ''").await.unwrap();
    look.at("the address is changed").await;
    look.fits("email-changed").await;
    look.open(&format!("{site}/account")).await;
    look.chrome.wait_for("document.body.textContent.includes('ada@elsewhere.test')").await.unwrap();
    look.nothing_was_found();
}

#[tokio::test]
#[ignore = "make test-axe runs it, with axe-core from npm"]
async fn nobody_is_shut_out_of_the_chat_and_the_pages_of_the_edge() {
    let world = World::start(Plan::with_tenants(&["ada"])).await.unwrap();
    let workspace = world.workspace_url("ada");
    let files = world.sprite("ada").folder().join("openclaw/workspace/notes");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::write(files.with_file_name("today.md"), "buy milk").unwrap();
    let (mut operator, _) = world.sprite("ada").operator().await.unwrap();
    let job = json!({"name": "Mail", "schedule": {"kind": "cron", "expr": "0 9 * * 1-5"},
        "payload": {"kind": "agentTurn", "message": "Sum up my mail"}});
    operator.request("cron.add", job).await.unwrap();
    for language in ["en", "de"] {
        let mut look = Look::start(language).await;
        look.sign_in(&world).await;
        look.at(&format!("empty chat, {language}")).await;
        look.say("please show some markdown").await;
        look.at(&format!("answer, {language}")).await;
        look.say("please show a formula").await;
        look.at(&format!("formula, {language}")).await;
        look.say("please use a tool").await;
        look.at(&format!("tool, {language}")).await;
        for (button, content) in [
            ("skills", "skills-panel"),
            ("settings", "sign-out"),
            ("schedules", "plan"),
            ("files", "entries"),
        ] {
            look.panel(button, content, &format!("{button}, {language}")).await;
        }
        let shown = look.chrome.evaluate("document.documentElement.lang").await.unwrap();
        assert_eq!(shown, language);
        look.nothing_was_found();
    }
    for language in ["en", "de"] {
        let mut look = Look::start(language).await;
        look.sign_in(&world).await;
        look.open(&world.workspace_url("nobody")).await;
        world.sprite("ada").agent.freeze();
        look.open(&format!("{workspace}/?asleep")).await;
        let shown = look.chrome.evaluate("document.documentElement.lang").await.unwrap();
        assert_eq!(shown, language);
        world.sprite("ada").agent.thaw();
        look.nothing_was_found();
    }
}
