//! What came out: as a table to read, as JSON to keep.

use std::fmt;

use serde::Serialize;

use crate::cores::Cores;
use crate::latency::median;
use crate::load::Turn;
use crate::machine::Machine;
use crate::peers::REFERENCE;
use crate::quantity::{Figure, Verdict};

#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub cores: Cores,
    /// Cargo's profile of what was measured; bars are meant for `release`.
    pub profile: String,
    pub quick: bool,
    /// Time that the host took away from this machine meanwhile, in ticks of 10 ms.
    pub steal_ticks: u64,
    pub comparisons: Vec<Comparison>,
    pub figures: Vec<Figure>,
}

/// Peers side by side under the same load.
#[derive(Debug, Serialize)]
pub struct Comparison {
    pub title: String,
    /// What is counted: `request`, `round trip`.
    pub exchange: &'static str,
    pub peers: Vec<Compared>,
}

/// One peer's medians over all rounds.
#[derive(Debug, Serialize)]
pub struct Compared {
    pub name: &'static str,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub cpu_us: f64,
    /// Least and most disturbed round.
    pub cpu_us_range: (f64, f64),
    /// Median of the ratios to nginx in the same round.
    pub cpu_times_nginx: f64,
    pub p99_times_nginx: f64,
}

/// One peer's turn in one round, boiled down.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub cpu_us: f64,
}

impl From<Turn> for Sample {
    fn from(mut turn: Turn) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 exchanges")]
        let count = turn.latencies.len() as f64;
        Self {
            per_second: count / turn.elapsed.as_secs_f64(),
            p50_us: turn.latencies.quantile(0.5),
            p99_us: turn.latencies.quantile(0.99),
            cpu_us: turn.cpu.as_secs_f64() * 1e6 / count,
        }
    }
}

impl Comparison {
    /// `samples` holds each peer's rounds, in the order in which they were run.
    pub fn of(
        title: String,
        exchange: &'static str,
        samples: &[(&'static str, Vec<Sample>)],
    ) -> Self {
        let reference = samples.iter().find(|(name, _)| *name == REFERENCE);
        let reference = reference.map_or(&[][..], |(_, rounds)| rounds);
        let peers = samples.iter().map(|(name, rounds)| Compared::of(name, rounds, reference));
        Self { title, exchange, peers: peers.collect() }
    }
}

impl Compared {
    fn of(name: &'static str, rounds: &[Sample], reference: &[Sample]) -> Self {
        let middle = |field: fn(&Sample) -> f64| median(rounds.iter().map(field));
        let ratio = |field: fn(&Sample) -> f64| {
            median(rounds.iter().zip(reference).map(|(ours, theirs)| field(ours) / field(theirs)))
        };
        let costs = || rounds.iter().map(|sample| sample.cpu_us);
        Self {
            name,
            per_second: middle(|sample| sample.per_second),
            p50_us: middle(|sample| sample.p50_us),
            p99_us: middle(|sample| sample.p99_us),
            cpu_us: middle(|sample| sample.cpu_us),
            cpu_us_range: (
                costs().fold(f64::INFINITY, f64::min),
                costs().fold(f64::NEG_INFINITY, f64::max),
            ),
            cpu_times_nginx: ratio(|sample| sample.cpu_us),
            p99_times_nginx: ratio(|sample| sample.p99_us),
        }
    }
}

/// Markdown.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, cores, profile, steal_ticks, .. } = self;
        writeln!(formatter, "{machine}")?;
        writeln!(
            formatter,
            "Built with profile {profile}; proxy on core {}, load on {}, upstream on {}; \
             the host took {steal_ticks} ticks.",
            cores.proxy, cores.load, cores.upstream
        )?;
        if self.quick || profile != "release" {
            writeln!(formatter, "**A short or unoptimised run: no figure of it counts.**")?;
        }
        for comparison in &self.comparisons {
            write!(formatter, "\n{comparison}")?;
        }
        writeln!(formatter, "\n## Figures and bars\n")?;
        writeln!(formatter, "| what | figure | bar | | how |\n|---|--:|--:|---|---|")?;
        for figure in &self.figures {
            writeln!(formatter, "{figure}")?;
        }
        let over = self.figures.iter().filter(|f| f.verdict() == Some(Verdict::Over)).count();
        writeln!(formatter, "\n{over} over the bar.")
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, exchange, peers } = self;
        writeln!(formatter, "## {title}\n")?;
        writeln!(
            formatter,
            "| peer | {exchange}s/s | p50 µs | p99 µs | CPU µs/{exchange} | least..most | CPU / nginx | p99 / nginx |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|"
        )?;
        for peer in peers {
            let (least, most) = peer.cpu_us_range;
            writeln!(
                formatter,
                "| {} | {:.0} | {:.0} | {:.0} | {:.2} | {least:.1}..{most:.1} | {:.2} | {:.2} |",
                peer.name,
                peer.per_second,
                peer.p50_us,
                peer.p99_us,
                peer.cpu_us,
                peer.cpu_times_nginx,
                peer.p99_times_nginx
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quantity, value, note } = self;
        let show = |value| quantity.unit.show(value);
        let bar = quantity.bar.map_or_else(String::new, |bar| format!("≤ {}", show(bar)));
        let verdict = self.verdict().map_or_else(String::new, |verdict| verdict.to_string());
        write!(formatter, "| {} | {} | {bar} | {verdict} | {note} |", quantity.name, show(*value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(costs: &[f64]) -> Vec<Sample> {
        let sample =
            |cpu_us: &f64| Sample { per_second: 1.0, p50_us: 1.0, p99_us: 2.0, cpu_us: *cpu_us };
        costs.iter().map(sample).collect()
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // A noisy second round disturbs both peers alike and not their ratio.
        let samples =
            [(REFERENCE, rounds(&[10.0, 40.0, 11.0])), ("edge", rounds(&[15.0, 60.0, 16.5]))];
        let comparison = Comparison::of("t".into(), "request", &samples);
        let edge = &comparison.peers[1];
        assert!((edge.cpu_times_nginx - 1.5).abs() < 1e-9, "{edge:?}");
        assert!((edge.cpu_us - 16.5).abs() < 1e-9, "{edge:?}");
        assert_eq!(edge.cpu_us_range, (15.0, 60.0));
    }
}
