//! Prints tables for people and JSON for scripts.

use anyhow::Context as _;
use serde::Serialize;
use shared::process::output;

use super::times;
use crate::base::clock::Moment;
use crate::base::date::Age;

#[derive(Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
    /// Nobody is asked before something that hurts.
    pub(super) yes: bool,
    /// Nothing is changed.
    pub(super) dry_run: bool,
}

impl Output {
    /// `value` as JSON, or what `to_text` makes of it.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn print<T: Serialize>(
        self,
        value: &T,
        to_text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let text = if self.json {
            let mut value = serde_json::to_value(value).context("cannot write JSON")?;
            times::spell_out(&mut value);
            serde_json::to_string_pretty(&value).context("cannot write JSON")?
        } else {
            to_text(value)
        };
        print_text(&text)
    }
}

/// # Errors
/// When standard output is closed.
pub(super) fn print_text(text: &str) -> anyhow::Result<()> {
    output::print(format!("{}\n", text.trim_end()).as_bytes())
}

/// What stands for nothing in a table.
pub(super) fn dash() -> String {
    "-".to_owned()
}

/// How long ago `seconds` was, in unix seconds.
pub(super) fn age(seconds: u64, now: Moment) -> String {
    Age::of(now.since(Moment::from_seconds(seconds))).to_string()
}

/// When something comes next, that may be due already: `in 5m`, or `now`.
pub(super) fn until(seconds: u64, now: Moment) -> String {
    let left = Moment::from_seconds(seconds).since(now);
    if left.is_zero() { "now".to_owned() } else { format!("in {}", Age::of(left)) }
}

/// As [`table`]; one line that says so where there are no rows.
pub(super) fn list(none: &str, header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { none.to_owned() } else { table(header, rows) }
}

/// What fits beside the rest of a row; `show` has the whole.
pub(super) fn one_line(text: &str) -> String {
    const CHARS: usize = 80;
    let line: String = text.chars().take_while(|char| *char != '\n').take(CHARS).collect();
    if line.len() < text.len() { line + "…" } else { line }
}

/// Columns as wide as their widest cell, two spaces apart.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = line(header.to_vec());
    let rows = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [vec!["ada".to_owned(), "1".to_owned()], vec!["zoë".to_owned(), "22".to_owned()]];
        assert_eq!(table(&["NAME", "N"], &rows), "NAME  N\nada   1\nzoë   22");
    }
}
