//! `control locks …`

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use shared::{Lock, SessionId, Username};

use super::client::ApiClient;
use super::output::{Output, dash, list};
use super::published;
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
        #[arg(long, value_parser = session)]
        session: Option<SessionId>,
        /// As in 2026-02-14T15:45:28Z, or 2h from now; without it the lock holds until it is
        /// removed.
        #[arg(long, value_parser = moment_to_come)]
        until: Option<Moment>,
    },
    /// Take a lock away.
    Remove {
        username: Username,
        /// The session's id; without it the lock of the whole workspace.
        #[arg(long, value_parser = session)]
        session: Option<SessionId>,
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
            let path = path(&username, session.as_ref());
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
            published::print(&published, true, output)
        }
        Command::Remove { username, session } => {
            if !output.is_meant(&format!("The lock of {username} would be taken away."))? {
                return Ok(());
            }
            let path = path(&username, session.as_ref());
            let published: Published = api.call(Method::DELETE, &path, None).await?;
            published::print(&published, true, output)
        }
    }
}

fn session(text: &str) -> Result<SessionId, &'static str> {
    SessionId::parse(text).ok_or("a session's id is 32 lower-case hexadecimal digits")
}

fn moment_to_come(text: &str) -> Result<Moment, &'static str> {
    let now = Moment::from_seconds(shared::process::time::unix_seconds());
    let moment = parse_time(text, now)?;
    if moment > now { Ok(moment) } else { Err("must be in the future") }
}

fn path(username: &Username, session: Option<&SessionId>) -> String {
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
