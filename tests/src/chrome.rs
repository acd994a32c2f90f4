//! A real browser: headless Chromium, driven through chromedriver.

use std::ops::Deref;

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::World;
use crate::browser::{self, Browser};

/// The screen a story plays on.
#[derive(Debug, Clone, Copy)]
pub enum Screen {
    /// 1280 × 800.
    Desktop,
    /// 390 × 844 and touch.
    Phone,
}

/// Chromium; what is not its own is in [`Browser`].
pub struct Chrome(Browser);

impl Deref for Chrome {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.0
    }
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
        let profile = browser::profile("chrome")?;
        let mut preferences = preferences;
        preferences["download.default_directory"] = json!(browser::downloads(&profile));
        let capabilities = capabilities(screen, &preferences, &profile);
        let started = Browser::start("chromedriver".into(), profile, &capabilities).await;
        Ok(Self(started.context("Debian's package is chromium-driver")?))
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
        self.emulate("prefers-color-scheme", value).await
    }

    /// Somebody whose system has this value of a media feature, and nothing else that is special.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn emulate(&self, feature: &str, value: &str) -> anyhow::Result<()> {
        let params = json!({"features": [{"name": feature, "value": value}]});
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

    /// Pages that are opened from now on note what held them up, for [`Self::longest_task`].
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn watch_tasks(&self) -> anyhow::Result<()> {
        self.run_before(
            "window.tasks = []; new PerformanceObserver((list) => \
             tasks.push(...list.getEntries().map(({ duration }) => duration)))\
             .observe({ type: 'longtask' })",
        )
        .await
    }

    /// For how many milliseconds the page answered nobody at a stretch since this was asked last;
    /// 0 when that was never 50 ms: browsers tell of longer tasks only.
    ///
    /// # Errors
    /// When the driver does not answer, or the page was not watched.
    pub async fn longest_task(&self) -> anyhow::Result<f64> {
        let longest = self.evaluate("Math.max(0, ...tasks.splice(0))").await?;
        longest.as_f64().context("a number of milliseconds")
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

    /// What the library has no call for.
    async fn ask_driver(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let session = self.client.session_id().await?.context("the browser has a session")?;
        let url = format!("http://{}/session/{session}/{path}", self.port.address());
        let client = crate::http::client().no_proxy().build()?;
        let mut answer: Value = client.post(url).json(body).send().await?.json().await?;
        Ok(answer["value"].take())
    }
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
