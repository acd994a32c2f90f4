//! `control fleet …`

use clap::Subcommand;
use reqwest::Method;

use super::client::ApiClient;
use super::output::{Output, age, dash, table};
use crate::base::clock::Moment;
use crate::model::fleet::UpdateState;
use crate::operator::fleet::{BaseView, FleetChanged, FleetView, UpdateView};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Which version is wanted, who has what, and what waits.
    Show,
    /// Begin nothing new; what has begun is brought to its end.
    Pause,
    /// Go on.
    Resume,
    /// Try again what was refused, and those that went back.
    Retry,
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let (path, what, changed, same) = match command {
        Command::Show => {
            let fleet: FleetView = api.show("/api/fleet").await?;
            return output.print(&fleet, |fleet| to_text(fleet, api.now()));
        }
        Command::Pause => ("pause", "Nothing new would be begun.", "paused", "it was paused"),
        Command::Resume => ("resume", "Updates would go on.", "resumed", "it was not paused"),
        Command::Retry => {
            let what = "What was refused would be tried again.";
            ("retry", what, "it is tried again", "it was not refused; those that went back wait")
        }
    };
    if !output.is_meant(what)? {
        return Ok(());
    }
    let path = format!("/api/fleet/{path}");
    let found: FleetChanged = api.call(Method::POST, &path, None).await?;
    output.print(&found, |found| if found.was_so { same } else { changed }.to_owned())
}

fn to_text(fleet: &FleetView, now: Moment) -> String {
    let version = fleet.version.as_deref().unwrap_or("not named");
    let trial = fleet.trial.map_or("not looked at", |trial| trial.as_str());
    let mut text = format!("OpenClaw {version} (base {}) is {trial}", fleet.base);
    if let Some(why) = &fleet.why {
        text += &format!(": {why}");
    }
    if let Some(since) = fleet.paused_since {
        text += &format!("\nPAUSED for {}; control fleet resume goes on", age(since, now));
    }
    text += &format!(
        "\n{} waiting, {} updating, {} updated, {} went back",
        fleet.waiting, fleet.updating, fleet.updated, fleet.went_back
    );
    if fleet.put_off > 0 {
        text += &format!("; {} were in use when it was their turn", fleet.put_off);
    }
    text += "\n\n";
    let base = |it: &BaseView| {
        let version = it.version.clone().unwrap_or_else(dash);
        vec![it.base.clone(), version, it.workspaces.to_string()]
    };
    let bases: Vec<_> = fleet.bases.iter().map(base).collect();
    text += &table(&["BASE", "OPENCLAW", "WORKSPACES"], &bases);
    let update = |it: &UpdateView| {
        let why = it.why.clone().unwrap_or_default();
        let since = age(it.changed_at, now);
        vec![it.username.to_string(), it.state.as_str().to_owned(), since, it.task.clone(), why]
    };
    let told = fleet.updates.iter().filter(|it| it.state != UpdateState::Updated);
    let updates: Vec<_> = told.map(update).collect();
    if !updates.is_empty() {
        text += "\n\n";
        text += &table(&["USERNAME", "STATE", "SINCE", "TASK", "WHY"], &updates);
    }
    text
}
