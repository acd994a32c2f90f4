//! The catalogue in German. In English, a skill says it itself.

use crate::model::skills::Skill;
use crate::site::language::Language;

/// What a page says of a skill.
pub(in crate::site) struct SkillText {
    pub(in crate::site) name: &'static str,
    pub(in crate::site) does: &'static str,
    /// To stand in a sentence; empty when nothing.
    pub(in crate::site) needs: String,
}

impl SkillText {
    pub(in crate::site) fn of(language: Language, skill: &Skill) -> Self {
        let german = GERMAN.iter().find(|(id, ..)| language == Language::German && *id == skill.id);
        match german {
            Some((_, name, does, needs)) => Self { name, does, needs: (*needs).to_owned() },
            None => Self { name: skill.name, does: skill.does, needs: begun(skill.needs) },
        }
    }
}

/// Id, name, what comes of it, what it needs.
const GERMAN: [(&str, &str, &str, &str); 16] = [
    (
        "weather",
        "Wetter",
        "Wissen, was man anzieht: das Wetter jetzt und die Aussichten, überall.",
        "",
    ),
    (
        "summarize",
        "Zusammenfassungen",
        "Weniger lesen: Webseiten, Artikel, Videos und PDF-Dateien in ein paar Sätzen.",
        "",
    ),
    (
        "visualize",
        "Diagramme",
        "Sehen statt lesen: Diagramme und kleine Übersichten in der Unterhaltung.",
        "",
    ),
    ("nano-pdf", "PDF ändern", "Eine PDF-Datei ändern, indem du sagst, was anders sein soll.", ""),
    (
        "healthcheck",
        "Durchsicht",
        "Die Maschine deines Assistenten durchsehen lassen und hören, was nicht sicher ist.",
        "",
    ),
    (
        "gog",
        "Google",
        "Nach deinen Mails, Terminen, Drive und Docs fragen.",
        "eine Anmeldung bei Google",
    ),
    (
        "himalaya",
        "Postfach",
        "Mails finden, zusammenfassen und beantworten lassen, in jedem Postfach mit IMAP.",
        "dein Mailkonto",
    ),
    (
        "notion",
        "Notion",
        "Seiten und Datenbanken finden, schreiben und aufräumen.",
        "einen Token von Notion",
    ),
    (
        "trello",
        "Trello",
        "Boards und Karten in Ordnung halten, indem du darüber sprichst.",
        "Schlüssel und Token von Trello",
    ),
    (
        "obsidian",
        "Obsidian",
        "Deine Notizensammlung durchsuchen und ergänzen.",
        "deine Sammlung, hochgeladen",
    ),
    (
        "openai-whisper-api",
        "Abschriften",
        "Was in einer Aufnahme gesagt wurde, aufgeschrieben.",
        "einen Schlüssel von OpenAI",
    ),
    ("xurl", "X", "Beiträge und Nachrichten lesen und schreiben.", "ein Entwicklerkonto bei X"),
    (
        "tmux",
        "Terminal",
        "Programme starten, die stundenlang laufen, und fragen, wie es ihnen geht.",
        "",
    ),
    (
        "github",
        "GitHub",
        "Mit Issues, Pull Requests und Builds arbeiten.",
        "einen Token von GitHub",
    ),
    (
        "gh-issues",
        "Issues beheben",
        "Offene Issues angehen und Lösungen vorschlagen lassen.",
        "einen Token von GitHub",
    ),
    (
        "coding-agent",
        "Programmieren",
        "Programmierarbeit einem Agenten übergeben.",
        "einen Schlüssel für ein Modell",
    ),
];

/// `A GitHub token` → `a GitHub token`, to stand in a sentence.
fn begun(needs: &str) -> String {
    let mut characters = needs.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::skills::CATALOGUE;

    #[test]
    fn every_skill_is_there_in_german() {
        for skill in CATALOGUE {
            let german = SkillText::of(Language::German, skill);
            assert_ne!(german.does, skill.does, "{}", skill.id);
            assert_eq!(german.needs.is_empty(), skill.needs.is_empty(), "{}", skill.id);
        }
        assert_eq!(GERMAN.len(), CATALOGUE.len());
    }
}
