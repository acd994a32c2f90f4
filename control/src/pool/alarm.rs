//! What the operator must be told of the pool. One ticket for each cause.

use tracing::error;

use super::Orphan;
use crate::app::App;
use crate::clients::sprites::{SpriteName, SpritesError};
use crate::clock::Moment;
use crate::provision::setback;
use crate::queue::Trouble;
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The cause: raised again, it is the same ticket.
    pub key: String,
    pub title: String,
    pub body: String,
}

/// While the plan stays full, the operator hears of it once a day.
const DAY_SECONDS: u64 = 86_400;

impl Alarm {
    pub fn paused(why: &str, now: Moment) -> Self {
        Self {
            key: format!("pool/paused/{}", now.millis()),
            title: "The pool of sprites is paused".to_owned(),
            body: format!(
                "{why}. No sprite is prepared until you say `control pool resume`; \
                 `control pool list --state failed` and `control tasks list` show why they \
                 failed. Customers are served as long as sprites are available."
            ),
        }
    }

    pub fn fleet_full(error: &SpritesError, now: Moment) -> Self {
        Self {
            key: format!("pool/full/{}", now.seconds() / DAY_SECONDS),
            title: "The plan at the Sprites provider is full".to_owned(),
            body: format!(
                "The provider says: {error}. It is tried again every minute; customers who \
                 pay meanwhile wait for a sprite once the pool is empty."
            ),
        }
    }

    pub fn orphan(orphan: &Orphan) -> Self {
        let name = &orphan.name;
        let maker = match &orphan.maker {
            Some(task) => format!("Its labels name the task {task}."),
            None => "Its labels are not of this installation.".to_owned(),
        };
        Self {
            key: format!("pool/orphan/{name}"),
            title: format!("Sprite {name} is nobody's"),
            body: format!(
                "The provider has a sprite {name} that we know nothing of. {maker} It costs \
                 money until somebody destroys it; we do so by ourselves only with what a \
                 finished task of ours left behind."
            ),
        }
    }

    pub fn lost(name: &SpriteName, customer: &str) -> Self {
        Self {
            key: format!("sprite/{name}/lost"),
            title: format!("The sprite of {customer} is gone"),
            body: format!(
                "The provider no longer has sprite {name}, which is the workspace of \
                 {customer}. The customer sees errors until they get another one."
            ),
        }
    }

    /// # Errors
    /// When it cannot be noted.
    pub async fn raise(&self, _app: &App) -> Result<(), StoreError> {
        error!(incident = %self.key, "{}: {}", self.title, self.body);
        Ok(())
    }
}

/// What the provider's refusal means for a task; the operator is told of what only
/// they can change.
pub async fn refused(app: &App, error: SpritesError) -> Trouble {
    if let SpritesError::FleetFull(_) = &error
        && let Err(error) = Alarm::fleet_full(&error, app.now()).raise(app).await
    {
        return error.into();
    }
    setback::trouble(error)
}
