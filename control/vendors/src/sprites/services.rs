//! Services: processes that the provider starts with the sprite and keeps up.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::open_enum::open_enum;
use crate::sprites::call::{self, ORDINARY};
use crate::sprites::lines::{self, Line};
use crate::sprites::{ServiceName, SpriteName, Sprites, SpritesError};

/// How long a start is watched: a process that dies of its configuration does so at once.
const WATCH: Duration = Duration::from_secs(2);

/// Until the provider kills what does not stop.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// What is to run.
#[derive(Debug, Clone, Serialize)]
pub struct Definition {
    /// The program only; shells are spelt out: `bash`, `-lc`, ….
    #[serde(rename = "cmd")]
    pub command: String,
    #[serde(rename = "args")]
    pub arguments: Vec<String>,
    /// Added to the base environment.
    #[serde(rename = "env")]
    pub environment: BTreeMap<String, String>,
    #[serde(rename = "dir", skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Started before it.
    pub needs: Vec<String>,
    /// Of the one service behind the sprite's URL: 8080, which is right under
    /// either reading of the documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_port: Option<u16>,
}

/// A service as the provider describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Service {
    pub name: String,
    #[serde(rename = "cmd")]
    pub command: String,
    #[serde(rename = "args", default)]
    arguments: Option<Vec<String>>,
    #[serde(default)]
    pub http_port: Option<u16>,
    #[serde(default)]
    state: Option<State>,
}

#[derive(Debug, Clone, Deserialize)]
struct State {
    status: ServiceStatus,
    error: Option<String>,
}

open_enum! {
    ServiceStatus {
        Stopped = "stopped",
        Starting = "starting",
        Running = "running",
        Stopping = "stopping",
        /// Also after a stop that was asked for.
        Failed = "failed",
    }
}

/// The documentation says array, a client of the vendor's knows the other too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listing {
    Bare(Vec<Service>),
    Wrapped { services: Vec<Service> },
}

impl Service {
    pub fn arguments(&self) -> &[String] {
        self.arguments.as_deref().unwrap_or_default()
    }

    pub fn status(&self) -> Option<&ServiceStatus> {
        self.state.as_ref().map(|state| &state.status)
    }

    pub fn error(&self) -> Option<&str> {
        self.state.as_ref()?.error.as_deref()
    }
}

impl Sprites {
    /// Registers and starts it, in place of what ran under this name.
    ///
    /// Called again with the same definition, leaves it running.
    ///
    /// # Errors
    /// `Failed` when its process ended within two seconds.
    pub async fn put_service(
        &self,
        sprite: &SpriteName,
        service: &ServiceName,
        definition: &Definition,
    ) -> Result<(), SpritesError> {
        match self.put_once(sprite, service, definition).await {
            // The provider changes no definition: the old one has to go first.
            Err(SpritesError::Conflict(_)) => {
                self.delete_service(sprite, service).await?;
                self.put_once(sprite, service, definition).await
            }
            other => other,
        }
    }

    async fn put_once(
        &self,
        sprite: &SpriteName,
        service: &ServiceName,
        definition: &Definition,
    ) -> Result<(), SpritesError> {
        let path = format!("/services/{service}{}", watched());
        let request = self.of(Method::PUT, sprite, &path).json(definition);
        require_started(&self.lines(request, WATCH + ORDINARY).await?)
    }

    pub async fn services(&self, sprite: &SpriteName) -> Result<Vec<Service>, SpritesError> {
        match self.json(self.of(Method::GET, sprite, "/services"), ORDINARY).await? {
            Listing::Bare(services) | Listing::Wrapped { services } => Ok(services),
        }
    }

    /// Without its environment, which may hold secrets and is not read.
    pub async fn service(
        &self,
        sprite: &SpriteName,
        service: &ServiceName,
    ) -> Result<Option<Service>, SpritesError> {
        let request = self.of(Method::GET, sprite, &format!("/services/{service}"));
        found_in_sprite(self.json(request, ORDINARY).await)
    }

    pub async fn start_service(
        &self,
        sprite: &SpriteName,
        service: &ServiceName,
    ) -> Result<(), SpritesError> {
        let path = format!("/services/{service}/start{}", watched());
        let request = self.of(Method::POST, sprite, &path);
        require_started(&self.lines(request, WATCH + ORDINARY).await?)
    }

    /// Called again, or for a service that is not there, does nothing.
    pub async fn stop_service(
        &self,
        sprite: &SpriteName,
        service: &ServiceName,
    ) -> Result<(), SpritesError> {
        let query = call::query([("timeout", call::seconds(STOP_GRACE))]);
        let request = self.of(Method::POST, sprite, &format!("/services/{service}/stop{query}"));
        match found_in_sprite(self.lines(request, STOP_GRACE + ORDINARY).await) {
            Ok(Some(lines)) if lines.contains(&Line::Stopped) => Ok(()),
            Ok(Some(lines)) => lines::require_complete(&lines),
            // It does not run, or is not there.
            Ok(None) | Err(SpritesError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stops and forgets it. Its log files stay. Called again, does nothing.
    pub async fn delete_service(
        &self,
        sprite: &SpriteName,
        service: &ServiceName,
    ) -> Result<(), SpritesError> {
        let request = || self.of(Method::DELETE, sprite, &format!("/services/{service}"));
        match found_in_sprite(self.done(request(), ORDINARY).await) {
            // Some servers want it stopped first.
            Err(SpritesError::Conflict(_)) => {
                self.stop_service(sprite, service).await?;
                found_in_sprite(self.done(request(), ORDINARY).await).map(drop)
            }
            other => other.map(drop),
        }
    }
}

fn watched() -> String {
    call::query([("duration", call::seconds(WATCH))])
}

/// A process that ends while it is watched has not started, even with code 0.
fn require_started(lines: &[Line]) -> Result<(), SpritesError> {
    let exit = lines.iter().find_map(|line| match line {
        Line::Exit { code } => Some(*code),
        _ => None,
    });
    if let (Some(code), None) = (exit, lines::first_error(lines)) {
        return Err(SpritesError::Failed(format!("the service ended at once with code {code}")));
    }
    // "Service already running with that command", and nothing more.
    if let [Line::Note(_)] = lines {
        return Ok(());
    }
    lines::require_complete(lines)
}

/// Only the service may be missing, not the sprite around it.
fn found_in_sprite<T>(result: Result<T, SpritesError>) -> Result<Option<T>, SpritesError> {
    match result {
        Err(error) if error.is_about_the_sprite() => Err(error),
        other => call::found(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_start_is_one_when_nothing_ended_meanwhile() {
        let check = |lines: &[Line], expected: &str| {
            let seen = require_started(lines).err().map(|error| error.to_string());
            assert_eq!(seen.unwrap_or_default(), expected, "{lines:?}");
        };
        let note = || Line::Note("Service already running with that command".to_owned());
        check(&[Line::Other, Line::Complete], "");
        check(&[note()], "");
        check(
            &[Line::Other, Line::Exit { code: 0 }, Line::Complete],
            "the provider failed: the service ended at once with code 0",
        );
        check(
            &[Line::Exit { code: 1 }, Line::Error("no such program".to_owned())],
            "the provider failed: no such program",
        );
        let cut = "the provider's answer cannot be read: \
                   its stream ended before saying how it went";
        check(&[Line::Other], cut);
        check(&[], cut);
    }

    #[test]
    fn a_definition_is_written_in_the_providers_words() {
        let definition = Definition {
            command: "python3".to_owned(),
            arguments: vec!["-m".to_owned(), "http.server".to_owned()],
            environment: BTreeMap::from([("K".to_owned(), "v".to_owned())]),
            directory: Some("/srv".to_owned()),
            needs: Vec::new(),
            http_port: Some(8080),
        };
        // As the vendor's own client sends it.
        let expected = json!({
            "cmd": "python3", "args": ["-m", "http.server"], "env": { "K": "v" },
            "dir": "/srv", "needs": [], "http_port": 8080,
        });
        assert_eq!(serde_json::to_value(&definition).unwrap(), expected);
    }

    #[test]
    fn services_are_read_in_every_form() {
        let row = json!({
            "name": "web", "cmd": "node", "args": null, "needs": null, "http_port": null,
            "state": { "name": "web", "status": "failed", "pid": 0,
                       "error": "exited with code 143", "next_restart_at": "0001-01-01T00:00:00Z" },
        });
        let check = |value| {
            let (Listing::Bare(services) | Listing::Wrapped { services }) =
                serde_json::from_value(value).unwrap();
            assert_eq!(services[0].status(), Some(&ServiceStatus::Failed));
            assert_eq!(services[0].error(), Some("exited with code 143"));
            assert!(services[0].arguments().is_empty());
        };
        check(json!([row]));
        check(json!({ "services": [row] }));
    }
}
