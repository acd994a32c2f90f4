//! The keys by which an edge proves who asks, and how new ones come in.

use std::path::Path;

use shared::identity::IdentityKey;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tracing::{error, info};

use crate::config::Config;

/// The present keys. Clones see the same.
pub type IdentityKeys = watch::Receiver<Vec<IdentityKey>>;

/// Reads the configuration at `path` again at each of `hangups`, and takes its
/// identity keys: nothing else, which needs a restart.
///
/// A file that is not good in every respect leaves the keys as they are.
pub async fn reload_at(mut hangups: Signal, path: &Path, keys: &watch::Sender<Vec<IdentityKey>>) {
    while hangups.recv().await.is_some() {
        match Config::read(path) {
            Ok(config) => {
                info!("the identity keys were read again, {} in all", config.identity_keys.len());
                keys.send_replace(config.identity_keys);
            }
            Err(complaints) => {
                for complaint in complaints.to_string().lines() {
                    error!("{complaint}; the old identity keys stay");
                }
            }
        }
    }
}
