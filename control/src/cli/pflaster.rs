//! `control pflaster …`

use clap::Subcommand;

use super::client::ApiClient;
use super::output::{Output, dash, list};
use crate::model::healing::Phase;
use crate::model::task::TaskId;
use crate::operator::pflaster::{
    CheckView, Checks, EntryView, HealingExport, HealingLog, Rehearsal, RehearsedView, RoundView,
};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// What is checked around tasks, what is done about it, and why.
    List,
    /// What was found and done, the newest first.
    Log {
        /// How many rounds at most, 1 to 200.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// The patches that stand and the last 200 rounds, as JSON.
    Export,
    /// What would be done around a task now; touches nothing.
    Rehearse {
        #[arg(value_parser = TaskId::parse)]
        id: TaskId,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List => {
            let checks: Checks = api.show("/api/pflaster/checks").await?;
            output.print(&checks.items, |checks| {
                let rows: Vec<_> = checks.iter().map(check_row).collect();
                list("no checks", &["CHECK", "WHEN", "LOOKS WHETHER", "PATCH OR FIX", "WHY"], &rows)
            })
        }
        Command::Log { limit } => {
            let log: HealingLog = api.show(&format!("/api/pflaster/log?limit={limit}")).await?;
            output.print(&log.items, |rounds| {
                let rows: Vec<_> = rounds.iter().flat_map(round_rows).collect();
                list("nothing was looked at yet", &["TIME", "TASK", "WHEN", "CHECK", "WHAT"], &rows)
            })
        }
        Command::Export => {
            let export: HealingExport = api.show("/api/pflaster/export").await?;
            Output { json: true, ..output }.print(&export, |_| String::new())
        }
        Command::Rehearse { id } => {
            let rehearsal: Rehearsal = api.show(&format!("/api/pflaster/rehearse/{id}")).await?;
            output.print(&rehearsal.items, |items| {
                let rows: Vec<_> = items.iter().map(rehearsed_row).collect();
                list(
                    "nothing is checked around it",
                    &["CHECK", "WHEN", "FOUND", "WOULD", "WHY"],
                    &rows,
                )
            })
        }
    }
}

fn check_row(check: &CheckView) -> Vec<String> {
    let when = format!("{} {}", word(check.when), check.kinds.join(", "));
    let does = format!("{}: {}", check.action, check.does);
    vec![check.check.clone(), when, check.looks.clone(), does, check.why.clone()]
}

/// One row for each entry; one that says so where all was well.
pub(super) fn round_rows(round: &RoundView) -> Vec<Vec<String>> {
    let row = |check: String, what: String| {
        let phase = word(round.phase).to_owned();
        vec![round.timestamp.clone(), round.task_id.clone(), phase, check, what]
    };
    if round.entries.is_empty() {
        return vec![row(dash(), "all well".to_owned())];
    }
    let entry = |entry: &EntryView| {
        let what = entry.patch.as_ref().map(|it| format!("patch: {it}"));
        let what = what.or_else(|| entry.fix.as_ref().map(|it| format!("fix: {it}")));
        let what = what.or_else(|| entry.note.clone()).unwrap_or_default();
        row(entry.check.clone(), what)
    };
    round.entries.iter().map(entry).collect()
}

fn rehearsed_row(item: &RehearsedView) -> Vec<String> {
    let found = item.found.clone().unwrap_or_else(|| "well".to_owned());
    let would = item.would.clone().unwrap_or_else(dash);
    vec![item.check.clone(), word(item.when).to_owned(), found, would, item.why.clone()]
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Pre => "before",
        Phase::Post => "after",
    }
}
