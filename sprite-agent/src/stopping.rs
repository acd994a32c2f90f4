//! Being told to stop, once, everywhere.

use tokio::sync::watch;

/// Tells every [`Stopping`] made with it. Dropping it tells them too.
pub struct Stop(watch::Sender<bool>);

#[derive(Clone)]
pub struct Stopping(watch::Receiver<bool>);

pub fn channel() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Returns when the agent is to stop; at once when it was told before.
    pub async fn requested(&self) {
        // An error means that nobody is left who could tell us: the same.
        let _ = self.0.clone().wait_for(|stopping| *stopping).await;
    }
}
