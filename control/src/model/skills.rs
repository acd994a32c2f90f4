//! What an assistant can be given to do, and what each of it needs.
//!
//! The ids are OpenClaw's own: they go into the gateway's configuration as they are.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub struct Skill {
    pub id: &'static str,
    pub name: &'static str,
    /// A sentence for customers.
    pub does: &'static str,
    /// What the customer has to bring; empty when nothing.
    pub needs: &'static str,
}

/// In the order of the landing page: what works at once comes first.
pub const CATALOGUE: &[Skill] = &[
    skill("weather", "Weather", "Tells the weather now and the forecast, anywhere.", ""),
    skill("summarize", "Summaries", "Sums up web pages, articles, videos and PDF files.", ""),
    skill("visualize", "Charts", "Draws charts and small dashboards into the conversation.", ""),
    skill("nano-pdf", "PDF editing", "Changes PDF files by what you say.", ""),
    skill(
        "healthcheck",
        "Check-up",
        "Looks over its own machine and reports what is not safe.",
        "",
    ),
    skill("tmux", "Terminal", "Runs and watches long programs in its own machine.", ""),
    skill("github", "GitHub", "Works with issues, pull requests and builds.", "A GitHub token"),
    skill("gh-issues", "Issue fixing", "Takes open issues and proposes fixes.", "A GitHub token"),
    skill("coding-agent", "Coding", "Hands programming work to a coding agent.", "A model key"),
    skill("gog", "Google", "Reads mail, calendar, Drive and Docs.", "A Google sign-in"),
    skill("himalaya", "Mailbox", "Reads and writes mail over IMAP.", "Your mail account"),
    skill("notion", "Notion", "Reads and writes pages and databases.", "A Notion token"),
    skill("trello", "Trello", "Keeps boards and cards in order.", "A Trello key and token"),
    skill("obsidian", "Obsidian", "Works in a vault of notes.", "Your vault, uploaded"),
    skill(
        "openai-whisper-api",
        "Transcripts",
        "Writes down what is said in a recording.",
        "An OpenAI key",
    ),
    skill("xurl", "X", "Reads and writes posts and messages.", "An X developer account"),
];

const fn skill(
    id: &'static str,
    name: &'static str,
    does: &'static str,
    needs: &'static str,
) -> Skill {
    Skill { id, name, does, needs }
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
