//! `skills.status`: which skills there are, and which of them can run here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::config_file::ConfigFile;

/// By skill: the variables that are set for it, `""` for the one of its key.
pub type Keys = BTreeMap<String, BTreeSet<String>>;

/// A bundled skill and the programs it needs.
struct Skill {
    key: &'static str,
    description: &'static str,
    emoji: Option<&'static str>,
    bins: &'static [&'static str],
    env: &'static [&'static str],
    /// The variable that its key goes into; it may work without.
    primary_env: Option<&'static str>,
}

impl Skill {
    const fn with_key(self, primary_env: &'static str) -> Self {
        Self { primary_env: Some(primary_env), ..self }
    }
}

const fn skill(
    key: &'static str,
    emoji: Option<&'static str>,
    bins: &'static [&'static str],
    description: &'static str,
) -> Skill {
    Skill { key, description, emoji, bins, env: &[], primary_env: None }
}

/// Eighteen of the fifty-one that OpenClaw 2026.9.6 brings along.
const BUNDLED: &[Skill] = &[
    skill(
        "clawhub",
        None,
        &[],
        "Search ClawHub for skills when a requested capability is not already available; install, verify, update, uninstall, publish, or sync skills.",
    ),
    skill(
        "coding-agent",
        Some("🧩"),
        &["claude"],
        "Delegate coding work to Codex, Claude Code, or OpenCode as background workers; not simple edits or read-only code lookup.",
    ),
    skill(
        "gh-issues",
        None,
        &["git", "gh"],
        "Fetch GitHub issues, select candidates, spawn background fix agents, open PRs, and optionally process PR review comments.",
    )
    .with_key("GH_TOKEN"),
    skill(
        "github",
        Some("🐙"),
        &["gh"],
        "GitHub CLI for issues, PRs, CI/check logs, comments, reviews, releases, repos, and gh api queries.",
    ),
    skill(
        "gog",
        Some("🎮"),
        &["gog"],
        "Google Workspace CLI for Gmail, Calendar, Drive, Contacts, Sheets, and Docs.",
    ),
    skill(
        "healthcheck",
        None,
        &[],
        "Audit/harden OpenClaw hosts: SSH, firewall, updates, exposure, backups, disk encryption, gateway security.",
    ),
    skill(
        "himalaya",
        Some("📧"),
        &["himalaya"],
        "Himalaya CLI for IMAP/SMTP mail: list, read, search, compose, reply, forward, copy, move, delete.",
    ),
    skill(
        "mcporter",
        Some("📦"),
        &["mcporter"],
        "List, configure, authenticate, call, and inspect MCP servers/tools with mcporter over HTTP or stdio.",
    ),
    skill(
        "nano-pdf",
        Some("📄"),
        &["nano-pdf"],
        "Edit PDFs with natural-language instructions using the nano-pdf CLI.",
    ),
    skill(
        "notion",
        Some("📝"),
        &[],
        "Notion CLI/API for pages, Markdown content, data sources, files, comments, search, Workers, and raw API calls.",
    )
    .with_key("NOTION_API_TOKEN"),
    skill(
        "obsidian",
        Some("💎"),
        &["obsidian"],
        "Work with Obsidian vaults using the official obsidian CLI: read/search/create/edit notes, tasks, links, properties, plugins.",
    ),
    Skill {
        key: "openai-whisper-api",
        description: "OpenAI Audio Transcriptions API via curl; gpt-4o-transcribe, mini, diarize, or whisper-1.",
        emoji: Some("🌐"),
        bins: &["curl", "node"],
        env: &["OPENAI_API_KEY"],
        primary_env: Some("OPENAI_API_KEY"),
    },
    skill(
        "summarize",
        Some("🧾"),
        &["summarize"],
        "Summarize or transcribe URLs, YouTube/videos, podcasts, articles, transcripts, PDFs, and local files.",
    ),
    skill(
        "tmux",
        Some("🧵"),
        &["tmux"],
        "Control tmux sessions/panes for interactive CLIs: list, capture output, send keys, paste text, monitor prompts.",
    ),
    Skill {
        key: "trello",
        description: "Manage Trello boards, lists, and cards via the Trello REST API.",
        emoji: Some("📋"),
        bins: &["curl", "jq"],
        env: &["TRELLO_API_KEY", "TRELLO_TOKEN"],
        primary_env: None,
    },
    skill(
        "visualize",
        None,
        &[],
        "Create inline visuals for code and explanations, or author persistent OpenClaw dashboard widgets with show_widget.",
    ),
    skill(
        "weather",
        Some("☔"),
        &[],
        "Current weather and forecasts with web_fetch, falling back to wttr.in curl for locations, rain, temperature, travel planning.",
    ),
    skill(
        "xurl",
        Some("🐦"),
        &["xurl"],
        "xurl CLI for authenticated X posts, replies, reads/search, DMs, media upload, followers, auth status, or raw v2 API calls.",
    ),
];

/// What a machine has: asked by name, answered yes or no.
pub struct Machine<'a> {
    pub has_program: &'a dyn Fn(&str) -> bool,
    pub has_variable: &'a dyn Fn(&str) -> bool,
}

impl Machine<'_> {
    /// Programs and variables of a skill that are not here.
    fn missing(&self, skill: &Skill) -> (Vec<&'static str>, Vec<&'static str>) {
        let absent = |has: &dyn Fn(&str) -> bool, names: &[&'static str]| {
            names.iter().copied().filter(|name| !has(name)).collect()
        };
        (absent(self.has_program, skill.bins), absent(self.has_variable, skill.env))
    }
}

/// The machine this process runs on.
pub fn with_this_machine<T>(ask: impl FnOnce(&Machine<'_>) -> T) -> T {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    ask(&Machine {
        has_program: &|name| folders.iter().any(|folder| folder.join(name).is_file()),
        has_variable: &|name| std::env::var_os(name).is_some(),
    })
}

/// Keys of the skills that cannot run on `machine`.
pub fn unusable(machine: &Machine<'_>) -> Vec<&'static str> {
    BUNDLED
        .iter()
        .filter(|skill| machine.missing(skill) != (Vec::new(), Vec::new()))
        .map(|skill| skill.key)
        .collect()
}

/// Answers `skills.status`.
pub fn status(config: &ConfigFile, machine: &Machine<'_>) -> Value {
    status_with(config, machine, &Keys::new())
}

/// [`status`] where the skills of `keys` have values for these variables, `""` for their key's own.
pub fn status_with(config: &ConfigFile, machine: &Machine<'_>, keys: &Keys) -> Value {
    let row = |skill| row(skill, config, machine, keys);
    let skills: Vec<Value> = BUNDLED.iter().map(row).collect();
    json!({
        "workspaceDir": "/workspace",
        "managedSkillsDir": "/skills",
        "agentId": "main",
        "agentSkillFilter": config.agent_skills,
        "skills": skills,
    })
}

fn row(skill: &Skill, config: &ConfigFile, machine: &Machine<'_>, keys: &Keys) -> Value {
    let listed = |list: &Option<Vec<String>>| {
        list.as_ref().is_none_or(|list| list.iter().any(|key| key == skill.key))
    };
    let (bins, mut env) = machine.missing(skill);
    let kept = keys.get(skill.key).into_iter().flatten();
    for name in kept.filter_map(|name| if name.is_empty() { skill.primary_env } else { Some(name) })
    {
        env.retain(|missing| *missing != name);
    }
    let disabled = config.disabled_skills.iter().any(|key| key == skill.key);
    let blocked_by_allowlist = !listed(&config.allowed_skills);
    let blocked_by_filter = !listed(&config.agent_skills);
    let eligible = !disabled && !blocked_by_allowlist && bins.is_empty() && env.is_empty();
    let visible = eligible && !blocked_by_filter;
    let needs = |bins: &[&str], env: &[&str]| json!({"bins": bins, "anyBins": [], "env": env, "config": [], "os": []});
    let install: Vec<Value> = skill
        .bins
        .iter()
        .map(|bin| {
            let label = format!("Install {bin} (brew)");
            json!({"id": "brew", "kind": "brew", "label": label, "bins": [bin]})
        })
        .collect();
    let mut row = json!({
        "name": skill.key,
        "description": skill.description,
        "source": "openclaw-bundled",
        "bundled": true,
        "filePath": format!("/openclaw/skills/{}/SKILL.md", skill.key),
        "baseDir": format!("/openclaw/skills/{}", skill.key),
        "skillKey": skill.key,
        "always": false,
        "disabled": disabled,
        "blockedByAllowlist": blocked_by_allowlist,
        "blockedByAgentFilter": blocked_by_filter,
        "eligible": eligible,
        "platformIncompatible": false,
        "modelVisible": visible,
        "userInvocable": true,
        "commandVisible": visible,
        "requirements": needs(skill.bins, skill.env),
        "missing": needs(&bins, &env),
        "configChecks": [],
        "install": install,
    });
    if let Some(emoji) = skill.emoji {
        row["emoji"] = emoji.into();
    }
    if let Some(name) = skill.primary_env {
        row["primaryEnv"] = name.into();
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Machine<'_> =
        Machine { has_program: &|name| name == "curl", has_variable: &|_| false };

    fn find(config: &ConfigFile, key: &str) -> Value {
        let status = status(config, &BARE);
        let rows = status["skills"].as_array().unwrap();
        rows.iter().find(|row| row["skillKey"] == key).unwrap().clone()
    }

    #[test]
    fn a_skill_without_its_program_is_enabled_but_not_eligible() {
        let summarize = find(&ConfigFile::default(), "summarize");
        assert_eq!(summarize["disabled"], false);
        assert_eq!(summarize["eligible"], false);
        assert_eq!(summarize["missing"]["bins"], json!(["summarize"]));
        assert_eq!(find(&ConfigFile::default(), "weather")["eligible"], true);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let trello = find(&ConfigFile::default(), "trello");
        assert_eq!(trello["missing"]["bins"], json!(["jq"]));
        assert_eq!(trello["missing"]["env"], json!(["TRELLO_API_KEY", "TRELLO_TOKEN"]));
    }

    #[test]
    fn the_config_hides_and_disables() {
        let config = ConfigFile {
            agent_skills: Some(vec!["weather".to_owned()]),
            disabled_skills: vec!["visualize".to_owned()],
            ..ConfigFile::default()
        };
        assert_eq!(find(&config, "weather")["modelVisible"], true);
        assert_eq!(find(&config, "clawhub")["blockedByAgentFilter"], true);
        assert_eq!(find(&config, "visualize")["eligible"], false);
    }
}
