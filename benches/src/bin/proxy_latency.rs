//! Measures the edge side by side with other proxies, and everything else that
//! DESIGN §9 sets a bar for. `make bench` runs it.
//!
//! ```text
//! proxy_latency                      everything: about a quarter of an hour
//! proxy_latency --quick              to see that it works: no figure counts
//! proxy_latency --only http,cut      some of it
//! ```
//!
//! Prints tables in Markdown; writes `target/bench/latest.json` and `latest.svg`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use benches::chart;
use benches::cores::Cores;
use benches::effort::{FULL, QUICK};
use benches::machine::{Machine, steal_ticks};
use benches::programs::{Programs, target_folder};
use benches::report::Report;
use benches::runs::{self, Findings};
use benches::stage::Stage;

#[derive(Parser)]
#[command(about = "Measures the edge side by side with nginx and haproxy")]
struct Arguments {
    /// A short run, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Only these, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Run>,
    /// Cargo's profile for the programs under test. Bars are meant for `release`.
    #[arg(long, default_value = "release")]
    profile: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Run {
    /// HTTP/1.1, 1 KiB, with access logs and without.
    Http,
    /// HTTP/1.1, 100 KiB.
    Download,
    /// POST of 1 MiB.
    Upload,
    /// Encrypted: kept connections, full handshakes and resumed ones.
    Tls,
    Ws,
    /// Event streams.
    Sse,
    /// wrk and h2load instead of our own load.
    Others,
    Memory,
    Routes,
    Cut,
    /// What a workspace feels of floods by others.
    Neighbour,
    Agent,
}

// One thread: the load has one core, and its children end when this thread does.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let cores = Cores::choose()?;
    let programs = Programs::prepare(&arguments.profile)?;
    let folder = target_folder()?.join("bench");
    let work = folder.join(format!("work-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("creating {}", work.display()))?;
    let (report, failure) = measure(&arguments, cores, programs, &work).await?;
    publish(&report, &folder)?;
    if let Some(failure) = failure {
        let left = format!("logs and configurations are left in {}", work.display());
        return Err(failure.context(left));
    }
    fs::remove_dir_all(&work).with_context(|| format!("removing {}", work.display()))
}

/// What was found, and what has failed last: the rest of a quarter of an hour still counts.
async fn measure(
    arguments: &Arguments,
    cores: Cores,
    programs: Programs,
    work: &Path,
) -> anyhow::Result<(Report, Option<anyhow::Error>)> {
    let mut report = Report {
        machine: Machine::look(&programs),
        cores,
        profile: arguments.profile.clone(),
        quick: arguments.quick,
        steal_ticks: 0,
        comparisons: Vec::new(),
        figures: Vec::new(),
    };
    let steal_before = steal_ticks();
    let effort = if arguments.quick { QUICK } else { FULL };
    let stage = Stage::set_up(effort, cores, programs, work).await?;
    let mut failure = None;
    for run in Run::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(run) {
            continue;
        }
        match run.carry_out(&stage).await.with_context(|| format!("{run:?}")) {
            Ok(found) => {
                report.comparisons.extend(found.comparisons);
                report.figures.extend(found.figures);
            }
            Err(error) => {
                eprintln!("{error:#}");
                failure = Some(error);
            }
        }
    }
    report.steal_ticks = steal_ticks() - steal_before;
    Ok((report, failure))
}

impl Run {
    async fn carry_out(self, stage: &Stage) -> anyhow::Result<Findings> {
        match self {
            Self::Http => runs::http(stage).await,
            Self::Download => runs::download(stage).await,
            Self::Upload => runs::upload(stage).await,
            Self::Tls => runs::tls(stage).await,
            Self::Others => runs::others(stage).await,
            Self::Ws => runs::websocket(stage).await,
            Self::Sse => runs::events(stage).await,
            Self::Memory => runs::memory(stage).await,
            Self::Routes => runs::routes(stage).await,
            Self::Cut => runs::cut(stage).await,
            Self::Neighbour => runs::neighbour(stage).await,
            Self::Agent => runs::agent(stage).await,
        }
    }
}

#[expect(clippy::print_stdout, reason = "the tables are what this program is for")]
fn publish(report: &Report, folder: &Path) -> anyhow::Result<()> {
    println!("{report}");
    let (json, svg) = (folder.join("latest.json"), folder.join("latest.svg"));
    fs::write(&json, serde_json::to_string_pretty(report)?)
        .with_context(|| format!("writing {}", json.display()))?;
    fs::write(&svg, chart::draw(report)).with_context(|| format!("writing {}", svg.display()))?;
    println!("Kept in {} and {}", json.display(), svg.display());
    Ok(())
}
