//! What an assistant can be given to do, and what each of it needs.
//!
//! The ids are OpenClaw's own: they go into the gateway's configuration as they are.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub struct Skill {
    pub id: &'static str,
    pub name: &'static str,
    pub group: SkillGroup,
    /// What comes of it, in a sentence for customers.
    pub does: &'static str,
    /// What the customer has to bring; empty when nothing.
    pub needs: &'static str,
    /// Programs that the gateway asks for in the VM: without one of them the skill does not work.
    programs: &'static [&'static str],
}

/// What a customer has to do before a skill works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkillGroup {
    /// Nothing.
    AtOnce,
    /// Connect an account, or bring a key.
    Connect,
    /// The same, and it is for who writes programs.
    Developers,
}

impl SkillGroup {
    /// In the order of the landing page.
    pub const ALL: [Self; 3] = [Self::AtOnce, Self::Connect, Self::Developers];
}

/// In the order of the landing page: what works at once comes first.
pub const CATALOGUE: &[Skill] = &[
    skill(
        "weather",
        "Weather",
        SkillGroup::AtOnce,
        "Know what to wear: the weather now and the forecast, anywhere.",
        "",
        &["curl"],
    ),
    skill(
        "summarize",
        "Summaries",
        SkillGroup::AtOnce,
        "Read less: web pages, articles, videos and PDF files in a few sentences.",
        "",
        &["summarize"],
    ),
    skill(
        "visualize",
        "Charts",
        SkillGroup::AtOnce,
        "See it instead of reading it: charts and small dashboards in the conversation.",
        "",
        &[],
    ),
    skill(
        "nano-pdf",
        "PDF editing",
        SkillGroup::AtOnce,
        "Change a PDF file by saying what should be different.",
        "",
        &["nano-pdf"],
    ),
    skill(
        "healthcheck",
        "Check-up",
        SkillGroup::AtOnce,
        "Have your assistant's own machine looked over, and hear what is not safe.",
        "",
        &[],
    ),
    skill(
        "gog",
        "Google",
        SkillGroup::Connect,
        "Ask about your mail, calendar, Drive and Docs.",
        "A Google sign-in",
        &["gog"],
    ),
    skill(
        "himalaya",
        "Mailbox",
        SkillGroup::Connect,
        "Have mail found, summed up and answered, in any mailbox with IMAP.",
        "Your mail account",
        &["himalaya"],
    ),
    skill(
        "notion",
        "Notion",
        SkillGroup::Connect,
        "Find, write and tidy pages and databases.",
        "A Notion token",
        &["curl"],
    ),
    skill(
        "trello",
        "Trello",
        SkillGroup::Connect,
        "Keep boards and cards in order by talking about them.",
        "A Trello key and token",
        &["curl", "jq"],
    ),
    skill(
        "obsidian",
        "Obsidian",
        SkillGroup::Connect,
        "Search your vault of notes, and add to it.",
        "Your vault, uploaded",
        &["obsidian"],
    ),
    skill(
        "openai-whisper-api",
        "Transcripts",
        SkillGroup::Connect,
        "Get what was said in a recording, written down.",
        "An OpenAI key",
        &["curl", "node"],
    ),
    skill(
        "xurl",
        "X",
        SkillGroup::Connect,
        "Read and write posts and messages.",
        "An X developer account",
        &["xurl"],
    ),
    skill(
        "tmux",
        "Terminal",
        SkillGroup::Developers,
        "Start programs that run for hours, and ask how they are doing.",
        "",
        &["tmux"],
    ),
    skill(
        "github",
        "GitHub",
        SkillGroup::Developers,
        "Work with issues, pull requests and builds.",
        "A GitHub token",
        &["gh"],
    ),
    skill(
        "gh-issues",
        "Issue fixing",
        SkillGroup::Developers,
        "Have open issues taken up and fixes proposed.",
        "A GitHub token",
        &["git", "gh"],
    ),
    skill(
        "coding-agent",
        "Coding",
        SkillGroup::Developers,
        "Hand programming work to a coding agent.",
        "A model key",
        &["claude"],
    ),
];

const fn skill(
    id: &'static str,
    name: &'static str,
    group: SkillGroup,
    does: &'static str,
    needs: &'static str,
    programs: &'static [&'static str],
) -> Skill {
    Skill { id, name, group, does, needs, programs }
}

impl Skill {
    /// Whether it can work in a VM that has `programs`: what cannot is not sold.
    pub fn works_with(&self, programs: &[String]) -> bool {
        self.programs.iter().all(|needed| programs.iter().any(|there| there == needed))
    }
}

/// What one customer chose: each skill once, in the order of the catalogue.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Skills(Vec<&'static Skill>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no skill called {0:?}")]
pub struct UnknownSkill(String);

/// How much of a word that is no skill is said back.
const QUOTE_MAX_CHARS: usize = 40;

impl Skills {
    /// Naming one twice is naming it; naming none is a choice as well.
    ///
    /// # Errors
    /// Names the first that is not in the catalogue.
    pub fn parse<'a>(ids: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownSkill> {
        let mut chosen = Vec::new();
        for id in ids {
            let index = CATALOGUE.iter().position(|skill| skill.id == id);
            let unknown = || UnknownSkill(id.chars().take(QUOTE_MAX_CHARS).collect());
            let index = index.ok_or_else(unknown)?;
            if !chosen.contains(&index) {
                chosen.push(index);
            }
        }
        chosen.sort_unstable();
        Ok(Self(chosen.into_iter().map(|index| &CATALOGUE[index]).collect()))
    }

    /// Reads what [`fmt::Display`] wrote; what has left the catalogue since is left out.
    pub fn from_stored(text: &str) -> Self {
        let is_chosen = |skill: &&Skill| text.split(',').any(|id| id == skill.id);
        Self(CATALOGUE.iter().filter(is_chosen).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Skill> {
        self.0.iter().copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|skill| skill.id)
    }

    pub fn contains(&self, id: &str) -> bool {
        self.ids().any(|chosen| chosen == id)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Ids with commas between them.
impl fmt::Display for Skills {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.ids().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            formatter.write_str(id)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Skills {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Skills({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[&str], expected: Result<&str, &str>) {
        let seen = Skills::parse(ids.iter().copied());
        let seen = seen.map(|skills| skills.to_string()).map_err(|error| error.to_string());
        assert_eq!(seen, expected.map(str::to_owned).map_err(str::to_owned), "{ids:?}");
    }

    #[test]
    fn a_skill_is_sold_where_its_programs_are() {
        let sold = |programs: &[&str]| {
            let programs: Vec<_> = programs.iter().map(|&name| name.to_owned()).collect();
            let works = CATALOGUE.iter().filter(|skill| skill.works_with(&programs));
            works.map(|skill| skill.id).collect::<Vec<_>>().join(",")
        };
        assert_eq!(sold(&[]), "visualize,healthcheck");
        assert_eq!(
            sold(&["curl", "git", "node"]),
            "weather,visualize,healthcheck,notion,openai-whisper-api"
        );
        assert!(!sold(&["git"]).contains("gh-issues"));
        assert!(sold(&["git", "gh"]).contains("gh-issues"));
    }

    #[test]
    fn a_choice_is_of_the_catalogue_in_its_order_and_each_once() {
        check(&[], Ok(""));
        check(&["github", "weather"], Ok("weather,github"));
        check(&["weather", "weather"], Ok("weather"));
        check(&["weather", "juggling"], Err("there is no skill called \"juggling\""));
        check(&[""], Err("there is no skill called \"\""));
        check(&["Weather"], Err("there is no skill called \"Weather\""));
        let long = "x".repeat(100);
        let quoted = format!("there is no skill called {:?}", "x".repeat(40));
        check(&[&long], Err(&quoted));
    }

    #[test]
    fn a_stored_choice_outlives_a_change_of_the_catalogue() {
        let stored = Skills::from_stored("github,juggling,weather");
        assert_eq!(stored.to_string(), "weather,github");
        assert!(Skills::from_stored("").is_empty());
    }

    #[test]
    fn ids_are_unique_and_fit_into_a_list_with_commas() {
        for (index, skill) in CATALOGUE.iter().enumerate() {
            assert!(CATALOGUE[..index].iter().all(|other| other.id != skill.id), "{}", skill.id);
            let plain = skill.id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            assert!(plain && !skill.does.is_empty() && !skill.name.is_empty(), "{}", skill.id);
        }
    }
}
