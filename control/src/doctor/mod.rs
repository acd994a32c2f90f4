//! Tries for real whatever the configuration names, and says how to mend what does not work.
//!
//! Nothing is changed by it. It runs beside the program that serves, or before it.

mod certificate;
mod finding;
mod local;
mod network;
mod redaction;
mod vendors_check;

use std::path::Path;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;

use crate::serve::config::Config;

pub use finding::{Finding, Verdict};
pub use redaction::Redaction;

/// How long one check may take: longer than a vendor's slowest ordinary answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Every check, each within [`TIMEOUT`], all at the same time.
///
/// The configuration comes first: while it is wrong, nothing else can be tried.
pub async fn examine(path: &Path) -> Vec<Finding> {
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(complaints) => {
            let mend = "Each line names the file, the line and the key; config/control.toml \
                        explains every key.";
            let complaints = complaints.to_string();
            return complaints.lines().map(|it| Finding::ill("configuration", it, mend)).collect();
        }
    };
    let mut findings = vec![Finding::well("configuration", "every key is good")];
    findings.extend(local::files(path, &config));
    findings.extend(local::gateway_config(&config));
    let checks = checks(&config).into_iter().map(async |(name, check)| {
        let late = |_| {
            let says = format!("there was no answer within {TIMEOUT:?}");
            vec![Finding::ill(name, says, "See whether a firewall drops what is sent there.")]
        };
        timeout(TIMEOUT, check).await.unwrap_or_else(late)
    });
    findings.extend(join_all(checks).await.into_iter().flatten());
    findings
}

type Check<'a> = (&'static str, BoxFuture<'a, Vec<Finding>>);

fn checks(config: &Config) -> Vec<Check<'_>> {
    let one = |finding| vec![finding];
    vec![
        ("database", Box::pin(async move { one(local::database(config).await) })),
        ("disk", Box::pin(async move { one(local::disk(config)) })),
        ("control", Box::pin(async move { one(network::control(config).await) })),
        ("edges", Box::pin(network::edges(config))),
        ("certificate", Box::pin(certificate::examine(config))),
        ("dns", Box::pin(network::names(config))),
        ("site", Box::pin(async move { one(network::site(config).await) })),
        ("webhook", Box::pin(async move { one(network::webhook(config).await) })),
        ("clock", Box::pin(async move { one(network::clock(config).await) })),
        ("provider", Box::pin(async move { one(vendors_check::provider(config).await) })),
        ("stripe", Box::pin(async move { one(vendors_check::stripe(config).await) })),
        ("resend", Box::pin(async move { one(vendors_check::resend(config).await) })),
        ("linear", Box::pin(async move { one(vendors_check::linear(config).await) })),
    ]
}
