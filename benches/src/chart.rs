//! The report as a picture: an SVG that reads on a light and on a dark page.
//!
//! Above, what each peer's CPU costs; below, every figure against its bar.

use std::fmt::Write as _;

use crate::quantity::{Figure, Verdict};
use crate::report::{Comparison, Report};

const WIDTH: f64 = 860.0;
const ROW: f64 = 24.0;
/// Where the bars begin: names stand to the left of it.
const LEFT: f64 = 330.0;
/// How far a bar may reach; figures stand in a column to the right of it.
const REACH: f64 = 360.0;
/// A figure is drawn up to so many times its bar, beyond that with an arrow.
const MOST_TIMES: f64 = 2.0;

/// Greys that stand out from white and from black; the colours as well.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #6b7280; }
  .title { font-weight: 600; font-size: 15px; }
  .name { text-anchor: end; }
  .other { fill: #94a3b8; } .ours { fill: #3b82f6; }
  .pass { fill: #22a06b; } .over { fill: #e2553d; }
  .limit { stroke: #6b7280; stroke-width: 1.5; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) { text { fill: #a3acb9; } .limit { stroke: #a3acb9; } }
";

pub fn draw(report: &Report) -> String {
    let mut picture = Picture { body: String::new(), y: 12.0 };
    for comparison in &report.comparisons {
        picture.comparison(comparison);
    }
    let barred = |figure: &&Figure| figure.verdict().is_some() && figure.value.is_finite();
    let figures: Vec<_> = report.figures.iter().filter(barred).collect();
    if !figures.is_empty() {
        picture.figures(&figures);
    }
    let Picture { body, y } = picture;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>The edge beside other proxies, and each figure against its bar</title>\n\
         <style>{STYLE}</style>\n{body}</svg>\n",
        height = y + 8.0
    )
}

struct Picture {
    body: String,
    /// Where the next row begins.
    y: f64,
}

impl Picture {
    fn comparison(&mut self, comparison: &Comparison) {
        let title = format!("{}: CPU, µs per {}", comparison.title, comparison.exchange);
        self.title(&title);
        let longest = comparison.peers.iter().map(|peer| peer.cpu_us).fold(1e-9, f64::max);
        for peer in &comparison.peers {
            let class = if peer.name.starts_with("edge") { "ours" } else { "other" };
            let value = format!("{:.1}  ({:.2}× nginx)", peer.cpu_us, peer.cpu_times_nginx);
            self.row(peer.name, class, REACH * peer.cpu_us / longest, &value);
        }
        self.y += ROW;
    }

    fn figures(&mut self, figures: &[&Figure]) {
        self.title("Each figure against its bar: left of the line it passes");
        let top = self.y;
        for figure in figures {
            let unit = figure.quantity.unit;
            let bar = figure.quantity.bar.unwrap_or_default();
            let times = if figure.value == 0.0 { 0.0 } else { figure.value / bar };
            let class = if figure.verdict() == Some(Verdict::Pass) { "pass" } else { "over" };
            let arrow = if times > MOST_TIMES { "→ " } else { "" };
            let value = format!("{arrow}{} of {}", unit.show(figure.value), unit.show(bar));
            let length = REACH * times.min(MOST_TIMES) / MOST_TIMES;
            self.row(figure.quantity.name, class, length, &value);
        }
        let x = LEFT + REACH / MOST_TIMES;
        writeln!(
            self.body,
            "<line class=\"limit\" x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{}\"/>",
            self.y
        )
        .expect("writing to memory");
    }

    fn title(&mut self, text: &str) {
        self.y += ROW;
        let y = self.y - 8.0;
        writeln!(self.body, "<text class=\"title\" x=\"12\" y=\"{y}\">{}</text>", escape(text))
            .expect("writing to memory");
    }

    fn row(&mut self, name: &str, class: &str, length: f64, value: &str) {
        let (top, base) = (self.y + 4.0, self.y + 17.0);
        let (name_x, height) = (LEFT - 10.0, ROW - 7.0);
        let value_x = LEFT + REACH + 12.0;
        writeln!(
            self.body,
            "<text class=\"name\" x=\"{name_x}\" y=\"{base}\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\" rx=\"2\"/>\
             <text x=\"{value_x}\" y=\"{base}\">{}</text>",
            escape(name),
            length.max(1.0),
            escape(value)
        )
        .expect("writing to memory");
        self.y += ROW;
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
