//! `control mails …`

use clap::Subcommand;
use shared::Username;

use super::client::ApiClient;
use super::output::{Output, age, dash, list, one_line, until};
use crate::base::clock::Moment;
use crate::model::mail::MailState;
use crate::operator::responses::{MailView, Mails};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Letters, the newest first.
    List {
        /// Only those that are waiting, sent, dropped, unsent or failed.
        #[arg(long, value_parser = MailState::parse)]
        state: Option<MailState>,
        /// Only those to this customer.
        #[arg(long)]
        username: Option<Username>,
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let Command::List { state, username, limit } = command;
    let state = state.map(|state| format!("&state={}", state.as_str())).unwrap_or_default();
    let to = username.map(|username| format!("&username={username}")).unwrap_or_default();
    let mails: Mails = api.show(&format!("/api/mails?limit={limit}{state}{to}")).await?;
    output.print(&mails.items, |mails| {
        let rows: Vec<_> = mails.iter().map(|mail| row(mail, api.now())).collect();
        list("no letters", &["KIND", "STATE", "FOR", "AGE", "NEXT", "ID", "WHY"], &rows)
    })
}

fn row(mail: &MailView, now: Moment) -> Vec<String> {
    vec![
        mail.kind.clone(),
        mail.state.clone(),
        mail.username.map_or_else(dash, |username| username.to_string()),
        age(mail.created_at, now),
        mail.next_attempt_at.map_or_else(dash, |next| until(next, now)),
        mail.id.clone(),
        mail.why.as_deref().map(one_line).unwrap_or_default(),
    ]
}
