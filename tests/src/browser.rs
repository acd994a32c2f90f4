//! A real browser, as far as all of them are driven alike: by WebDriver.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use fantoccini::elements::Element;
use fantoccini::wd::PrintConfiguration;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::wait::ensure;
use crate::{Port, Program, World, binaries, census, wait_until};

/// Where the browser puts files, in its own folder.
const DOWNLOADS: &str = "downloads";

/// Ctrl and A, and Ctrl let go, in WebDriver's own characters: Firefox holds it down beyond the one
/// for "all keys".
const SELECT_ALL: &str = "\u{e009}a\u{e009}";

/// One browser with a profile of its own; ends when it is dropped.
pub struct Browser {
    pub client: Client,
    driver: Program,
    pub(crate) port: Port,
    profile: TempDir,
}

/// A folder for one browser: its profile, its downloads and the log of its driver.
pub(crate) fn profile(name: &str) -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix(&format!("arcamatrix-{name}-")).tempdir()?)
}

pub(crate) fn downloads(profile: &TempDir) -> PathBuf {
    profile.path().join(DOWNLOADS)
}

impl Browser {
    /// By a driver that takes `--port`, such as `chromedriver`.
    pub(crate) async fn start(
        driver: PathBuf,
        profile: TempDir,
        capabilities: &Map<String, Value>,
    ) -> anyhow::Result<Self> {
        let port = Port::claim()?;
        let driver = Program::new("webdriver", driver, profile.path().join("log"))
            .argument(format!("--port={}", port.number()))
            .environment("TMPDIR", profile.path())
            .environment(census::MARK, profile.path());
        driver.start().context("start the driver of a browser")?;
        let url = format!("http://{}", port.address());
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
        // The page may make the field anew between one step and the next.
        wait_until(&format!("{selector} is filled"), async || {
            let field = self.find_css(selector).await?;
            field.clear().await?;
            // As a person's typing does, it replaces what the page has put there meanwhile.
            anyhow::Ok(field.send_keys(&format!("{SELECT_ALL}{text}")).await?)
        })
        .await
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
        let folder = downloads(&self.profile);
        wait_until(&format!("a file {end} is downloaded"), async || {
            let entries = std::fs::read_dir(&folder).context("nothing is downloaded")?;
            let names: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            // Chromium holds the name with an empty file until then.
            let has_content = |path: &PathBuf| path.metadata().is_ok_and(|file| file.len() > 0);
            let is_whole =
                |path: &&PathBuf| path.to_string_lossy().ends_with(end) && has_content(path);
            names.iter().find(is_whole).cloned().with_context(|| format!("{names:?}"))
        })
        .await
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

impl Drop for Browser {
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
