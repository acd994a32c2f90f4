//! All services of a sprite, and the file they come back from.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

use super::definition::{self, Definition, Put};
use super::supervisor::{Event, Service};
use crate::sprites::guest::process::Environment;
use crate::sprites::refusal::Refusal;

/// What a URL leads to when no service has an `http_port`.
const DEFAULT_HTTP_PORT: u16 = 8080;

/// Services of one sprite.
const SERVICES_MAX: usize = 64;

pub struct Services {
    base: Environment,
    file: PathBuf,
    logs: PathBuf,
    services: Mutex<BTreeMap<String, Arc<Service>>>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(flatten)]
    definition: Definition,
    /// A stop holds over a cold start.
    stopped: bool,
}

/// How a PUT went.
pub enum Registered {
    /// It runs, or will; the events from its start on.
    Started(Arc<Service>, broadcast::Receiver<Event>),
    /// It is the same and runs already.
    Running,
}

impl Services {
    /// Takes up what `folder` remembers; nothing runs before [`Self::boot`].
    ///
    /// # Errors
    /// When the file of services cannot be read.
    pub fn load(base: Environment, folder: &std::path::Path) -> io::Result<(Self, Vec<String>)> {
        let file = folder.join("services.json");
        let logs = folder.join("logs/services");
        let saved: BTreeMap<String, Saved> = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let mut services = BTreeMap::new();
        let mut wanted = Vec::new();
        for (name, Saved { definition, stopped }) in saved {
            if !stopped {
                wanted.push(name.clone());
            }
            services.insert(name.clone(), Service::new(&name, definition, &base, &logs));
        }
        Ok((Self { base, file, logs, services: Mutex::new(services) }, wanted))
    }

    /// Starts `wanted`, what each needs first.
    pub async fn boot(&self, wanted: &[String]) {
        for name in wanted {
            self.start_with_needs(name).await;
        }
    }

    pub fn find(&self, name: &str) -> Result<Arc<Service>, Refusal> {
        let found = self.services().get(name).cloned();
        found.ok_or_else(|| Refusal::not_found(format!("service not found: {name}")))
    }

    pub fn list(&self) -> Value {
        self.services().values().map(|service| service.describe()).collect()
    }

    /// The port that the sprite's URL leads to.
    pub fn http_port(&self) -> u16 {
        let services = self.services();
        let configured = services.values().find_map(|service| service.definition.http_port);
        configured.unwrap_or(DEFAULT_HTTP_PORT)
    }

    /// # Errors
    /// 400 for what cannot run, 409 for what cannot stand beside the others.
    pub async fn put(&self, name: &str, wanted: Definition) -> Result<Registered, Refusal> {
        let service = {
            let mut services = self.services();
            match definition::judge(name, &wanted, &definitions(&services)) {
                Put::Invalid(reason) => return Err(Refusal::bad_request(reason)),
                Put::Conflict(reason) => return Err(Refusal::conflict(reason)),
                Put::Same if services[name].is_up() => return Ok(Registered::Running),
                Put::Same => services[name].clone(),
                Put::Create if services.len() >= SERVICES_MAX => {
                    return Err(Refusal::bad_request("too many services"));
                }
                Put::Create => {
                    let service = Service::new(name, wanted, &self.base, &self.logs);
                    services.insert(name.to_owned(), service.clone());
                    service
                }
            }
        };
        let events = service.events();
        self.start_with_needs(name).await;
        self.save()?;
        Ok(Registered::Started(service, events))
    }

    /// # Errors
    /// 404 for a service that is not there.
    pub async fn start(
        &self,
        name: &str,
    ) -> Result<(Arc<Service>, broadcast::Receiver<Event>), Refusal> {
        let service = self.find(name)?;
        let events = service.events();
        self.start_with_needs(name).await;
        self.save()?;
        Ok((service, events))
    }

    /// # Errors
    /// 404 for a service that is not there; 500 when the disk refuses.
    pub async fn delete(&self, name: &str) -> Result<(), Refusal> {
        let service = self.find(name)?;
        let needed_by = self
            .services()
            .values()
            .find(|other| other.definition.needs.iter().any(|need| need == name))
            .map(|other| other.name.clone());
        if let Some(other) = needed_by {
            return Err(Refusal::conflict(format!("service {name} is needed by {other}")));
        }
        service.end().await;
        self.services().remove(name);
        self.save()
    }

    /// Writes the definitions, and which are stopped for good.
    ///
    /// # Errors
    /// 500 when the disk refuses.
    pub fn save(&self) -> Result<(), Refusal> {
        let saved: BTreeMap<String, Saved> = self
            .services()
            .iter()
            .map(|(name, service)| {
                let definition = service.definition.clone();
                (name.clone(), Saved { definition, stopped: !service.is_up() })
            })
            .collect();
        let text = serde_json::to_vec_pretty(&saved).expect("definitions are plain values");
        std::fs::write(&self.file, text)
            .map_err(|error| Refusal::internal(format!("cannot save services: {error}")))
    }

    async fn start_with_needs(&self, name: &str) {
        let order = definition::with_needs(name, &definitions(&self.services()));
        for name in order {
            let service = self.services().get(&name).cloned();
            if let Some(service) = service.filter(|service| !service.is_up()) {
                service.start().await;
            }
        }
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Service>>> {
        self.services.lock().expect("nothing panics while holding it")
    }
}

fn definitions(services: &BTreeMap<String, Arc<Service>>) -> BTreeMap<String, Definition> {
    services.iter().map(|(name, service)| (name.clone(), service.definition.clone())).collect()
}
