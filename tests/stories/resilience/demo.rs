//! The demo, when one of its programs ends by itself.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use e2e::wait::ensure;
use e2e::{Port, Program, binaries, wait_until, wait_until_within};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// It makes a pool of machines, at the pace of the live provider, while other stories run.
const START_MAX: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_program_that_ends_by_itself_is_named_and_the_demo_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::claim().unwrap();
    let log = folder.path().join("log");
    let demo = Program::new("demo", binaries::program("demo").unwrap(), log.clone())
        .environment("PORT", port.number().to_string())
        .environment("STATE", folder.path().join("state"))
        .environment("HEADLESS", "1");
    // It asks cargo for the programs, and builds all of them anew if it is to build otherwise.
    let demo = std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_"))
        .fold(demo, |demo, (name, value)| demo.environment(&name.to_string_lossy(), value));
    demo.start().unwrap();
    let description = wait_until_within(START_MAX, "the demo runs", async || {
        demo.ensure_running()?;
        let text = std::fs::read(folder.path().join("state/demo.json"))
            .with_context(|| demo.last_lines())?;
        Ok::<Value, anyhow::Error>(serde_json::from_slice(&text)?)
    })
    .await
    .unwrap();
    let pids = description["pids"].as_object().unwrap();
    let agent = "agent-of-ada";
    let pid = pids[agent].as_i64().and_then(|pid| i32::try_from(pid).ok());
    kill_process(pid.and_then(Pid::from_raw).unwrap(), Signal::KILL).unwrap();

    let status =
        wait_until("the demo has ended", async || demo.ended()?.with_context(|| demo.last_lines()))
            .await
            .unwrap();
    assert_eq!(status.code(), Some(1));
    let said = std::fs::read_to_string(log).unwrap();
    let named = said.find(&format!("demo: {agent} ended with signal: 9"));
    let stopping = said.find("Stopping …").expect("it says that it stops");
    ensure(named.is_some_and(|named| named < stopping), anyhow!("{said}")).unwrap();
}
