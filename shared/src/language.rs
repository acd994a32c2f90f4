//! The languages that customers are spoken to in, and which of them a browser asks for.

use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

/// Of a browser's list; people have three.
const ASKED_MAX: usize = 20;

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// As in `lang`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// In itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::English => Self::German,
            Self::German => Self::English,
        }
    }

    /// As it is stored. English where it is another, which a newer program may have written.
    pub fn from_stored(tag: &str) -> Self {
        Self::parse(tag).unwrap_or(Self::English)
    }

    /// `de`, `de-AT`, `EN`.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// By the weights of `de-AT, de;q=0.9, en;q=0.8`, the value of `Accept-Language`; of equal
    /// ones the first. `None` where none of them is spoken here.
    pub fn accepted(asked: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in asked.split(',').take(ASKED_MAX) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters.trim().strip_prefix("q=");
            let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            let Some(language) = Self::parse(tag.trim()) else { continue };
            if weight > best.map_or(0.0, |(heaviest, _)| heaviest) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Self::parse(tag)
            .ok_or_else(|| format!("The language is {}.", Self::ALL.map(Self::tag).join(" or ")))
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, English, German};

    #[test]
    fn the_heaviest_language_that_is_spoken_here_is_taken() {
        for (accept, expected) in [
            ("de", Some(German)),
            ("de-AT,de;q=0.9,en;q=0.8", Some(German)),
            ("en-US,en;q=0.9,de;q=0.8", Some(English)),
            ("en;q=0.5, de;q=0.7", Some(German)),
            ("fr, de;q=0.3", Some(German)),
            ("DE", Some(German)),
            ("fr", None),
            ("de;q=0, en;q=0.1", Some(English)),
            ("de;q=x", None),
            ("deutsch", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(Language::accepted(accept), expected, "{accept}");
        }
    }
}
