//! `control support-bundle`: what somebody who helps has to know, and nothing secret.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::client::ApiClient;
use super::output::Output;
use crate::base::date::iso_time;
use crate::doctor::{Redaction, examine};
use crate::serve::config::Config;
use shared::process::{named_file, private_file};

/// What is asked of the running program. Letters and customers are not among it.
const ASKED: [&str; 8] = [
    "/api/status",
    "/api/edges",
    "/api/pool",
    "/api/tasks?state=dead&limit=200",
    "/api/tasks?state=running&limit=200",
    "/api/tickets?limit=200",
    "/api/pflaster/checks",
    "/api/money",
];

/// # Errors
/// When the file is there already, or cannot be written.
pub(super) async fn run(file: &Path, config_path: &Path, output: Output) -> anyhow::Result<()> {
    if !output.is_meant(&format!("A support bundle would be written to {}.", file.display()))? {
        return Ok(());
    }
    let text = named_file::read_text(config_path)
        .with_context(|| format!("cannot read {}", config_path.display()))?;
    let redaction = Redaction::of(&text);
    let mut answers = Vec::new();
    if let Ok(config) = Config::read(config_path) {
        let api = ApiClient::new(&config).context("cannot speak HTTP")?;
        for path in ASKED {
            let answer = match api.show::<Value>(path).await {
                Ok(answer) => answer,
                Err(error) => {
                    json!({ "not_answered": format!("{:#}", anyhow::Error::from(error)) })
                }
            };
            answers.push(json!({ "asked": path, "answer": answer }));
        }
    }
    let bundle = json!({
        "release": env!("CARGO_PKG_VERSION"),
        "made_at": iso_time((crate::base::clock::system())()),
        "config": redaction.config,
        "doctor": examine(config_path).await,
        "answers": answers,
    });
    let text = redaction.clean(&serde_json::to_string_pretty(&bundle)?);
    let made = private_file::make(file);
    let mut made = made.with_context(|| format!("cannot make {}", file.display()))?;
    made.write_all(text.as_bytes()).context("cannot write the bundle")?;
    let said = json!({ "file": PathBuf::from(file), "bytes": text.len() });
    output.print(&said, |_| {
        format!(
            "{} bytes in {}: configuration, findings of the doctor, tasks, tickets. Secrets and \
             addresses are taken out; read it before you send it.",
            text.len(),
            file.display()
        )
    })
}
