//! The locks of one workspace, as requests ask for them.

use std::sync::Arc;

use shared::{Lock, LockKey, SessionId, Username};

use super::table::Named;

/// When a lock ends, in unix seconds; `None` is never.
type Until = Option<u64>;

/// Never empty in a table: the last lock takes the entry with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkspaceLocks {
    username: Username,
    /// The lock of the workspace itself.
    whole: Option<Until>,
    /// Sorted by session.
    sessions: Vec<(SessionId, Until)>,
}

impl Named for WorkspaceLocks {
    fn username(&self) -> &Username {
        &self.username
    }
}

impl WorkspaceLocks {
    pub(crate) fn none(username: Username) -> Self {
        Self { username, whole: None, sessions: Vec::new() }
    }

    /// The locks of every workspace in `locks`.
    ///
    /// # Errors
    /// Every lock that came more than once.
    pub(crate) fn group(mut locks: Vec<Lock>) -> Result<Vec<Arc<Self>>, Vec<LockKey>> {
        locks.sort_unstable_by_key(Lock::key);
        let doubled: Vec<_> = locks
            .windows(2)
            .filter(|pair| pair[0].key() == pair[1].key())
            .map(|pair| pair[0].key())
            .collect();
        if !doubled.is_empty() {
            return Err(doubled);
        }
        let of_one = |locks: &[Lock]| {
            let empty = Self::none(locks[0].username);
            Arc::new(locks.iter().fold(empty, |all, lock| all.with(lock)))
        };
        Ok(locks.chunk_by(|a, b| a.username == b.username).map(of_one).collect())
    }

    /// Is the workspace, or this session of it, refused at `now` (unix seconds)?
    pub(crate) fn refuse(&self, session: Option<&SessionId>, now: u64) -> bool {
        let holds = |until: Until| until.is_none_or(|until| now < until);
        self.whole.is_some_and(holds)
            || session.and_then(|session| self.until(session)).is_some_and(holds)
    }

    pub(crate) fn find(&self, key: &LockKey) -> Option<Lock> {
        let until = match &key.session {
            None => self.whole?,
            Some(session) => self.until(session)?,
        };
        Some(Lock { username: self.username, session: key.session, until })
    }

    /// In the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Lock> {
        let whole = self.whole.map(|until| (None, until));
        let sessions = self.sessions.iter().map(|(session, until)| (Some(*session), *until));
        whole.into_iter().chain(sessions).map(|(session, until)| Lock {
            username: self.username,
            session,
            until,
        })
    }

    #[must_use]
    pub(crate) fn with(mut self, lock: &Lock) -> Self {
        match lock.session {
            None => self.whole = Some(lock.until),
            Some(session) => match self.place(&session) {
                Ok(at) => self.sessions[at].1 = lock.until,
                Err(at) => self.sessions.insert(at, (session, lock.until)),
            },
        }
        self
    }

    #[must_use]
    pub(crate) fn without(mut self, key: &LockKey) -> Self {
        match key.session {
            None => self.whole = None,
            Some(session) => {
                if let Ok(at) = self.place(&session) {
                    self.sessions.remove(at);
                }
            }
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.sessions.is_empty()
    }

    fn until(&self, session: &SessionId) -> Option<Until> {
        self.place(session).ok().map(|at| self.sessions[at].1)
    }

    fn place(&self, session: &SessionId) -> Result<usize, usize> {
        self.sessions.binary_search_by_key(session, |(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(digit: char) -> SessionId {
        SessionId::parse(&String::from(digit).repeat(32)).unwrap()
    }

    fn lock(digit: Option<char>, until: Until) -> Lock {
        Lock { username: "ada".parse().unwrap(), session: digit.map(session), until }
    }

    fn check(locks: &[Lock], digit: Option<char>, now: u64, refused: bool) {
        let grouped = WorkspaceLocks::group(locks.to_vec()).unwrap();
        let seen = grouped.iter().any(|all| all.refuse(digit.map(session).as_ref(), now));
        assert_eq!(seen, refused, "{locks:?} {digit:?} at {now}");
    }

    #[test]
    fn a_lock_refuses_what_it_names_until_it_ends() {
        check(&[], Some('1'), 0, false);
        check(&[lock(None, None)], None, u64::MAX, true);
        check(&[lock(None, None)], Some('1'), 0, true);
        check(&[lock(None, Some(10))], Some('1'), 9, true);
        check(&[lock(None, Some(10))], Some('1'), 10, false);
        check(&[lock(Some('1'), None)], Some('1'), 0, true);
        check(&[lock(Some('1'), None)], Some('2'), 0, false);
        check(&[lock(Some('1'), None)], None, 0, false);
        check(&[lock(None, Some(5)), lock(Some('1'), Some(10))], Some('1'), 7, true);
    }

    #[test]
    fn locks_come_and_go_one_by_one() {
        let all = [lock(None, None), lock(Some('1'), Some(3)), lock(Some('2'), None)];
        let mut locks = WorkspaceLocks::none("ada".parse().unwrap());
        for lock in all.iter().rev() {
            locks = locks.with(lock);
        }
        assert_eq!(locks.iter().collect::<Vec<_>>(), all);
        for lock in &all {
            assert_eq!(locks.find(&lock.key()), Some(lock.clone()));
            locks = locks.without(&lock.key()).without(&lock.key());
            assert_eq!(locks.find(&lock.key()), None);
        }
        assert!(locks.is_empty());
    }

    #[test]
    fn a_lock_that_comes_twice_is_named() {
        let twice = vec![lock(Some('1'), None), lock(None, None), lock(Some('1'), Some(4))];
        let key = twice[0].key();
        assert_eq!(WorkspaceLocks::group(twice).unwrap_err(), [key]);
    }
}
