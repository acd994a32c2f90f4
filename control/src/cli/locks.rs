//! `control locks …`

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use shared::{Lock, Username};

use super::client::ApiClient;
use super::output::{Output, dash, table};
use crate::operator::responses::Published;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Every lock.
    List,
    /// Refuse a workspace, or one session of it, and cut what is live.
    Add {
        username: Username,
        /// The session's id; without it the whole workspace is locked.
        #[arg(long)]
        session: Option<String>,
        /// Unix seconds; without it the lock holds until it is removed.
        #[arg(long)]
        until: Option<u64>,
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
        Command::List => output.print(&api.all::<Lock>("/api/locks").await?, |locks| {
            let rows: Vec<_> = locks.iter().map(row).collect();
            table(&["USERNAME", "SESSION", "UNTIL"], &rows)
        }),
        Command::Add { username, session, until } => {
            let path = path(&username, session.as_deref());
            let body = json!({ "until": until });
            let published: Published = api.call(Method::PUT, &path, Some(body)).await?;
            output.print_published(&published)
        }
        Command::Remove { username, session } => {
            let path = path(&username, session.as_deref());
            let published: Published = api.call(Method::DELETE, &path, None).await?;
            output.print_published(&published)
        }
    }
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
        lock.until.map_or_else(dash, |until| until.to_string()),
    ]
}
