//! `control status`: is all well, and if not, what is to be done?

use super::client::ApiClient;
use super::failure::NotWell;
use super::output::{Output, age};
use crate::base::clock::Moment;
use crate::model::promise::{Promise, Standing};
use crate::operator::responses::{EdgeView, Status};

/// # Errors
/// [`NotWell`] when a promise is broken: it has been told then.
pub(super) async fn run(api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let status: Status = api.show("/api/status").await?;
    output.print(&status, text)?;
    if status.well { Ok(()) } else { Err(NotWell.into()) }
}

fn text(status: &Status) -> String {
    let broken = status.promises.iter().filter(|it| it.standing == Standing::Broken).count();
    let at_risk = status.promises.iter().filter(|it| it.standing == Standing::AtRisk).count();
    let mut text = match (broken, at_risk) {
        (0, 0) => "All is well.\n".to_owned(),
        (0, _) => format!("All is well; {at_risk} to look at.\n"),
        (_, 0) => format!("NOT WELL: {broken} broken.\n"),
        _ => format!("NOT WELL: {broken} broken, {at_risk} to look at.\n"),
    };
    for promise in &status.promises {
        text += &line(promise);
    }
    text += &format!("\ngeneration {}\n", status.generation);
    let now = Moment::from_seconds(status.at);
    for edge in &status.edges {
        text += &edge_line(edge, now);
    }
    text
}

fn line(promise: &Promise) -> String {
    let mark = match promise.standing {
        Standing::Kept => "ok",
        Standing::AtRisk => "look",
        Standing::Broken => "BROKEN",
    };
    let mut line = format!("  {mark:<7} {:<9} {}\n", promise.name, promise.says);
    if let Some(todo) = &promise.todo {
        line += &format!("                    → {todo}\n");
    }
    line
}

fn edge_line(edge: &EdgeView, now: Moment) -> String {
    let serves = edge.generation.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let heard =
        edge.last_heard.map_or_else(|| "never".to_owned(), |at| format!("{} ago", age(at, now)));
    let error = edge.error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
    format!("  {:<17} serves {serves}, heard of {heard}{error}\n", edge.name)
}
