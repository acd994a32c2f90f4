//! `sprite-agent --config FILE [--no-supervise] [--check | --try | --export …]`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use shared::process::output::heard;
use shared::process::{exit, logging, output, shutdown};
use sprite_agent::check;
use sprite_agent::config::Config;
use sprite_agent::export::{Export, ExportLimits, Resumed};
use sprite_agent::run::run;
use sprite_agent::stopping;
use sprite_agent::supervisor::own_log::OwnLog;
use sprite_agent::trial;

#[cfg(not(any(debug_assertions, feature = "jemalloc")))]
compile_error!("what is shipped has its allocator: --features sprite-agent/jemalloc");

/// Gives back what it no longer uses: after a busy hour glibc's keeps ten times the idle memory.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The agent in a workspace's VM.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; config/sprite-agent.toml explains each key.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Leave the gateway to a service manager and only watch whether it is ready.
    #[arg(long)]
    no_supervise: bool,
    /// Say how things stand and exit: 0 when all is well, 64 when the configuration is wrong, 69
    /// when something else is. Changes nothing.
    #[arg(long)]
    check: bool,
    /// Write everything that the customer has in this machine to the output, as a .tar.gz, and
    /// exit. Changes nothing; the gateway may run or not.
    #[arg(long)]
    export: bool,
    /// With --export: the folder beside the gateway's in which the customer may have files.
    #[arg(long, value_name = "FOLDER", requires = "export")]
    home: Option<PathBuf>,
    /// With --export: leave out so many bytes at the beginning of the archive that begins with
    /// --mark, and write a line with the length of the whole one before the rest. Exits with 3
    /// when something has changed since, and writes nothing then.
    #[arg(long, value_name = "BYTES", requires_all = ["export", "mark"])]
    from: Option<u64>,
    /// With --from: what the archive says as gzip's comment.
    #[arg(long, value_name = "TEXT", requires = "from")]
    mark: Option<String>,
    /// Have one conversation with the gateway that runs, and exit: 0 when all that is needed of
    /// it is there, 69 when not.
    #[arg(long = "try", conflicts_with = "check")]
    is_trial: bool,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where it cannot be printed, nobody is there to read it.
            let _unread = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => exit::report("sprite-agent", &error),
    }
}

fn start(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut config = Config::read(&arguments.config)?;
    if arguments.no_supervise {
        config.supervisor = None;
    }
    if arguments.export {
        return export(arguments, &config);
    }
    // One thread: a workspace has one customer, and each further thread costs idle memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    if arguments.check {
        let findings = runtime.block_on(check::look(&arguments.config, &config));
        output::print(findings.to_string().as_bytes())?;
        return Ok(ExitCode::from(if findings.are_well() { 0 } else { check::NOT_WELL }));
    }
    if arguments.is_trial {
        return match runtime.block_on(trial::hold(&config)) {
            Ok(found) => {
                output::print(format!("{found}\n").as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(why) => {
                output::complain(&why);
                Ok(ExitCode::from(check::NOT_WELL))
            }
        };
    }
    let files = config.supervisor.as_ref().map(|supervisor| supervisor.log.clone());
    let log = OwnLog::open(files, &[&config.gateway.token, &config.health_token]);
    logging::start_with(config.log_format, "info", log);
    runtime.block_on(async {
        let (stop, stopping) = stopping::channel();
        // Before a gateway is started, which a signal would leave behind.
        let requested = shutdown::listen();
        tokio::spawn(async move {
            // Without signals there is only SIGKILL, which needs no help from us.
            if let Ok(requested) = requested {
                requested.await;
                stop.stop();
            }
            std::future::pending::<()>().await;
        });
        run(config, &arguments.config, stopping).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// How a process ends that was to go on with an archive that would be another one now.
const CHANGED: u8 = 3;

fn export(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let output = std::io::stdout().lock();
    let export = Export {
        config,
        config_path: &arguments.config,
        home: arguments.home.as_deref(),
        limits: ExportLimits::default(),
    };
    let Some((from, mark)) = arguments.from.zip(arguments.mark.as_deref()) else {
        heard(export.write(output))?;
        return Ok(ExitCode::SUCCESS);
    };
    Ok(match heard(export.resume(mark, from, output))? {
        Resumed::Whole => ExitCode::SUCCESS,
        Resumed::Changed => ExitCode::from(CHANGED),
    })
}
