//! Runs the stand-in for Stripe.

use clap::Parser;
use fakes::stripe::webhook::{Destination, Manner, Payload};
use fakes::stripe::{self, Options, Stripe};
use fakes::vendor::server;

/// Stripe with a checkout page to click, on the loopback interface.
#[derive(Parser)]
#[command(name = "fake-stripe")]
struct CommandLine {
    /// 0 takes any free port; the log says which.
    #[arg(long, env = "FAKE_STRIPE_PORT", default_value_t = 0)]
    port: u16,
    /// The secret key that callers must present.
    #[arg(long, env = "FAKE_STRIPE_KEY", default_value = "sk_test_fake", hide_env_values = true)]
    key: String,
    /// Where browsers find the pages; by default this very port.
    #[arg(long, env = "FAKE_STRIPE_PUBLIC_URL")]
    public_url: Option<String>,
    /// A price that exists, at $7.00 a month. Can be given again.
    #[arg(long, default_value = "price_workspace_monthly")]
    price: Vec<String>,
    /// Where events are sent. None are sent without it.
    #[arg(long, env = "FAKE_STRIPE_WEBHOOK_URL", requires = "webhook_secret")]
    webhook_url: Option<String>,
    /// What they are signed with. Given twice, both sign.
    #[arg(long, env = "FAKE_STRIPE_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Vec<String>,
    #[arg(long, value_enum, default_value_t = Payload::Snapshot)]
    webhook_payload: Payload,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    server::log_to_stderr();
    let line = CommandLine::parse();
    let (listener, address) = server::listen(line.port).await?;
    let destinations = line.webhook_url.map(|url| Destination {
        url,
        secrets: line.webhook_secret,
        payload: line.webhook_payload,
    });
    let manner = Manner { destinations: destinations.into_iter().collect(), ..Manner::default() };
    manner.check()?;
    let public_url = line.public_url.unwrap_or_else(|| format!("http://{address}"));
    let stripe = Stripe::new(Options {
        key: line.key,
        public_url: public_url.trim_end_matches('/').to_owned(),
        prices: line.price,
        manner,
    });
    server::run(listener, stripe::router(&stripe)).await
}
