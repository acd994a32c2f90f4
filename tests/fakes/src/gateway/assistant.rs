//! What an assistant has beside its conversations: files about itself, skills that are on
//! or off, schedules, groups. Kept in memory; the shapes were read off the real gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::error;

use super::frames::CallError;
use super::hub::Audience;
use super::methods::not_saved;
use super::session_store::{Body, StopReason, canonical_key};
use super::turns::Begun;
use super::{Gateway, skills, turn};
use crate::{clock, ids, script};

/// The files that the real gateway lets clients read and write.
const FILES: &[&str] =
    &["AGENTS.md", "BOOTSTRAP.md", "IDENTITY.md", "MEMORY.md", "SOUL.md", "USER.md"];

/// The one that the script knows.
const REMINDER: &str = "reminder";

/// More than a person has.
const JOBS_MAX: usize = 200;

#[derive(Debug, Default)]
pub struct Assistant(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, String>,
    /// Skills that were switched, and to what.
    switched: BTreeMap<String, bool>,
    keys: skills::Keys,
    jobs: BTreeMap<String, Value>,
    groups: Vec<String>,
}

impl Assistant {
    /// Entries of the configuration, of the skills that have a key.
    pub fn skill_entries(&self) -> serde_json::Map<String, Value> {
        let state = self.lock();
        let keyed = state.keys.iter().filter(|(_, kept)| !kept.is_empty());
        let blotted = "__OPENCLAW_REDACTED__";
        let entry = |kept: &BTreeSet<String>| {
            let env: BTreeMap<_, _> =
                kept.iter().filter(|it| !it.is_empty()).map(|it| (it, blotted)).collect();
            if kept.contains("") {
                json!({"apiKey": blotted, "env": env})
            } else {
                json!({"env": env})
            }
        };
        keyed.map(|(key, kept)| (key.clone(), entry(kept))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder panics")
    }
}

/// Between two looks whether something is due.
const LOOK: Duration = Duration::from_millis(200);

/// Does what is due, for as long as the gateway runs.
pub async fn keep_time(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(LOOK).await;
        for (id, job) in due(&mut gateway.assistant.lock(), clock::unix_millis()) {
            let message = job["payload"]["message"].as_str().unwrap_or("FAST it is time");
            let run = ids::uuid();
            if let Some(key) = conversation(&job) {
                commit(&gateway, &id, key, &run, message);
                let _ = told(&gateway, "finished", Ok(job));
                continue;
            }
            let key = format!("agent:main:cron:{id}");
            let begun = gateway.turns.begin(&gateway.store, &key, &run, message, Vec::new(), None);
            if let Ok(Begun::Turn(turn)) = begun {
                tokio::spawn(turn::run(Arc::clone(&gateway), turn, message.to_owned()));
            }
            let _ = told(&gateway, "finished", Ok(job));
        }
    }
}

/// Where what comes of `job` is to stand.
fn conversation(job: &Value) -> Option<&str> {
    job["sessionKey"].as_str().filter(|_| job["sessionTarget"] == "current")
}

/// The answer alone comes into the conversation; one that there is not gets none, as with the
/// real gateway.
fn commit(gateway: &Gateway, job: &str, key: &str, run: &str, message: &str) {
    let key = canonical_key(key);
    if gateway.store.find(key).is_none() {
        return;
    }
    let text = script::full_text(&script::answer(message));
    let body = Body::Assistant { text: text.clone(), stop_reason: StopReason::Stop };
    if let Err(error) = gateway.store.append(key, run, body) {
        error!(%error, "what came of a job could not be saved");
        return;
    }
    let message = json!({"role": "assistant", "content": [{"type": "text", "text": text}],
        "openclawAutomation": {"kind": "cron", "jobId": job, "runId": run}});
    let payload = json!({"sessionKey": key, "agentId": "main", "message": message});
    gateway.hub.publish("session.message", &payload, Audience::Subscribers { without: None });
}

/// Takes the jobs out whose time has come; those that come again have their next time.
fn due(state: &mut State, now: u64) -> Vec<(String, Value)> {
    let is_due = |job: &Value| job["nextRunAtMs"].as_u64().is_some_and(|next| next <= now);
    let due = state.jobs.iter().filter(|(_, job)| is_due(job));
    let due: Vec<_> = due.map(|(id, job)| (id.clone(), job.clone())).collect();
    for (id, job) in &due {
        let next = next_run(&job["schedule"], now).filter(|next| *next > now);
        match next {
            Some(next) => {
                state.jobs.get_mut(id).expect("found above")["nextRunAtMs"] = next.into();
            }
            None => drop(state.jobs.remove(id)),
        }
    }
    due
}

/// As the assistant does that is told `REMIND SECONDS` in this conversation.
pub fn remind(gateway: &Gateway, key: &str, after: Duration) {
    let now = clock::unix_millis();
    let at = now + u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    let job = json!({"id": REMINDER, "name": REMINDER, "enabled": true, "createdAtMs": now,
        "schedule": {"kind": "at", "at": at.to_string()}, "nextRunAtMs": at,
        "sessionTarget": "current", "sessionKey": key, "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": "FAST it is time"}});
    gateway.assistant.lock().jobs.insert(REMINDER.to_owned(), job.clone());
    let _ = told(gateway, "added", Ok(job));
}

/// `None` for a method that is none of this.
pub fn answer(gateway: &Gateway, method: &str, params: &Value) -> Option<Result<Value, CallError>> {
    let mut state = gateway.assistant.lock();
    Some(match method {
        "agents.files.list" => {
            let files: Vec<_> = FILES.iter().map(|name| file(&state, name, false)).collect();
            Ok(json!({"agentId": "main", "workspace": "/workspace", "files": files}))
        }
        "agents.files.get" => known_file(params).map(|name| {
            json!({"agentId": "main", "workspace": "/workspace", "file": file(&state, name, true)})
        }),
        "agents.files.set" => known_file(params).map(|name| {
            let content = params["content"].as_str().unwrap_or_default();
            state.files.insert(name.to_owned(), content.to_owned());
            json!({"ok": true, "agentId": "main", "file": file(&state, name, true)})
        }),
        "skills.status" => Ok(skill_status(gateway, &state)),
        "skills.update" => Ok(update_skill(&mut state, params)),
        "cron.list" => Ok(jobs(&state, params)),
        "cron.status" => {
            let next = state.jobs.values().filter_map(|job| job["nextRunAtMs"].as_u64()).min();
            Ok(json!({"enabled": true, "jobs": state.jobs.len(), "nextWakeAtMs": next}))
        }
        "cron.add" => told(gateway, "added", add_job(&mut state, params)),
        "cron.update" => told(gateway, "updated", update_job(&mut state, params)),
        "cron.remove" => {
            let id = params["id"].as_str().unwrap_or_default();
            let removed = state.jobs.remove(id).is_some();
            told(gateway, "removed", Ok(json!({"ok": true, "id": id, "removed": removed})))
        }
        "sessions.groups.list" => Ok(json!({"groups": groups(&state), "sectionOrder": []})),
        "sessions.groups.put" => put_groups(gateway, &mut state, params),
        "sessions.groups.rename" => regroup(gateway, &mut state, params, params["to"].as_str()),
        "sessions.groups.delete" => regroup(gateway, &mut state, params, None),
        "gateway.restart.preflight" => Ok(preflight(gateway)),
        _ => return None,
    })
}

fn known_file(params: &Value) -> Result<&str, CallError> {
    let name = params["name"].as_str().unwrap_or_default();
    if FILES.contains(&name) {
        return Ok(name);
    }
    Err(CallError::invalid_request(format!("unsupported file \"{name}\"")))
}

fn file(state: &State, name: &str, whole: bool) -> Value {
    let content = state.files.get(name);
    let mut file = json!({"name": name, "path": format!("/workspace/{name}"),
        "missing": content.is_none()});
    if let Some(content) = content {
        file["size"] = content.len().into();
        file["updatedAtMs"] = clock::unix_millis().into();
        if whole {
            file["content"] = content.as_str().into();
        }
    }
    file
}

fn skill_status(gateway: &Gateway, state: &State) -> Value {
    let mut config = gateway.settings.config.clone();
    for (key, on) in &state.switched {
        config.disabled_skills.retain(|disabled| disabled != key);
        if !on {
            config.disabled_skills.push(key.clone());
        }
    }
    skills::with_this_machine(|machine| skills::status_with(&config, machine, &state.keys))
}

fn update_skill(state: &mut State, params: &Value) -> Value {
    let key = params["skillKey"].as_str().unwrap_or_default().to_owned();
    let mut config = json!({});
    if let Some(on) = params["enabled"].as_bool() {
        state.switched.insert(key.clone(), on);
        config["enabled"] = on.into();
    }
    let kept = state.keys.entry(key.clone()).or_default();
    let variables = params["env"].as_object().into_iter().flatten();
    let variables = variables.map(|(name, value)| (name.as_str(), value));
    for (name, value) in variables.chain([("", &params["apiKey"])]) {
        match value.as_str() {
            Some("") => drop(kept.remove(name)),
            Some(_) => drop(kept.insert(name.to_owned())),
            None => {}
        }
    }
    json!({"ok": true, "skillKey": key, "config": config})
}

fn jobs(state: &State, params: &Value) -> Value {
    let with_disabled = params["includeDisabled"] == true;
    let wanted = |job: &&Value| with_disabled || job["enabled"] == true;
    let jobs: Vec<_> = state.jobs.values().filter(wanted).collect();
    json!({"jobs": jobs, "total": jobs.len(), "offset": 0, "limit": jobs.len(),
        "hasMore": false, "nextOffset": null})
}

fn add_job(state: &mut State, params: &Value) -> Result<Value, CallError> {
    if state.jobs.len() >= JOBS_MAX {
        return Err(CallError::new("UNAVAILABLE", "too many jobs"));
    }
    let now = clock::unix_millis();
    let next = next_run(&params["schedule"], now)
        .ok_or_else(|| CallError::invalid_request("invalid schedule"))?;
    let id = ids::uuid();
    let mut job = params.clone();
    job["id"] = id.as_str().into();
    job["enabled"] = true.into();
    job["createdAtMs"] = now.into();
    job["nextRunAtMs"] = next.into();
    state.jobs.insert(id, job.clone());
    Ok(job)
}

/// Clients hear of every change of the schedules.
fn told(
    gateway: &Gateway,
    action: &str,
    result: Result<Value, CallError>,
) -> Result<Value, CallError> {
    let job = result?;
    let payload = json!({"action": action, "jobId": job["id"]});
    gateway.hub.publish("cron", &payload, Audience::Everyone);
    Ok(job)
}

/// Of the kind `at`, the time in milliseconds; of `cron` tomorrow at this time, whatever its
/// rule says. The real one knows more.
fn next_run(schedule: &Value, now: u64) -> Option<u64> {
    match schedule["kind"].as_str()? {
        "every" => now.checked_add(schedule["everyMs"].as_u64()?),
        "cron" => schedule["expr"].as_str().and_then(|_| now.checked_add(86_400_000)),
        "at" => schedule["at"].as_str()?.parse().ok().filter(|at| *at > now),
        _ => None,
    }
}

fn update_job(state: &mut State, params: &Value) -> Result<Value, CallError> {
    let id = params["id"].as_str().unwrap_or_default();
    let job = state.jobs.get_mut(id);
    let job = job.ok_or_else(|| CallError::invalid_request(format!("unknown cron job: {id}")))?;
    if let Some(enabled) = params["patch"]["enabled"].as_bool() {
        job["enabled"] = enabled.into();
        let next = next_run(&job["schedule"], clock::unix_millis()).filter(|_| enabled);
        job["nextRunAtMs"] = next.into();
    }
    Ok(job.clone())
}

fn groups(state: &State) -> Vec<Value> {
    let named = state.groups.iter().enumerate();
    named.map(|(position, name)| json!({"name": name, "position": position})).collect()
}

/// A conversation was put into `name`: where there is no such group, it is one from now on.
pub fn note_group(gateway: &Gateway, name: &str) {
    let mut state = gateway.assistant.lock();
    if !state.groups.iter().any(|group| group == name) {
        state.groups.push(name.to_owned());
    }
}

/// The names and their order; one that conversations are in may not be left out.
fn put_groups(gateway: &Gateway, state: &mut State, params: &Value) -> Result<Value, CallError> {
    let names = params["names"].as_array().into_iter().flatten();
    let names: Vec<String> = names.filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    let members = |group: &str| {
        let all = gateway.store.latest();
        all.iter().filter(|one| one.organised.category.as_deref() == Some(group)).count()
    };
    let dropped = state.groups.iter().filter(|group| !names.contains(group));
    let full: Vec<_> = dropped
        .map(|group| (group, members(group)))
        .filter(|(_, members)| *members > 0)
        .map(|(group, members)| format!("\"{group}\" ({members})"))
        .collect();
    if !full.is_empty() {
        return Err(CallError::invalid_request(format!(
            "sessions.groups.put cannot drop groups that still have member sessions: {}; include \
             them in names or remove them via sessions.groups.delete",
            full.join(", ")
        )));
    }
    state.groups = names;
    tell_of_groups(gateway);
    Ok(json!({"ok": true, "groups": groups(state), "sectionOrder": []}))
}

/// Tells every client, where the real gateway tells those that subscribed.
fn tell_of_groups(gateway: &Gateway) {
    let payload = json!({"reason": "groups", "ts": clock::unix_millis()});
    gateway.hub.publish("sessions.changed", &payload, Audience::Everyone);
}

/// Names a group anew, or ends it, and does the same with what its conversations are in.
fn regroup(
    gateway: &Gateway,
    state: &mut State,
    params: &Value,
    to: Option<&str>,
) -> Result<Value, CallError> {
    let name = params["name"].as_str().unwrap_or_default();
    state.groups.retain(|group| group != name && Some(group.as_str()) != to);
    state.groups.extend(to.map(str::to_owned));
    let mut updated = 0;
    for session in gateway.store.latest() {
        if session.organised.category.as_deref() != Some(name) {
            continue;
        }
        gateway
            .store
            .organise(&session.key, |organised| organised.category = to.map(str::to_owned))
            .map_err(|error| not_saved("the group", &error))?;
        updated += 1;
    }
    tell_of_groups(gateway);
    Ok(json!({"ok": true, "groups": groups(state), "sectionOrder": [], "updatedSessions": updated}))
}

fn preflight(gateway: &Gateway) -> Value {
    let running = gateway.turns.count();
    json!({"safe": running == 0, "counts": {"embeddedRuns": running, "totalActive": running},
        "blockers": blockers(gateway), "summary": ""})
}

/// What runs, in the real one's words.
pub fn blockers(gateway: &Gateway) -> Value {
    match gateway.turns.count() {
        0 => json!([]),
        running => json!([{"kind": "embedded-run", "count": running,
            "message": format!("{running} active embedded run(s)")}]),
    }
}

/// `sessions.rewind` and `sessions.fork`: what was said from one message on is put aside,
/// in this conversation or in a new one.
pub fn branch(gateway: &Gateway, params: &Value, in_new: bool) -> Result<Value, CallError> {
    let key = canonical_key(params["sessionKey"].as_str().unwrap_or_default());
    let entry = params["entryId"].as_str().unwrap_or_default();
    let session = gateway.store.find(key);
    let unknown = || CallError::invalid_request(format!("message not found: {entry}"));
    let session = session.ok_or_else(unknown)?;
    let at = session.messages.iter().position(|message| message.id == entry);
    let at = at.ok_or_else(unknown)?;
    let Body::User { text } = &session.messages[at].body else { return Err(unknown()) };
    let mut answer = json!({"editorText": text});
    let target =
        if in_new { format!("agent:main:dashboard:{}", ids::uuid()) } else { key.to_owned() };
    gateway
        .store
        .replace(&target, session.messages[..at].to_vec())
        .map_err(|error| not_saved("the branch", &error))?;
    let payload = json!({"sessionKey": target, "reason": "branch", "ts": clock::unix_millis()});
    gateway.hub.publish("sessions.changed", &payload, Audience::Everyone);
    if in_new {
        answer["sessionKey"] = target.into();
    }
    Ok(answer)
}
