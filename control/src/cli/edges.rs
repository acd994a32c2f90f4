//! `control edges` and `control status`

use serde::Serialize;
use serde_json::Value;

use super::client::ApiClient;
use super::output::{Output, dash, table};
use crate::operator::responses::{EdgeView, Edges};

pub(super) async fn list(api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let edges: Edges = api.show("/api/edges").await?;
    output.print(&edges, to_table)
}

#[derive(Serialize)]
struct Status {
    ready: bool,
    edges: Edges,
}

pub(super) async fn status(api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let ready: Result<Value, _> = api.show("/readyz").await;
    let edges = api.show("/api/edges").await?;
    output.print(&Status { ready: ready.is_ok(), edges }, |status| {
        let readiness = if status.ready { "ready" } else { "NOT READY" };
        let all = status.edges.edges.len();
        let in_step = status.edges.edges.iter().filter(|edge| edge.in_step).count();
        format!(
            "control is {readiness}; {in_step} of {all} edges in step\n{}",
            to_table(&status.edges)
        )
    })
}

fn to_table(edges: &Edges) -> String {
    let rows: Vec<_> = edges.edges.iter().map(row).collect();
    let header = ["EDGE", "URL", "GENERATION", "LAG", "STATE", "ERROR"];
    format!("generation {}\n{}", edges.generation, table(&header, &rows))
}

fn row(edge: &EdgeView) -> Vec<String> {
    let state = match (edge.reachable, edge.in_step) {
        (true, true) => "in step",
        (true, false) => "behind",
        (false, _) => "unreachable",
    };
    vec![
        edge.name.clone(),
        edge.url.clone(),
        edge.generation.map_or_else(dash, |generation| generation.to_string()),
        edge.lag.map_or_else(dash, |lag| lag.to_string()),
        state.to_owned(),
        edge.error.clone().unwrap_or_default(),
    ]
}
