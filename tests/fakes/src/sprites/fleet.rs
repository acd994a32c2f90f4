//! All sprites of the organisation, and the limits they share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::address::{self, Address};
use super::folder::Folder;
use super::life::Status;
use super::name;
use super::quota::{self, Creations};
use super::record::{Record, UrlSettings};
use super::refusal::Refusal;
use super::settings::Settings;
use super::sprite::Sprite;
use crate::ids;
use crate::vendor::calendar;

/// How often sprites are looked at that may fall asleep.
const SWEEP: Duration = Duration::from_millis(200);

/// Longest wait of a creation for a free place; clients give up at 120 s.
const CAPACITY_WAIT: Duration = Duration::from_secs(110);

/// Sprites at once, of any state: each has a port and a folder here.
const SPRITES_MAX: usize = 5_000;

pub struct Fleet {
    pub settings: Arc<Settings>,
    capacity: Arc<Semaphore>,
    creations: Mutex<Creations>,
    places: Mutex<BTreeMap<String, Place>>,
}

enum Place {
    /// The name is taken, the sprite not there yet.
    Reserved,
    Taken {
        sprite: Arc<Sprite>,
        url: JoinHandle<()>,
    },
}

/// Body of a creation.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    name: String,
    url_settings: Option<UrlSettings>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    wait_for_capacity: bool,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    config: Value,
}

impl Fleet {
    /// Takes up the sprites that are on disk, all of them cold.
    ///
    /// # Errors
    /// A record cannot be read, or there is no port for a URL.
    pub async fn open(settings: Settings) -> anyhow::Result<Arc<Self>> {
        let state = &settings.state;
        std::fs::create_dir_all(state)
            .with_context(|| format!("cannot create {}", state.display()))?;
        // The boot script needs a path that means the same everywhere.
        let state = state.canonicalize()?;
        let settings = Arc::new(Settings { state, ..settings });
        let fleet = Arc::new(Self {
            capacity: Arc::new(Semaphore::new(settings.running_limit)),
            creations: Mutex::new(Creations::new(settings.creations, settings.creation_window)),
            places: Mutex::default(),
            settings,
        });
        for entry in std::fs::read_dir(&fleet.settings.state)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let folder = Folder::new(&fleet.settings.state, &name);
            let record = folder.load().with_context(|| format!("cannot read sprite {name}"))?;
            fleet.settle(folder, record).await?;
        }
        tokio::spawn(fleet.clone().sweep());
        Ok(fleet)
    }

    /// # Errors
    /// 404 unless the sprite is there.
    pub fn find(&self, name: &str) -> Result<Arc<Sprite>, Refusal> {
        match self.places().get(name) {
            Some(Place::Taken { sprite, .. }) => Ok(sprite.clone()),
            Some(Place::Reserved) | None => Err(Refusal::not_found("sprite not found")),
        }
    }

    /// In the order of their names.
    pub fn all(&self) -> Vec<Arc<Sprite>> {
        let places = self.places();
        let sprites = places.values().filter_map(|place| match place {
            Place::Taken { sprite, .. } => Some(sprite.clone()),
            Place::Reserved => None,
        });
        sprites.collect()
    }

    /// How many are in each state, and how many may be.
    pub fn counts(&self) -> Value {
        let all = self.all();
        let count = |status| all.iter().filter(|sprite| sprite.status() == status).count();
        json!({
            "name": self.settings.organization,
            "running": count(Status::Running),
            "warm": count(Status::Warm),
            "cold": count(Status::Cold),
            "running_limit": self.settings.running_limit,
            "warm_limit": self.settings.running_limit,
        })
    }

    /// Goes on after the caller has gone: a creation that timed out may
    /// have happened all the same.
    ///
    /// # Errors
    /// 400, 409, or 429 in its two meanings.
    pub async fn create(self: &Arc<Self>, wanted: Wanted) -> Result<Arc<Sprite>, Refusal> {
        self.reserve(&wanted.name)?;
        let fleet = self.clone();
        let creating = tokio::spawn(async move {
            let created = fleet.build(&wanted).await;
            if created.is_err() {
                fleet.places().remove(&wanted.name);
            }
            created
        });
        creating.await.unwrap_or_else(|_| Err(Refusal::internal("the creation failed")))
    }

    /// # Errors
    /// 404 when there is none, 500 when the disk refuses.
    pub async fn delete(&self, name: &str) -> Result<(), Refusal> {
        let sprite = self.find(name)?;
        sprite.delete().await?;
        let place = self.places().remove(name);
        if let Some(Place::Taken { url, .. }) = place {
            url.abort();
        }
        Ok(())
    }

    /// Ends all processes of all sprites. Their disks stay.
    pub async fn shut_down(&self) {
        let sleeping = self.all().into_iter().map(|sprite| async move {
            sprite.sleep(Status::Cold).await;
        });
        futures_util::future::join_all(sleeping).await;
    }

    fn reserve(&self, wanted: &str) -> Result<(), Refusal> {
        name::check(wanted).map_err(Refusal::bad_request)?;
        let mut places = self.places();
        if places.contains_key(wanted) {
            return Err(Refusal::conflict(format!("sprite {wanted} already exists")));
        }
        if places.len() >= SPRITES_MAX {
            return Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "this machine is full"));
        }
        let mut creations = self.creations.lock().expect("nothing panics while holding it");
        creations.take(Instant::now()).map_err(|too_many| creations.refusal(&too_many))?;
        places.insert(wanted.to_owned(), Place::Reserved);
        Ok(())
    }

    async fn build(self: &Arc<Self>, wanted: &Wanted) -> Result<Arc<Sprite>, Refusal> {
        let too_many = || quota::too_many_running(self.settings.running_limit);
        if wanted.wait_for_capacity {
            let place = timeout(CAPACITY_WAIT, self.capacity.acquire()).await;
            drop(place.map_err(|_| too_many())?);
        } else if self.capacity.available_permits() == 0 {
            return Err(too_many());
        }
        tokio::time::sleep(self.settings.create).await;
        let now = calendar::rfc3339_now();
        let record = Record {
            id: format!("sprite-{}", ids::uuid()),
            name: wanted.name.clone(),
            url: String::new(),
            url_settings: wanted.url_settings.unwrap_or_default(),
            labels: wanted.labels.clone(),
            environment: wanted.environment.clone(),
            config: wanted.config.clone(),
            created_at: now.clone(),
            updated_at: now,
            last_running_at: None,
            last_warming_at: None,
            policies: BTreeMap::new(),
            checkpoints: Vec::new(),
            checkpoints_made: 0,
        };
        let folder = Folder::new(&self.settings.state, &wanted.name);
        let settled = self.settle(folder, record).await;
        settled.map_err(|error| Refusal::internal(format!("cannot create: {error:#}")))
    }

    /// Gives the sprite its URL and its place.
    async fn settle(&self, folder: Folder, mut record: Record) -> anyhow::Result<Arc<Sprite>> {
        let Address { url, listener } = Address::open(&record.name, &record.url).await?;
        record.url = url;
        folder.save(&record).context("cannot save its record")?;
        let sprite = Sprite::new(self.settings.clone(), self.capacity.clone(), folder, record);
        let url = tokio::spawn(address::serve(sprite.clone(), listener));
        let place = Place::Taken { sprite: sprite.clone(), url };
        self.places().insert(sprite.name.clone(), place);
        Ok(sprite)
    }

    async fn sweep(self: Arc<Self>) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for sprite in self.all() {
                sprite.doze().await;
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<String, Place>> {
        self.places.lock().expect("nothing panics while holding it")
    }
}
