//! Firefox, headless, driven through geckodriver. `make test-firefox` installs both.

use std::ops::Deref;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;

use crate::browser::{self, Browser};

/// What is not its own is in [`Browser`].
pub struct Firefox(Browser);

impl Deref for Firefox {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.0
    }
}

impl Firefox {
    /// 1280 × 800, for somebody who reads English.
    ///
    /// # Errors
    /// When Firefox or its driver is not installed or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let profile = browser::profile("firefox")?;
        let capabilities = json!({
            "moz:firefoxOptions": {
                "binary": "/usr/bin/firefox-esr",
                "args": ["-headless", "--width=1280", "--height=800"],
                "prefs": {
                    "intl.accept_languages": "en",
                    // Into the folder that is named, unasked.
                    "browser.download.folderList": 2,
                    "browser.download.dir": browser::downloads(&profile),
                },
            },
        });
        let capabilities = capabilities.as_object().context("it was written as an object")?;
        let driver = std::env::var_os("GECKODRIVER").map_or("geckodriver".into(), PathBuf::from);
        let started = Browser::start(driver, profile, capabilities).await;
        Ok(Self(started.context("`make test-firefox` installs what Firefox needs")?))
    }
}
