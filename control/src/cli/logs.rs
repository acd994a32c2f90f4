//! `control logs WORKSPACE`

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use shared::Username;
use shared::process::output;
use tokio::time::sleep;
use url::form_urlencoded::Serializer;

use super::client::ApiClient;
use super::output::Output;
use crate::base::date::iso_time;
use crate::operator::logs::LogPiece;

/// Between two looks at a log that is followed.
const LOOK: Duration = Duration::from_secs(2);

/// Of one command that does not follow: a megabyte and a half.
const PIECES_MAX: usize = 64;

#[derive(Args, Clone)]
pub(super) struct Arguments {
    username: Username,
    /// From when on, as 90s, 15m, 2h or 1d ago; without it, the end of the log.
    #[arg(long, value_parser = ago)]
    since: Option<Duration>,
    /// Go on printing what comes, until Ctrl-C. Keeps the machine awake.
    #[arg(long)]
    follow: bool,
    /// The agent's own log, instead of its gateway's.
    #[arg(long)]
    agent: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    api: &ApiClient,
    output: Output,
) -> anyhow::Result<()> {
    let Arguments { username, follow, agent, .. } = arguments;
    let since = arguments.since.map(|ago| iso_time(api.now().before(ago)));
    let mut after = None;
    for number in 0.. {
        let mut query = Serializer::new(String::new());
        query.append_pair("log", if *agent { "agent" } else { "gateway" });
        for (name, value) in [("since", &since), ("after", &after)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let path = format!("/api/workspaces/{username}/logs?{}", query.finish());
        let piece: LogPiece = api.show(&path).await?;
        print(&piece, output)?;
        if !piece.more {
            if !follow {
                return Ok(());
            }
            sleep(LOOK).await;
        } else if !follow && number >= PIECES_MAX {
            bail!("there is more than is printed at once; say a later --since, or --follow");
        }
        after = Some(piece.cursor);
    }
    Ok(())
}

fn print(piece: &LogPiece, output: Output) -> anyhow::Result<()> {
    if output.json {
        return output.print(piece, |_| String::new());
    }
    output::print(piece.text.as_bytes())
}

fn ago(text: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "is a number with s, m, h or d behind it, such as 15m";
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(RULE),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| RULE)?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or(RULE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_ago_has_a_unit() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(ago(text).ok(), seconds.map(Duration::from_secs), "{text}");
        };
        check("90s", Some(90));
        check("2h", Some(7_200));
        check("1d", Some(86_400));
        for text in ["", "5", "m", "-1m", "1w", "99999999999999999999d", "ü"] {
            check(text, None);
        }
    }
}
