//! The answers as they were given.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use shared::process::Section;

use super::questions::{QUESTIONS, SETTINGS};
use super::toml_text::quoted;

/// Each answer by its name; empty where none was given.
pub(super) struct Given {
    texts: BTreeMap<&'static str, String>,
    /// Networks of machines that have no public addresses.
    pub(super) private_networks: Vec<String>,
}

impl Given {
    pub(super) fn read(root: &mut Section<'_>) -> Option<Self> {
        let mut texts = BTreeMap::new();
        let mut is_whole = true;
        for question in QUESTIONS.into_iter().chain(SETTINGS) {
            let found = root.optional(question.key, |it| Ok::<_, &str>(it.trim().to_owned()));
            let found = found.filter(|it| !it.is_empty());
            if found.is_none() && question.is_required {
                root.complain(question.key, "is missing");
                is_whole = false;
            }
            texts.insert(question.key, found.unwrap_or_else(|| question.default.to_owned()));
        }
        for key in ["listen", "listen_tls", "edge_listen"] {
            let address = texts.get(key).map(|text| text.parse::<SocketAddr>());
            if let Some(Err(error)) = address {
                root.complain(key, &error.to_string());
            }
        }
        let private_networks = root.list("private_networks", |it| Ok::<_, &str>(it.to_owned()));
        is_whole.then_some(Self { texts, private_networks })
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    pub(super) fn quoted(&self, key: &str) -> String {
        quoted(self.text(key))
    }

    pub(super) fn is_asked(&self, key: &str) -> bool {
        self.texts.contains_key(key)
    }

    pub(super) fn is_there(&self, key: &str) -> bool {
        !self.text(key).is_empty()
    }
}
