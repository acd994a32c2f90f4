//! Upgrades and restarts: nobody notices the first, and the second only who comes anew.

use super::{Crowd, LIMITS, Load, Tally};
use crate::harness::{echo, wait_until};
use crate::tls::{TlsEdge, start_edge};

/// Several of them at a time are still on their way out.
const GRACE: &str = "grace_seconds = 4";

#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Upgrade,
    /// SIGTERM, and a start.
    Restart,
}

pub(super) fn next_process(tls: &mut TlsEdge, way: Way) {
    let started = tls.edge.metric("arca_edge_started_seconds").unwrap();
    match way {
        Way::Upgrade => tls.edge.succeed(&["--upgrade"]),
        Way::Restart => {
            tls.edge.signal("TERM");
            tls.edge.succeed(&[]);
        }
    }
    wait_until("the next process serves", || {
        let (status, _) = tls.edge.ask("GET", "/readyz", "").ok()?;
        let now = tls.edge.metric("arca_edge_started_seconds")?;
        (status == 200 && now > started).then_some(())
    });
}

fn under_load(way: Way, times: usize, crowd: Crowd) -> Tally {
    let mut tls = start_edge(LIMITS, "", GRACE);
    tls.edge.put("ada", echo());
    let load = Load::start(&tls, crowd);
    for _ in 0..times {
        next_process(&mut tls, way);
        load.go_on();
    }
    wait_until("the former processes end", || tls.edge.former_has_ended().then_some(()));
    load.end()
}

#[test]
fn two_upgrades_under_load_lose_nothing() {
    let tally = under_load(Way::Upgrade, 2, Crowd::SMALL);
    assert_eq!((tally.failed, tally.refused), (0, 0), "{tally:#?}");
}

#[test]
fn restarts_under_load_cost_no_more_than_a_moment_without_new_connections() {
    let tally = under_load(Way::Restart, 2, Crowd::SMALL);
    assert_eq!(tally.failed, 0, "{tally:#?}");
}

#[test]
#[ignore = "minutes: make test-edge-load"]
fn twenty_upgrades_under_load() {
    let tally = under_load(Way::Upgrade, 20, Crowd::LARGE);
    tally.print("20 upgrades");
    assert_eq!((tally.failed, tally.refused), (0, 0));
}

#[test]
#[ignore = "minutes: make test-edge-load"]
fn twenty_restarts_under_load() {
    let tally = under_load(Way::Restart, 20, Crowd::LARGE);
    tally.print("20 restarts");
    assert_eq!(tally.failed, 0);
}
