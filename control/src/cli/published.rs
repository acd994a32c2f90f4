//! The answer to a change of routes, locks or sessions, edge by edge.

use super::failure::NotWell;
use super::output::{Output, dash, table};
use crate::operator::responses::Published;

const UNWRITTEN: &str = "\nNot in the database yet, which takes no writes. Edges that serve the \
change hold to it, and control writes it as soon as it can; if control stops before that, it is \
forgotten: say it again then.";

/// `waited`: control was asked to wait until the edges serve it.
///
/// # Errors
/// When standard output is closed. [`NotWell`] where an edge that was waited for does not serve
/// the change yet, or the database does not have it: it has been told then.
pub(super) fn print(published: &Published, waited: bool, output: Output) -> anyhow::Result<()> {
    output.print(published, |published| {
        let mut rows = Vec::new();
        for edge in &published.edges {
            rows.push(vec![
                edge.name.clone(),
                edge.generation.map_or_else(dash, |generation| generation.to_string()),
                if edge.acknowledged { "served".to_owned() } else { "not yet".to_owned() },
                edge.sockets_cut.to_string(),
                edge.requests_cut.to_string(),
                edge.error.clone().unwrap_or_default(),
            ]);
        }
        let unwritten = if published.durable { "" } else { UNWRITTEN };
        let header = ["EDGE", "GENERATION", "CHANGE", "SOCKETS CUT", "REQUESTS CUT", "ERROR"];
        format!("generation {}\n{}{unwritten}", published.generation, table(&header, &rows))
    })?;
    let is_served = published.edges.iter().all(|edge| edge.acknowledged);
    if !published.durable || waited && !is_served { Err(NotWell.into()) } else { Ok(()) }
}
