//! What the system promises, whether each promise is kept, and what to do where it is not.
//! Pure: facts in, judgements out.

mod facts;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::certificate::CertificateState;
use super::pool::Counts;
use super::subscription_list::Compared;
use super::task::Kind;
use crate::base::clock::Moment;
use crate::base::date::Age;

pub use facts::{
    CertificateFacts, Disk, EdgeFacts, Facts, MachineFacts, RouteFacts, StripeFacts, TaskLoad,
    WaitingFacts,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Kept,
    /// It is kept for now; somebody should look before it is not.
    AtRisk,
    Broken,
}

/// One promise, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Promise {
    /// Stable, for programs.
    pub name: String,
    pub standing: Standing,
    /// How it stands, in a sentence.
    pub says: String,
    /// What to do, where something is to be done.
    pub todo: Option<String>,
}

/// A task that waits for longer is not merely late; Pflaster's own measure.
const STUCK: Duration = Duration::from_secs(60 * 60);

/// A letter is sent within a minute of Resend's return; one that is older is somebody's
/// business.
const MAIL_LATE: Duration = Duration::from_secs(15 * 60);

/// A comparison with the provider comes every half minute.
const PROVIDER_SILENT: Duration = Duration::from_secs(10 * 60);

/// Stripe's list is read each hour.
const LIST_LATE: Duration = Duration::from_secs(3 * 60 * 60);

/// In percent of the disk.
const DISK_LOW: u64 = 10;
const DISK_FULL: u64 = 3;

const RENEWAL_FAILS: &str = "`control doctor` tries the authority and DNS; the runbook's \
                             section on certificates says what each error asks for.";

pub fn judge(facts: &Facts, now: Moment) -> Vec<Promise> {
    let mut promises = vec![database(facts)];
    promises.extend(facts.disk.map(disk));
    promises.extend(facts.machines.as_ref().map(|machines| provider(machines, now)));
    promises.extend(facts.machines.as_ref().map(|machines| pool(machines, now)));
    promises.push(waiting(&facts.waiting, now));
    promises.push(tasks(facts, now));
    promises.push(edges(&facts.edges));
    promises.extend(facts.certificate.as_ref().map(|it| certificate(it, now)));
    promises.push(routes(facts.routes));
    promises.push(mail(facts, now));
    promises.push(stripe(facts, now));
    promises.extend(facts.stripe.as_ref().map(|stripe| subscriptions(&stripe.list, now)));
    promises.push(tickets(facts, now));
    promises
}

/// Whether all promises are kept, or only at risk.
pub fn is_well(promises: &[Promise]) -> bool {
    promises.iter().all(|promise| promise.standing != Standing::Broken)
}

fn kept(name: &str, says: impl Into<String>) -> Promise {
    Promise { name: name.to_owned(), standing: Standing::Kept, says: says.into(), todo: None }
}

fn at_risk(name: &str, says: impl Into<String>, todo: &str) -> Promise {
    let todo = Some(todo.to_owned());
    Promise { standing: Standing::AtRisk, todo, ..kept(name, says) }
}

fn broken(name: &str, says: impl Into<String>, todo: &str) -> Promise {
    Promise { standing: Standing::Broken, ..at_risk(name, says, todo) }
}

fn database(facts: &Facts) -> Promise {
    const NAME: &str = "database";
    if !facts.takes_writes {
        let todo = "Free space or mend the disk; the log says why. Control goes on by itself, \
                    edges serve meanwhile.";
        return broken(NAME, "it takes no writes", todo);
    }
    match facts.unreadable_rows {
        0 => kept(NAME, "it takes writes"),
        rows => broken(
            NAME,
            format!("it takes writes, and {} cannot be read", count(rows, "row")),
            "`control tickets list` names them; mend what is stored.",
        ),
    }
}

/// Whether it will be full soon.
pub fn is_low(disk: Disk) -> bool {
    free_percent(disk) < DISK_LOW
}

fn free_percent(disk: Disk) -> u64 {
    disk.free_bytes.saturating_mul(100) / disk.total_bytes.max(1)
}

fn disk(disk: Disk) -> Promise {
    const NAME: &str = "disk";
    let percent = free_percent(disk);
    let says = format!("{percent} % free, {}", size(disk.free_bytes));
    let todo = "Free space: when it is full, the database takes no writes.";
    match percent {
        0..DISK_FULL => broken(NAME, says, todo),
        DISK_FULL..DISK_LOW => at_risk(NAME, says, todo),
        _ => kept(NAME, says),
    }
}

fn provider(machines: &MachineFacts, now: Moment) -> Promise {
    const NAME: &str = "provider";
    let age = machines.answered.map(|at| now.since(at));
    if let Some(error) = &machines.error {
        let last = age.map_or_else(|| "never".to_owned(), ago);
        let todo = "Tasks wait and go on by themselves. Look at the provider's own status, and \
                    whether the token in [sprites] is still good: `control doctor`.";
        return broken(NAME, format!("it does not answer (last {last}): {error}"), todo);
    }
    match age {
        Some(age) if age < PROVIDER_SILENT => kept(NAME, format!("it answered {}", ago(age))),
        Some(age) => at_risk(
            NAME,
            format!("nobody has asked it since it answered {}", ago(age)),
            "Another control may do so; else restart control.",
        ),
        None => kept(NAME, "it was not asked yet"),
    }
}

fn pool(machines: &MachineFacts, now: Moment) -> Promise {
    const NAME: &str = "pool";
    let Counts { available, preparing, unreachable, .. } = machines.counts;
    let mut says = format!("{available} of {} stand ready, {preparing} in work", machines.target);
    if unreachable > 0 {
        says += &format!(", {unreachable} unreachable");
    }
    if machines.orphans > 0 {
        says += &format!(", {} at the provider nobody's", machines.orphans);
    }
    if let Some((since, why)) = &machines.paused {
        says += &format!("; paused {}: {why}", ago(now.since(*since)));
        let todo = "`control tasks list --kind PREPARE` says why preparations failed; mend it, \
                    then `control pool resume`.";
        return if available == 0 { broken(NAME, says, todo) } else { at_risk(NAME, says, todo) };
    }
    if available == 0 && machines.target > 0 {
        let todo = "The next customer waits until one is ready. `control pool list` and \
                    `control tasks list --kind PREPARE` say how far they are.";
        return if preparing > 0 { at_risk(NAME, says, todo) } else { broken(NAME, says, todo) };
    }
    if machines.orphans > 0 {
        return at_risk(NAME, says, "They cost money: `control pool show` names them.");
    }
    kept(NAME, says)
}

fn waiting(waiting: &WaitingFacts, now: Moment) -> Promise {
    const NAME: &str = "paid";
    let Some(oldest) = waiting.oldest.filter(|_| waiting.count > 0) else {
        return kept(NAME, "everybody who has paid has a workspace");
    };
    let age = now.since(oldest);
    let who = if waiting.count == 1 { "customer waits" } else { "customers wait" };
    let says = format!("{} {who} for a workspace, the longest for {}", waiting.count, Age::of(age));
    if age < waiting.patience {
        return kept(NAME, says);
    }
    let todo = "`control customers list --state preparing` names them, `control customers show \
                NAME` says what it waits for, `control workspaces provision NAME` has it \
                prepared now.";
    broken(NAME, says, todo)
}

fn tasks(facts: &Facts, now: Moment) -> Promise {
    const NAME: &str = "tasks";
    let loads = facts.loads.iter().filter(|load| !load.kind.spec().has_own_promise);
    let (mut waiting, mut dead, mut stuck) = (0, Vec::new(), Vec::new());
    for load in loads {
        waiting += load.waiting;
        let kind = load.kind.as_str();
        if load.dead > 0 {
            dead.push(format!("{} {kind}", load.dead));
        }
        if let Some(age) = load.oldest_due.map(|due| now.since(due)).filter(|age| *age >= STUCK) {
            stuck.push(format!("a {kind} for {}", Age::of(age)));
        }
    }
    if !dead.is_empty() {
        let says = format!("given up: {}", dead.join(", "));
        let todo = "`control tasks list --state dead`, `control tasks show ID`; mend the cause, \
                    then `control tasks retry ID`.";
        return broken(NAME, says, todo);
    }
    if !stuck.is_empty() {
        let todo = "`control tasks list --state waiting` says what for.";
        return broken(NAME, format!("stuck: {}", stuck.join(", ")), todo);
    }
    kept(NAME, if waiting == 0 { "none waits".to_owned() } else { format!("{waiting} wait") })
}

fn edges(edges: &[EdgeFacts]) -> Promise {
    const NAME: &str = "edges";
    let away: Vec<_> =
        edges.iter().filter(|it| !it.is_reachable).map(|it| it.name.as_str()).collect();
    let behind: Vec<_> = edges
        .iter()
        .filter(|it| it.is_reachable && !it.is_in_step)
        .map(|it| format!("{} by {}", it.name, it.lag.unwrap_or_default()))
        .collect();
    let mut says = Vec::new();
    if !away.is_empty() {
        says.push(format!("not reached: {}", away.join(", ")));
    }
    if !behind.is_empty() {
        says.push(format!("behind: {}", behind.join(", ")));
    }
    if edges.is_empty() {
        let todo = "`control edges token NAME` lets a machine join: nobody is reached without one.";
        return at_risk(NAME, "there is none", todo);
    }
    if says.is_empty() {
        return kept(NAME, format!("{} in step", count(edges.len(), "edge")));
    }
    let todo = "`control edges` says why. One that does not hear of changes still serves, also \
                those whose access was taken away since: stop it, or take it out of DNS.";
    broken(NAME, says.join("; "), todo)
}

fn certificate(facts: &CertificateFacts, now: Moment) -> Promise {
    const NAME: &str = "certificate";
    let CertificateState { issued, failures, error, next_attempt, .. } = &facts.state;
    let why = error.as_deref().filter(|_| *failures > 0);
    let next = next_attempt
        .map_or_else(String::new, |next| format!("; tried again in {}", Age::of(next.since(now))));
    let Some(issued) = issued else {
        return match why {
            Some(why) => broken(NAME, format!("there is none: {why}{next}"), RENEWAL_FAILS),
            None => at_risk(NAME, "it is being obtained", "It takes a minute or two."),
        };
    };
    let left = issued.expires.since(now);
    let names = issued.names.join(", ");
    if left.is_zero() {
        let says = format!("that of {names} has expired{next}: {}", why.unwrap_or("not tried yet"));
        return broken(NAME, says, RENEWAL_FAILS);
    }
    let says = format!("{names} for {} more", Age::of(left));
    if !facts.lacking.is_empty() {
        let says = format!("{says}; not taken by {}", facts.lacking.join("; "));
        let todo = "The edge goes on with the one it has; its log says more. It needs [tls] of its \
                    own and a release that takes certificates.";
        return broken(NAME, says, todo);
    }
    match why {
        // A sixth of its life: half of what is left when renewals begin.
        Some(why) if left < issued.life() / 6 => {
            broken(NAME, format!("{says}, and it is not renewed: {why}{next}"), RENEWAL_FAILS)
        }
        Some(why) => {
            at_risk(NAME, format!("{says}, the renewal failed: {why}{next}"), RENEWAL_FAILS)
        }
        None => kept(NAME, says),
    }
}

fn routes(routes: RouteFacts) -> Promise {
    const NAME: &str = "routes";
    let says = count(usize::try_from(routes.count).unwrap_or(usize::MAX), "route");
    match routes.unrouted {
        0 => kept(NAME, says),
        unrouted => broken(
            NAME,
            format!("{says}; live and without a route: {unrouted}"),
            "`control customers list --state live` shows which; `control workspaces \
             replace-machine`, or `control routes put` where the machine is there.",
        ),
    }
}

fn mail(facts: &Facts, now: Moment) -> Promise {
    const NAME: &str = "mail";
    if !facts.sends_mail {
        let todo = "Letters are written and kept: without [resend] nobody gets a first password.";
        return at_risk(NAME, "there is no [resend]", todo);
    }
    let todo = "`control mails list --state waiting` and `--state failed` say why; `control \
                doctor` asks Resend; `control tasks retry ID` sends one again.";
    outgoing(NAME, "letter", Kind::Mail, todo, facts, now)
}

fn tickets(facts: &Facts, now: Moment) -> Promise {
    const NAME: &str = "tickets";
    if !facts.opens_tickets {
        let todo = "Incidents are noted only; look at `control tickets list`, or configure it.";
        return at_risk(NAME, "there is no [linear]", todo);
    }
    let todo = "`control tickets list` says why; what they were to say is there as well.";
    outgoing(NAME, "ticket", Kind::Ticket, todo, facts, now)
}

fn outgoing(name: &str, what: &str, kind: Kind, todo: &str, facts: &Facts, now: Moment) -> Promise {
    let Some(load) = facts.loads.iter().find(|load| load.kind == kind) else {
        return kept(name, format!("no {what} waits"));
    };
    let age = load.oldest_due.map(|due| now.since(due)).unwrap_or_default();
    if load.dead > 0 {
        let dead = usize::try_from(load.dead).unwrap_or(usize::MAX);
        return broken(name, format!("{} given up", count(dead, what)), todo);
    }
    if load.waiting > 0 && age >= MAIL_LATE {
        let says = format!("{} wait, the oldest for {}", load.waiting, Age::of(age));
        return broken(name, says, todo);
    }
    kept(
        name,
        if load.waiting == 0 {
            format!("no {what} waits")
        } else {
            format!("{} on their way", load.waiting)
        },
    )
}

fn stripe(facts: &Facts, now: Moment) -> Promise {
    const NAME: &str = "stripe";
    let Some(stripe) = &facts.stripe else {
        return at_risk(NAME, "there is no [stripe]", "Nobody can sign up without it.");
    };
    let Some(last) = stripe.last_event else {
        return kept(NAME, "no event has come yet");
    };
    kept(NAME, format!("last heard of {}", ago(now.since(last))))
}

fn subscriptions(list: &Compared, now: Moment) -> Promise {
    const NAME: &str = "subscriptions";
    let Compared { whole, listed, served, strangers, lacking, error } = list;
    let age = whole.map(|at| now.since(at));
    let when = age.map_or_else(|| "never yet".to_owned(), ago);
    if *strangers > 0 || *lacking > 0 {
        let says = format!(
            "as of {when}: Stripe lists {listed}, {served} are served; paid and served by \
             nobody: {strangers}, open and not listed: {lacking}"
        );
        let todo = "`control tickets list` names them. Nothing was changed because of the list.";
        return broken(NAME, says, todo);
    }
    let is_late = age.is_some_and(|age| age >= LIST_LATE);
    match error {
        Some(error) if is_late || age.is_none() => {
            let todo = "It is read again every five minutes; `control doctor` asks Stripe.";
            at_risk(NAME, format!("Stripe's list was last read {when}: {error}"), todo)
        }
        _ if is_late => at_risk(
            NAME,
            format!("Stripe's list was last read {when}"),
            "Another control may do so; else restart control.",
        ),
        _ if age.is_none() => kept(NAME, "Stripe's list was not read yet"),
        // Whoever came since is not in it.
        _ => kept(NAME, format!("as of {when}: all {listed} of Stripe's list are served")),
    }
}

fn ago(age: Duration) -> String {
    format!("{} ago", Age::of(age))
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// To the tenth of a GiB, or whole MiB.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    if bytes < GIB {
        return format!("{} MiB", bytes / MIB);
    }
    format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB)
}
