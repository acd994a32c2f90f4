//! A change of the route table is brought to every edge that is up.

use anyhow::anyhow;
use shared::Generation;

use crate::queue::JobError;
use crate::routes::{Acknowledgement, Publisher};

/// Waits until every edge that is up serves `generation`.
///
/// An edge that is down does not block: it takes the table before it serves again.
///
/// # Errors
/// `Again` when one is up and yet does not serve it: it is asked again.
pub(in crate::machines) async fn publish(
    publisher: &Publisher,
    generation: Generation,
) -> Result<(), JobError> {
    let acknowledgements = publisher.publish(generation).await;
    let late = outstanding(&acknowledgements);
    if late.is_empty() {
        return Ok(());
    }
    let names = late.join(", ");
    Err(JobError::retry(anyhow!("generation {generation} is not served yet by {names}")))
}

/// Edges that are up, as far as we know, and do not serve it.
fn outstanding(acknowledgements: &[Acknowledgement]) -> Vec<&str> {
    let late = acknowledgements.iter().filter(|edge| !edge.acknowledged && edge.error.is_none());
    late.map(|edge| edge.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_that_is_down_blocks_nobody() {
        let edge = |name: &str, acknowledged, error: Option<&str>| Acknowledgement {
            name: name.to_owned(),
            generation: None,
            acknowledged,
            sockets_cut: 0,
            requests_cut: 0,
            error: error.map(str::to_owned),
        };
        let all = [
            edge("served", true, None),
            edge("down", false, Some("connection refused")),
            edge("late", false, None),
        ];
        assert_eq!(outstanding(&all), ["late"]);
        assert!(outstanding(&all[..2]).is_empty());
    }
}
