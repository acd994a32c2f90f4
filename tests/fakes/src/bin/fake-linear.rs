//! Runs the stand-in for Linear.

use clap::Parser;
use fakes::linear::{self, Linear, Options};
use fakes::vendor::server;

/// Linear with a list of tickets to look at, on the loopback interface.
#[derive(Parser)]
#[command(name = "fake-linear")]
struct CommandLine {
    /// 0 takes any free port; the log says which.
    #[arg(long, env = "FAKE_LINEAR_PORT", default_value_t = 0)]
    port: u16,
    /// The personal key that callers must present.
    #[arg(long, env = "FAKE_LINEAR_KEY", default_value = "lin_api_fake", hide_env_values = true)]
    key: String,
    /// Id of the only team.
    #[arg(long, default_value = "5b1c7a3e-0000-4000-8000-000000000001")]
    team: String,
    /// Where browsers find the board; by default this very port.
    #[arg(long, env = "FAKE_LINEAR_PUBLIC_URL")]
    public_url: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    server::log_to_stderr();
    let line = CommandLine::parse();
    let (listener, address) = server::listen(line.port).await?;
    let public_url = line.public_url.unwrap_or_else(|| format!("http://{address}"));
    let linear = Linear::new(Options {
        key: line.key,
        team: line.team,
        public_url: public_url.trim_end_matches('/').to_owned(),
    });
    server::run(listener, linear::router(&linear)).await
}
