//! Runs the stand-in for Resend.

use clap::Parser;
use fakes::resend::quota::Limits;
use fakes::resend::{self, Options, Resend};
use fakes::vendor::server;

/// Resend with an inbox to look at, on the loopback interface.
#[derive(Parser)]
#[command(name = "fake-resend")]
struct CommandLine {
    /// 0 takes any free port; the log says which.
    #[arg(long, env = "FAKE_RESEND_PORT", default_value_t = 0)]
    port: u16,
    /// The key that callers must present.
    #[arg(long, env = "FAKE_RESEND_KEY", default_value = "re_fake", hide_env_values = true)]
    key: String,
    /// The key may send, and nothing else.
    #[arg(long)]
    restricted: bool,
    /// A domain that may send; any may without it. Can be given again.
    #[arg(long)]
    domain: Vec<String>,
    #[arg(long, default_value_t = Limits::default().requests_per_second)]
    requests_per_second: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    server::log_to_stderr();
    let line = CommandLine::parse();
    let (listener, _) = server::listen(line.port).await?;
    let limits = Limits { requests_per_second: line.requests_per_second, ..Limits::default() };
    let resend = Resend::new(Options {
        key: line.key,
        restricted: line.restricted,
        domains: line.domain,
        limits,
    });
    server::run(listener, resend::router(&resend)).await
}
