//! The command line and the environment: the real gateway's where a
//! supervisor uses them, and `FAKE_GATEWAY_*` to misbehave on purpose.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

use super::settings::DRAIN_LIMIT;

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
    #[arg(long, env = "FAKE_GATEWAY_NEVER_READY", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub never_ready: bool,
    /// Ends as on a full disk while this file is there.
    #[arg(long, env = "FAKE_GATEWAY_DISK_FULL_WHILE")]
    pub disk_full_while: Option<PathBuf>,
    /// Never answers a `connect` while this file is there.
    #[arg(long, env = "FAKE_GATEWAY_SILENT_WHILE")]
    pub silent_while: Option<PathBuf>,
    /// A method that it does not have.
    #[arg(long, env = "FAKE_GATEWAY_WITHOUT")]
    pub without: Option<String>,
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
    /// Where conversations are kept.
    pub fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| {
            let home = std::env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from);
            home.join(".openclaw")
        })
    }

    /// The config file, there or not.
    pub fn config_path(&self) -> PathBuf {
        self.config_path.clone().unwrap_or_else(|| self.state_dir().join("openclaw.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Command {
        let parsed = CommandLine::try_parse_from(line.split(' '));
        parsed.expect("the line is good").command
    }

    #[test]
    fn the_real_command_lines_are_understood() {
        let Command::Gateway { action: GatewayAction::Run(run) } =
            parse("openclaw gateway run --port 3001 --bind loopback")
        else {
            panic!("it runs the gateway");
        };
        assert_eq!(run.port, Some(3001));
        let doctor = parse("openclaw doctor --fix --yes --non-interactive");
        assert!(matches!(doctor, Command::Doctor { fix: true, .. }));
    }
}
