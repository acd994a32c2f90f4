//! Everything a gateway is told when it starts, checked.
//!
//! The command line and the environment are the real gateway's where a
//! supervisor uses them; `FAKE_GATEWAY_*` makes it misbehave on purpose.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use tracing::{error, info, warn};

use super::config_file::{self, ConfigFile};
use super::skills;
use crate::ids;

/// Exit code of a gateway whose config keeps it from starting.
pub const EXIT_BAD_CONFIG: u8 = 78;

/// The real gateway's port when nobody names one.
const PORT_DEFAULT: u16 = 18_789;

/// Where the fake counts how often it was told to fail.
const EXITS_FILE: &str = "fake-gateway-exits";

/// What a running gateway needs to know.
#[derive(Clone)]
pub struct Settings {
    pub port: u16,
    pub token: String,
    pub state_dir: PathBuf,
    pub config: ConfigFile,
    /// How long the port is open before the gateway is ready.
    pub start_delay: Duration,
    pub never_ready: bool,
    /// At least this long before each piece of an answer.
    pub delta_delay: Duration,
    /// How long a stopping gateway waits for its turns.
    pub drain_limit: Duration,
}

/// Everything but the token.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("port", &self.port)
            .field("state_dir", &self.state_dir)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// A gateway that is ready at once, on any free port.
    pub fn new(token: &str, state_dir: &Path, config: ConfigFile) -> Self {
        Self {
            port: 0,
            token: token.to_owned(),
            state_dir: state_dir.to_owned(),
            config,
            start_delay: Duration::ZERO,
            never_ready: false,
            delta_delay: Duration::ZERO,
            drain_limit: DRAIN_LIMIT,
        }
    }
}

/// The real gateway's patience with its turns.
const DRAIN_LIMIT: Duration = Duration::from_secs(315);

/// A stand-in for the OpenClaw gateway. Say `help` to it for its script.
#[derive(Debug, Parser)]
#[command(name = "fake-gateway", version = super::RELEASE)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the gateway.
    Gateway {
        #[command(subcommand)]
        action: GatewayAction,
    },
    /// Mends the config file.
    Doctor {
        /// Changes the file; without it only looks.
        #[arg(long, alias = "repair")]
        fix: bool,
        #[arg(long)]
        yes: bool,
        #[arg(long)]
        non_interactive: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum GatewayAction {
    Run(Box<Run>),
}

#[derive(Args, Debug)]
pub struct Run {
    #[arg(long, env = "OPENCLAW_GATEWAY_PORT")]
    pub port: Option<u16>,
    /// Only `loopback` is played.
    #[arg(long, default_value = "loopback", value_parser = ["loopback"])]
    pub bind: String,
    /// Starts without a config file.
    #[arg(long)]
    pub allow_unconfigured: bool,
    #[arg(long, env = "OPENCLAW_GATEWAY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    #[command(flatten)]
    pub misbehaviour: Misbehaviour,
}

/// What tests ask of a gateway that a good one would not do.
#[derive(Args, Debug)]
pub struct Misbehaviour {
    /// Milliseconds between the open port and readiness.
    #[arg(long, env = "FAKE_GATEWAY_START_DELAY_MS", default_value_t = 0)]
    pub start_delay_ms: u64,
    /// Stays in its starting phase for ever.
    #[arg(long, env = "FAKE_GATEWAY_NEVER_READY", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub never_ready: bool,
    /// Milliseconds before each piece of an answer, at least.
    #[arg(long, env = "FAKE_GATEWAY_DELTA_DELAY_MS", default_value_t = 0)]
    pub delta_delay_ms: u64,
    /// Exits with this code instead of starting ...
    #[arg(long, env = "FAKE_GATEWAY_EXIT_CODE", default_value_t = 1)]
    pub exit_code: u8,
    /// ... this many times, counted in the state directory.
    #[arg(long, env = "FAKE_GATEWAY_EXIT_TIMES", default_value_t = 0)]
    pub exit_times: u64,
    /// Seconds a stopping gateway waits for its turns.
    #[arg(long, env = "FAKE_GATEWAY_DRAIN_LIMIT_SECONDS", default_value_t = DRAIN_LIMIT.as_secs())]
    pub drain_limit_seconds: u64,
}

/// Where the gateway keeps its things.
#[derive(Args, Debug)]
pub struct Place {
    #[arg(long, global = true, env = "OPENCLAW_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    #[arg(long, global = true, env = "OPENCLAW_CONFIG_PATH")]
    pub config_path: Option<PathBuf>,
}

impl Place {
    fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| {
            let home = std::env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from);
            home.join(".openclaw")
        })
    }

    fn config_path(&self) -> PathBuf {
        self.config_path.clone().unwrap_or_else(|| self.state_dir().join("openclaw.json"))
    }
}

/// Why a process ends before it serves, as its exit code.
pub type Exit = u8;

/// Turns the command line of `gateway run` into settings.
///
/// # Errors
/// The exit code of a gateway that does not start; the reason is logged.
pub fn settle(place: &Place, run: Run) -> Result<Settings, Exit> {
    let state_dir = place.state_dir();
    fail_on_purpose(&state_dir, &run.misbehaviour)?;
    let config = read_config(&place.config_path(), run.allow_unconfigured)?;
    let token = run
        .token
        .filter(|token| !token.is_empty())
        .or_else(|| config.token.as_deref().map(substitute).filter(|token| !token.is_empty()))
        .unwrap_or_else(|| {
            warn!("Generated a runtime token for this startup without changing config");
            ids::secret::<32>()
        });
    Ok(Settings {
        port: run.port.or(config.port).unwrap_or(PORT_DEFAULT),
        start_delay: Duration::from_millis(run.misbehaviour.start_delay_ms),
        never_ready: run.misbehaviour.never_ready,
        delta_delay: Duration::from_millis(run.misbehaviour.delta_delay_ms),
        drain_limit: Duration::from_secs(run.misbehaviour.drain_limit_seconds),
        ..Settings::new(&token, &state_dir, config)
    })
}

/// Runs `doctor`: mends the config file in place, keeping a `.bak`.
///
/// # Errors
/// 1 when the file cannot be read or mended; it is then unchanged.
pub fn doctor(place: &Place, fix: bool) -> Result<(), Exit> {
    let path = place.config_path();
    let failed = |what: &dyn std::fmt::Display| {
        error!("config at {} cannot be repaired automatically: {what}", path.display());
        1
    };
    let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let (mended, changes) =
        skills::with_this_machine(|machine| config_file::repair(&text, &skills::unusable(machine)))
            .map_err(|error| failed(&error))?;
    for change in &changes {
        info!("{}: {change}", path.display());
    }
    if fix && !changes.is_empty() {
        replace(&path, &text, &mended).map_err(|error| failed(&error))?;
        info!("updated config: {}", path.display());
    }
    info!("doctor complete");
    Ok(())
}

fn replace(path: &Path, before: &str, mended: &Value) -> io::Result<()> {
    fs::write(path.with_extension("json.bak"), before)?;
    let beside = path.with_extension("json.tmp");
    fs::write(&beside, serde_json::to_vec_pretty(mended)?)?;
    fs::rename(&beside, path)
}

fn read_config(path: &Path, allow_unconfigured: bool) -> Result<ConfigFile, Exit> {
    let refused = |what: &dyn std::fmt::Display| {
        error!("Invalid config at {}: {what}", path.display());
        error!("Run \"openclaw doctor --fix\" to repair the config, then retry.");
        EXIT_BAD_CONFIG
    };
    match fs::read_to_string(path) {
        Ok(text) => config_file::parse(&text).map_err(|error| refused(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && allow_unconfigured => {
            Ok(ConfigFile { control_ui_enabled: true, ..ConfigFile::default() })
        }
        Err(error) => Err(refused(&error)),
    }
}

/// Replaces a value that is one `${NAME}` by the variable of that name.
fn substitute(value: &str) -> String {
    value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .map_or_else(|| value.to_owned(), |name| std::env::var(name).unwrap_or_default())
}

fn fail_on_purpose(state_dir: &Path, misbehaviour: &Misbehaviour) -> Result<(), Exit> {
    if misbehaviour.exit_times == 0 {
        return Ok(());
    }
    let path = state_dir.join(EXITS_FILE);
    let exits: u64 =
        fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    if exits >= misbehaviour.exit_times {
        return Ok(());
    }
    let noted =
        fs::create_dir_all(state_dir).and_then(|()| fs::write(&path, (exits + 1).to_string()));
    if let Err(error) = noted {
        error!(%error, "cannot count exits in {}", path.display());
    }
    error!("told to exit: {} of {}", exits + 1, misbehaviour.exit_times);
    Err(misbehaviour.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> CommandLine {
        CommandLine::try_parse_from(line.split(' ')).expect("the line is good")
    }

    fn run(line: &str) -> (Place, Run) {
        let CommandLine { command, place } = parse(line);
        let Command::Gateway { action: GatewayAction::Run(run) } = command else {
            panic!("{line} runs no gateway");
        };
        (place, *run)
    }

    fn in_folder(config: &str, flags: &str) -> (tempfile::TempDir, Result<Settings, Exit>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("openclaw.json"), config).unwrap();
        let line = format!("openclaw gateway run --state-dir {} {flags}", dir.path().display());
        let (place, run) = run(line.trim_end());
        let settings = settle(&place, run);
        (dir, settings)
    }

    #[test]
    fn the_real_command_lines_are_understood() {
        let (_, run) = run("openclaw gateway run --port 3001 --bind loopback");
        assert_eq!(run.port, Some(3001));
        parse("openclaw doctor --fix --yes --non-interactive");
    }

    #[test]
    fn a_config_that_keeps_a_gateway_from_starting_exits_78() {
        for config in ["{ nope", "{}", r#"{"gateway":{"mode":"local"},"bogus":1}"#] {
            let (_dir, settings) = in_folder(config, "");
            assert_eq!(settings.unwrap_err(), EXIT_BAD_CONFIG, "{config}");
        }
    }

    #[test]
    fn the_port_on_the_command_line_wins() {
        let config = r#"{"gateway":{"mode":"local","port":3001}}"#;
        assert_eq!(in_folder(config, "--port 4000").1.unwrap().port, 4000);
        assert_eq!(in_folder(config, "").1.unwrap().port, 3001);
    }

    #[test]
    fn it_fails_as_often_as_told_and_then_starts() {
        let config = r#"{"gateway":{"mode":"local"}}"#;
        let (dir, first) = in_folder(config, "--exit-times 2 --exit-code 7");
        assert_eq!(first.unwrap_err(), 7);
        let again = || {
            let line = format!(
                "openclaw gateway run --state-dir {} --exit-times 2 --exit-code 7",
                dir.path().display()
            );
            let (place, run) = run(&line);
            settle(&place, run).map(|_| ())
        };
        assert_eq!(again(), Err(7));
        assert_eq!(again(), Ok(()));
    }

    #[test]
    fn doctor_mends_the_file_and_keeps_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("openclaw.json");
        let broken = r#"{"gateway":{"mode":"local"},"bogus":1}"#;
        fs::write(&path, broken).unwrap();
        let place = Place { state_dir: Some(dir.path().to_owned()), config_path: None };
        doctor(&place, true).expect("it can be mended");
        let mended = fs::read_to_string(&path).unwrap();
        assert!(config_file::parse(&mended).is_ok(), "{mended}");
        let kept = fs::read_to_string(dir.path().join("openclaw.json.bak")).unwrap();
        assert_eq!(kept, broken);
    }

    #[test]
    fn doctor_leaves_alone_what_it_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("openclaw.json"), "{ nope").unwrap();
        let place = Place { state_dir: Some(dir.path().to_owned()), config_path: None };
        assert_eq!(doctor(&place, true), Err(1));
    }
}
