//! `control workspaces …`

use clap::Subcommand;
use reqwest::Method;
use shared::Username;
use url::form_urlencoded::Serializer;

use super::client::ApiClient;
use super::output::Output;
use super::tasks;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Have a workspace prepared that was paid for and has no machine.
    Provision { username: Username },
    /// End a workspace and its subscription now, or take down one that is ending.
    End { username: Username },
    /// Give a workspace another machine; what was in the old one is lost.
    ReplaceMachine {
        username: Username,
        /// Why; kept with the machine.
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let (username, what) = match command {
        Command::Provision { username } => (username, "provision".to_owned()),
        Command::End { username } => (username, "end".to_owned()),
        Command::ReplaceMachine { username, reason } => {
            let query = Serializer::new(String::new()).append_pair("reason", &reason).finish();
            (username, format!("replace-machine?{query}"))
        }
    };
    let path = format!("/api/workspaces/{username}/{what}");
    tasks::print(&api.call(Method::POST, &path, None).await?, output)
}
