//! `control mails …`

use clap::Subcommand;

use super::client::ApiClient;
use super::output::{Output, dash, table};
use crate::model::mail::MailState;
use crate::operator::responses::{MailView, Mails};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Letters, the newest first.
    List {
        /// Only those that are waiting, sent, dropped, unsent or failed.
        #[arg(long, value_parser = MailState::parse)]
        state: Option<MailState>,
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let Command::List { state, limit } = command;
    let state = state.map(|state| format!("&state={}", state.as_str())).unwrap_or_default();
    let mails: Mails = api.show(&format!("/api/mails?limit={limit}{state}")).await?;
    output.print(&mails.items, |mails| {
        let rows: Vec<_> = mails.iter().map(row).collect();
        table(&["KIND", "STATE", "FOR", "ID"], &rows)
    })
}

fn row(mail: &MailView) -> Vec<String> {
    vec![
        mail.kind.clone(),
        mail.state.clone(),
        mail.username.map_or_else(dash, |username| username.to_string()),
        mail.id.clone(),
    ]
}
