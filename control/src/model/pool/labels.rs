//! By what our sprites are known again at the provider.

use crate::model::task::TaskId;
use vendors::sprites::{NameError, SpriteName};

/// Names begin with `<prefix>-`; labels say whose they are and what made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    prefix: String,
    /// Eight hexadecimal digits, drawn once for each database.
    installation: String,
}

/// A prefix leaves room for the eight digits behind it.
const PREFIX_MAX_CHARS: usize = 32;

/// # Errors
/// Says the rule.
pub fn parse_prefix(text: &str) -> Result<String, &'static str> {
    let fits = text.len() <= PREFIX_MAX_CHARS && SpriteName::parse(text).is_ok();
    if fits { Ok(text.to_owned()) } else { Err("is one to 32 of a-z, 0-9 and -, not at its ends") }
}

impl Labels {
    pub fn new(prefix: &str, installation: &str) -> Self {
        Self { prefix: prefix.to_owned(), installation: installation.to_owned() }
    }

    /// What every name of ours begins with.
    pub fn beginning(&self) -> String {
        format!("{}-", self.prefix)
    }

    /// The sprite that `task` prepares.
    ///
    /// # Errors
    /// The prefix is not one.
    pub fn name(&self, task: &TaskId) -> Result<SpriteName, NameError> {
        let chance = task.as_str().rsplit('-').next().unwrap_or_default();
        SpriteName::parse(format!("{}-{chance}", self.prefix))
    }

    /// Nobody else's sprite has both of them.
    pub fn of(&self, task: &TaskId) -> Vec<String> {
        vec![self.owner(), task.as_str().to_ascii_lowercase()]
    }

    /// The task that made a sprite with these labels; `None` when it was not one of ours.
    pub fn maker(&self, labels: &[String]) -> Option<TaskId> {
        if !labels.contains(&self.owner()) {
            return None;
        }
        labels.iter().find_map(|label| TaskId::parse(&label_to_id(label)).ok())
    }

    fn owner(&self) -> String {
        format!("arcamatrix-{}", self.installation)
    }
}

/// `prepare-20260214-a1b2c3d4` is `PREPARE-20260214-a1b2c3d4`.
fn label_to_id(label: &str) -> String {
    match label.split_once('-') {
        Some((kind, rest)) => format!("{}-{rest}", kind.to_ascii_uppercase()),
        None => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sprite_is_known_again_by_its_labels() {
        let ours = Labels::new("arca", "0a1b2c3d");
        let task = TaskId::parse("PREPARE-20260214-a1b2c3d4").unwrap();
        assert_eq!(ours.name(&task).unwrap().as_str(), "arca-a1b2c3d4");
        let labels = ours.of(&task);
        assert_eq!(labels, ["arcamatrix-0a1b2c3d", "prepare-20260214-a1b2c3d4"]);
        assert_eq!(ours.maker(&labels), Some(task));
        assert_eq!(Labels::new("arca", "ffffffff").maker(&labels), None);
        assert_eq!(ours.maker(&labels[..1]), None);
        assert_eq!(ours.maker(&labels[1..]), None);
    }

    #[test]
    fn a_prefix_leaves_room() {
        for good in ["arca", "a", "arca-eu", &"a".repeat(32)] {
            assert_eq!(parse_prefix(good).as_deref(), Ok(good));
        }
        for bad in ["", "Arca", "-a", "a-", "a_b", &"a".repeat(33)] {
            assert!(parse_prefix(bad).is_err(), "{bad}");
        }
    }
}
