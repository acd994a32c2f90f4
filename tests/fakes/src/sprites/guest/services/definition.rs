//! What a service is, and which definitions may stand beside each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sprites::guest::process::{self, Environment, HOME, Spec};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub cmd: String,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub env: Environment,
    #[serde(default)]
    pub dir: Option<PathBuf>,
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default)]
    pub http_port: Option<u16>,
}

/// What a PUT means beside what is already there.
#[derive(Debug, PartialEq, Eq)]
pub enum Put {
    Create,
    /// The same definition again: nothing is changed.
    Same,
    Conflict(String),
    Invalid(String),
}

impl Definition {
    /// A service's own variables are added to the sprite's.
    pub fn spec(&self, base: &Environment) -> Spec {
        let mut environment = base.clone();
        environment.extend(self.env.clone());
        let mut arguments = vec![self.cmd.clone()];
        arguments.extend(self.args.iter().cloned());
        Spec {
            program: process::resolve(&self.cmd, &environment),
            arguments,
            environment,
            directory: self.dir.clone().unwrap_or_else(|| HOME.into()),
        }
    }
}

pub fn judge(name: &str, wanted: &Definition, others: &BTreeMap<String, Definition>) -> Put {
    if wanted.cmd.is_empty() {
        return Put::Invalid("cmd is required".to_owned());
    }
    match others.get(name) {
        Some(known) if known == wanted => return Put::Same,
        Some(_) => return Put::Conflict(format!("service {name} exists with another definition")),
        None => {}
    }
    let unknown = wanted.needs.iter().find(|need| *need == name || !others.contains_key(*need));
    if let Some(need) = unknown {
        return Put::Invalid(format!("service {name} needs unknown service {need}"));
    }
    if wanted.http_port.is_some() && others.values().any(|other| other.http_port.is_some()) {
        return Put::Conflict("another service already has an HTTP port configured".to_owned());
    }
    Put::Create
}

/// `name` and all it needs, the needed first. Every need was there before
/// the one that needs it, so there are no circles.
pub fn with_needs(name: &str, all: &BTreeMap<String, Definition>) -> Vec<String> {
    let mut order = Vec::new();
    for need in all.get(name).map(|definition| &definition.needs).into_iter().flatten() {
        for earlier in with_needs(need, all) {
            if !order.contains(&earlier) {
                order.push(earlier);
            }
        }
    }
    order.push(name.to_owned());
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(needs: &[&str], http_port: Option<u16>) -> Definition {
        let needs = needs.iter().map(ToString::to_string).collect();
        let cmd = "sleep".to_owned();
        let (args, env, dir) = (vec![], Environment::new(), None);
        Definition { cmd, args, env, dir, needs, http_port }
    }

    fn all() -> BTreeMap<String, Definition> {
        [
            ("db", service(&[], None)),
            ("cache", service(&[], None)),
            ("web", service(&["db", "cache"], Some(8080))),
        ]
        .map(|(name, definition)| (name.to_owned(), definition))
        .into()
    }

    #[test]
    fn the_same_again_is_no_conflict_but_another_definition_is() {
        assert_eq!(judge("web", &service(&["db", "cache"], Some(8080)), &all()), Put::Same);
        assert!(matches!(judge("web", &service(&[], Some(8080)), &all()), Put::Conflict(_)));
        assert_eq!(judge("worker", &service(&["db"], None), &all()), Put::Create);
    }

    #[test]
    fn only_one_service_has_the_http_port() {
        let Put::Conflict(reason) = judge("other", &service(&[], Some(9090)), &all()) else {
            panic!("a second http_port was taken");
        };
        assert_eq!(reason, "another service already has an HTTP port configured");
    }

    #[test]
    fn what_is_needed_must_exist() {
        assert!(matches!(judge("new", &service(&["nothing"], None), &all()), Put::Invalid(_)));
        assert!(matches!(judge("new", &service(&["new"], None), &all()), Put::Invalid(_)));
    }

    #[test]
    fn what_is_needed_starts_first() {
        assert_eq!(with_needs("web", &all()), ["db", "cache", "web"]);
    }
}
