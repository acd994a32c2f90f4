//! `control workspaces …`

use anyhow::ensure;
use clap::Subcommand;
use reqwest::Method;
use shared::Username;
use url::form_urlencoded::Serializer;

use super::client::ApiClient;
use super::output::Output;
use super::tasks;
use crate::base::clock::Moment;
use crate::base::date::DateTime;
use crate::operator::receipts::ReceiptView;
use crate::operator::support_views::WorkspaceDetails;

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Have a workspace prepared that was paid for and has no machine.
    Provision { username: Username },
    /// End a workspace and its subscription now, or take down one that is ending.
    End { username: Username },
    /// What was deleted at the end of a workspace, when, and how that was checked.
    Receipt { username: Username },
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
        Command::Provision { username } => {
            if output.dry_run {
                ensure_paid(api, &username).await?;
            }
            if !output.is_meant(&format!("A machine for {username} would be prepared."))? {
                return Ok(());
            }
            (username, "provision".to_owned())
        }
        Command::Receipt { username } => return receipt(api, &username, output).await,
        Command::End { username } => {
            let whose = owner(api, &username).await?;
            let consequence = format!(
                "This ends the workspace {username} of {whose} for good, and its subscription: \
                 its machine is destroyed with everything in it."
            );
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            (username, "end".to_owned())
        }
        Command::ReplaceMachine { username, reason } => {
            let whose = owner(api, &username).await?;
            let consequence = format!(
                "This destroys the machine of {username} ({whose}): what is in it, conversations \
                 included, is lost. Another one is prepared."
            );
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            let query = Serializer::new(String::new()).append_pair("reason", &reason).finish();
            (username, format!("replace-machine?{query}"))
        }
    };
    let path = format!("/api/workspaces/{username}/{what}");
    tasks::print(&api.call(Method::POST, &path, None).await?, api.now(), output)
}

async fn receipt(api: &ApiClient, username: &Username, output: Output) -> anyhow::Result<()> {
    let path = format!("/api/workspaces/{username}/receipt");
    let receipt: ReceiptView = api.show(&path).await?;
    output.print(&receipt, |receipt| {
        let lines = receipt.lines.iter().map(|line| {
            let at = DateTime::of(Moment::from_seconds(line.at));
            format!("{at}  {}: {}", line.what, line.checked)
        });
        let first = format!("{}, ended for: {}", receipt.username, receipt.reason);
        std::iter::once(first).chain(lines).collect::<Vec<_>>().join("\n")
    })
}

async fn ensure_paid(api: &ApiClient, username: &Username) -> anyhow::Result<()> {
    let details: WorkspaceDetails = api.show(&format!("/api/workspaces/{username}")).await?;
    ensure!(details.plan.is_some(), "there is no workspace {username} that was paid for");
    Ok(())
}

/// Whose it is, so that a typing error is seen in the question.
async fn owner(api: &ApiClient, username: &Username) -> anyhow::Result<String> {
    let details: WorkspaceDetails = api.show(&format!("/api/workspaces/{username}")).await?;
    let whose = details.customer.map(|customer| customer.email);
    Ok(whose.unwrap_or_else(|| "nobody any more".to_owned()))
}
