//! `make demo`: a whole Arcamatrix on this machine, until Ctrl-C.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use e2e::openclaw::OpenClaw;
use e2e::prometheus::{Patience, Prometheus};
use e2e::secrets_file::write_private;
use e2e::sprite::Gateway;
use e2e::{Pace, Plan, Vendor, Vendors, World, binaries};
use serde_json::{Map, Value, json};
use shared::process::shutdown;

/// The demo's customers.
const TENANTS: [&str; 2] = ["ada", "grace"];

/// Machines that wait for a customer.
const POOL: u64 = 3;

/// How often the demo looks whether all its programs still run.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Each option can be given to `make` too, as in `make demo PORT=9090`.
#[derive(Parser)]
#[command(name = "demo", about = "A whole Arcamatrix on this machine")]
struct Options {
    /// Where visitors reach the first edge; the next edge takes the next port.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// Everything is kept here; started again, it goes on from there.
    #[arg(long, env = "STATE", default_value = "demo-state")]
    state: PathBuf,
    #[arg(long, env = "EDGES", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    edges: u16,
    /// 1: do not open a browser window.
    #[arg(long, env = "HEADLESS", default_value = "0")]
    headless: String,
    /// 1: start Prometheus as well, with the rules that operators have.
    #[arg(long, env = "OBSERVE", default_value = "0")]
    observe: String,
    /// `fake`, or `real` for OpenClaw from npm with a scripted model.
    #[arg(long, env = "OPENCLAW", default_value = "fake", value_parser = ["fake", "real"])]
    openclaw: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let file = options.state.join("demo.json");
    let plan = plan(options)?;
    say("Starting …");
    let world = World::prepare(&plan)?;
    // It says that all is ready, which is not so yet.
    let _ = std::fs::remove_file(&file);
    tokio::select! {
        begun = world.begin(&plan) => begun?,
        stopped = shutdown::requested() => return Ok(stopped?),
    }
    write_private(&file, &serde_json::to_vec_pretty(&description(&world))?)?;
    say(&welcome(&world, &file));
    let prometheus = if options.observe == "1" { observe(&world)? } else { None };
    if options.headless != "1" {
        open_browser(world.site_url());
    }
    let outcome = tokio::select! {
        stopped = shutdown::requested() => stopped.context("listen to signals"),
        failed = first_failure(&world) => Err(failed),
    };
    if let Err(error) = &outcome {
        // At once: how the rest ends, which takes its time, is another story.
        eprintln!("demo: {error:#}");
    }
    say("Stopping …");
    let _ = std::fs::remove_file(&file);
    if let Some(prometheus) = prometheus {
        prometheus.program.stop();
    }
    world.end().context("the end of the others")?;
    outcome.map_err(|_| anyhow!("a program ended by itself; it is named above"))
}

fn plan(options: &Options) -> anyhow::Result<Plan> {
    let gateway = if options.openclaw == "real" {
        say("Installing OpenClaw from npm; the first time takes about a minute.");
        Gateway::Real(OpenClaw::install(&binaries::target_folder()?.join("openclaw"))?)
    } else {
        Gateway::Fake
    };
    Ok(Plan {
        state: Some(options.state.clone()),
        public_port: Some(options.port),
        gateway,
        vendors: Some(Vendors { available: POOL, pace: Pace::Lifelike }),
        ..Plan::with_tenants(&TENANTS).with_edges(usize::from(options.edges))
    })
}

/// Never returns while everything runs.
async fn first_failure(world: &World) -> anyhow::Error {
    loop {
        if let Err(error) = world.ensure_running() {
            return error;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What `demo.json` says to programs.
fn description(world: &World) -> Value {
    let control = format!("http://{}", world.control.api());
    let edges: Vec<Value> = world
        .edges
        .iter()
        .map(|edge| {
            json!({
                "name": edge.program.name(),
                "url": format!("http://{}", edge.admin()),
                "token": edge.token(),
                "listen": edge.address(),
            })
        })
        .collect();
    let customers: Vec<Value> = world
        .customers
        .iter()
        .map(|customer| json!({"username": customer.username, "password": customer.password}))
        .collect();
    let mut metrics = vec![format!("{control}/metrics")];
    metrics.extend(world.edges.iter().map(|edge| format!("http://{}/metrics", edge.admin())));
    metrics
        .extend(world.sprites.iter().map(|sprite| format!("http://{}/metrics", sprite.address())));
    json!({
        "site_url": world.site_url(),
        "workspace_url": world.workspace_url(TENANTS[0]).replacen(TENANTS[0], "{username}", 1),
        "edge_admin": edges,
        "control_api": {"url": control, "key": world.control.admin_key()},
        "customers": customers,
        "fakes": fakes(world),
        "stripe_webhook_secret": world.fakes().webhook_secret,
        "metrics": metrics,
        "pids": world.pids().into_iter().map(|(name, pid)| (name, pid.into())).collect::<Map<_, _>>(),
        "logs": world.logs().into_iter().map(|(name, file)| (name, json!(file))).collect::<Map<_, _>>(),
    })
}

/// Where the vendors' stand-ins are: a page to look at, each.
fn fakes(world: &World) -> Value {
    let fakes = world.fakes();
    let door = |vendor: &Vendor| json!({"url": vendor.url(), "key": vendor.key});
    json!({
        "stripe": door(&fakes.stripe),
        "resend": door(&fakes.resend),
        "linear": door(&fakes.linear),
        "sprites": door(&fakes.sprites),
    })
}

fn welcome(world: &World, file: &Path) -> String {
    let fakes = world.fakes();
    let mut text = format!(
        "\nArcamatrix runs. Sign up for a workspace of your own:\n\n  {}\n\n\
         The letters are in {}, payments in {},\ntickets in {}, machines in {}/_fake.\n\n\
         Or open a workspace that is there already and sign in:\n\n",
        world.site_url(),
        fakes.resend.url(),
        fakes.stripe.url(),
        fakes.linear.url(),
        fakes.sprites.url(),
    );
    for customer in &world.customers {
        text += &format!(
            "  {}\n      username  {}\n      password  {}\n\n",
            world.workspace_url(&customer.username),
            customer.username,
            customer.password
        );
    }
    for edge in &world.edges[1..] {
        text += &format!("A further edge listens on {}\n", edge.address());
    }
    text += &format!("Addresses, keys, pids and logs: {}\nCtrl-C ends it all.\n", file.display());
    text
}

fn observe(world: &World) -> anyhow::Result<Option<Prometheus>> {
    let prometheus = Prometheus::prepare(world, Patience::AsShipped)?;
    match &prometheus {
        Some(prometheus) => {
            prometheus.program.start()?;
            say(&format!(
                "Prometheus with the alerts: {}/alerts\n\
                 Grafana is not in Debian; where you have it, add that as its data source and \
                 import config/grafana/*.json.\n",
                prometheus.url()
            ));
        }
        None => say("Prometheus is not installed.\n"),
    }
    Ok(prometheus)
}

/// On a desktop; elsewhere the printed address is enough.
fn open_browser(url: &str) {
    if std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some() {
        let mut command = Command::new("xdg-open");
        command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = command.spawn();
    }
}

#[expect(clippy::print_stdout, reason = "a person reads it in a terminal")]
fn say(text: &str) {
    println!("{text}");
}
