//! Firefox, headless, driven through geckodriver. `make test-firefox` installs both.

use std::ops::Deref;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;

use crate::Screen;
use crate::browser::{self, Browser};

/// For Firefox's preference of which colours pages are asked for.
const DARK: u8 = 0;
const LIGHT: u8 = 1;

/// What is not its own is in [`Browser`].
pub struct Firefox(Browser);

impl Deref for Firefox {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.0
    }
}

impl Firefox {
    /// For somebody who reads English, and may like it dark.
    ///
    /// # Errors
    /// When Firefox or its driver is not installed or does not start.
    pub async fn start(screen: Screen, is_dark: bool) -> anyhow::Result<Self> {
        let profile = browser::profile("firefox")?;
        let (width, height) = match screen {
            Screen::Desktop => (1280, 800),
            Screen::Phone => (390, 844),
        };
        let capabilities = json!({
            "moz:firefoxOptions": {
                "binary": "/usr/bin/firefox-esr",
                "args": ["-headless", format!("--width={width}"), format!("--height={height}")],
                "prefs": {
                    "intl.accept_languages": "en",
                    "layout.css.prefers-color-scheme.content-override": if is_dark { DARK } else { LIGHT },
                    // Into the folder that is named, unasked.
                    "browser.download.folderList": 2,
                    "browser.download.dir": browser::downloads(&profile),
                },
            },
        });
        let capabilities = capabilities.as_object().context("it was written as an object")?;
        let driver = std::env::var_os("GECKODRIVER").map_or("geckodriver".into(), PathBuf::from);
        let started = Browser::start(driver, profile, capabilities).await;
        let started = started.context("`make test-firefox` installs what Firefox needs")?;
        started.client.set_window_size(width, height).await?;
        Ok(Self(started))
    }
}
