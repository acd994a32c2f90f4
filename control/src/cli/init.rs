//! `control init`: the configuration of a new installation on one machine.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use shared::process::named_file;

use super::failure::WrongUsage;
use super::output::Output;
use crate::init::{Answers, QUESTIONS, Written, check, quoted, write};

#[derive(clap::Args, Clone)]
pub(super) struct Arguments {
    /// A TOML file with the answers instead of questions: `base_domain = "example.org"`, ….
    #[arg(long)]
    answers: Option<PathBuf>,
    /// Where the files are put; nothing is written over one that is there.
    #[arg(long, default_value = "/etc/arcamatrix")]
    folder: PathBuf,
}

/// # Errors
/// Every mistake in the answers at once; then nothing is written.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let (path, text) = match &arguments.answers {
        Some(path) => {
            let text = named_file::read_text(path);
            (path.clone(), text.with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => (PathBuf::from("answers"), ask()?),
    };
    let folder = std::path::absolute(&arguments.folder).context("cannot find the folder")?;
    // Behind the answers, whose lines are counted.
    let text = format!("{text}\nfolder = {}\n", quoted(&folder.display().to_string()));
    let answers = check(&path, text)?;
    let what = format!("This writes keys and configuration to {}.", folder.display());
    if !output.is_meant(&what)? {
        return Ok(());
    }
    let written = write(&answers, &folder)?;
    let next = next_steps(&answers, &written, &folder);
    output.print(&json!({ "written": written.files, "next": next }), |_| {
        let files = written.files.iter().map(|path| format!("wrote {}\n", path.display()));
        let steps = next.iter().enumerate();
        let steps = steps.map(|(index, step)| format!("{:>2}. {step}\n", index + 1));
        format!("{}\nNext:\n{}", files.collect::<String>(), steps.collect::<String>())
    })
}

/// On the terminal, one after the other, as an answers' file says them.
fn ask() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let rule = "there is nobody to ask: give the answers with --answers FILE";
        return Err(WrongUsage(rule).into());
    }
    let mut text = String::new();
    for question in QUESTIONS {
        let default = match question.default {
            "" => String::new(),
            default => format!(" [{default}]"),
        };
        let mut terminal = io::stderr().lock();
        write!(terminal, "{}{default}: ", question.text).and_then(|()| terminal.flush())?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
        if !answer.trim().is_empty() {
            text += &format!("{} = {}\n", question.key, quoted(answer.trim()));
        }
    }
    Ok(text)
}

fn next_steps(answers: &Answers, written: &Written, folder: &Path) -> Vec<String> {
    let domain = &answers.base_domain;
    let mut steps = Vec::new();
    if !written.ownerless.is_empty() {
        let names: Vec<_> = written.ownerless.iter().map(|it| it.display().to_string()).collect();
        steps.push(format!(
            "This machine has no users arca-control and arca-edge, or you are not root: install \
             the packages, and see to it that each program can read its own of {}.",
            names.join(", ")
        ));
    }
    if let Some(certificate) = answers.certificate.as_ref().filter(|path| !path.exists()) {
        steps.push(format!(
            "Put a certificate of {domain} and *.{domain} to {} and its key beside it, readable \
             for arca-edge.",
            certificate.display()
        ));
    }
    steps.push(format!(
        "DNS: A (and AAAA) records of {domain} and *.{domain} lead to this machine."
    ));
    steps.push(format!(
        "Stripe: a webhook to https://{domain}/api/webhook with the events that \
         docs/operating.md lists; its signing secret is webhook_secrets."
    ));
    steps.extend(
        answers
            .lacking
            .iter()
            .map(|what| format!("Later, in {}: {what}.", folder.join("control.toml").display())),
    );
    steps.push("systemctl enable --now edge control".to_owned());
    let config = folder.join("control.toml");
    steps.push(format!("control --config {} doctor", config.display()));
    steps
}
