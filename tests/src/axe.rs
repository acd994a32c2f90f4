//! axe-core in the page that a browser shows: what shuts people out, by the rules of WCAG.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::Chrome;

/// axe-core, installed from npm beside its lock file.
#[derive(Debug)]
pub struct Axe {
    script: String,
}

impl Axe {
    /// Does nothing when it is there already.
    ///
    /// # Errors
    /// With npm's output, when it fails.
    pub fn install() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("axe");
        let script = folder.join("node_modules/axe-core/axe.min.js");
        if !script.exists() {
            let npm = Command::new("npm").args(["ci", "--silent"]).current_dir(&folder).output();
            let npm = npm.context("run npm; Debian's package is npm")?;
            ensure!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
        }
        Ok(Self { script: std::fs::read_to_string(script)? })
    }

    /// Every rule on what the page shows now.
    ///
    /// # Errors
    /// Names each violation, and where.
    pub async fn check(&self, chrome: &Chrome, page: &str) -> anyhow::Result<()> {
        chrome.wait_for_rest().await?;
        // As a script of the driver's own: the pages' policy lets none in.
        let run = format!(
            "{}; return axe.run(document, {{ resultTypes: ['violations'] }}).then(({{ violations }}) => \
             violations.map(({{ id, help, nodes }}) => \
             [id, help, ...nodes.slice(0, 5).map(node => node.target + ': ' + node.failureSummary)].join('\\n    ')))",
            self.script,
        );
        let found = chrome.client.execute(&run, vec![]).await.with_context(|| page.to_owned())?;
        let Value::Array(found) = found else { bail!("{page}: axe says {found}") };
        let found: Vec<_> = found.iter().filter_map(Value::as_str).collect();
        ensure!(found.is_empty(), "{page}:\n  {}", found.join("\n  "));
        Ok(())
    }
}
