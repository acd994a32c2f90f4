//! The program itself: its exit codes, and what it leaves behind.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use sprite_agent::check;
use sprite_agent::config::Config;

use crate::gateway::{Gateway, TOKEN};
use crate::running::{HEALTH_TOKEN, Running, UNSUPERVISED, ask, configuration, signed_by};
use crate::stand_in::free_address;
use crate::waiting::{DEADLINE, wait_until};

fn agent(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sprite-agent"));
    command.arg("--config").arg(config).env("RUST_LOG", "info").stderr(Stdio::piped());
    command
}

#[test]
fn a_command_that_cannot_be_read_ends_as_a_bad_configuration_does() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("sprite-agent.toml");
    for arguments in [&["--bogus"][..], &["--check", "--try"], &["--export", "--from", "x"]] {
        let output = agent(&absent).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "a service manager starts it no more");
    }
    assert_eq!(agent(&absent).arg("--help").output().unwrap().status.code(), Some(0));
}

#[test]
fn a_bad_configuration_is_named_whole_and_ends_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sprite-agent.toml");
    std::fs::write(&path, "listen = \"nowhere\"\nusername = \"A\"\nspeed = 1\n").unwrap();
    for arguments in [&[][..], &["--check"], &["--no-supervise"]] {
        let output = agent(&path).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        let complaints = String::from_utf8(output.stderr).unwrap();
        for expected in [
            "sprite-agent.toml:1: listen: \"nowhere\" is not an address with a port",
            "sprite-agent.toml:2: username: a name has 2 to 32 characters",
            "sprite-agent.toml:3: speed: is not a known key",
            "sprite-agent.toml: gateway.token: is missing",
            "sprite-agent.toml: identity.keys: needs at least one key",
        ] {
            assert!(complaints.contains(expected), "{expected}: {complaints}");
        }
    }
}

#[test]
fn where_nothing_runs_a_good_configuration_ends_with_69_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sprite-agent.toml");
    let gateway = free_address();
    std::fs::write(&path, configuration(gateway, TOKEN, "", UNSUPERVISED)).unwrap();
    let output = agent(&path).arg("--check").output().unwrap();
    let screen = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(69), "{screen}");
    for expected in [
        "configuration  ok ",
        "agent's port   NOT OK  nobody listens",
        &format!("gateway's port NOT OK  nobody listens at {gateway}"),
        "health         NOT OK  the agent does not answer",
    ] {
        assert!(screen.contains(expected), "{expected}: {screen}");
    }
    for secret in [TOKEN, HEALTH_TOKEN] {
        assert!(!screen.contains(secret), "{screen}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was written");
}

#[tokio::test]
async fn where_all_is_well_every_line_is_ok() {
    let gateway = Gateway::start().await;
    let running = Running::watching(gateway.address).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sprite-agent.toml");
    std::fs::write(&path, configuration(gateway.address, TOKEN, "", UNSUPERVISED)).unwrap();
    let mut config = Config::read(&path).unwrap_or_else(|complaints| panic!("{complaints}"));
    config.supervisor = None;
    config.listen = running.address;
    let screen = check::look(&path, &config).await;
    assert!(screen.are_well(), "{screen}");
    let screen = screen.to_string();
    for expected in ["OpenClaw 2026.9.6, and it welcomes the agent", "Your assistant is ready."] {
        assert!(screen.contains(expected), "{expected}: {screen}");
    }
}

/// Starts an agent whose gateway is `sleep`, and returns it when the gateway runs.
async fn supervising(folder: &Path) -> (Child, u32) {
    let path = folder.join("sprite-agent.toml");
    let home = folder.display();
    let sections = format!(
        "[supervisor]\ncommand = [\"sleep\", \"600\"]\nstate_dir = \"{home}/state\"\n\
         log_dir = \"{home}/logs\"\n[log]\nformat = \"text\"\n"
    );
    std::fs::write(&path, configuration(free_address(), TOKEN, "", &sections)).unwrap();
    let before = gateway_pid(folder);
    let mut child = agent(&path).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    // Read to the end, or the agent would stop at a full pipe.
    std::thread::spawn(move || stderr.lines().for_each(drop));
    let pid =
        wait_until("a gateway runs", || gateway_pid(folder), |pid| pid.is_some() && *pid != before);
    (child, pid.await.unwrap())
}

fn gateway_pid(folder: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(folder.join("logs/gateway.pid")).ok()?;
    text.split(' ').next()?.parse().ok()
}

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z")
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[tokio::test]
async fn sigterm_ends_the_agent_and_its_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, gateway) = supervising(folder.path()).await;
    signal(&child, Signal::TERM);
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(!is_running(gateway));
}

#[tokio::test]
async fn a_gateway_whose_agent_was_killed_is_ended_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let (mut killed, orphan) = supervising(folder.path()).await;
    signal(&killed, Signal::KILL);
    killed.wait().unwrap();
    assert!(is_running(orphan));
    let (mut next, gateway) = supervising(folder.path()).await;
    assert!(!is_running(orphan) && is_running(gateway));
    signal(&next, Signal::TERM);
    next.wait().unwrap();
}

/// The next line of a log that has all of `words`, and what came before it.
fn line_with(log: &mpsc::Receiver<String>, words: &[&str]) -> String {
    let deadline = Instant::now() + DEADLINE;
    let mut said = String::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = log.recv_timeout(left) else { panic!("no {words:?} in:\n{said}") };
        said = said + &line + "\n";
        if words.iter().all(|word| line.contains(word)) {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_takes_new_identity_keys_and_only_out_of_a_good_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sprite-agent.toml");
    let sections = format!("{UNSUPERVISED}[log]\nformat = \"text\"\n");
    let address = free_address();
    let text = configuration(address, TOKEN, "", &sections)
        .replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{address}\""));
    std::fs::write(&path, &text).unwrap();
    let mut child = agent(&path).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (lines, log) = mpsc::channel();
    std::thread::spawn(move || {
        stderr.lines().map_while(Result::ok).try_for_each(|it| lines.send(it))
    });
    line_with(&log, &["listens on"]);
    let status = async |id, key| {
        let identity = signed_by(id, key, "ada", 0);
        ask(address, "GET", "/config.json", &[("x-arca-identity", &identity)]).await.status
    };
    assert_eq!((status("k1", "01").await, status("k2", "02").await), (200, 401));

    let both = text.replace("[gateway]", &format!("k2 = \"{}\"\n[gateway]", "02".repeat(32)));
    std::fs::write(&path, &both).unwrap();
    signal(&child, Signal::HUP);
    line_with(&log, &["read again, 2 in all"]);
    assert_eq!((status("k1", "01").await, status("k2", "02").await), (200, 200));

    let bad = both.replace(&"02".repeat(32), &"03".repeat(31)).replace("\"ada\"", "\"A\"");
    std::fs::write(&path, bad).unwrap();
    signal(&child, Signal::HUP);
    let said =
        line_with(&log, &["key k2 is not 64 hexadecimal digits", "the old identity keys stay"]);
    assert!(said.contains("username: a name has 2 to 32 characters"), "{said}");
    assert!(!said.contains("0303"), "{said}");
    assert_eq!((status("k1", "01").await, status("k2", "02").await), (200, 200));

    std::fs::write(&path, both.replace("k1 = ", "# k1 = ")).unwrap();
    signal(&child, Signal::HUP);
    line_with(&log, &["read again, 1 in all"]);
    assert_eq!((status("k1", "01").await, status("k2", "02").await), (401, 200));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}
