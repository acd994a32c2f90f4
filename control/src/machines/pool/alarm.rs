//! What the operator must be told of the pool. One ticket for each cause.

use std::time::Duration;

use super::Orphan;
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::machines::vm::failure;
use crate::model::incident::Incident;
use crate::queue::JobError;
use crate::store::Store;
use vendors::linear::Priority;
use vendors::sprites::{SpriteName, SpritesError};

/// While the plan stays full, the operator hears of it once a day.
const DAY_SECONDS: u64 = 86_400;

/// `since` names this pause among all that ever were.
pub fn paused(why: &str, since: Moment) -> Incident {
    let body = format!(
        "{why}. No sprite is prepared until somebody says `control pool resume`.\n\n\
         `control tasks list --kind PREPARE` shows why they failed. Customers are served \
         as long as sprites are available."
    );
    let key = format!("pool/paused/{}", since.millis());
    Incident::new(key, "The pool of sprites is paused", body, Priority::Urgent)
}

/// Customers who pay meanwhile wait once the pool is empty.
fn fleet_full(error: &SpritesError, now: Moment) -> Incident {
    let body = format!(
        "The provider says: {error}.\n\nIt is tried again every minute. Customers who pay \
         meanwhile wait for a sprite once the pool is empty."
    );
    let key = format!("pool/full/{}", now.seconds() / DAY_SECONDS);
    Incident::new(key, "The plan at the Sprites provider is full", body, Priority::Urgent)
}

/// A machine that is kept from everybody, for `patience` at most.
pub fn quarantined(name: &SpriteName, why: &str, patience: Duration) -> Incident {
    let body = format!(
        "Sprite `{name}` {why}.\n\nNobody gets it and nothing wakes it. It is kept for you to \
         look at, {} hours at most, and costs its disk meanwhile. `control pool show` lists what \
         is kept; `control pool destroy {name} --reason WHY` ends it at once.",
        patience.as_secs() / 3_600
    );
    let title = format!("Sprite {name} is quarantined");
    Incident::new(format!("pool/quarantined/{name}"), title, body, Priority::Medium)
}

/// With what the key of each begins.
pub const OUTAGE: &str = "provider/";

/// The provider does not answer, and customers who have paid wait for it. `since` names this
/// outage among all that ever were, to the hour: several programs see the same one.
pub fn outage(error: &str, since: Moment, waiting: usize) -> Incident {
    const HOUR_SECONDS: u64 = 3_600;
    let who = if waiting == 1 {
        "One customer who has".to_owned()
    } else {
        format!("{waiting} customers who have")
    };
    let body = format!(
        "Since {} our questions to the Sprites provider fail: {error}.\n\n{who} paid \
         cannot be given a workspace before it answers. Nothing is lost: their tasks wait, and \
         go on by themselves. `control customers list --state preparing` names them; write to \
         them if it lasts. Has the token been changed? `control doctor` asks the provider.",
        iso_time(since)
    );
    let title = "The Sprites provider does not answer, and customers who have paid wait";
    let key = format!("{OUTAGE}{}", since.seconds() / HOUR_SECONDS);
    Incident::new(key, title, body, Priority::Urgent)
}

/// A VM of ours that nobody here knows.
pub fn orphan(orphan: &Orphan) -> Incident {
    let name = &orphan.name;
    let maker = match &orphan.maker {
        Some(task) => format!("Its labels name the task `{task}`."),
        None => "Its labels are not of this installation.".to_owned(),
    };
    let body = format!(
        "The provider has a sprite `{name}` that is in no row of ours. {maker}\n\nIt costs \
         money until somebody destroys it. Only what a finished task of ours left behind is \
         destroyed without asking."
    );
    let title = format!("Sprite {name} is nobody's");
    Incident::new(format!("pool/orphan/{name}"), title, body, Priority::Medium)
}

/// A customer's VM that is no longer there; told again each day until it is replaced.
///
/// The keeper replaces single ones by itself. What is told of here is a person's decision: the
/// provider has said of machines that they are gone although they were not, and what was in
/// the old one is lost.
pub fn lost(name: &SpriteName, username: &str, now: Moment) -> Incident {
    let body = format!(
        "The provider no longer has sprite `{name}`, the workspace of `{username}`. The \
         customer sees errors until they get another one:\n\n\
         `control workspaces replace-machine {username} --reason \"lost at the provider\"`\n\n\
         After some minutes it is replaced by itself, unless the provider's list lacks more \
         machines than it has, or several were replaced within this hour."
    );
    let title = format!("The sprite of {username} is gone");
    Incident::new(
        format!("sprite/{name}/lost/{}", now.seconds() / DAY_SECONDS),
        title,
        body,
        Priority::Urgent,
    )
}

/// What the provider's refusal means for a task; the operator is told of what only
/// they can change.
pub async fn refused(store: &Store, error: SpritesError, now: Moment) -> JobError {
    if let SpritesError::FleetFull(_) = &error
        && let Err(error) = store.open_incident(&fleet_full(&error, now), now).await
    {
        return error.into();
    }
    failure::job_error(error)
}
