//! The sprite's processes as a whole: who they are, and holding them still.

use std::fs;

use axum::Json;
use axum::http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Rounds until no process is missed that was born during an earlier one.
const FREEZE_ROUNDS_MAX: usize = 10;

/// The first process builds the sprite's file system and then only waits.
const FIRST: i32 = 1;

/// Stops every process but the guest, as when a sprite turns warm.
pub async fn freeze() -> StatusCode {
    let mut stopped = Vec::new();
    for _ in 0..FREEZE_ROUNDS_MAX {
        let running: Vec<i32> = pids().filter(|pid| !stopped.contains(pid)).collect();
        if running.is_empty() {
            break;
        }
        signal(&running, Signal::STOP);
        stopped.extend(running);
    }
    StatusCode::NO_CONTENT
}

pub async fn thaw() -> StatusCode {
    signal(&pids().collect::<Vec<_>>(), Signal::CONT);
    StatusCode::NO_CONTENT
}

/// `[{"pid","state","command"}]`
pub async fn list() -> Json<Value> {
    let rows = pids().filter_map(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned();
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // "pid (name) state …", where the name may hold anything.
        let state = status[status.rfind(')')? + 1..].split_whitespace().next()?.to_owned();
        Some(json!({"pid": pid, "state": state, "command": command}))
    });
    Json(rows.collect())
}

/// All processes of the sprite, without the two that are ours.
fn pids() -> impl Iterator<Item = i32> {
    let own = i32::try_from(std::process::id()).expect("a process id is positive");
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(move |pid| *pid != own && *pid != FIRST)
}

fn signal(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One that has just ended needs no signal.
        let _ = kill_process(pid, signal);
    }
}
