//! Decides which call a fault strikes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// Rules kept at once, spent ones included. A story arms a handful.
pub const RULES_MAX: usize = 1_000;

/// "The next `times` calls that match, after letting `skip` of them through."
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(rename = "match", default)]
    pub when: Match,
    #[serde(default = "once")]
    pub times: u32,
    #[serde(default)]
    pub skip: u32,
    pub fault: Fault,
    /// Sent with the answer of a `status` or `garbage` fault.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// All that is given must fit; nothing given fits every call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    pub method: Option<String>,
    /// The whole path without the query; `*` stands for any run of characters.
    pub path: Option<String>,
    /// A part of the body, for APIs with one path: `issueCreate`.
    pub body: Option<String>,
}

/// A rule with what is left of it.
#[derive(Debug, Clone, Serialize)]
pub struct Armed {
    pub id: u64,
    #[serde(flatten)]
    pub rule: Rule,
    /// Calls it has struck so far.
    pub struck: u32,
}

/// A fault that strikes a call.
#[derive(Debug, Clone)]
pub struct Strike {
    pub fault: Fault,
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub struct Rules {
    last_id: u64,
    armed: Vec<Armed>,
}

/// [`RULES_MAX`] is reached; the caller clears first.
#[derive(Debug, thiserror::Error)]
#[error("there are {RULES_MAX} fault rules already; clear them first")]
pub struct Full;

impl Rules {
    /// # Errors
    /// [`Full`] when there are too many.
    pub fn arm(&mut self, rule: Rule) -> Result<Armed, Full> {
        if self.armed.len() >= RULES_MAX {
            return Err(Full);
        }
        self.last_id += 1;
        let armed = Armed { id: self.last_id, rule, struck: 0 };
        self.armed.push(armed.clone());
        Ok(armed)
    }

    /// The oldest rule that fits and is not spent strikes. Each fitting call
    /// uses up one `skip` of that rule first.
    pub fn strike(&mut self, method: &str, path: &str, body: &[u8]) -> Option<Strike> {
        let armed = self.armed.iter_mut().find(|armed| {
            armed.rule.times > armed.struck && armed.rule.when.fits(method, path, body)
        })?;
        if armed.rule.skip > 0 {
            armed.rule.skip -= 1;
            return None;
        }
        armed.struck += 1;
        Some(Strike { fault: armed.rule.fault, headers: armed.rule.headers.clone() })
    }

    pub fn all(&self) -> &[Armed] {
        &self.armed
    }

    /// Whether there was such a rule.
    pub fn disarm(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| armed.id != id);
        self.armed.len() < before
    }

    pub fn clear(&mut self) {
        self.armed.clear();
    }
}

impl Match {
    fn fits(&self, method: &str, path: &str, body: &[u8]) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|pattern| matches(pattern, path))
            && self.body.as_ref().is_none_or(|part| contains(body, part.as_bytes()))
    }
}

fn once() -> u32 {
    1
}

/// `*` stands for any run of characters, also an empty one.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len())
                .filter(|&start| tail.is_char_boundary(start))
                .any(|start| matches(rest, &tail[start..]))
        }),
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(rule: serde_json::Value) -> Rules {
        let mut rules = Rules::default();
        rules.arm(serde_json::from_value(rule).unwrap()).unwrap();
        rules
    }

    #[test]
    fn a_rule_strikes_as_often_as_it_says() {
        let mut rules = rules(json!({"times": 2, "fault": "reset"}));
        let struck = (0..4).filter(|_| rules.strike("GET", "/", b"").is_some()).count();
        assert_eq!(struck, 2);
    }

    #[test]
    fn a_rule_can_let_calls_through_first() {
        let mut rules = rules(json!({"skip": 1, "fault": "status:500"}));
        assert!(rules.strike("GET", "/", b"").is_none());
        assert!(rules.strike("GET", "/", b"").is_some());
    }

    #[test]
    fn everything_in_a_match_must_fit() {
        let rule = json!({
            "match": {"method": "post", "path": "/v1/*/expire", "body": "expand"},
            "times": 9,
            "fault": "reset",
        });
        let mut rules = rules(rule);
        assert!(
            rules.strike("POST", "/v1/checkout/sessions/cs_1/expire", b"expand[0]=x").is_some()
        );
        assert!(rules.strike("GET", "/v1/checkout/sessions/cs_1/expire", b"expand").is_none());
        assert!(rules.strike("POST", "/v1/checkout/sessions", b"expand").is_none());
        assert!(rules.strike("POST", "/v1/a/expire", b"").is_none());
    }

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        assert!(matches("/a/*/c", "/a/b/c"));
        assert!(matches("*", ""));
        assert!(matches("/a*", "/a/b"));
        assert!(!matches("/a/*/c", "/a/b/d"));
        assert!(!matches("/a", "/a/b"));
    }

    #[test]
    fn a_misspelt_rule_is_refused() {
        let rule = json!({"fault": "reset", "match": {"paht": "/"}});
        assert!(serde_json::from_value::<Rule>(rule).is_err());
    }
}
