//! What all connections share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::awake_status::AwakeStatus;
use crate::config::Config;
use crate::gateway_status::GatewayStatus;
use crate::http::assets::Ui;
use crate::identity_keys::IdentityKeys;
use crate::metrics::Metrics;
use crate::rate::Rate;
use crate::settings::Settings;
use crate::stopping::Stopping;

/// What pages may have the agent change with more rights than their own. A person who clicks
/// stays far below it, and the gateway takes thirty.
pub const CHANGES_A_MINUTE: usize = 20;

/// Files that are saved at the same time; each holds some hundred kilobytes.
const DOWNLOADS_MAX: usize = 4;

pub struct Agent {
    pub config: Config,
    pub ui: Ui,
    pub metrics: Metrics,
    pub settings: Settings,
    pub awake: Arc<AwakeStatus>,
    pub identity_keys: IdentityKeys,
    pub gateway: watch::Receiver<GatewayStatus>,
    pub stopping: Stopping,
    pub started: Instant,
    sockets: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    changes: Mutex<Rate>,
    /// Was what the gateway's configuration lacks put into it?
    has_completed: AtomicBool,
}

impl Agent {
    pub fn new(
        config: Config,
        identity_keys: IdentityKeys,
        gateway: watch::Receiver<GatewayStatus>,
        stopping: Stopping,
    ) -> Self {
        Self {
            ui: Ui::new(&config.site_url),
            metrics: Metrics::new(),
            awake: Arc::default(),
            settings: Settings::open(config.settings_file.clone()),
            identity_keys,
            gateway,
            stopping,
            started: Instant::now(),
            changes: Mutex::new(Rate::new(CHANGES_A_MINUTE)),
            has_completed: AtomicBool::new(false),
            downloads: Arc::new(Semaphore::new(DOWNLOADS_MAX)),
            sockets: Arc::new(Semaphore::new(config.limits.sockets)),
            config,
        }
    }

    /// May the customer have the gateway's own page?
    pub fn offers_gateway_page(&self) -> bool {
        self.config.gateway.proxy_ui && self.settings.are_kept()
    }

    pub fn serves_gateway_page(&self) -> bool {
        self.offers_gateway_page() && self.settings.choices().gateway_page
    }

    /// The right to one more change at the gateway.
    ///
    /// # Errors
    /// How long until there is one.
    pub fn claim_change(&self) -> Result<(), Duration> {
        let mut changes = self.changes.lock().expect("nothing panics while it holds the rate");
        changes.take(Instant::now())
    }

    /// The right to add to the gateway's configuration what it has to deny. Once for each start of
    /// the agent: what takes it out again is to win, with a page's rights, and not to be fought.
    pub fn claim_completion(&self) -> bool {
        !self.has_completed.swap(true, Ordering::Relaxed)
    }

    /// The right to one more WebSocket; `None` when there are enough.
    pub fn claim_socket(&self) -> Option<OwnedSemaphorePermit> {
        self.sockets.clone().try_acquire_owned().ok()
    }

    /// The right to save one more file; `None` when there are enough.
    pub fn claim_download(&self) -> Option<OwnedSemaphorePermit> {
        self.downloads.clone().try_acquire_owned().ok()
    }

    pub fn open_sockets(&self) -> usize {
        self.config.limits.sockets - self.sockets.available_permits()
    }

    /// Returns when the last WebSocket is closed.
    pub async fn sockets_closed(&self) {
        let all = u32::try_from(self.config.limits.sockets).expect("limited by the configuration");
        let _ = self.sockets.acquire_many(all).await;
    }
}
