//! axe-core on every page that a person can meet, light and dark. Runs by `make test-axe`.

use anyhow::anyhow;
use e2e::wait::ensure;
use e2e::{Axe, Chrome, Pace, Plan, Screen, Vendors, World, wait_until};

/// Somebody may add a domain. Nobody answers about it, and no authority is reached.
const DOMAINS: &str = "certificates.directory = \"https://127.0.0.1:9/directory\"\n\
    certificates.contact = \"ops@example.com\"\n\
    certificates.challenge = \"http\"\n\
    certificates.names = [\"arcamatrix.localhost\"]\n\
    domains.resolver = \"127.0.0.1:9\"\n";

/// A desk and a phone.
const SIZES: [(u32, u32); 2] = [(1280, 800), (390, 844)];

/// What a page, and an open dialog, have beside the screen, in pixels: the widest such element.
const BESIDE: &str = "(([wide, open]) => Math.max(wide.scrollWidth - wide.clientWidth, \
    open ? open.scrollWidth - open.clientWidth : 0))\
    ([document.documentElement, document.querySelector('dialog[open]')])";

/// One browser, and what was found by it.
struct Look {
    axe: Axe,
    chrome: Chrome,
    language: String,
    found: Vec<String>,
}

impl Look {
    async fn start(language: &str) -> Self {
        let axe = Axe::install().unwrap();
        let chrome = Chrome::start_in(Screen::Desktop, language).await.unwrap();
        Self { axe, chrome, language: language.to_owned(), found: Vec::new() }
    }

    /// What is shown now, light and dark, at a desk and on a phone; also on the smallest one
    /// nothing stands beside the screen.
    async fn at(&mut self, name: &str) {
        for (width, height) in SIZES {
            self.chrome.resize(width, height).await.unwrap();
            for is_dark in [false, true] {
                self.chrome.prefer_dark(is_dark).await.unwrap();
                let mode = if is_dark { "dark" } else { "light" };
                let what = format!("{name}, {}, {width} px, {mode}", self.language);
                if let Err(found) = self.axe.check(&self.chrome, &what).await {
                    self.found.push(format!("{found:#}"));
                }
            }
            self.fits(name, width).await;
            self.chrome.prefer_dark(false).await.unwrap();
        }
        self.chrome.resize(320, 640).await.unwrap();
        self.fits(name, 320).await;
        let (width, height) = SIZES[0];
        self.chrome.resize(width, height).await.unwrap();
    }

    /// Leaves a picture of it, too.
    async fn fits(&mut self, name: &str, width: u32) {
        let beside = self.chrome.evaluate(BESIDE).await.unwrap();
        if beside != 0 {
            self.found.push(format!("{name}, {}: {beside} beside {width} px", self.language));
        }
        let path = name.rsplit_once("://").map_or(name, |(_, url)| url);
        let path = path.split('?').next().unwrap_or_default();
        let plain: String =
            path.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        self.chrome.screenshot(&format!("axe-{}-{plain}-{width}", self.language)).await.unwrap();
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

    /// A domain that is none, then one that waits for its record.
    async fn domains(&mut self, site: &str) {
        for (typed, name) in [("localhost", "no domain"), ("chat.example.org", "domain")] {
            self.chrome.goto(&format!("{site}/account")).await.unwrap();
            let field = self.chrome.find_css("input[name=domain]").await.unwrap();
            field.send_keys(typed).await.unwrap();
            self.chrome.click("domain-add").await.unwrap();
            let seen = if typed == "localhost" { "#domain-error" } else { "[data-testid=domain]" };
            self.chrome.find_css(seen).await.unwrap();
            self.at(name).await;
        }
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
    let plan = Plan::with_tenants(&["ada"]).with_vendors(vendors).with_control_config(DOMAINS);
    let world = World::start(plan).await.unwrap();
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
    look.domains(&site).await;
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
    let console = format!("http://{}/console", world.control.api());
    let workspaces = ["ada", "grace"].map(|name| format!("{console}/workspaces/{name}"));
    let links = links.as_array().unwrap().iter().filter_map(|link| link.as_str());
    for link in links.chain(workspaces.iter().map(String::as_str)) {
        look.open(link).await;
    }
    look.nothing_was_found();
}

#[tokio::test]
#[ignore = "make test-axe runs it, with axe-core from npm"]
async fn nobody_is_shut_out_of_the_site_in_german_nor_on_a_small_phone() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let plan = Plan::with_tenants(&["ada"]).with_vendors(vendors).with_control_config(DOMAINS);
    let world = World::start(plan).await.unwrap();
    let mut look = Look::start("de").await;
    let site = world.site_url().to_owned();
    for path in ["/", "/login", "/cancelled", "/legal", "/privacy", "/contact", "/nowhere"] {
        look.open(&format!("{site}{path}")).await;
    }
    look.chrome.goto(&site).await.unwrap();
    look.chrome.evaluate("document.querySelector('form').noValidate = true").await.unwrap();
    look.chrome.click("pay").await.unwrap();
    look.at("sign-up with mistakes").await;
    look.chrome.goto(&site).await.unwrap();
    look.chrome.fill("input[name=email]", "grace@example.com").await.unwrap();
    look.chrome.fill("input[name=username]", "grace").await.unwrap();
    look.chrome.wait_for("!!document.querySelector('[data-verdict=free]')").await.unwrap();
    look.chrome.click("pay").await.unwrap();
    look.chrome.click_css("#pay").await.unwrap();
    look.chrome.find("welcome").await.unwrap();
    look.at("welcome").await;

    look.sign_in(&world).await;
    for path in ["/account", "/account/email", "/account/delete", "/logout"] {
        look.open(&format!("{site}{path}")).await;
    }
    look.domains(&site).await;
    look.chrome.goto(&format!("{site}/account/email")).await.unwrap();
    look.chrome.fill("input[name=email]", "ada@elsewhere.test").await.unwrap();
    let password = &world.customer("ada").password;
    look.chrome.fill("input[name=current]", password).await.unwrap();
    look.chrome.click("send-link").await.unwrap();
    look.chrome.find("email-pending").await.unwrap();
    look.at("a link is on its way").await;
    let letter = wait_until("a letter came", async || {
        let letters = world.fakes().letters("ada@elsewhere.test").await?;
        letters.first().cloned().ok_or_else(|| anyhow!("none"))
    })
    .await
    .unwrap();
    let text = letter["text"].as_str().unwrap();
    let link = text.split_whitespace().find(|word| word.contains("/confirm-email?")).unwrap();
    look.open(link).await;
    look.chrome.click("confirm-email").await.unwrap();
    look.chrome.wait_for("location.search === ''").await.unwrap();
    look.at("the address is changed").await;
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
    for language in ["en", "de"] {
        let mut look = Look::start(language).await;
        look.sign_in(&world).await;
        look.at("empty chat").await;
        look.say("please show some markdown").await;
        look.at("answer").await;
        look.say("please show a formula").await;
        look.at("formula").await;
        look.say("please use a tool").await;
        look.at("tool").await;
        look.say("REMIND 3600").await;
        for (button, content) in [
            ("skills", "skills-panel"),
            ("settings", "sign-out"),
            ("schedules", "plan"),
            ("files", "entries"),
        ] {
            look.panel(button, content, button).await;
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
