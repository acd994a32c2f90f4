//! `control doctor`: tries everything that the configuration names, and says how to mend it.

use std::path::Path;

use super::failure::NotWell;
use super::output::Output;
use crate::doctor::{Finding, Verdict, examine};

/// # Errors
/// [`NotWell`] when something is: it has been told then.
pub(super) async fn run(config: &Path, output: Output) -> anyhow::Result<()> {
    let findings = examine(config).await;
    output.print(&findings, |findings| text(findings))?;
    if findings.iter().any(|it| it.verdict == Verdict::Ill) {
        return Err(NotWell.into());
    }
    Ok(())
}

fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|it| it.check.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { check, verdict, says, mend } in findings {
        let mark = match verdict {
            Verdict::Well => "ok",
            Verdict::Ill => "ILL",
            Verdict::Unknown => "?",
        };
        text += &format!("{mark:<4} {check:<width$}  {says}\n");
        if let Some(mend) = mend {
            text += &format!("{:<width$}       → {mend}\n", "");
        }
    }
    let ill = findings.iter().filter(|it| it.verdict == Verdict::Ill).count();
    text + &match ill {
        0 => "\nNothing to mend.".to_owned(),
        1 => "\n1 thing to mend.".to_owned(),
        ill => format!("\n{ill} things to mend."),
    }
}
