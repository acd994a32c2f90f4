//! How the provider behaves: speed, limits, whims.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

/// Read once at the start. Every figure without another source is the live
/// service's own, as far as it is known.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Folder of all sprites; what is in it comes back as cold sprites.
    #[arg(long, default_value = "sprites-state")]
    pub state: PathBuf,
    /// The bearer token of the one organisation.
    #[arg(long, env = "FAKE_SPRITES_TOKEN", hide_env_values = true)]
    pub token: String,
    #[arg(long, default_value = "sim")]
    pub organization: String,
    /// Time to create a sprite.
    #[arg(long, default_value = "1500ms", value_parser = duration)]
    pub create: Duration,
    /// Time before a command starts.
    #[arg(long, default_value = "300ms", value_parser = duration)]
    pub exec: Duration,
    /// Time to wake a warm sprite.
    #[arg(long, default_value = "300ms", value_parser = duration)]
    pub wake_warm: Duration,
    /// Time to wake a cold sprite, before it boots.
    #[arg(long, default_value = "1500ms", value_parser = duration)]
    pub wake_cold: Duration,
    /// Quiet time after which a running sprite turns warm.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub idle: Duration,
    /// Quiet time after which a warm sprite turns cold.
    #[arg(long, default_value = "10m", value_parser = duration)]
    pub cold: Duration,
    /// Creations per window.
    #[arg(long, default_value_t = 10)]
    pub creations: usize,
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub creation_window: Duration,
    /// Sprites that may run at once.
    #[arg(long, default_value_t = 100)]
    pub running_limit: usize,
    /// Time between a command's exit and the close of its socket.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub close_delay: Duration,
    /// How long a request to a sprite's URL hangs while nothing listens.
    #[arg(long, default_value = "25s", value_parser = duration)]
    pub url_patience: Duration,
    /// Answer 503 to the first service that is registered after a wake.
    #[arg(long)]
    pub unready_after_wake: bool,
    /// HOST=INSIDE: a folder or a file of this machine, read-only in every sprite.
    #[arg(long)]
    pub share: Vec<Share>,
    /// Port of this machine's loopback that every sprite finds on its own.
    #[arg(long)]
    pub reach: Vec<u16>,
    /// Serves inside the sprites; this program itself unless told otherwise.
    #[arg(skip = own_program())]
    pub program: PathBuf,
}

/// Two absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub machine: PathBuf,
    pub inside: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not HOST=INSIDE with two absolute paths")]
pub struct NotAShare(String);

impl FromStr for Share {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, NotAShare> {
        let (machine, inside) = text.split_once('=').ok_or_else(|| NotAShare(text.to_owned()))?;
        let share = Self { machine: machine.into(), inside: inside.into() };
        let absolute = share.machine.is_absolute() && share.inside.is_absolute();
        absolute.then_some(share).ok_or_else(|| NotAShare(text.to_owned()))
    }
}

impl Settings {
    /// No waiting anywhere, and limits out of the way.
    pub fn quick(state: PathBuf, token: &str, program: PathBuf) -> Self {
        let none = Duration::ZERO;
        let never = Duration::from_secs(3600);
        Self {
            state,
            token: token.to_owned(),
            organization: "sim".to_owned(),
            create: none,
            exec: none,
            wake_warm: none,
            wake_cold: none,
            idle: never,
            cold: never,
            creations: 1_000,
            creation_window: never,
            running_limit: 100,
            close_delay: Duration::from_secs(5),
            url_patience: Duration::from_secs(25),
            unready_after_wake: false,
            share: Vec::new(),
            reach: Vec::new(),
            program,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    super::duration::parse(text).ok_or_else(|| format!("{text:?} is not a duration up to 1h"))
}

fn own_program() -> PathBuf {
    std::env::current_exe().expect("a running program has a file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_names_two_absolute_paths() {
        let share: Share = "/opt/build=/opt/arcamatrix".parse().unwrap();
        assert_eq!(share.inside, PathBuf::from("/opt/arcamatrix"));
        assert!("build=/opt".parse::<Share>().is_err());
        assert!("/opt/build".parse::<Share>().is_err());
    }
}
