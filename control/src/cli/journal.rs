//! `control journal`

use clap::Args;
use shared::Username;

use super::client::ApiClient;
use super::output::{Output, age, list, one_line};
use crate::base::clock::Moment;
use crate::base::date::parse_time;
use crate::operator::journal::{JournalPage, JournalView};

#[derive(Args, Clone)]
pub(super) struct Arguments {
    /// Only what was done to this workspace, its route and its machines.
    #[arg(long)]
    workspace: Option<Username>,
    /// Only what was done from then on: 90m, 12h or 7d ago, or a moment such as
    /// 2026-02-14T15:45:28Z.
    #[arg(long)]
    since: Option<String>,
    /// How many entries at most, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
}

pub(super) async fn run(
    arguments: &Arguments,
    api: &ApiClient,
    output: Output,
) -> anyhow::Result<()> {
    let Arguments { workspace, since, limit } = arguments;
    let of = workspace.map(|username| format!("&workspace={username}")).unwrap_or_default();
    let since = since.as_deref().map(|since| began(since, api.now())).transpose();
    let since = since.map_err(super::failure::WrongUsage)?;
    let since = since.map(|since| format!("&since={}", since.seconds())).unwrap_or_default();
    let page: JournalPage = api.show(&format!("/api/journal?limit={limit}{of}{since}")).await?;
    output.print(&page.items, |entries| {
        let rows: Vec<_> = entries.iter().map(|entry| row(entry, api.now())).collect();
        list("nothing was done", &["AGE", "WHO", "TO", "WHAT", "OUTCOME"], &rows)
    })
}

/// A span, which elsewhere is one from now on, lies behind us here.
fn began(text: &str, now: Moment) -> Result<Moment, &'static str> {
    let moment = parse_time(text, now)?;
    let is_span = text.ends_with(['s', 'm', 'h', 'd']);
    Ok(if is_span { now.before(moment.since(now)) } else { moment })
}

fn row(entry: &JournalView, now: Moment) -> Vec<String> {
    let JournalView { at, kind, who, subject, act, outcome, .. } = entry;
    vec![
        age(*at, now),
        format!("{kind} {who}"),
        subject.clone(),
        one_line(act),
        outcome.as_deref().map_or_else(|| "under way, or lost".to_owned(), one_line),
    ]
}
