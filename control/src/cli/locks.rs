//! `control locks …`

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use shared::{Lock, Username};

use super::client::ApiClient;
use super::output::{Output, dash, list};
use crate::base::clock::Moment;
use crate::base::date::{iso_time, parse_time};
use crate::operator::responses::Published;
use crate::operator::support_views::WorkspaceDetails;

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Every lock.
    List,
    /// Refuse a workspace, or one session of it, and cut what is live.
    Add {
        username: Username,
        /// The session's id; without it the whole workspace is locked.
        #[arg(long)]
        session: Option<String>,
        /// As in 2026-02-14T15:45:28Z, or 2h from now; without it the lock holds until it is
        /// removed.
        #[arg(long)]
        until: Option<String>,
    },
    /// Take a lock away.
    Remove {
        username: Username,
        /// The session's id; without it the lock of the whole workspace.
        #[arg(long)]
        session: Option<String>,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List => output.print(&api.all::<Lock>("/api/locks", "").await?, |locks| {
            let rows: Vec<_> = locks.iter().map(row).collect();
            list("no locks", &["USERNAME", "SESSION", "UNTIL"], &rows)
        }),
        Command::Add { username, session, until } => {
            // With --yes nothing stands before what takes access away.
            if !output.yes {
                let path = format!("/api/workspaces/{username}");
                let _: WorkspaceDetails = api.show(&path).await?;
            }
            let path = path(&username, session.as_deref());
            let until = until.map(|text| parse_time(&text, now())).transpose();
            let until = until.map_err(|error| anyhow::anyhow!("--until {error}"))?;
            let whose = session.as_ref().map_or_else(
                || format!("every session of {username}"),
                |session| format!("session {session} of {username}"),
            );
            let end = until.map_or_else(|| "it is unlocked".to_owned(), iso_time);
            let consequence = format!(
                "This ends {whose} on every edge at once, and cuts what is live; nobody gets in \
                 again with it until {end}."
            );
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            let body = json!({ "until": until.map(Moment::seconds) });
            let published: Published = api.call(Method::PUT, &path, Some(body)).await?;
            output.print_published(&published)
        }
        Command::Remove { username, session } => {
            if !output.is_meant(&format!("The lock of {username} would be taken away."))? {
                return Ok(());
            }
            let path = path(&username, session.as_deref());
            let published: Published = api.call(Method::DELETE, &path, None).await?;
            output.print_published(&published)
        }
    }
}

/// What the spans in an argument are counted from.
fn now() -> Moment {
    Moment::from_seconds(shared::process::time::unix_seconds())
}

fn path(username: &Username, session: Option<&str>) -> String {
    match session {
        Some(session) => format!("/api/locks/{username}/{session}"),
        None => format!("/api/locks/{username}"),
    }
}

fn row(lock: &Lock) -> Vec<String> {
    vec![
        lock.username.to_string(),
        lock.session.map_or_else(|| "all".to_owned(), |session| session.to_string()),
        lock.until.map_or_else(dash, |until| iso_time(Moment::from_seconds(until))),
    ]
}
