//! `control edges`

use super::client::ApiClient;
use super::output::{Output, age, dash, table};
use crate::base::clock::Moment;
use crate::operator::responses::{EdgeView, Edges};

pub(super) async fn list(api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let edges: Edges = api.show("/api/edges").await?;
    output.print(&edges, |edges| to_table(edges, api.now()))
}

fn to_table(edges: &Edges, now: Moment) -> String {
    let rows: Vec<_> = edges.edges.iter().map(|edge| row(edge, now)).collect();
    let header = ["EDGE", "URL", "GENERATION", "LAG", "STATE", "HEARD", "ERROR"];
    format!("generation {}\n{}", edges.generation, table(&header, &rows))
}

fn row(edge: &EdgeView, now: Moment) -> Vec<String> {
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
        edge.last_heard.map_or_else(dash, |heard| age(heard, now)),
        edge.error.clone().unwrap_or_default(),
    ]
}
