//! Everything for a long time: clients, changes of routes, upgrades, restarts, certificates.

use std::time::{Duration, Instant};

use serde_json::json;

use super::processes::{Way, next_process};
use super::{Crowd, LIMITS, Load};
use crate::harness::{echo, put, wait_until};
use crate::tls::start_edge;

/// Between two things that are done to the edge.
const STEP: Duration = Duration::from_secs(5);

/// Resident memory of a process, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[test]
#[ignore = "make soak MINUTES=60"]
fn mixed_load_with_restarts_and_changes() {
    let minutes = std::env::var("MINUTES").ok().and_then(|minutes| minutes.parse().ok());
    let end = Instant::now() + Duration::from_secs(60 * minutes.unwrap_or(1));
    let mut tls = start_edge(LIMITS, "", "grace_seconds = 3");
    let (ada, other) = (echo(), echo());
    tls.edge.put("ada", ada);
    let load = Load::start(&tls, Crowd::LARGE);
    let mut step = 0_u32;
    while Instant::now() < end {
        let begun = Instant::now();
        match step % 12 {
            3 => next_process(&mut tls, Way::Upgrade),
            9 => next_process(&mut tls, Way::Restart),
            6 => {
                tls.authority.issue(tls.files.path(), "all", &["*.arca.test"]);
                tls.edge.signal("HUP");
            }
            _ => {
                let changes: Vec<_> = (0..50).map(|n| put(&format!("w{n}"), other)).collect();
                tls.edge.change(&json!(changes));
                let gone: Vec<_> = (0..50).map(|n| json!({ "remove": format!("w{n}") })).collect();
                tls.edge.change(&json!(gone));
            }
        }
        load.go_on();
        let [kib, generation] = [memory(tls.edge.pid()), u64::from(step)];
        if step % 12 == 2 || step % 12 == 8 {
            load.tally().print(&format!("step {generation}, {kib} KiB"));
        }
        std::thread::sleep(STEP.saturating_sub(begun.elapsed()));
        step += 1;
    }
    wait_until("the former processes end", || tls.edge.former_has_ended().then_some(()));
    let tally = load.end();
    tally.print(&format!("the soak, {} KiB at its end", memory(tls.edge.pid())));
    assert_eq!((tally.failed, tally.refused), (0, 0));
}
