//! Texts of an operator's, as TOML writes them.

/// In quotes. The marks that Rust would write are no TOML.
pub fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

pub(super) fn list(texts: &[String]) -> String {
    toml::Value::from(texts.to_vec()).to_string()
}
