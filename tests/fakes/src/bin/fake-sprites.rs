//! Runs the stand-in for the Sprites API; inside its sprites, the guest.

use std::env;

use anyhow::Context as _;
use clap::Parser;
use fakes::sprites::fleet::Fleet;
use fakes::sprites::guest::{self, GuestArguments};
use fakes::sprites::router;
use fakes::sprites::settings::Settings;
use fakes::vendor::server;

/// First argument of the half that runs in a sprite.
const GUEST: &str = "guest";

/// The Sprites API on the loopback interface, with real processes and disks.
/// `GET /_fake` is a page to look at.
#[derive(Parser)]
#[command(name = "fake-sprites")]
struct Outside {
    /// 0 takes any free port; the log says which.
    #[arg(long, env = "FAKE_SPRITES_PORT", default_value_t = 3997)]
    port: u16,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Parser)]
#[command(name = "fake-sprites guest")]
struct Inside {
    #[command(flatten)]
    arguments: GuestArguments,
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    if env::args_os().nth(1).is_some_and(|argument| argument == GUEST) {
        guest::run(Inside::parse_from(env::args_os().skip(1)).arguments)
    } else {
        serve(Outside::parse())
    }
}

#[tokio::main]
async fn serve(Outside { port, settings }: Outside) -> anyhow::Result<()> {
    let fleet = Fleet::open(settings).await.context("cannot take up the sprites on disk")?;
    let (listener, _) = server::listen(port).await?;
    let served = server::run(listener, router(fleet.clone())).await;
    fleet.shut_down().await;
    served
}
