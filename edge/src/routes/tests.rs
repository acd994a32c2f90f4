//! The table as a whole: memory, disk and live connections together.

mod crash;
mod spoiled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use shared::route::Subject;
use shared::wire::{ChangesRequest, TableHead};
use shared::{
    AddressPolicy, Change, Checksum, Generation, Lock, LockKey, Route, RouteState, SessionId,
    Username,
};
use tempfile::TempDir;

use super::samples::{any_change, any_lock, any_route, lock, name, route};
use super::{ApplyError, Opened, Rejection, Routes, Whole};
use crate::connections::{ConnectionRegistry, Entry, Kind, access};

/// A store in a folder of its own, and who is connected.
struct Edge {
    folder: TempDir,
    registry: Arc<ConnectionRegistry>,
    routes: Option<Routes>,
}

impl Edge {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut edge = Self { folder, registry: Arc::default(), routes: None };
        edge.restart();
        edge
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("routes.redb")
    }

    fn restart(&mut self) {
        // The old one lets go of the file first.
        self.routes = None;
        let opened = open(&self.store(), &self.registry);
        assert_eq!(opened.moved_aside, None);
        self.routes = Some(opened.routes);
    }

    fn routes(&self) -> &Routes {
        self.routes.as_ref().expect("open")
    }

    fn apply(&self, changes: Vec<Change>) -> Result<(u64, u64), ApplyError> {
        let base = self.routes().state().generation;
        let generation = Generation(base.0 + 1);
        let request = ChangesRequest { base, generation, checksum: None, changes };
        let applied = self.routes().apply(request)?;
        assert_eq!(applied.generation, generation);
        Ok((applied.sockets_cut, applied.requests_cut))
    }

    fn enter(&self, username: &str, digit: char, epoch: u64, kind: Kind) -> Entry {
        let at = self.registry.revocation_epoch(&name(username));
        self.registry.enter(at, access(session(digit), epoch), kind).expect("nothing was revoked")
    }
}

fn open(path: &Path, registry: &Arc<ConnectionRegistry>) -> Opened {
    Routes::open(path, AddressPolicy::default(), Arc::clone(registry)).unwrap()
}

fn session(digit: char) -> SessionId {
    SessionId::parse(&String::from(digit).repeat(32)).unwrap()
}

/// What the tables should hold, in the plainest way.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    routes: BTreeMap<Username, Route>,
    locks: BTreeMap<LockKey, Lock>,
}

impl Model {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Put(route) => drop(self.routes.insert(route.username, route)),
            Change::Remove(username) => drop(self.routes.remove(&username)),
            Change::Lock(lock) => drop(self.locks.insert(lock.key(), lock)),
            Change::Unlock(key) => drop(self.locks.remove(&key)),
        }
    }

    fn whole(&self, generation: u64) -> Whole {
        let head = TableHead {
            generation: Generation(generation),
            routes: self.routes.len() as u64,
            locks: self.locks.len() as u64,
            checksum: self.checksum(),
        };
        let routes = self.routes.values().cloned().map(Arc::new).collect();
        Whole { head, routes, locks: self.locks.values().cloned().collect(), empties: false }
    }

    fn checksum(&self) -> Checksum {
        let sum = self.routes.values().fold(Checksum::default(), Checksum::with_route);
        self.locks.values().fold(sum, Checksum::with_lock)
    }

    fn assert_served_by(&self, routes: &Routes) {
        let state = routes.state();
        assert_eq!(state.checksum, self.checksum());
        assert_eq!(state.routes, self.routes.len() as u64);
        assert_eq!(state.locks, self.locks.len() as u64);
        for (username, route) in &self.routes {
            assert_eq!(routes.find(username).as_deref(), Some(route));
        }
        let tables = routes.tables.load();
        for (key, lock) in &self.locks {
            assert_eq!(tables.lock(key).as_ref(), Some(lock));
        }
        let listed = routes.page(None, usize::MAX).unwrap().routes;
        assert_eq!(listed, self.routes.values().cloned().collect::<Vec<_>>());
    }
}

fn any_batch() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(any_change(), 0..12).prop_map(|changes| {
        let by_subject: BTreeMap<Subject, Change> =
            changes.into_iter().map(|change| (change.subject(), change)).collect();
        by_subject.into_values().collect()
    })
}

fn any_model() -> impl Strategy<Value = Model> {
    let routes = prop::collection::vec(any_route(), 0..12);
    let locks = prop::collection::vec(any_lock(), 0..12);
    (routes, locks).prop_map(|(routes, locks)| {
        let mut model = Model::default();
        routes.into_iter().for_each(|route| model.apply(Change::Put(route)));
        locks.into_iter().for_each(|lock| model.apply(Change::Lock(lock)));
        model
    })
}

proptest! {
    // Each opens files and waits for the disk a dozen times.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn batches_and_whole_tables_are_served_and_kept(
        batches in prop::collection::vec(any_batch(), 1..5),
        whole in any_model(),
        last in any_batch(),
    ) {
        let mut edge = Edge::new();
        let mut model = Model::default();
        for batch in batches {
            edge.apply(batch.clone()).unwrap();
            batch.into_iter().for_each(|change| model.apply(change));
            model.assert_served_by(edge.routes());
            edge.restart();
            model.assert_served_by(edge.routes());
        }
        // Chance also sends one without a route, which is taken only from who says so.
        edge.routes().replace(Whole { empties: true, ..whole.whole(100) }).unwrap();
        whole.assert_served_by(edge.routes());
        edge.restart();
        let mut model = whole;
        edge.apply(last.clone()).unwrap();
        last.into_iter().for_each(|change| model.apply(change));
        edge.restart();
        model.assert_served_by(edge.routes());
        prop_assert_eq!(edge.routes().state().generation, Generation(101));
    }
}

#[test]
fn an_edge_is_ready_once_it_was_told_what_to_serve() {
    let mut edge = Edge::new();
    assert!(!edge.routes().is_ready());
    edge.restart();
    assert!(!edge.routes().is_ready(), "nobody said anything yet");
    edge.routes().replace(Model::default().whole(0)).unwrap();
    assert!(edge.routes().is_ready(), "an empty table is a table");
    edge.restart();
    assert!(edge.routes().is_ready(), "it knows without control");
}

#[test]
fn a_refused_change_leaves_everything_as_it_was() {
    let mut edge = Edge::new();
    edge.apply(vec![Change::Put(route("ada"))]).unwrap();
    let before = edge.routes().state();
    let inside = Route { upstream: "http://127.0.0.1:1".parse().unwrap(), ..route("eve") };
    let refused = edge.apply(vec![Change::Remove(name("ada")), Change::Put(inside)]);
    assert!(matches!(refused, Err(ApplyError::Rejected(Rejection::BadEntries(_)))));
    let refused = edge.routes().replace(Model::default().whole(0));
    assert!(matches!(refused, Err(ApplyError::Rejected(Rejection::Conflict { .. }))));
    for _ in 0..2 {
        assert_eq!(edge.routes().state(), before);
        assert!(edge.routes().find(&name("ada")).is_some());
        assert!(edge.routes().find(&name("eve")).is_none());
        edge.restart();
    }
}

#[test]
fn a_repeated_batch_is_a_conflict_that_says_what_is_served() {
    let edge = Edge::new();
    let request = ChangesRequest {
        base: Generation(0),
        generation: Generation(3),
        checksum: None,
        changes: vec![Change::Put(route("ada"))],
    };
    edge.routes().apply(request.clone()).unwrap();
    let Err(ApplyError::Rejected(rejection)) = edge.routes().apply(request) else { panic!() };
    assert_eq!(rejection, Rejection::Conflict { served: Generation(3) });
}

#[test]
fn a_removal_cuts_the_workspace_and_counts_it() {
    let edge = Edge::new();
    edge.apply(vec![Change::Put(route("ada")), Change::Put(route("grace"))]).unwrap();
    let sockets: Vec<_> = (0..10).map(|_| edge.enter("ada", '1', 1, Kind::Socket)).collect();
    let _request = edge.enter("ada", '2', 1, Kind::Request);
    let _other = edge.enter("grace", '1', 1, Kind::Socket);
    assert_eq!(edge.apply(vec![Change::Remove(name("ada"))]).unwrap(), (10, 1));
    drop(sockets);
    assert_eq!(edge.registry.sockets(), 1, "grace notices nothing");
}

#[test]
fn a_lock_and_an_epoch_cut_the_sessions_they_mean() {
    let edge = Edge::new();
    edge.apply(vec![Change::Put(route("ada"))]).unwrap();
    let _entries = [
        edge.enter("ada", '1', 1, Kind::Socket),
        edge.enter("ada", '2', 1, Kind::Socket),
        edge.enter("ada", '3', 2, Kind::Request),
    ];
    let locked = edge.apply(vec![Change::Lock(lock("ada", Some(session('1'))))]);
    assert_eq!(locked.unwrap(), (1, 0));
    let locks = edge.routes().look().locks_of(&name("ada")).unwrap();
    assert!(locks.refuse(Some(&session('1')), 0) && !locks.refuse(Some(&session('2')), 0));
    let raised = edge.apply(vec![Change::Put(Route { epoch: 2, ..route("ada") })]);
    assert_eq!(raised.unwrap(), (1, 0), "the first was cut before");
    assert_eq!(edge.apply(vec![Change::Lock(lock("ada", None))]).unwrap(), (0, 1));
}

#[test]
fn a_whole_table_cuts_what_the_difference_ends() {
    let edge = Edge::new();
    let names = ["ada", "grace", "linus"];
    edge.apply(names.map(|name| Change::Put(route(name))).into()).unwrap();
    let _entries = names.map(|name| edge.enter(name, '1', 1, Kind::Socket));
    let mut model = Model::default();
    model.apply(Change::Put(route("ada")));
    model.apply(Change::Put(Route { state: RouteState::Suspended, ..route("grace") }));
    let applied = edge.routes().replace(model.whole(9)).unwrap();
    assert_eq!(applied.sockets_cut, 2, "grace is suspended, linus is gone");
}

#[test]
fn readers_see_every_untouched_route_while_tables_change() {
    let edge = Edge::new();
    let kept: Vec<_> = (0..50).map(|n| route(&format!("kept-{n}"))).collect();
    edge.apply(kept.iter().cloned().map(Change::Put).collect()).unwrap();
    let mut model = Model::default();
    kept.iter().cloned().for_each(|route| model.apply(Change::Put(route)));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut rounds = 0_u64;
            while !is_over.load(Ordering::Relaxed) || rounds == 0 {
                for route in &kept {
                    let found = edge.routes().find(&route.username);
                    assert_eq!(found.as_deref(), Some(route), "round {rounds}");
                }
                rounds += 1;
            }
        });
        for round in 0..10 {
            edge.apply(vec![Change::Put(route(&format!("request-{round}")))]).unwrap();
            let generation = edge.routes().state().generation.0;
            edge.routes().replace(model.whole(generation + 1)).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}

#[test]
fn pages_follow_each_other_in_the_order_of_names() {
    let edge = Edge::new();
    let names = ["ada", "bob", "eve", "grace", "linus"];
    edge.apply(names.iter().rev().map(|name| Change::Put(route(name))).collect()).unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = edge.routes().page(after.as_ref(), 2).unwrap();
        assert!(page.routes.len() <= 2);
        seen.extend(page.routes.iter().map(|route| route.username.to_string()));
        let Some(next) = page.next else { break };
        after = Some(name(&next));
    }
    assert_eq!(seen, names);
}
