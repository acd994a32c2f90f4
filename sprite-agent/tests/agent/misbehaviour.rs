//! Gateways that hang, flood their log, or fork without end: bounded, restarted, and said.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::repairs::has_reason;
use crate::stand_in::{DOCTOR, GATEWAY};
use crate::supervision::{GOOD, Workshop, is_ok};
use crate::waiting::wait_until;

/// At its first start it does `first`, later it is a good one.
fn at_first(first: &str) -> String {
    format!("echo start >> starts\n[ -e begun ] && {GATEWAY}\ntouch begun\n{first}\n")
}

/// A gateway that was ready counts as hanging after six looks of ten seconds each.
const NOTICED: Duration = Duration::from_secs(240);

#[tokio::test]
async fn a_gateway_that_hangs_before_it_is_ready_is_started_again() {
    let workshop = Workshop::new(&at_first("exec sleep 600"), DOCTOR, GOOD);
    let agent = workshop.agent("ready_budget_seconds = 10", "").await;
    let health = agent.wait_for_health(has_reason("not_answering")).await;
    assert_ne!(health["status"], "ok");
    agent.wait_for_health(is_ok).await;
    assert_eq!(workshop.count("state/starts"), 2);
}

#[tokio::test]
async fn a_gateway_that_hangs_after_it_was_ready_is_started_again() {
    let workshop = Workshop::with(GOOD);
    let agent = workshop.agent("stop_grace_seconds = 0", "").await;
    let pid = agent.wait_for_health(is_ok).await["gateway"]["pid"].as_i64().unwrap();
    let stopped = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(stopped, Signal::STOP).unwrap();
    let is_back = |health: &Value| is_ok(health) && health["gateway"]["pid"] != pid;
    let health = agent.wait_for_health_within(NOTICED, is_back).await;
    assert_eq!(health["gateway"]["restarts"], 1);
    assert_eq!(health["gateway"]["last_exit"], "was ended by signal 9");
}

#[tokio::test]
async fn a_gateway_that_floods_its_log_serves_on_and_what_was_dropped_is_said() {
    let flood = format!("yes \"$OPENCLAW_GATEWAY_TOKEN\" &\n{GATEWAY}");
    let workshop = Workshop::new(&flood, DOCTOR, GOOD);
    let agent = workshop.agent("log_max_bytes = 65536\nlog_files = 2", "").await;
    agent.wait_for_health(is_ok).await;
    let log = || workshop.read("logs/gateway.log.1") + &workshop.read("logs/gateway.log");
    wait_until("it is said", log, |log| log.contains(" bytes were dropped")).await;
    assert!(is_ok(&agent.health().await));
    assert!(!log().contains(crate::gateway::TOKEN));
    agent.stop().await;
    assert!(log().len() <= 2 * (65_536 + 8_192), "{}", log().len());
}

#[tokio::test]
async fn a_gateway_that_forks_without_end_is_killed_with_all_of_it_and_started_again() {
    let forks = "i=0; while [ $i -lt 200 ]; do sleep 600 & i=$((i+1)); done; \
                 echo $! > last; exec sleep 600";
    let workshop = Workshop::new(&at_first(forks), DOCTOR, GOOD);
    let agent = workshop.agent("processes_max = 64", "").await;
    let health = agent.wait_for_health(has_reason("processes_exceeded")).await;
    assert!(health["gateway"]["message"].as_str().unwrap().contains("programs"), "{health}");
    agent.wait_for_health(is_ok).await;
    assert_eq!(workshop.count("state/starts"), 2);
    let last = workshop.read("state/last").trim().to_owned();
    let stat = || std::fs::read_to_string(format!("/proc/{last}/stat")).unwrap_or_default();
    wait_until("the last of them is dead", stat, |stat| {
        stat.is_empty() || stat.contains(") Z") || !stat.contains("(sleep)")
    })
    .await;
}
