//! One process takes over from another, under clients that stay.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::harness::{TestEdge, echo, put, read_head, read_to_end, wait_until};

const ACCESS_ENDED: &[u8] = &[0x88, 12, 0x0f, 0xa1];

fn echoes(socket: &mut TcpStream) {
    socket.write_all(b"\x81\x80mask").unwrap();
    socket.read_exact(&mut [0; 6]).unwrap();
}

/// Waits until the process that answers is another one than `former`.
fn wait_for_successor(edge: &TestEdge, former: f64) {
    wait_until("the successor serves", || {
        let (status, _) = edge.ask("GET", "/readyz", "").ok()?;
        let started = edge.metric("arca_edge_started_seconds")?;
        (status == 200 && started > former).then_some(())
    });
}

#[test]
fn an_upgrade_drops_no_connection_and_access_can_be_taken_away_throughout() {
    let mut edge = TestEdge::with("", "grace_seconds = 600");
    edge.put("ada", echo());
    edge.put("grace", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let mut other = edge.socket("grace", &edge.cookie("grace", "k1", 3_600));
    let mut kept = edge.get("grace", "/");
    assert!(read_head(&mut kept).starts_with("HTTP/1.1 200"));
    kept.read_exact(&mut [0; 5]).unwrap();
    let started = edge.metric("arca_edge_started_seconds").unwrap();
    edge.succeed(&["--upgrade"]);
    let is_over = AtomicBool::new(false);
    let (answered, edge) = thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let mut answered = 0;
            while !is_over.load(Ordering::Relaxed) {
                let mut tcp = edge.get("ada", "/");
                assert!(read_head(&mut tcp).starts_with("HTTP/1.1 200"), "after {answered}");
                answered += 1;
            }
            answered
        });
        wait_for_successor(&edge, started);
        is_over.store(true, Ordering::Relaxed);
        (clients.join().unwrap(), &edge)
    });
    assert!(answered > 0);
    echoes(&mut socket);
    // A request on a kept connection is answered, and is the last there.
    let cookie = edge.cookie("grace", "k1", 60);
    write!(kept, "GET / HTTP/1.1\r\nHost: grace.arca.test\r\n{cookie}\r\n").unwrap();
    let (answer, end) = read_to_end(&mut kept);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
    end.unwrap();
    // The socket is the former process's, and the call is the new one's.
    let removed = edge.remove("ada");
    assert_eq!((&removed["sockets_cut"], &removed["durable"]), (&json!(1), &json!(true)));
    let (bytes, _) = read_to_end(&mut socket);
    assert_eq!(bytes.get(..4), Some(ACCESS_ENDED), "{bytes:?}");
    echoes(&mut other);
    edge.write_ring(&["k2"]);
    edge.signal("HUP");
    let (bytes, _) = read_to_end(&mut other);
    assert_eq!(bytes.get(..4), Some(ACCESS_ENDED), "{bytes:?}");
}

#[test]
fn a_restart_waits_for_nobody_who_is_connected() {
    let mut edge = TestEdge::with("", "grace_seconds = 600");
    edge.put("ada", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let started = edge.metric("arca_edge_started_seconds").unwrap();
    edge.signal("TERM");
    edge.succeed(&[]);
    wait_for_successor(&edge, started);
    echoes(&mut socket);
    let mut answer = edge.get("ada", "/");
    assert!(read_head(&mut answer).starts_with("HTTP/1.1 200"));
    assert_eq!(edge.remove("ada")["sockets_cut"], 1);
    let (bytes, _) = read_to_end(&mut socket);
    assert_eq!(bytes.get(..4), Some(ACCESS_ENDED), "{bytes:?}");
    wait_until("the former process ends", || edge.former_has_ended().then_some(()));
}

#[test]
fn a_second_edge_is_refused_and_the_first_goes_on() {
    let mut edge = TestEdge::start();
    edge.put("ada", echo());
    let mut second = edge.spawn("", &[]);
    assert!(!second.wait().unwrap().success());
    assert!(edge.log().contains("an edge serves here, process"), "{}", edge.log());
    assert_eq!(edge.change(&json!([put("grace", echo())]))["durable"], true);
    let mut answer = edge.get("grace", "/");
    assert!(read_head(&mut answer).starts_with("HTTP/1.1 200"));
    assert!(!edge.has_ended());
}

#[test]
fn a_successor_that_cannot_start_changes_nothing() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    // It asks for the sockets and the store, and then finds no place for its log.
    let text = std::fs::read_to_string(edge.folder.path().join("edge.toml")).unwrap();
    let log = edge.folder.path().join("access.log").display().to_string();
    let broken = text.replace(&log, "/nowhere/access.log");
    std::fs::write(edge.folder.path().join("edge.toml"), broken).unwrap();
    let mut successor = edge.spawn("", &["--upgrade"]);
    assert!(!successor.wait().unwrap().success());
    assert_eq!(edge.change(&json!([put("grace", echo())]))["durable"], true);
    let mut answer = edge.get("grace", "/");
    assert!(read_head(&mut answer).starts_with("HTTP/1.1 200"));
}

#[test]
fn nobody_else_can_enter_the_place_where_sockets_are_handed_over() {
    let edge = TestEdge::start();
    let folder = edge.folder.path().join("routes.run");
    assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
    assert!(!std::path::Path::new("/tmp/pingora_upgrade.sock").exists());
}

#[test]
fn a_signal_starts_the_successor_too() {
    let edge = TestEdge::with("", "grace_seconds = 1");
    edge.put("ada", echo());
    let started = edge.metric("arca_edge_started_seconds").unwrap();
    edge.signal("USR2");
    wait_for_successor(&edge, started);
    let mut answer = edge.get("ada", "/");
    assert!(read_head(&mut answer).starts_with("HTTP/1.1 200"));
    assert_eq!(edge.remove("ada")["durable"], true);
}

#[test]
fn a_socket_outlives_two_upgrades_of_which_the_first_has_no_client() {
    let mut edge = TestEdge::with("", "grace_seconds = 600");
    edge.put("ada", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    for _ in 0..2 {
        let started = edge.metric("arca_edge_started_seconds").unwrap();
        edge.succeed(&["--upgrade"]);
        wait_for_successor(&edge, started);
    }
    echoes(&mut socket);
    // What the last process takes away is told through the one in between.
    assert_eq!(edge.remove("ada")["sockets_cut"], 1);
    let (bytes, _) = read_to_end(&mut socket);
    assert_eq!(bytes.get(..4), Some(ACCESS_ENDED), "{bytes:?}");
    wait_until("the former processes end", || edge.former_has_ended().then_some(()));
}
