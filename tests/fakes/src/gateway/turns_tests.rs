//! Turns begin once, end once, and say nothing afterwards.

use super::*;

const KEY: &str = "agent:main:a";

fn fixture() -> (tempfile::TempDir, SessionStore, Turns) {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::open(dir.path()).unwrap();
    (dir, store, Turns::default())
}

fn begin(turns: &Turns, store: &SessionStore, run_id: &str) -> Begun {
    turns.begin(store, KEY, run_id, "hello", Vec::new(), None).unwrap()
}

#[test]
fn the_same_key_never_starts_two_turns() {
    let (_dir, store, turns) = fixture();
    let Begun::Turn(turn) = begin(&turns, &store, "run-1") else {
        panic!("a new key starts a turn");
    };
    let again = begin(&turns, &store, "run-1");
    assert!(matches!(again, Begun::Again(Outcome::Running)), "{again:?}");
    assert!(matches!(turns.answered(&store, &turn).unwrap(), Next::End));
    let again = begin(&turns, &store, "run-1");
    assert!(matches!(again, Begun::Again(Outcome::Done)), "{again:?}");
}

#[test]
fn a_second_message_steers_the_running_turn() {
    let (_dir, store, turns) = fixture();
    let Begun::Turn(turn) = begin(&turns, &store, "run-1") else {
        panic!("a new key starts a turn");
    };
    assert!(matches!(begin(&turns, &store, "run-2"), Begun::Steered));
    let next = turns.answered(&store, &turn).unwrap();
    assert!(matches!(next, Next::Message(ref next) if next.run_id == "run-2"));
    assert!(matches!(turns.answered(&store, &turn).unwrap(), Next::End));
}

#[test]
fn an_aborted_turn_keeps_what_it_said_and_says_no_more() {
    let (_dir, store, turns) = fixture();
    let Begun::Turn(turn) = begin(&turns, &store, "run-1") else {
        panic!("a new key starts a turn");
    };
    turn.live().text.push_str("tick0");
    let runs = turns.abort(&store, KEY, Some("run-1"), |_, _| {}).unwrap();
    assert_eq!(runs, ["run-1"]);
    let twice = turns.abort(&store, KEY, None, |_, _| {}).unwrap();
    assert!(twice.is_empty(), "aborting twice is once");
    assert!(matches!(turns.answered(&store, &turn).unwrap(), Next::Stopped));
    let messages = store.find(KEY).unwrap().messages;
    assert_eq!(messages.len(), 2, "the question and the partial answer");
}

#[test]
fn another_run_id_aborts_nothing() {
    let (_dir, store, turns) = fixture();
    begin(&turns, &store, "run-1");
    let runs = turns.abort(&store, KEY, Some("run-9"), |_, _| {}).unwrap();
    assert!(runs.is_empty());
    assert!(turns.active(KEY).is_some());
}

#[test]
fn a_failed_turn_takes_the_waiting_messages_with_it() {
    let (_dir, store, turns) = fixture();
    let Begun::Turn(turn) = begin(&turns, &store, "run-1") else {
        panic!("a new key starts a turn");
    };
    begin(&turns, &store, "run-2");
    assert_eq!(turns.failed(&store, &turn, "why").unwrap(), ["run-1", "run-2"]);
    let again = begin(&turns, &store, "run-2");
    assert!(matches!(again, Begun::Again(Outcome::Failed { .. })), "{again:?}");
}
