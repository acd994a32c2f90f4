//! Everything a gateway is told when it starts, checked.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tracing::{error, warn};

use super::command_line::{Misbehaviour, Place, Run};
use super::config_file::{self, ConfigFile};
use crate::ids;

/// Exit code of a gateway whose config keeps it from starting.
pub const EXIT_BAD_CONFIG: Exit = 78;

/// The real gateway's port when nobody names one.
const PORT_DEFAULT: u16 = 18_789;

/// Where the fake counts how often it was told to fail.
const EXITS_FILE: &str = "fake-gateway-exits";

/// The real gateway's patience with its turns when it stops.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(315);

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
    /// While this file is there, `connect` is never answered.
    pub silent_while: Option<PathBuf>,
    /// A method that this gateway does not have.
    pub without: Option<String>,
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
            silent_while: None,
            without: None,
            delta_delay: Duration::ZERO,
            drain_limit: DRAIN_LIMIT,
        }
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
        .filter(|_| config.token.is_none())
        .or_else(|| config.token.as_deref().map(substitute))
        .filter(|token| !token.is_empty())
        .unwrap_or_else(|| {
            warn!("Generated a runtime token for this startup without changing config");
            ids::secret::<32>()
        });
    Ok(Settings {
        port: run.port.or(config.port).unwrap_or(PORT_DEFAULT),
        start_delay: Duration::from_millis(run.misbehaviour.start_delay_ms),
        never_ready: run.misbehaviour.never_ready,
        silent_while: run.misbehaviour.silent_while,
        without: run.misbehaviour.without,
        delta_delay: Duration::from_millis(run.misbehaviour.delta_delay_ms),
        drain_limit: Duration::from_secs(run.misbehaviour.drain_limit_seconds),
        ..Settings::new(&token, &state_dir, config)
    })
}

fn read_config(path: &Path, allow_unconfigured: bool) -> Result<ConfigFile, Exit> {
    let refused = |what: &dyn std::fmt::Display, exit| {
        error!("Invalid config at {}: {what}", path.display());
        error!("Run \"openclaw doctor --fix\" to repair the config, then retry.");
        exit
    };
    match fs::read_to_string(path) {
        Ok(text) => config_file::parse(&text).map_err(|error| refused(&error, error.exit_code())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && allow_unconfigured => {
            Ok(ConfigFile { control_ui_enabled: true, ..ConfigFile::default() })
        }
        Err(error) => Err(refused(&error, EXIT_BAD_CONFIG)),
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
    if misbehaviour.disk_full_while.as_ref().is_some_and(|file| file.exists()) {
        error!("Error: database or disk is full");
        return Err(EXIT_BAD_CONFIG);
    }
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
    use crate::gateway::command_line::{Command, CommandLine, GatewayAction};
    use clap::Parser;

    const GOOD: &str = r#"{"gateway":{"mode":"local","port":3001}}"#;

    fn in_folder(config: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("openclaw.json"), config).unwrap();
        dir
    }

    fn settle_in(dir: &tempfile::TempDir, flags: &[&str]) -> Result<Settings, Exit> {
        let dir = dir.path().to_str().unwrap();
        let line = ["openclaw", "gateway", "run", "--state-dir", dir];
        let CommandLine { command, place } = CommandLine::parse_from(line.iter().chain(flags));
        let Command::Gateway { action: GatewayAction::Run(run) } = command else {
            panic!("it runs the gateway");
        };
        settle(&place, *run)
    }

    #[test]
    fn a_config_that_keeps_a_gateway_from_starting_exits_78() {
        for config in ["{ nope", "{}", r#"{"gateway":{"mode":"local"},"bogus":1}"#] {
            let settings = settle_in(&in_folder(config), &[]);
            assert_eq!(settings.unwrap_err(), EXIT_BAD_CONFIG, "{config}");
        }
    }

    #[test]
    fn the_port_on_the_command_line_wins() {
        let dir = in_folder(GOOD);
        assert_eq!(settle_in(&dir, &["--port", "4000"]).unwrap().port, 4000);
        assert_eq!(settle_in(&dir, &[]).unwrap().port, 3001);
    }

    #[test]
    fn without_a_token_a_random_one_keeps_strangers_out() {
        let dir = in_folder(GOOD);
        let first = settle_in(&dir, &["--token", ""]).unwrap().token;
        let second = settle_in(&dir, &["--token", ""]).unwrap().token;
        assert!(first.len() >= 32 && first != second);
    }

    #[test]
    fn it_fails_as_often_as_told_and_then_starts() {
        let dir = in_folder(GOOD);
        let flags = ["--exit-times", "2", "--exit-code", "7"];
        assert_eq!(settle_in(&dir, &flags).unwrap_err(), 7);
        assert_eq!(settle_in(&dir, &flags).unwrap_err(), 7);
        assert!(settle_in(&dir, &flags).is_ok());
    }
}
