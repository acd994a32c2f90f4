//! Load from other people's generators: wrk for HTTP/1.1, h2load for HTTP/2.
//!
//! All connections are one visitor's, as both send the same headers on each.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

use crate::peers::Door;
use crate::report::Sample;
use crate::stage::Stage;
use crate::tenants::Visitor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    Wrk,
    H2load,
}

/// Connections of wrk, which has one request under way on each.
const WRK_CONNECTIONS: usize = 64;

/// Connections of h2load and the streams of each: as many requests under way as wrk's.
const H2_CONNECTIONS: usize = 8;
const H2_STREAMS: usize = 8;

/// What a generator says it did.
#[derive(Debug, PartialEq)]
struct Said {
    requests: f64,
    p50_us: f64,
    p99_us: f64,
}

impl Generator {
    /// Lets it ask `door` for 1 KiB as fast as it is answered, for `duration`.
    ///
    /// # Errors
    /// When it fails, or one answer was not 200.
    pub async fn run(
        self,
        program: &Path,
        door: Door,
        stage: &Stage,
        duration: Duration,
    ) -> anyhow::Result<Sample> {
        let visitor = Visitor::new(&stage.ring, 0);
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &stage.cores.load.to_string()]).arg(program);
        command.args(self.arguments(door, &visitor, duration));
        let before = door.account.cpu()?;
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
        let cpu = door.account.cpu()?.since(&before);
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{self:?} ended with {}: {text}", output.status);
        let said = self.read(&text).with_context(|| format!("{self:?} said: {text}"))?;
        Ok(Sample {
            per_second: said.requests / duration.as_secs_f64(),
            p50_us: said.p50_us,
            p99_us: said.p99_us,
            cpu_us: cpu.as_secs_f64() * 1e6 / said.requests,
        })
    }

    fn arguments(self, door: Door, visitor: &Visitor, duration: Duration) -> Vec<String> {
        let (address, host, cookie) = (door.address, visitor.host(), visitor.cookie());
        let seconds = duration.as_secs().max(1);
        let port = address.port();
        match self {
            Self::Wrk => vec![
                "--latency".into(),
                "--threads=1".into(),
                format!("--connections={WRK_CONNECTIONS}"),
                format!("--duration={seconds}s"),
                format!("--header=Host: {host}"),
                format!("--header=Cookie: {cookie}"),
                format!("http://{address}/"),
            ],
            Self::H2load => vec![
                format!("--clients={H2_CONNECTIONS}"),
                format!("--max-concurrent-streams={H2_STREAMS}"),
                format!("--duration={seconds}"),
                format!("--connect-to={address}"),
                format!("--header=cookie: {cookie}"),
                format!("https://{host}:{port}/"),
            ],
        }
    }

    fn read(self, text: &str) -> anyhow::Result<Said> {
        match self {
            Self::Wrk => read_wrk(text),
            Self::H2load => read_h2load(text),
        }
    }
}

fn read_wrk(text: &str) -> anyhow::Result<Said> {
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("not every request was answered with 200");
    }
    let requests = number_before(text, " requests in ").context("no count of requests")?;
    let share = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|rest| microseconds(rest.trim())).with_context(|| format!("no {name}"))
    };
    Ok(Said { requests, p50_us: share("50%")?, p99_us: share("99%")? })
}

/// It tells the mean and no quantiles.
fn read_h2load(text: &str) -> anyhow::Result<Said> {
    let requests = number_before(text, " succeeded").context("no count of requests")?;
    let good = number_before(text, " 2xx").context("no count of statuses")?;
    let failed = number_before(text, " failed").context("no count of failures")?;
    ensure!(good >= requests && failed == 0.0, "not every request was answered with 200");
    ensure!(text.contains("Application protocol: h2"), "it was not answered in HTTP/2");
    Ok(Said { requests, p50_us: f64::NAN, p99_us: f64::NAN })
}

/// The number that stands right before the first `words`.
fn number_before(text: &str, words: &str) -> Option<f64> {
    let (before, _) = text.split_once(words)?;
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// `1.23ms` as wrk writes it.
fn microseconds(text: &str) -> Option<f64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().ok()?;
    match unit {
        "us" => Some(number),
        "ms" => Some(number * 1e3),
        "s" => Some(number * 1e6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let text = "Running 1s test @ http://127.0.0.1:9911/
  Latency Distribution
     50%  956.00us
     99%   36.94ms
  368 requests in 1.00s, 4.44MB read
Requests/sec:    367.47\n";
        let expected = Said { requests: 368.0, p50_us: 956.0, p99_us: 36_940.0 };
        assert_eq!(read_wrk(text).unwrap(), expected);
        assert!(read_wrk(&format!("{text}  Non-2xx or 3xx responses: 1\n")).is_err());
        assert!(read_wrk("").is_err());
    }

    #[test]
    fn what_h2load_says_is_read() {
        let text = "Application protocol: h2
requests: 369 total, 746 started, 369 done, 368 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 369 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        let said = read_h2load(text).unwrap();
        assert!((said.requests - 368.0).abs() < f64::EPSILON && said.p99_us.is_nan());
        assert!(read_h2load(&text.replace("0 failed", "1 failed")).is_err());
        assert!(read_h2load(&text.replace("369 2xx, 0 3xx", "1 2xx, 368 3xx")).is_err());
        assert!(read_h2load(&text.replace(": h2", ": http/1.1")).is_err());
    }
}
