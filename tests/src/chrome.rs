//! A real browser: headless Chromium, driven through chromedriver.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use fantoccini::elements::Element;
use fantoccini::wd::PrintConfiguration;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::wait::ensure;
use crate::{Port, Program, World, binaries, census, wait_until};

/// The screen a story plays on.
#[derive(Debug, Clone, Copy)]
pub enum Screen {
    /// 1280 × 800.
    Desktop,
    /// 390 × 844 and touch.
    Phone,
}

/// Where the browser puts files, in its own folder.
const DOWNLOADS: &str = "downloads";

/// One browser with a profile of its own; ends when it is dropped.
pub struct Chrome {
    pub client: Client,
    driver: Program,
    port: Port,
    profile: TempDir,
}

impl Chrome {
    /// # Errors
    /// When Chromium or its driver is not installed or does not start.
    pub async fn start(screen: Screen) -> anyhow::Result<Self> {
        Self::start_with(screen, json!({})).await
    }

    /// Somebody who has switched scripts off.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_without_scripts(screen: Screen) -> anyhow::Result<Self> {
        const BLOCKED: u8 = 2;
        let scripts = "profile.managed_default_content_settings.javascript";
        Self::start_with(screen, json!({ scripts: BLOCKED })).await
    }

    /// Somebody who reads `language`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_in(screen: Screen, language: &str) -> anyhow::Result<Self> {
        Self::start_with(screen, json!({ "intl.accept_languages": language })).await
    }

    async fn start_with(screen: Screen, preferences: Value) -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new().prefix("arcamatrix-chrome-").tempdir()?;
        let mut preferences = preferences;
        preferences["download.default_directory"] = json!(profile.path().join(DOWNLOADS));
        let port = Port::claim()?;
        let driver =
            Program::new("chromedriver", "chromedriver".into(), profile.path().join("log"))
                .argument(format!("--port={}", port.number()))
                .environment("TMPDIR", profile.path())
                .environment(census::MARK, profile.path());
        driver.start().context("start chromedriver; Debian's package is chromium-driver")?;
        let url = format!("http://{}", port.address());
        let capabilities = capabilities(screen, &preferences, &profile);
        let client = wait_until("the browser is open", async || {
            driver.ensure_running()?;
            let mut builder = ClientBuilder::new(hyper_util_connector());
            builder.capabilities(capabilities.clone());
            builder.connect(&url).await.map_err(|error| anyhow!("{error}"))
        })
        .await?;
        Ok(Self { client, driver, port, profile })
    }

    /// # Errors
    /// When the page cannot be loaded.
    pub async fn goto(&self, url: &str) -> anyhow::Result<()> {
        self.client.goto(url).await.with_context(|| format!("go to {url}"))
    }

    /// Opens the workspace of `username`, meets the sign-in form, fills it in, waits for the chat.
    ///
    /// # Errors
    /// When the chat does not come.
    pub async fn sign_in(&self, world: &World, username: &str) -> anyhow::Result<()> {
        self.goto(&world.workspace_url(username)).await?;
        self.fill("input[name=username]", username).await?;
        self.fill("input[name=password]", &world.customer(username).password).await?;
        self.click_css("button[type=submit]").await?;
        self.wait_for_state("status", "online").await
    }

    /// Waits until `expression` is true on the page.
    ///
    /// # Errors
    /// When it never is, with what it was last.
    pub async fn wait_for(&self, expression: &str) -> anyhow::Result<()> {
        wait_until(&format!("{expression} holds"), async || {
            let value = self.evaluate(expression).await?;
            ensure(value == true, anyhow!("{value}"))
        })
        .await
    }

    /// The visible element with this `data-testid`, when it is there.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn find(&self, testid: &str) -> anyhow::Result<Element> {
        self.find_css(&format!("[data-testid={testid}]")).await
    }

    /// [`Self::find`] by a CSS selector.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn find_css(&self, selector: &str) -> anyhow::Result<Element> {
        wait_until(&format!("{selector} is on the page"), async || {
            let element = self.client.find(Locator::Css(selector)).await?;
            ensure(element.is_displayed().await?, anyhow!("it is hidden"))?;
            Ok::<_, anyhow::Error>(element)
        })
        .await
    }

    /// Clicks it as soon as it can be clicked.
    ///
    /// # Errors
    /// When it never can.
    pub async fn click(&self, testid: &str) -> anyhow::Result<()> {
        self.click_css(&format!("[data-testid={testid}]")).await
    }

    /// # Errors
    /// When it never can be clicked.
    pub async fn click_css(&self, selector: &str) -> anyhow::Result<()> {
        wait_until(&format!("{selector} can be clicked"), async || {
            let element = self.client.find(Locator::Css(selector)).await?;
            ensure(element.is_enabled().await?, anyhow!("it is disabled"))?;
            Ok::<_, anyhow::Error>(element.click().await?)
        })
        .await
    }

    /// # Errors
    /// When there is no such field.
    pub async fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let field = self.find_css(selector).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// The value of an expression in the page.
    ///
    /// # Errors
    /// When it throws.
    pub async fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        let script = format!("return {expression}");
        self.client.execute(&script, vec![]).await.with_context(|| format!("run {expression}"))
    }

    /// The text of every element with this `data-testid`, hidden or not.
    ///
    /// # Errors
    /// When the page cannot be asked.
    pub async fn texts(&self, testid: &str) -> anyhow::Result<Vec<String>> {
        let found = format!(
            "[...document.querySelectorAll('[data-testid={testid}]')].map(e => e.textContent)"
        );
        Ok(serde_json::from_value(self.evaluate(&found).await?)?)
    }

    /// Waits until the last element with this `data-testid` is in `state`, by its `data-state`.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn wait_for_state(&self, testid: &str, state: &str) -> anyhow::Result<()> {
        wait_until(&format!("{testid} is {state}"), async || {
            let found = format!(
                "[...document.querySelectorAll('[data-testid={testid}]')].at(-1)?.dataset.state"
            );
            let seen = self.evaluate(&found).await?;
            ensure(seen == state, anyhow!("{seen}"))
        })
        .await
    }

    /// The file that was downloaded, whose name ends in `end`, once it is whole.
    ///
    /// # Errors
    /// When there is none in the end.
    pub async fn downloaded(&self, end: &str) -> anyhow::Result<PathBuf> {
        let folder = self.profile.path().join(DOWNLOADS);
        wait_until(&format!("a file {end} is downloaded"), async || {
            let entries = std::fs::read_dir(&folder).context("nothing is downloaded")?;
            let names: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            let is_whole = |path: &&PathBuf| path.to_string_lossy().ends_with(end);
            names.iter().find(is_whole).cloned().with_context(|| format!("{names:?}"))
        })
        .await
    }

    /// What the browser complained about since it was asked last.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn console(&self) -> anyhow::Result<Vec<String>> {
        let log = self.ask_driver("se/log", &json!({"type": "browser"})).await?;
        let entries = log.as_array().context("the driver has a log")?;
        Ok(entries.iter().filter_map(|entry| Some(entry["message"].as_str()?.into())).collect())
    }

    /// Says to `world` that none of this browser's cookies, of any host, must turn up in a file.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn watch_cookies(&self, world: &World) -> anyhow::Result<()> {
        let command = json!({"cmd": "Network.getAllCookies", "params": {}});
        let answer = self.ask_driver("goog/cdp/execute", &command).await?;
        let cookies = answer["cookies"].as_array().context("a browser has cookies")?;
        for cookie in cookies {
            let text = |name: &str| cookie[name].as_str().context("a cookie has it all");
            let what = format!("cookie {} of {}", text("name")?, text("domain")?);
            world.watch(&what, text("value")?, &[]);
        }
        Ok(())
    }

    /// Somebody who likes it dark, from here on.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn prefer_dark(&self, is_dark: bool) -> anyhow::Result<()> {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        let params = json!({"features": features});
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": params});
        self.ask_driver("goog/cdp/execute", &command).await.map(drop)
    }

    /// Runs `script` before any of each page that is opened from here on.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn run_before(&self, script: &str) -> anyhow::Result<()> {
        let name = "Page.addScriptToEvaluateOnNewDocument";
        let command = json!({"cmd": name, "params": {"source": script}});
        self.ask_driver("goog/cdp/execute", &command).await.map(drop)
    }

    /// A window of this size in CSS pixels, as on a small screen or with large letters.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn resize(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let params =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": params});
        self.ask_driver("goog/cdp/execute", &command).await.map(drop)
    }

    /// How many sheets of paper the page takes.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub async fn sheets(&self) -> anyhow::Result<usize> {
        let document = self.client.print(PrintConfiguration::default()).await?;
        let text = String::from_utf8_lossy(&document);
        Ok(text.matches("/Type /Page\n").count())
    }

    /// What the library has no call for.
    async fn ask_driver(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let session = self.client.session_id().await?.context("the browser has a session")?;
        let url = format!("http://{}/session/{session}/{path}", self.port.address());
        let client = crate::http::client().no_proxy().build()?;
        let mut answer: Value = client.post(url).json(body).send().await?.json().await?;
        Ok(answer["value"].take())
    }

    /// Writes `target/screenshots/<name>.png`.
    ///
    /// # Errors
    /// When there is no picture, or it cannot be written.
    pub async fn screenshot(&self, name: &str) -> anyhow::Result<()> {
        let folder: PathBuf = binaries::target_folder()?.join("screenshots");
        std::fs::create_dir_all(&folder)?;
        self.wait_for_rest().await?;
        let picture = self.client.screenshot().await.context("take a screenshot")?;
        std::fs::write(folder.join(format!("{name}.png")), picture)?;
        Ok(())
    }

    /// Waits until nothing on the page moves or changes its colour.
    ///
    /// # Errors
    /// When it goes on and on.
    pub async fn wait_for_rest(&self) -> anyhow::Result<()> {
        let moving = "document.getAnimations().filter(animation => \
                      animation.playState === 'running' && \
                      animation.effect.getComputedTiming().iterations !== Infinity).length";
        wait_until("nothing on the page moves", async || {
            let moving = self.evaluate(moving).await?;
            ensure(moving == 0, anyhow!("{moving} animations"))
        })
        .await
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        // The driver ends without its browser; a profile in use would be left over.
        self.driver.kill();
        for process in census::of_world(self.profile.path()) {
            process.kill();
        }
    }
}

fn hyper_util_connector() -> impl hyper_util::client::legacy::connect::Connect + Clone + Send + Sync
{
    hyper_util::client::legacy::connect::HttpConnector::new()
}

fn capabilities(
    screen: Screen,
    preferences: &Value,
    profile: &TempDir,
) -> serde_json::Map<String, Value> {
    let mut arguments = vec![
        "--headless".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        // A closed network answers each look-up with an error, many at a time.
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        // Containers give /dev/shm too little.
        "--disable-dev-shm-usage".to_owned(),
        "--window-size=1280,800".to_owned(),
        format!("--user-data-dir={}", profile.path().join("profile").display()),
    ];
    if rustix::process::geteuid().is_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    let mut options = json!({"args": arguments, "prefs": preferences});
    if let Screen::Phone = screen {
        options["mobileEmulation"] = json!({
            "deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2, "touch": true},
        });
    }
    let capabilities = json!({
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
    });
    capabilities.as_object().cloned().expect("it was written as an object")
}
