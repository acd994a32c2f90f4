//! What the figures were measured on.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::programs::Programs;

#[derive(Debug, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_mib: u64,
    pub kernel: String,
    /// Running and waiting programs over the last minute, before anything was started.
    pub load: String,
    pub nginx: String,
    pub haproxy: Option<String>,
    pub rustc: String,
}

impl Machine {
    /// What cannot be found out is empty: no figure hangs on it.
    pub fn look(programs: &Programs) -> Self {
        let memory_kib: u64 = value_in("/proc/meminfo", "MemTotal")
            .trim_end_matches(" kB")
            .parse()
            .unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: value_in("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory_kib / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .into(),
            load: load.split(' ').next().unwrap_or_default().into(),
            nginx: version_of(&programs.nginx, "-v"),
            haproxy: programs.haproxy.as_deref().map(|program| version_of(program, "-v")),
            rustc: version_of(Path::new("rustc"), "--version"),
        }
    }
}

/// Ticks of 10 ms that the host has given to others since this machine was started.
pub fn steal_ticks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    // cpu user nice system idle iowait irq softirq steal …
    let steal = text.split_ascii_whitespace().nth(8);
    steal.and_then(|ticks| ticks.parse().ok()).unwrap_or_default()
}

fn value_in(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim_start_matches([' ', '\t', ':']).to_owned()
}

fn version_of(program: &Path, option: &str) -> String {
    let Ok(output) = Command::new(program).arg(option).output() else { return String::new() };
    // nginx says it on standard error.
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned()
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_mib, kernel, load, nginx, haproxy, rustc } = self;
        write!(
            formatter,
            "{cores} × {processor}, {memory_mib} MiB, Linux {kernel}, load {load} before; {nginx}; "
        )?;
        if let Some(haproxy) = haproxy {
            write!(formatter, "{haproxy}; ")?;
        }
        write!(formatter, "{rustc}.")
    }
}
