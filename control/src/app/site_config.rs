//! What the site says about who runs it, and what it costs.

use std::convert::Infallible;
use std::path::Path;

use shared::process::{Section, named_file};

use crate::base::amount::Amount;
use crate::base::email_address::Email;
use crate::base::language::Language;

/// The `[site]` table. Everything has a default that a demo can live with.
#[derive(Debug, Clone)]
pub struct SiteConfig {
    /// Who offers the service.
    pub operator: String,
    /// Their postal address, line by line.
    pub address: Vec<String>,
    pub contact_email: String,
    /// What a month costs, as every page and letter says it. The price at Stripe is what
    /// is charged: they are compared at the start.
    pub price: Amount,
    /// Programs that every VM has: a skill that needs another one is not sold.
    pub programs: Vec<String>,
    /// What answers, in words for customers.
    pub model: String,
    /// Where the machines stand, in words for customers.
    pub location: String,
    /// Instead of the built-in texts.
    pub legal: Option<OwnText>,
    pub privacy: Option<OwnText>,
}

/// A text of the operator's.
#[derive(Debug, Clone)]
pub struct OwnText {
    text: StaticPage,
    /// For readers of German, where there is one.
    german: Option<StaticPage>,
}

/// A text out of headings and paragraphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPage(pub Vec<Block>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Heading(String),
    Paragraph(String),
}

/// What a month costs when nothing else is configured.
pub const PRICE: Amount = Amount::dollars(7);

/// What a VM has in any case: the gateway needs them itself.
const PROGRAMS: &[&str] = &["curl", "git", "node"];

impl SiteConfig {
    pub fn from_section(site: &mut Section<'_>) -> Self {
        let mut text =
            |key, default: &str| site.optional(key, as_it_is).unwrap_or_else(|| default.to_owned());
        let operator = text("operator", "Arcamatrix");
        let model = text("model", "");
        let location = text("location", "");
        let contact_email = site.optional("contact_email", |text| {
            Email::parse(text).map(|email| email.as_str().to_owned())
        });
        let contact_email = contact_email.unwrap_or_else(|| "hello@arcamatrix.com".to_owned());
        let price = site.optional("price", Amount::parse).unwrap_or(PRICE);
        let address = site.list("address", as_it_is);
        let mut programs = site.list("programs", as_it_is);
        programs.extend(PROGRAMS.iter().map(|&name| name.to_owned()));
        let mut page = |key| site.optional(key, |path| StaticPage::read(Path::new(path)));
        let (legal, legal_german) = (page("legal_file"), page("legal_german_file"));
        let (privacy, privacy_german) = (page("privacy_file"), page("privacy_german_file"));
        let legal = legal.map(|text| OwnText { text, german: legal_german });
        let privacy = privacy.map(|text| OwnText { text, german: privacy_german });
        Self { operator, address, contact_email, price, programs, model, location, legal, privacy }
    }
}

impl OwnText {
    pub fn of(&self, language: Language) -> &StaticPage {
        match language {
            Language::English => &self.text,
            Language::German => self.german.as_ref().unwrap_or(&self.text),
        }
    }
}

impl StaticPage {
    fn read(path: &Path) -> Result<Self, String> {
        let text = named_file::read_text(path);
        let text = text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Blank lines part paragraphs; one that begins with `# ` is a heading.
    pub fn parse(text: &str) -> Self {
        let mut blocks = Vec::new();
        let mut paragraph: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim).chain([""]) {
            let heading = line.strip_prefix("# ");
            if (heading.is_some() || line.is_empty()) && !paragraph.is_empty() {
                blocks.push(Block::Paragraph(paragraph.join(" ")));
                paragraph.clear();
            }
            match heading {
                Some(heading) => blocks.push(Block::Heading(heading.trim().to_owned())),
                None if line.is_empty() => {}
                None => paragraph.push(line),
            }
        }
        Self(blocks)
    }
}

fn as_it_is(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_into_headings_and_paragraphs() {
        let page = StaticPage::parse("# Legal\nOne\ntwo.\n\n\nThree.\n# Last\n");
        let paragraph = |text: &str| Block::Paragraph(text.to_owned());
        let heading = |text: &str| Block::Heading(text.to_owned());
        let expected =
            [heading("Legal"), paragraph("One two."), paragraph("Three."), heading("Last")];
        assert_eq!(page.0, expected);
        assert_eq!(StaticPage::parse(" \n").0, []);
    }
}
