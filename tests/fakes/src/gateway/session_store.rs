//! The conversations, kept in one JSON file so that they survive a restart.
//!
//! Every change is on disk before it is answered: a gateway killed in the
//! middle of a turn still knows what the customer asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::ids;

/// Name of the file inside the state directory.
const FILE_NAME: &str = "fake-gateway-sessions.json";

/// Conversations kept, twice as many as a page is measured with and more; the one untouched for
/// longest goes first.
const SESSIONS_MAX: usize = 5_000;

/// Messages kept in one conversation, twice as many as a page is measured with; the oldest go first.
const MESSAGES_MAX: usize = 20_000;

/// The default conversation, which cannot be deleted.
pub const MAIN_KEY: &str = "agent:main:main";

/// One conversation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Session {
    pub key: String,
    /// Changes when a conversation is deleted and begun again.
    pub id: String,
    /// Milliseconds since 1970, as all times here.
    pub created_at: u64,
    pub updated_at: u64,
    pub messages: Vec<Message>,
    pub last_run: Option<LastRun>,
    #[serde(default)]
    pub organised: Organised,
}

/// What a person has said about a conversation with `sessions.patch`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub struct Organised {
    pub label: Option<String>,
    pub category: Option<String>,
    pub model: Option<String>,
    pub pinned_at: Option<u64>,
    pub archived_at: Option<u64>,
}

/// One message, with what history shows of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Message {
    pub id: String,
    pub timestamp: u64,
    pub run_id: String,
    pub body: Body,
    #[serde(default)]
    pub files: Vec<StoredFile>,
}

/// A file that came with a message.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct StoredFile {
    pub name: String,
    pub mime: String,
    /// Base64, as it came.
    pub content: String,
    /// Part of the name under which it is kept.
    #[serde(default)]
    pub id: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    User { text: String },
    Assistant { text: String, stop_reason: StopReason },
    ToolCall { command: String },
    ToolResult { output: String },
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    Stop,
    Aborted,
    Error,
}

/// How the latest turn of a conversation ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LastRun {
    pub run_id: String,
    pub started_at: u64,
    pub ended_at: u64,
    pub stop_reason: StopReason,
    pub error: Option<String>,
}

/// All conversations of a gateway.
#[derive(Debug)]
pub struct SessionStore {
    path: PathBuf,
    sessions: Mutex<BTreeMap<String, Session>>,
}

impl Session {
    fn new(key: &str, now: u64) -> Self {
        Self {
            key: key.to_owned(),
            id: ids::uuid(),
            created_at: now,
            updated_at: now,
            messages: Vec::new(),
            last_run: None,
            organised: Organised::default(),
        }
    }
}

impl SessionStore {
    /// Opens the file in `state_dir`, or begins an empty one.
    ///
    /// # Errors
    /// The directory cannot be made, or the file is there and unreadable.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(state_dir)?;
        let path = state_dir.join(FILE_NAME);
        let sessions = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, sessions: Mutex::new(sessions) })
    }

    pub fn find(&self, key: &str) -> Option<Session> {
        self.lock().get(key).cloned()
    }

    /// All conversations, the latest first.
    pub fn latest(&self) -> Vec<Session> {
        let mut all: Vec<Session> = self.lock().values().cloned().collect();
        all.sort_by_key(|session| std::cmp::Reverse(session.updated_at));
        all
    }

    /// Adds a message, beginning the conversation if it is new, and returns
    /// the conversation's id.
    ///
    /// # Errors
    /// The file could not be written; the message stands in memory only.
    pub fn append(&self, key: &str, run_id: &str, body: Body) -> io::Result<String> {
        self.append_with(key, run_id, body, Vec::new())
    }

    /// [`Self::append`] of a message with files.
    ///
    /// # Errors
    /// As there.
    pub fn append_with(
        &self,
        key: &str,
        run_id: &str,
        body: Body,
        files: Vec<StoredFile>,
    ) -> io::Result<String> {
        let mut sessions = self.lock();
        let now = clock::unix_millis();
        if !sessions.contains_key(key) {
            make_room(&mut sessions);
        }
        let session = sessions.entry(key.to_owned()).or_insert_with(|| Session::new(key, now));
        session.updated_at = now;
        session.messages.push(Message {
            id: ids::uuid(),
            timestamp: now,
            run_id: run_id.to_owned(),
            body,
            files,
        });
        let surplus = session.messages.len().saturating_sub(MESSAGES_MAX);
        session.messages.drain(..surplus);
        let id = session.id.clone();
        self.save(&sessions)?;
        Ok(id)
    }

    /// Notes how a turn ended. A conversation deleted meanwhile stays deleted.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn end_run(&self, key: &str, last_run: LastRun) -> io::Result<()> {
        let mut sessions = self.lock();
        let Some(session) = sessions.get_mut(key) else {
            return Ok(());
        };
        session.updated_at = last_run.ended_at;
        session.last_run = Some(last_run);
        self.save(&sessions)
    }

    /// Changes how a conversation is organised; `None` when there is none.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn organise(
        &self,
        key: &str,
        change: impl FnOnce(&mut Organised),
    ) -> io::Result<Option<Session>> {
        let mut sessions = self.lock();
        let Some(session) = sessions.get_mut(key) else {
            return Ok(None);
        };
        change(&mut session.organised);
        let changed = session.clone();
        self.save(&sessions)?;
        Ok(Some(changed))
    }

    /// Gives a conversation, which may be new, other messages.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn replace(&self, key: &str, messages: Vec<Message>) -> io::Result<()> {
        let mut sessions = self.lock();
        let now = clock::unix_millis();
        if !sessions.contains_key(key) {
            make_room(&mut sessions);
        }
        let session = sessions.entry(key.to_owned()).or_insert_with(|| Session::new(key, now));
        session.updated_at = now;
        session.messages = messages;
        self.save(&sessions)
    }

    /// Removes a conversation; `false` when there was none.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn delete(&self, key: &str) -> io::Result<bool> {
        let mut sessions = self.lock();
        let existed = sessions.remove(key).is_some();
        if existed {
            self.save(&sessions)?;
        }
        Ok(existed)
    }

    /// Where the conversations are, as `sessions.list` tells it.
    pub fn path(&self) -> Value {
        self.path.display().to_string().into()
    }

    fn save(&self, sessions: &BTreeMap<String, Session>) -> io::Result<()> {
        // Written beside and moved over: whoever kills us finds the old file
        // or the new one.
        let beside = self.path.with_extension("json.tmp");
        fs::write(&beside, serde_json::to_vec(sessions)?)?;
        fs::rename(&beside, &self.path)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.sessions.lock().expect("no holder panics")
    }
}

/// `main` is short for the default conversation; other keys stay.
pub fn canonical_key(key: &str) -> &str {
    if key == "main" { MAIN_KEY } else { key }
}

fn make_room(sessions: &mut BTreeMap<String, Session>) {
    while sessions.len() >= SESSIONS_MAX {
        let oldest = sessions
            .values()
            .min_by_key(|session| session.updated_at)
            .map(|session| session.key.clone());
        match oldest {
            Some(key) => sessions.remove(&key),
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Body {
        Body::User { text: text.to_owned() }
    }

    #[test]
    fn conversations_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let store = SessionStore::open(dir.path()).unwrap();
        let id = store.append("agent:main:a", "run-1", user("hello")).unwrap();
        drop(store);
        let session =
            SessionStore::open(dir.path()).unwrap().find("agent:main:a").expect("it was saved");
        assert_eq!(session.id, id);
        assert_eq!(session.messages[0].body, user("hello"));
    }

    #[test]
    fn a_deleted_conversation_begins_again_under_another_id() {
        let dir = tempfile::tempdir().unwrap();
        let store = SessionStore::open(dir.path()).unwrap();
        let first = store.append("agent:main:a", "run-1", user("one")).unwrap();
        assert!(store.delete("agent:main:a").unwrap());
        assert!(!store.delete("agent:main:a").unwrap(), "deleting twice is once");
        let second = store.append("agent:main:a", "run-2", user("two")).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn the_number_of_conversations_is_bounded() {
        let mut sessions = BTreeMap::new();
        for number in 0..=SESSIONS_MAX {
            make_room(&mut sessions);
            let key = format!("agent:main:{number}");
            let session = Session {
                key: key.clone(),
                id: String::new(),
                created_at: 0,
                updated_at: u64::try_from(number).unwrap(),
                messages: Vec::new(),
                last_run: None,
                organised: Organised::default(),
            };
            sessions.insert(key, session);
        }
        assert_eq!(sessions.len(), SESSIONS_MAX);
        assert!(!sessions.contains_key("agent:main:0"), "the oldest went");
    }
}
