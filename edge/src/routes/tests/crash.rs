//! What is on disk when a process ends without a word, or the disk is full.
//!
//! The process is this test program, started again with one test to run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// Where the child finds its store; without it the child's tests do nothing.
const STORE: &str = "ARCAMATRIX_TEST_ROUTE_STORE";

/// Batch number `generation`: several subjects, so that half of one would show.
fn batch(generation: u64) -> Vec<Change> {
    let routes = (0..5)
        .map(|n| Route { epoch: generation, ..route(&format!("user-{n}-{}", generation % 7)) });
    let mut changes: Vec<_> = routes.map(Change::Put).collect();
    changes.push(Change::Remove(name(&format!("user-0-{}", (generation + 3) % 7))));
    changes.push(Change::Lock(Lock { until: Some(generation), ..lock("ada", None) }));
    changes
}

fn model_at(generation: u64) -> Model {
    let mut model = Model::default();
    (1..=generation).flat_map(batch).for_each(|change| model.apply(change));
    model
}

fn child(test: &str, store: &Path, command: &[&str]) -> Child {
    let program = std::env::current_exe().unwrap();
    let (first, rest) = command.split_first().expect("a command");
    Command::new(first)
        .args(rest)
        .arg(program)
        .args([&format!("routes::tests::crash::{test}"), "--exact", "--ignored", "--nocapture"])
        .env(STORE, store)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Said by the child on a line of its own.
fn say(word: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\nsaid {word}").and_then(|()| output.flush()).expect("the parent listens");
}

fn said(line: &str) -> Option<&str> {
    line.strip_prefix("said ")
}

#[test]
fn every_answered_change_survives_a_kill_and_no_half_change_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("routes.redb");
    let mut answered = 0;
    for kill_after in [1, 20, 3, 57, 150] {
        let mut child = child("child_that_applies_until_it_is_killed", &store, &["env"]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut count = 0;
        // After the kill: read on, what stands in the pipe was answered too.
        for line in lines {
            if let Some(generation) = said(&line.unwrap()) {
                answered = generation.parse().unwrap();
                count += 1;
                if count == kill_after {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(count >= kill_after, "the child ended by itself after {count}");
        let opened = open(&store, &Arc::default());
        assert_eq!(opened.moved_aside, None);
        let generation = opened.routes.state().generation.0;
        // One more may have been written and not said.
        assert!((answered..=answered + 1).contains(&generation), "{answered}, {generation}");
        model_at(generation).assert_served_by(&opened.routes);
    }
}

#[test]
#[ignore = "the child of the test above"]
fn child_that_applies_until_it_is_killed() {
    let Ok(store) = std::env::var(STORE) else { return };
    let routes = open(Path::new(&store), &Arc::default()).routes;
    loop {
        let base = routes.state().generation;
        let generation = Generation(base.0 + 1);
        let changes = batch(generation.0);
        routes.apply(ChangesRequest { base, generation, checksum: None, changes }).unwrap();
        say(&generation.to_string());
    }
}

#[test]
fn on_a_full_disk_the_edge_serves_what_it_answered_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("routes.redb");
    drop(open(&store, &Arc::default()));
    // Files may not grow beyond four megabytes; the signal for it is ignored.
    let limited = ["sh", "-c", r#"trap "" XFSZ; ulimit -f 8192; exec "$@""#, "sh"];
    let mut child = child("child_with_a_full_disk", &store, &limited);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let words: Vec<_> = lines.filter_map(|line| said(&line.unwrap()).map(str::to_owned)).collect();
    assert!(child.wait().unwrap().success());
    let [answered] = words.as_slice() else { panic!("{words:?}") };
    let answered: u64 = answered.parse().unwrap();
    let edge = Edge { folder, registry: Arc::default(), routes: None };
    let Opened { routes, moved_aside } = open(&edge.store(), &edge.registry);
    assert_eq!(moved_aside, None);
    assert!(routes.state().generation.0 >= answered);
    let edge = Edge { routes: Some(routes), ..edge };
    edge.apply(vec![Change::Put(route("ada"))]).unwrap();
}

#[test]
#[ignore = "the child of the test above"]
fn child_with_a_full_disk() {
    let Ok(store) = std::env::var(STORE) else { return };
    let routes = open(Path::new(&store), &Arc::default()).routes;
    let apply = |batch: u64| {
        let base = routes.state().generation;
        let generation = Generation(base.0 + 1);
        let changes =
            (0..1_000).map(|n| Change::Put(route(&format!("user-{batch}-{n}")))).collect();
        routes.apply(ChangesRequest { base, generation, checksum: None, changes })
    };
    let failed = (0..100).find(|batch| apply(*batch).is_err()).expect("the disk gets full");
    // Again, with what is on disk looked at first.
    let again = apply(failed);
    let served = routes.state();
    let answered = if again.is_ok() { failed + 1 } else { failed };
    for batch in 0..answered {
        assert!(routes.find(&name(&format!("user-{batch}-999"))).is_some(), "{batch}");
    }
    assert!(served.routes >= answered * 1_000);
    say(&answered.to_string());
}

#[test]
fn on_a_full_disk_access_is_taken_away_at_once_and_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("routes.redb");
    drop(open(&store, &Arc::default()));
    let limited = ["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"];
    let mut child = child("child_that_revokes_on_a_full_disk", &store, &limited);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let words: Vec<_> = lines.filter_map(|line| said(&line.unwrap()).map(str::to_owned)).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(words, ["cut", "refused", "written"]);
    let routes = open(&store, &Arc::default()).routes;
    assert!(routes.find(&name("user-0-0")).is_none());
    assert!(routes.find(&name("user-0-1")).is_some());
    assert!(routes.find(&name("late")).is_none());
}

#[test]
#[ignore = "the child of the test above"]
fn child_that_revokes_on_a_full_disk() {
    let Ok(store) = std::env::var(STORE) else { return };
    let registry = Arc::default();
    let routes = open(Path::new(&store), &registry).routes;
    let apply = |changes| {
        let base = routes.state().generation;
        let generation = Generation(base.0 + 1);
        routes.apply(ChangesRequest { base, generation, checksum: None, changes })
    };
    apply(["user-0-0", "user-0-1"].map(|name| Change::Put(route(name))).into()).unwrap();
    let limit = getrlimit(Resource::Fsize);
    // Not a byte of any file, wherever in it, until the limit is lifted again.
    setrlimit(Resource::Fsize, Rlimit { current: Some(0), ..limit }).unwrap();
    let at = registry.revocation_epoch(&name("user-0-0"));
    let _socket =
        registry.enter(at, access(session('1'), 1), Kind::Socket).expect("nothing was revoked");
    let removed = apply(vec![Change::Remove(name("user-0-0"))]).unwrap();
    assert_eq!((removed.sockets_cut, removed.durable), (1, false));
    assert!(routes.find(&name("user-0-0")).is_none());
    say("cut");
    let granted = apply(vec![Change::Put(route("late"))]);
    assert!(matches!(granted, Err(ApplyError::Store(_))), "{granted:?}");
    assert!(routes.find(&name("late")).is_none(), "a grant is on disk first");
    say("refused");
    setrlimit(Resource::Fsize, limit).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while routes.is_behind() {
        assert!(std::time::Instant::now() < deadline, "never written");
        std::thread::yield_now();
    }
    say("written");
}
