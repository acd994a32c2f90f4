//! What operators import: alert rules and dashboards. Each metric in them is one that a
//! program has, each alert is tested and leads to what the runbook says.

use std::collections::BTreeSet;

/// The names of metrics in `text`, without what Prometheus adds to those of histograms.
pub(crate) fn metrics(text: &str) -> BTreeSet<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_word(c)).filter(|word| word.starts_with("arca_"));
    words.map(|word| word.strip_suffix("_bucket").unwrap_or(word)).collect()
}

/// The values of `key` in a file of YAML, one on a line.
pub(crate) fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(':').map(str::trim)
    })
}

/// As a heading of `text` is linked to.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| {
        let plain = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
        plain.collect::<String>().to_lowercase().replace(' ', "-")
    };
    text.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect()
}
